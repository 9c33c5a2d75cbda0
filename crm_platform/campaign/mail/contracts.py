"""The contract of what mails that came back report.

Here: what the table promises. Not here: how a mail is read (`parse.py`) and what the reasons mean (`reasons.yaml`).
"""

import pandera.polars as pa
import polars as pl

from crm_platform.campaign.mail.reasons import reason_definitions
from crm_platform.campaign.mail.report import KINDS
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of


class MailReportRow(TableModel):
    """What the mails that came back report: bounces, delays, deliveries, complaints and automatic replies."""

    message_sha256: str = identifier("The mail, by the digest of `mail_messages`.")
    recipient: str = text("Whom the report is about, in small letters; empty where the mail reports on nobody.")
    kind: str = code("What the mail is, for this recipient.", KINDS, nullable=False)
    source: str = identifier("The source that delivered the mail.")
    original_recipient: str = text("The address that the mail was sent to, where the report tells another one.")
    action: str = text("What became of it, by RFC 3464: failed, delayed, delivered, relayed, expanded.")
    enhanced_status: str = pattern(
        "Status of RFC 3463, of the refusal before that of the report.", r"^[245]\.\d+\.\d+$"
    )
    smtp_code: str = pattern("Reply code of RFC 5321.", r"^[245]\d\d$")
    reason: str = code("Why, by the names of reasons.yaml.", tuple(reason_definitions()))
    bounce_kind: str = code("Whether it is of no use to send there again (hard) or may be (soft).", ("hard", "soft"))
    address_invalid: bool = pa.Field(description="Whether the words or the status prove that the address is no good.")
    rule: str = text("Name of the rule that decided.")
    evidence: str = text("The very line that it stands on.")
    diagnostic: str = text("What the server answered.")
    remote_mta: str = text("The host that answered.")
    reporting_mta: str = text("The host that reports.")
    feedback_type: str = text("Type of a feedback report, RFC 5965.")
    original_message_id: str = text("Message-ID of the mail that was sent, without angle brackets.")
    original_from: str = text("Sender of the mail that was sent.")
    campaign: str = text("X-Campaign of the mail that was sent.")
    feedback_id: str = text("Feedback-ID of the mail that was sent.")
    unsubscribe_token: str = text("Opaque part of the List-Unsubscribe of the mail that was sent.")
    return_path_token: str = text("Opaque part of the return path of the mail that was sent.")
    envelope_id: str = text("Envelope identifier that the report gives.")
    event_dt: Timestamp = pa.Field(nullable=True, description="When it happened, by the report, UTC.")
    received_dt: Timestamp = pa.Field(nullable=True, description="When the report was written, by its Date, UTC.")
    file_dt: Timestamp = pa.Field(description="When the file with the mail was received, UTC.")
    file_date: pl.Date = pa.Field(description="Day (UTC) of `file_dt`, by which the table is cut.")

    class Config(TableModel.Config):
        name = "campaign.mail_report"
        unique = ["message_sha256", "recipient"]
        metadata = {
            "grain": "one row per mail and recipient that it reports on",
            "kind": "fact",
            "partition": ("file_date", "day"),
        }


class MailDay(TableModel):
    """The days whose mails `campaign.mail_report` holds. Written last."""

    file_date: pl.Date = pa.Field(description="Day (UTC) on which the files with the mails were received.")
    number_of_mails: int = number("Mails of the day, each once.", ge=0, nullable=False)
    number_of_reports: int = number("What they report: one for each mail and recipient.", ge=0, nullable=False)

    class Config(TableModel.Config):
        name = "campaign.mail_day"
        unique = ["file_date"]
        metadata = {"grain": "one row per day", "kind": "record"}


MAIL_REPORT = contract_of(MailReportRow)
MAIL_DAY = contract_of(MailDay)
