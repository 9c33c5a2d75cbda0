"""Complaints and other reports of feedback loops: RFC 5965, with RFC 6430 (not-spam) and RFC 6591 (auth-failure).

Here: the fields of the report, also of loops that send none and only pass the mail on. Not here: whose mail it was.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.campaign.mail.addresses import ADDRESS, first_address, matching_form, report_address
from crm_platform.campaign.mail.kinds import is_auto_reply
from crm_platform.campaign.mail.mime import Part
from crm_platform.campaign.mail.original import ORIGINAL_TYPES, Original
from crm_platform.campaign.mail.report import Kind
from crm_platform.sources.readers.mail_headers import Headers, read_fields

FEEDBACK_TYPE = "message/feedback-report"
_KINDS: dict[str, Kind] = {"not-spam": "not_spam", "auth-failure": "auth_failure"}
_REDACTED = re.compile(r"redacted|undisclosed|removed|hidden|^x+@", re.IGNORECASE)
_LOOP_SENDER = re.compile(
    r"staff@hotmail|feedback[-_ ]?loop|fbl@|scomp@|complaints?@|abuse[-_]report|feedbackloop|arf@|email-abuse",
    re.IGNORECASE,
)
_LOOP_SUBJECT = re.compile(
    r"complaint about message from|e-?mail feedback report|abuse report|spam report|feedback report|fbl report",
    re.IGNORECASE,
)
_LONGEST_TEXT = 100_000
_AGENT_IN_TEXT = re.compile(r"^(?:user-agent|source-ip|original-mail-from)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_TYPE_IN_TEXT = re.compile(r"^(?:feedback-type)[ \t]*:[ \t]*([a-z-]{3,40})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Feedback:
    """A feedback report: its fields, and the recipients that it gives away."""

    fields: Headers
    recipients: list[str]

    @property
    def feedback_type(self) -> str:
        """abuse, fraud, virus, other, not-spam, auth-failure, opt-out; abuse where the report does not say."""
        return self.fields.get("feedback-type").strip().lower() or "abuse"

    @property
    def kind(self) -> Kind:
        """What kind of mail it is; a note that something is no spam is no complaint."""
        return _KINDS.get(self.feedback_type, "complaint")


def find_feedback(mail: Part, parts: Sequence[Part]) -> Feedback | None:
    """The feedback report of a mail, or None where it is none."""
    for part in parts:
        if part.content_type == FEEDBACK_TYPE:
            fields = read_fields(part.text.strip("\n").replace("\n\n", "\n"))
            return Feedback(fields, _recipients(fields))
    text = "\n".join(part.text for part in parts if part.content_type.startswith("text/"))[:_LONGEST_TEXT]
    is_declared = mail.parameters.get("report-type", "").lower() == "feedback-report"
    in_text = _TYPE_IN_TEXT.search(text)
    if is_declared or _passes_on(mail, parts) or (in_text and _AGENT_IN_TEXT.search(text) and not is_auto_reply(mail)):
        fields = read_fields(text[in_text.start() :].partition("\n\n")[0]) if in_text else Headers([])
        return Feedback(fields, _recipients(fields))
    if "x-apple-unsubscribe" in mail.headers:
        return _wish_to_leave(mail.headers)
    return None


def recipients_of(feedback: Feedback, original: Original) -> list[str]:
    """Whom the complaint is by: as reported, by a header of the loop, by the return path, else by the mail's To."""
    named = [report_address(original.headers.get("x-hmxmroriginalrecipient"))]
    verp = [original.verp_recipient]
    for candidates in (feedback.recipients, named, verp, original.recipients):
        told = [each for each in candidates if each and not _REDACTED.search(each)]
        if told:
            return list(dict.fromkeys(told))
    return []


def _recipients(fields: Headers) -> list[str]:
    values = [*fields.all("original-rcpt-to"), *fields.all("removal-recipient")]
    return [matching_form(each) for value in values for each in ADDRESS.findall(value[:20_000])]


def _wish_to_leave(headers: Headers) -> Feedback:
    """Apple's mail programs write a mail to the address of List-Unsubscribe in the person's name."""
    return Feedback(Headers([("feedback-type", "opt-out")]), [first_address(headers.get("from"))])


def _passes_on(mail: Part, parts: Sequence[Part]) -> bool:
    """Whether a loop passes on a mail that was complained of, without a report."""
    headers = mail.headers
    has_original = any(part.content_type in ORIGINAL_TYPES for part in parts)
    by_loop = bool(_LOOP_SENDER.search(headers.get("from")[:500])) or "x-hmxmroriginalrecipient" in headers
    return has_original and by_loop and bool(_LOOP_SUBJECT.search(headers.get("subject")[:500]))
