"""From the bytes of a mail to what it reports: one report per recipient.

Here: the order of the ways to read a mail, standards before free text. Not here: each of the ways (the modules beside
this one), and files of mails (`crm_platform/sources/readers/mail_files.py`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import polars as pl

from crm_platform.campaign.mail.addresses import first_address
from crm_platform.campaign.mail.feedback import Feedback, find_feedback, recipients_of
from crm_platform.campaign.mail.free_text import (
    Named,
    ReportText,
    known_recipients,
    local_names,
    recipients_named,
    report_text,
)
from crm_platform.campaign.mail.kinds import (
    FAILED_HEADERS,
    agent,
    is_auto_reply,
    is_bounce,
    is_from_system,
    is_other_report,
    says_auto_reply,
)
from crm_platform.campaign.mail.mime import Part, read_mail
from crm_platform.campaign.mail.notification import (
    RECEIPT_TYPES,
    RecipientStatus,
    receipt_recipients,
    recipient_statuses,
)
from crm_platform.campaign.mail.original import ORIGINAL_TYPES, Original, find_original
from crm_platform.campaign.mail.provider_notice import provider_notice
from crm_platform.campaign.mail.reasons import PERMANENT_ADDRESS_REASONS, Verdict, decide, line_that_says
from crm_platform.campaign.mail.refusals import BLOCK_CHARACTERS, TEXT_CHARACTERS, Lines, refusals_of
from crm_platform.campaign.mail.replies import Reply, host_in
from crm_platform.campaign.mail.report import REPORT_SCHEMA, Kind, MailReport
from crm_platform.campaign.mail.words import any_of
from crm_platform.sources.readers.mail_files import trimmed
from crm_platform.sources.readers.mail_headers import moment

LONGEST_EVIDENCE = 1_000
_DELIVERED = frozenset({"delivered", "relayed", "expanded"})
_NESTED = 2


@dataclass(frozen=True)
class _Mail:
    """A mail as all ways need it."""

    sha256: str
    whole: Part
    parts: list[Part]
    text: ReportText
    original: Original

    @cached_property
    def around(self) -> Lines:
        """All that the report says to people."""
        return Lines.of(self.text.lines, TEXT_CHARACTERS)

    @cached_property
    def is_delayed(self) -> bool:
        """Whether a report in free text says that it is not the last word."""
        return bool(any_of("delays").search(self.around.text))


def parse_message(raw: bytes) -> list[MailReport]:
    """What a mail reports: a report per recipient, or one of kind other or auto_reply. Any bytes are read."""
    return _parse(raw, hashlib.sha256(trimmed(raw)).hexdigest(), _NESTED)


def parse_messages(raws: Iterable[bytes]) -> pl.DataFrame:
    """The reports of many mails, in order; the columns of `REPORT_SCHEMA`."""
    return report_frame(report for raw in raws for report in parse_message(raw))


def report_frame(reports: Iterable[MailReport]) -> pl.DataFrame:
    """Reports as a frame."""
    columns: dict[str, list[Any]] = {name: [] for name in REPORT_SCHEMA}
    for report in reports:
        for name, value in asdict(report).items():
            columns[name].append(value)
    return pl.DataFrame(columns, schema=REPORT_SCHEMA)


def _parse(raw: bytes, sha256: str, depth: int) -> list[MailReport]:
    mail = _read(raw, sha256)
    feedback = find_feedback(mail.whole, mail.parts)
    if feedback is not None:
        return _of_feedback(mail, feedback)
    statuses = [] if _is_persons(mail.whole) else recipient_statuses(mail.parts)
    is_away = says_auto_reply(mail.whole, mail.text.lines)
    if statuses and not (is_away and not any(status.action for status in statuses)):
        return _of_statuses(mail, statuses)
    notice = provider_notice(mail.text.lines)
    if notice:
        return [_report(mail, **each) for each in notice]
    if is_away or is_auto_reply(mail.whole):
        sender = first_address(mail.whole.headers.get("from")[:2_000])
        return [_report(mail, kind="auto_reply", recipient=sender, reason="vacation", rule="auto_reply")]
    returns_mail = any(part.content_type in (*ORIGINAL_TYPES, *RECEIPT_TYPES) for part in mail.parts)
    if not is_other_report(mail.whole, mail.parts) and is_bounce(mail.whole, mail.text.lines, returns_mail):
        return _of_free_text(mail) or _of_nested(mail, depth) or _of_original(mail) or _of_local_names(mail)
    return [_report(mail, kind="other")]


def _read(raw: bytes, sha256: str) -> _Mail:
    whole = read_mail(raw)
    parts = list(whole.leaves())
    text = report_text(parts)
    return _Mail(sha256, whole, parts, text, find_original(whole.headers, parts, text.rest))


def _is_persons(whole: Part) -> bool:
    """Whether a status part would only be something that a person's automatic reply carries along."""
    return whole.content_type != "multipart/report" and is_auto_reply(whole)


