"""What is read from mails that came back: notifications, free text, complaints, replies, and mails that are none."""

import json
from datetime import UTC, datetime

import pytest

from crm_platform.campaign.mail.parse import parse_message, parse_messages
from crm_platform.campaign.mail.report import REPORT_SCHEMA, MailReport
from tests.unit.campaign.mail.mails import (
    ABOUT_MAIL,
    EVERY_KIND,
    EXCHANGE,
    EXIM,
    QMAIL,
    RETURNED,
    SENDMAIL_SESSION,
    WARNING,
    about,
    complaint,
    mail,
    report,
    vacation,
)


def only(raw: bytes) -> MailReport:
    """The one report of a mail."""
    (found,) = parse_message(raw)
    return found


def reasons(raw: bytes) -> dict[str | None, str | None]:
    """Recipient to reason."""
    return {each.recipient: each.reason for each in parse_message(raw)}


def test_a_notification_tells_all_that_is_in_it() -> None:
    found = only(report(ABOUT_MAIL, about()))
    assert (found.kind, found.recipient, found.action) == ("bounce", "ann@example.com", "failed")
    assert (found.enhanced_status, found.smtp_code, found.reason) == ("5.1.1", "550", "userunknown")
    assert (found.bounce_kind, found.address_invalid) == ("hard", True)
    assert found.evidence == "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown"
    assert (found.remote_mta, found.reporting_mta, found.envelope_id) == ("mx.example.com", "mx.ivory.example", "e-5")
    assert (found.original_message_id, found.original_from) == ("m-17@ivory.example", "news@ivory.example")
    assert (found.campaign, found.feedback_id) == ("spring", "c1:ivory")
    assert (found.unsubscribe_token, found.return_path_token) == ("x9", "t0k3n")
    assert found.event_dt == datetime(2026, 2, 2, 8, 30, tzinfo=UTC)
    assert found.received_dt == datetime(2026, 2, 2, 7, 1, tzinfo=UTC)


def test_each_recipient_of_a_notification_has_its_own_verdict() -> None:
    full = about("bob@example.org", "552 5.2.2 Mailbox full", "5.2.2")
    assert reasons(report(ABOUT_MAIL, about(), full)) == {
        "ann@example.com": "userunknown",
        "bob@example.org": "mailboxfull",
    }


def test_groups_that_lost_the_empty_line_between_them_are_still_two() -> None:
    joined = "\n".join([about(), about("bob@example.org", "552 5.2.2 Mailbox full", "5.2.2")])
    assert list(reasons(report(ABOUT_MAIL, joined))) == ["ann@example.com", "bob@example.org"]


def test_what_the_server_says_beats_the_status_of_the_report() -> None:
    found = only(report(ABOUT_MAIL, about(diagnostic="550 5.7.1 IP address blacklisted by recipient", status="5.1.1")))
    assert (found.enhanced_status, found.reason, found.address_invalid) == ("5.7.1", "blocked", False)


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [("delayed", "4.4.1", "delayed"), ("delivered", "2.0.0", "delivered"), ("relayed", "2.0.0", "delivered"),
     ("expanded", "2.0.0", "delivered"), ("failed", "5.1.1", "bounce")],
)  # fmt: skip
def test_the_action_decides_the_kind(action: str, status: str, kind: str) -> None:
    found = only(report(ABOUT_MAIL, about(action=action, status=status, diagnostic="")))
    assert (found.kind, found.action) == (kind, action)
    assert found.address_invalid is (kind == "bounce")


def test_a_notification_without_an_answer_is_explained_by_its_text() -> None:
    words = "<ann@example.com>: 550 5.7.26 not accepted due to the domain's DMARC policy\n"
    found = only(report(ABOUT_MAIL, about(diagnostic="", status="5.0.0"), words=words))
    assert (found.reason, found.enhanced_status) == ("authfailure", "5.7.26")


@pytest.mark.parametrize(
    ("field", "recipient"),
    [
        ("rfc822; <Ann@Example.COM>", "ann@example.com"),
        ("rfc822;ann@example.com>", "ann@example.com"),
        ("utf-8; ann\\x{E9}@example.com", "anné@example.com"),
        ("ann@example.com", "ann@example.com"),
    ],
)
def test_a_recipient_is_read_however_it_is_written(field: str, recipient: str) -> None:
    group = about().replace("rfc822; ann@example.com", field)
    assert only(report(ABOUT_MAIL, group)).recipient == recipient


