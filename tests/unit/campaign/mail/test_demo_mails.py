"""The demo company's mailbox, read and held against the truth that the demo keeps aside."""

from datetime import date

import polars as pl
import pytest

from crm_platform.campaign.mail.parse import parse_message, report_frame
from crm_platform.demo.company import write_company
from crm_platform.sources.readers.mail_files import mails_in

# The demo's statuses after which an address is of no use.
INVALID = ("5.1.1", "5.1.2", "5.1.10", "5.4.4")


@pytest.fixture(scope="module")
def feedback(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """What the mails of a small demo company report, with the truth of the member that each is about."""
    landing = tmp_path_factory.mktemp("demo")
    write_company(landing, 1_000, 5, date(2026, 11, 20), None)
    reports = []
    for path in sorted((landing / "mail" / "bounces").iterdir()):
        with path.open("rb") as file:
            reports += [report for mail in mails_in(file) for report in parse_message(mail.content)]
    members = pl.concat(
        pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True)
        for path in sorted(landing.glob("crm/campaign_members_*.csv*"))
    ).select(member_id="MemberRef", email="Email", original_message_id="MessageId")
    truth = pl.read_parquet(landing / "_truth" / "mail_feedback.parquet").filter(by="mail")
    told = truth.rename({"kind": "true_kind", "status": "true_status"}).join(
        members.unique("member_id"), on="member_id"
    )
    return report_frame(reports).join(told, on="original_message_id", how="full", coalesce=True)


def test_every_mail_is_found_once_and_is_what_it_is(feedback: pl.DataFrame) -> None:
    kinds = feedback.group_by("true_kind", "kind").len()
    assert set(kinds.select("true_kind", "kind").rows()) <= {
        ("hard", "bounce"),
        ("soft", "bounce"),
        ("complaint", "complaint"),
        ("auto_reply", "auto_reply"),
    }
    assert feedback["original_message_id"].is_unique().all()
    assert {"hard", "soft", "auto_reply"} <= set(feedback["true_kind"])


def test_recipient_status_and_address_are_those_of_the_truth(feedback: pl.DataFrame) -> None:
    bounces = feedback.filter(kind="bounce")
    assert bounces["recipient"].to_list() == bounces["email"].str.to_lowercase().to_list()
    assert bounces["enhanced_status"].to_list() == bounces["true_status"].to_list()
    assert bounces["address_invalid"].to_list() == bounces["true_status"].is_in(INVALID).to_list()


def test_every_report_leads_back_to_us(feedback: pl.DataFrame) -> None:
    of_sent = feedback.filter(pl.col("kind") != "auto_reply")
    assert of_sent.select("unsubscribe_token", "feedback_id", "return_path_token").null_count().row(0) == (0, 0, 0)