def _of_feedback(mail: _Mail, feedback: Feedback) -> list[MailReport]:
    fields = feedback.fields
    known = {
        "kind": feedback.kind,
        "reason": "feedback",
        "rule": "rfc5965",
        "feedback_type": feedback.feedback_type,
        "evidence": f"Feedback-Type: {feedback.feedback_type}",
        "reporting_mta": _after_type(fields.get("reporting-mta")),
        "envelope_id": fields.get("original-envelope-id"),
        "event_dt": moment(fields.get("arrival-date"), fields.get("received-date"), mail.whole.headers.get("date")),
    }
    return [_report(mail, recipient=each, **known) for each in recipients_of(feedback, mail.original) or [""]]


def _of_statuses(mail: _Mail, statuses: Sequence[RecipientStatus]) -> list[MailReport]:
    failed = known_recipients(mail.whole.headers.all("x-failed-recipients")) or mail.original.recipients
    named = recipients_named(mail.text.lines, [each.recipient for each in statuses if each.recipient], frozenset())
    blocks = {each.recipient: each.block for each in named}
    reports: dict[str, MailReport] = {}
    for status in statuses:
        recipient = status.recipient or (failed[0] if len(failed) == 1 else "")
        if recipient and recipient not in reports:
            block = blocks.get(recipient, [])
            around = mail.around if len(statuses) == 1 else Lines.of(block, BLOCK_CHARACTERS)
            reports[recipient] = _of_status(mail, status, recipient, block, around)
    return list(reports.values()) or _of_free_text(mail) or _of_original(mail) or _of_local_names(mail)


def _of_status(mail: _Mail, status: RecipientStatus, recipient: str, block: Sequence[str], around: Lines) -> MailReport:
    about, fields = status.about_mail, status.fields
    diagnostic = status.diagnostic
    if category := fields.get("x-powermta-bouncecategory"):
        diagnostic = f"{diagnostic} (bouncecategory {category})"
    reporting_mta = _after_type(about.get("reporting-mta"))
    host = status.remote_host or reporting_mta.split(" ")[0].lower()
    refusals = refusals_of(diagnostic, status.status, block, around, host)
    known: dict[str, Any] = {
        "recipient": recipient,
        "original_recipient": status.original_recipient,
        "action": status.action,
        "enhanced_status": refusals[0].status,
        "smtp_code": refusals[0].code,
        "diagnostic": status.diagnostic or refusals[0].text,
        "remote_mta": status.remote_host or host_in(diagnostic),
        "reporting_mta": reporting_mta,
        "envelope_id": about.get("original-envelope-id"),
        "event_dt": moment(fields.get("last-attempt-date"), about.get("arrival-date"), mail.whole.headers.get("date")),
    }
    if status.action in _DELIVERED or (not status.action and status.status.startswith("2")):
        return _report(
            mail, kind="delivered", reason="delivered", rule="rfc3464_action",
            evidence=f"Action: {status.action}", **known,
        )  # fmt: skip
    verdict = decide(refusals, agent(mail.whole.headers), status.diagnostic_type)
    kind: Kind = "delayed" if status.action == "delayed" else "bounce"
    return _report(mail, kind=kind, evidence=_evidence(refusals, status), **known, **_told(verdict, kind, recipient))


def _of_free_text(mail: _Mail) -> list[MailReport]:
    headers = mail.whole.headers
    known = known_recipients([value for name in FAILED_HEADERS for value in headers.all(name)])
    known = known or receipt_recipients(mail.parts)
    named = recipients_named(mail.text.lines, known, _own_addresses(mail))
    return [_of_named(mail, each, len(named) == 1) for each in named]