def test_a_route_gives_way_to_the_address_that_was_sent_to() -> None:
    group = about().replace("rfc822; ann@example.com", "rfc822;@relay.example.com:ann@store")
    found = only(report(ABOUT_MAIL, f"Original-Recipient: rfc822;ann@example.com\n{group}"))
    assert (found.recipient, found.original_recipient) == ("ann@example.com", "ann@example.com")


def test_a_program_instead_of_a_recipient_gives_way_to_the_header() -> None:
    raw = report(ABOUT_MAIL, about(recipient="|/usr/bin/filter", diagnostic="", status="5.0.0"))
    named = raw.replace(b"Auto-Submitted:", b"X-Failed-Recipients: ann@example.com\nAuto-Submitted:")
    assert only(named).recipient == "ann@example.com"


def test_fields_that_stand_in_the_text_are_a_notification_too() -> None:
    raw = mail(
        f"It was not delivered.\n\n{ABOUT_MAIL}\n\n{about()}\n", subject="Delivery Status Notification (Failure)"
    )
    assert reasons(raw) == {"ann@example.com": "userunknown"}


def test_free_text_names_its_recipients_and_what_is_said_of_each() -> None:
    assert reasons(QMAIL) == {"ann@example.com": "userunknown", "bob@example.org": "hostunknown"}
    assert reasons(SENDMAIL_SESSION) == {"ann@example.com": "userunknown", "bob@example.org": "hostunknown"}
    assert reasons(EXIM) == {"ann@example.com": "mailboxfull"}


def test_the_address_of_the_original_is_not_taken_for_the_one_that_failed() -> None:
    found = only(EXCHANGE)
    assert (found.recipient, found.reason, found.address_invalid) == ("ann@example.com", "userunknown", True)


def test_the_evidence_is_the_very_line() -> None:
    assert only(EXCHANGE).evidence == "The recipient name is not recognized"
    assert only(EXIM).evidence == "552 5.2.2 mailbox full"


def test_a_warning_is_a_delay_and_says_nothing_about_the_address() -> None:
    found = only(WARNING)
    assert (found.kind, found.recipient, found.reason) == ("delayed", "ann@example.com", "expired")
    assert not found.address_invalid


def test_a_report_that_names_nobody_is_about_whom_the_mail_was_sent_to() -> None:
    raw = mail(
        "Message could not be delivered to mobile.\nError: No valid recipients for this MM\n\n"
        f"----- Original message -----\n{RETURNED.format(to='15550100@mms.example')}",
        sender="MMSC NDR Administrator <sysadmin@mms.example>",
        subject="Undeliverable Message",
    )
    assert reasons(raw) == {"15550100@mms.example": "userunknown"}


def test_a_report_passed_on_by_an_isp_is_read_below_its_own_words() -> None:
    inner = report(ABOUT_MAIL, about()).decode()
    raw = mail(
        f"The message returned below could not be delivered.\n\nFrom MAILER-DAEMON  Mon Feb  2 08:00:00 2026\n{inner}"
    )
    assert reasons(raw) == {"ann@example.com": "userunknown"}


def test_a_complaint_is_by_whom_the_loop_names() -> None:
    found = only(complaint())
    assert (found.kind, found.recipient, found.reason) == ("complaint", "ann@example.com", "feedback")
    assert (found.feedback_type, found.campaign) == ("abuse", "spring")
    assert found.event_dt == datetime(2026, 2, 3, 10, tzinfo=UTC)


def test_a_blacked_out_complaint_still_leads_to_us_by_its_tokens() -> None:
    found = only(complaint(recipient=None))
    assert (found.kind, found.recipient, found.unsubscribe_token) == ("complaint", None, "x9")


@pytest.mark.parametrize(
    ("feedback_type", "kind"),
    [("abuse", "complaint"), ("fraud", "complaint"), ("opt-out", "complaint"), ("virus", "complaint"),
     ("not-spam", "not_spam"), ("auth-failure", "auth_failure")],
)  # fmt: skip
def test_no_spam_and_failed_authentication_are_no_complaints(feedback_type: str, kind: str) -> None:
    found = only(complaint(feedback_type))
    assert (found.kind, found.feedback_type, found.address_invalid) == (kind, feedback_type, False)


