"""The feedback mails and events: readable by the standard library, bounded in number, with the true reason in them."""

import email
import json
import mailbox
from collections.abc import Iterator
from email.message import Message

import polars as pl

from crm_platform.demo.tracking import KEYRING, sign
from tests.unit.demo.conftest import WrittenCompany, content_of


def _mails(company: WrittenCompany) -> Iterator[Message]:
    folder = company.landing / "mail" / "bounces"
    for path in sorted(folder.glob("*.mbox")):
        box = mailbox.mbox(path, create=False)
        yield from box
        box.close()
    for path in sorted(folder.glob("*.eml")):
        yield email.message_from_bytes(path.read_bytes())


def _parts(mail: Message, content_type: str) -> list[Message]:
    return [part for part in mail.walk() if part.get_content_type() == content_type]


def _messages_in(part: Message) -> list[Message]:
    """The messages that a part of type message/... is made of."""
    content = part.get_payload()
    assert isinstance(content, list)
    return [message for message in content if isinstance(message, Message)]


def test_every_mail_counted_is_in_the_mailbox(company: WrittenCompany) -> None:
    assert len(list(_mails(company))) == company.summary.rows["mail/bounces"]


def test_notifications_name_recipient_and_status(company: WrittenCompany) -> None:
    reports = [part for mail in _mails(company) for part in _parts(mail, "message/delivery-status")]
    assert len(reports) > 5
    for report in reports:
        about_recipient = _messages_in(report)[1]
        assert about_recipient["Final-Recipient"].startswith("rfc822; ")
        assert about_recipient["Status"][0] in "45"


def test_notifications_carry_the_head_of_the_mail_sent(company: WrittenCompany) -> None:
    heads = [part for mail in _mails(company) for part in _parts(mail, "text/rfc822-headers")]
    members = set(company.truth("mail_feedback")["member_id"])
    tokens = {sign(member) for member in members}
    assert heads
    for head in heads:
        assert email.message_from_string(str(head.get_payload()))["X-Member"] in tokens


def test_complaints_are_feedback_reports_with_a_blacked_out_recipient(company: WrittenCompany) -> None:
    complaints = [mail for mail in _mails(company) if _parts(mail, "message/feedback-report")]
    assert complaints
    for complaint in complaints:
        (report,) = _parts(complaint, "message/feedback-report")
        assert _messages_in(report)[0]["Feedback-Type"] == "abuse"
        (original,) = _parts(complaint, "message/rfc822")
        assert _messages_in(original)[0]["To"] == "redacted"


def test_automatic_replies_say_so(company: WrittenCompany) -> None:
    replies = [mail for mail in _mails(company) if mail["In-Reply-To"]]
    assert replies
    assert all(reply["Auto-Submitted"] == "auto-replied" for reply in replies)


def test_some_bounces_are_in_free_text(company: WrittenCompany) -> None:
    assert [mail for mail in _mails(company) if mail["Subject"] == "failure notice"]


def test_every_bounce_is_told_by_mail_or_by_a_provider(company: WrittenCompany) -> None:
    bounced = company.truth("responses").filter(pl.col("outcome").is_in(["hard", "soft"]))
    told = company.truth("mail_feedback").filter(pl.col("kind").is_in(["hard", "soft"]))
    by_mail_campaigns = company.csv("crm/campaigns").filter(pl.col("Channel") == "email")["CampaignRef"]
    expected = bounced.filter(pl.col("campaign_id").is_in(by_mail_campaigns.implode()))
    assert set(told["member_id"]) == set(expected["member_id"])


def test_providers_post_some_events_twice(company: WrittenCompany) -> None:
    events = [
        json.loads(line)["sg_event_id"]
        for path in sorted((company.landing / "mail" / "events").glob("sendgrid_*.jsonl.gz"))
        for line in content_of(path).splitlines()
    ]
    assert len(set(events)) < len(events)


def test_an_opaque_identifier_tells_nothing_and_is_the_platforms_own() -> None:
    token = sign("M001-7")
    assert "M001" not in token
    assert KEYRING.read("member", token) == "M001-7"
    assert KEYRING.read("campaign", token) is None