def _of_named(mail: _Mail, named: Named, is_alone: bool) -> MailReport:
    around = mail.around if is_alone else Lines.of(named.block, BLOCK_CHARACTERS)
    refusals = refusals_of("", "", named.block, around, "")
    verdict = decide(refusals, agent(mail.whole.headers))
    kind: Kind = "delayed" if mail.is_delayed else "bounce"
    said = around.quoted or line_that_says(verdict.rule, [*named.block, *mail.text.lines]) or refusals[0].text
    return _report(
        mail,
        kind=kind,
        recipient=named.recipient,
        action="delayed" if mail.is_delayed else "failed",
        enhanced_status=refusals[0].status,
        smtp_code=refusals[0].code,
        diagnostic=said,
        evidence=said,
        remote_mta=refusals[0].host,
        event_dt=moment(mail.whole.headers.get("date")),
        **_told(verdict, kind, named.recipient),
    )


def _of_nested(mail: _Mail, depth: int) -> list[MailReport]:
    """A system's report that carries another system's report, below its own words or as the mail that it returns."""
    returned = next((part.body for part in mail.parts if part.content_type == "message/rfc822"), "")
    carried = ("\n".join(mail.text.rest) or returned).lstrip("\n")
    if depth == 0 or not carried:
        return []
    nested = _parse(carried.encode("utf-8", "replace"), mail.sha256, depth - 1)
    return [each for each in nested if each.recipient and each.kind in ("bounce", "delayed")]


def _of_original(mail: _Mail) -> list[MailReport]:
    """A bounce that names nobody is about those to whom the mail that came back was addressed, or whom its return path
    encodes."""
    told = [line.partition(":")[2] for line in mail.text.rest if line.lower().startswith("to:")]
    addresses = mail.original.recipients or known_recipients(told) or [mail.original.verp_recipient]
    own = _own_addresses(mail)
    recipients = [each for each in dict.fromkeys(addresses) if each and each not in own][:10]
    return [_of_named(mail, Named(each, mail.text.lines), len(recipients) == 1) for each in recipients]


def _of_local_names(mail: _Mail) -> list[MailReport]:
    """A report on users that a server knows by their names alone; else one that tells nobody, whose return path may."""
    domain = first_address(mail.whole.headers.get("from")[:2_000]).rpartition("@")[2]
    names = local_names(mail.text.lines) if domain and is_from_system(mail.whole.headers) else []
    recipients = [f"{name}@{domain}" for name in dict.fromkeys(names)][:10]
    return [_of_named(mail, Named(each, mail.text.lines), True) for each in recipients or [""]]


def _own_addresses(mail: _Mail) -> frozenset[str]:
    headers = mail.whole.headers
    values = [*headers.all("to"), *headers.all("from"), *headers.all("reply-to"), *headers.all("envelope-to")]
    return frozenset(
        [mail.original.sender, mail.original.return_path, *known_recipients([value[:2_000] for value in values])]
    )


def _evidence(refusals: Sequence[Reply], status: RecipientStatus) -> str:
    return refusals[0].text or f"Status: {status.fields.get('status')}"


def _told(verdict: Verdict, kind: Kind, recipient: str) -> dict[str, Any]:
    """What a verdict comes to; a report that names nobody makes nobody's address invalid."""
    is_permanent = kind == "bounce" and verdict.is_hard
    return {
        "reason": verdict.reason,
        "rule": verdict.rule,
        "bounce_kind": "hard" if is_permanent and verdict.reason in PERMANENT_ADDRESS_REASONS else "soft",
        "address_invalid": bool(recipient) and is_permanent and verdict.is_address_invalid,
    }


def _after_type(value: str) -> str:
    return (value.partition(";")[2] or value).strip()


def _report(mail: _Mail, **known: Any) -> MailReport:
    """A report with what the mail tells of itself and of the one that came back; nothing is None, never empty."""
    original = mail.original
    values: dict[str, Any] = {
        "original_message_id": original.message_id,
        "original_from": original.sender,
        "campaign": original.campaign,
        "feedback_id": original.headers.get("feedback-id"),
        "unsubscribe_token": original.unsubscribe_token,
        "return_path_token": original.return_path_token,
        "received_dt": moment(mail.whole.headers.get("date")),
        **known,
    }
    for name in ("evidence", "diagnostic"):
        values[name] = " ".join((values.get(name) or "").split())[:LONGEST_EVIDENCE]
    cleaned = {name: _without_surrogates(value) for name, value in values.items() if value not in ("", None)}
    return MailReport(message_sha256=mail.sha256, **cleaned)


def _without_surrogates(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