def test_a_loop_that_only_passes_the_mail_on_is_a_complaint() -> None:
    raw = mail(
        "--b3\nContent-Type: message/rfc822\n\n"
        f"X-HmXmrOriginalRecipient: ann@example.com\n{RETURNED.format(to='x')}\n--b3--\n",
        'Content-Type: multipart/mixed; boundary="b3"',
        sender="staff@hotmail.example",
        subject="complaint about message from 192.0.2.1",
    ).replace(b"staff@hotmail.example", b"staff@hotmail.com")
    found = only(raw)
    assert (found.kind, found.recipient) == ("complaint", "ann@example.com")


@pytest.mark.parametrize("quoted", [b"", QMAIL, EXIM, report(ABOUT_MAIL, about())])
def test_an_automatic_reply_is_no_bounce_whatever_it_quotes(quoted: bytes) -> None:
    found = only(vacation(quoted))
    assert (found.kind, found.recipient, found.address_invalid) == ("auto_reply", "ann@example.com", False)


@pytest.mark.parametrize("subject", ["Fwd: failure notice", "Re: Undelivered Mail Returned to Sender", "Your bounce"])
def test_a_bounce_that_a_person_passes_on_is_none(subject: str) -> None:
    attached = f"Look at this.\n--b4\nContent-Type: message/rfc822\n\n{report(ABOUT_MAIL, about()).decode()}\n--b4--\n"
    as_attachment = mail(
        f"--b4\n\n{attached}",
        'Content-Type: multipart/mixed; boundary="b4"',
        sender="bob@ivory.example",
        subject=subject,
    )
    as_text = mail(QMAIL.decode(), sender="bob@ivory.example", subject=subject)
    assert [each.kind for each in parse_message(as_attachment)] == ["other"]
    assert [each.kind for each in parse_message(as_text)] == ["other"]


def test_an_ordinary_mail_reports_nothing() -> None:
    raw = mail("Could you send it to ann@example.com? Mine is full.\n", sender="bob@example.org", subject="Invoice")
    assert [(each.kind, each.recipient) for each in parse_message(raw)] == [("other", None)]


def test_a_notice_of_amazon_is_read_from_its_json() -> None:
    notice = {
        "notificationType": "Bounce",
        "mail": {"messageId": "m"},
        "bounce": {
            "bounceType": "Permanent",
            "timestamp": "2026-02-02T07:00:00.000Z",
            "bouncedRecipients": [
                {"emailAddress": "Ann@example.com", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
            ],
        },
    }
    found = only(
        mail(json.dumps(notice) + "\n\n--\nIf you wish to stop\n", sender="no-reply@sns.amazonaws.com", subject="x")
    )
    assert (found.kind, found.recipient, found.reason) == ("bounce", "ann@example.com", "userunknown")
    assert (found.address_invalid, found.event_dt) == (True, datetime(2026, 2, 2, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    "change",
    [
        (b'boundary="b1"', b'boundary="other"'),
        (b'; boundary="b1"', b""),
        (b"Content-Type: multipart/report", b"Content-Type: multipart/mx6d"),
        (b"--b1--\n", b""),
        (b"Content-Type: message/delivery-status", b"content-type: MESSAGE/Delivery-Status; charset=no-such"),
        (b"us-ascii", b"base64"),
        (b"Subject: Undelivered", b"Subject: =?no-such?q?=FF?= =?utf-8?b?%%%?= Undelivered"),
    ],
)
def test_broken_mime_does_not_hide_the_report(change: tuple[bytes, bytes]) -> None:
    raw = report(ABOUT_MAIL, about())
    assert change[0] in raw
    assert reasons(raw.replace(*change)) == {"ann@example.com": "userunknown"}


def test_html_is_read_where_there_is_no_plain_text() -> None:
    raw = mail(
        "<html><head><style>p {}</style></head><body><p>Your message could not be delivered to</p>"
        "<p><b>ann@example.com</b></p><p>552 5.2.2 the mailbox is full</p></body></html>\n",
        "Content-Type: text/html; charset=utf-8",
        subject="Undeliverable: News for you",
    )
    assert reasons(raw) == {"ann@example.com": "mailboxfull"}


def test_many_mails_are_a_frame_of_reports_in_their_order() -> None:
    frame = parse_messages(EVERY_KIND.values())
    assert dict(frame.schema) == REPORT_SCHEMA
    assert frame["kind"].to_list() == [each.kind for raw in EVERY_KIND.values() for each in parse_message(raw)]
    assert frame["message_sha256"].n_unique() == len(EVERY_KIND)
