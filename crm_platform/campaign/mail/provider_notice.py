"""Notices of Amazon SES that come as mail: the JSON of a bounce, complaint or delivery, as SNS sends it to a mailbox.

Here: reading such a notice. Not here: the events of providers that come as files (`crm_platform/campaign/events`).
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from crm_platform.campaign.mail.addresses import first_address
from crm_platform.campaign.mail.reasons import decide
from crm_platform.campaign.mail.replies import Reply, code_in, command_in, status_in

_LARGEST = 200_000


def provider_notice(lines: Sequence[str]) -> list[dict[str, Any]]:
    """The values of a report for each recipient of a notice; nothing where the text is none."""
    start = next((number for number, line in enumerate(lines[:5]) if line.startswith("{")), None)
    if start is None:
        return []
    try:
        notice, _ = json.JSONDecoder(strict=False).raw_decode("\n".join(lines[start:])[:_LARGEST])
    except (ValueError, RecursionError):
        return []
    if not isinstance(notice, dict) or not isinstance(notice.get("mail"), dict):
        return []
    kind = str(notice.get("notificationType") or notice.get("eventType") or "")
    readers = {"Bounce": _bounced, "Complaint": _complained, "Delivery": _delivered}
    return readers[kind](notice) if kind in readers else []


def _bounced(notice: dict[str, Any]) -> list[dict[str, Any]]:
    about = _object(notice, "bounce")
    reports = []
    for each in _objects(about, "bouncedRecipients"):
        diagnostic = str(each.get("diagnosticCode") or "").removeprefix("smtp;").strip()
        status = status_in(diagnostic) or str(each.get("status") or "")
        verdict = decide([Reply(diagnostic, status, code_in(diagnostic), command_in(diagnostic))])
        is_permanent = about.get("bounceType") == "Permanent"
        reports.append(
            {
                "kind": "bounce",
                "recipient": first_address(str(each.get("emailAddress") or "")),
                "action": str(each.get("action") or "failed"),
                "enhanced_status": status,
                "smtp_code": code_in(diagnostic),
                "reason": verdict.reason,
                "bounce_kind": "hard" if verdict.is_hard and is_permanent else "soft",
                "address_invalid": verdict.is_address_invalid and is_permanent,
                "rule": verdict.rule,
                "evidence": diagnostic,
                "diagnostic": diagnostic,
                "reporting_mta": str(about.get("reportingMTA") or "").removeprefix("dsn;").strip(),
                "event_dt": _moment(about.get("timestamp")),
            }
        )
    return reports


def _complained(notice: dict[str, Any]) -> list[dict[str, Any]]:
    about = _object(notice, "complaint")
    kind = str(about.get("complaintFeedbackType") or "abuse")
    return [
        {
            "kind": "not_spam" if kind == "not-spam" else "complaint",
            "recipient": first_address(str(each.get("emailAddress") or "")),
            "reason": "feedback",
            "rule": "ses_notice",
            "feedback_type": kind,
            "evidence": f"complaintFeedbackType: {kind}",
            "event_dt": _moment(about.get("timestamp")),
        }
        for each in _objects(about, "complainedRecipients")
    ]


def _delivered(notice: dict[str, Any]) -> list[dict[str, Any]]:
    about = _object(notice, "delivery")
    answer = str(about.get("smtpResponse") or "")
    recipients = about.get("recipients")
    return [
        {
            "kind": "delivered",
            "recipient": first_address(str(each)),
            "action": "delivered",
            "enhanced_status": status_in(answer),
            "reason": "delivered",
            "rule": "ses_notice",
            "evidence": answer,
            "diagnostic": answer,
            "event_dt": _moment(about.get("timestamp")),
        }
        for each in (recipients if isinstance(recipients, list) else [])
    ]


def _object(notice: dict[str, Any], name: str) -> dict[str, Any]:
    value = notice.get(name)
    return value if isinstance(value, dict) else {}


def _objects(notice: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = notice.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
