"""What is known from a mail that came back: one report per recipient.

Here: the report and its columns. Not here: how it is found (`parse.py` and what it uses).
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, get_args

import polars as pl

Kind = Literal["bounce", "complaint", "delayed", "delivered", "auto_reply", "not_spam", "auth_failure", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class MailReport:
    """One recipient's report, or one mail that reports on nobody; what is not known is None, times are UTC.

    recipient, original_recipient: in small letters. action: of RFC 3464. enhanced_status: of RFC 3463, that of the
    refusal before that of the report. reason: of `reasons.yaml`. evidence: the very line that the reason stands on.
    event_dt: when it happened by the report; received_dt: when the mail says that it was sent.
    campaign, feedback_id, unsubscribe_token, return_path_token: what the mail that was sent carried of us.
    """

    message_sha256: str
    kind: Kind
    recipient: str | None = None
    original_recipient: str | None = None
    action: str | None = None
    enhanced_status: str | None = None
    smtp_code: str | None = None
    reason: str | None = None
    bounce_kind: str | None = None
    address_invalid: bool = False
    rule: str | None = None
    evidence: str | None = None
    diagnostic: str | None = None
    remote_mta: str | None = None
    reporting_mta: str | None = None
    feedback_type: str | None = None
    original_message_id: str | None = None
    original_from: str | None = None
    campaign: str | None = None
    feedback_id: str | None = None
    unsubscribe_token: str | None = None
    return_path_token: str | None = None
    envelope_id: str | None = None
    event_dt: datetime | None = None
    received_dt: datetime | None = None


_TYPES: dict[str, pl.DataType] = {
    "address_invalid": pl.Boolean(),
    "event_dt": pl.Datetime("us", "UTC"),
    "received_dt": pl.Datetime("us", "UTC"),
}
REPORT_SCHEMA = {each.name: _TYPES.get(each.name, pl.String()) for each in fields(MailReport)}
"""Column to type of a frame of reports."""
