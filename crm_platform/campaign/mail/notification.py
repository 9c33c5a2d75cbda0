"""Delivery status notifications: RFC 3464, internationalised by RFC 6533.

Here: the groups of fields of a `message/delivery-status`, wherever they stand. Not here: what the answers in them mean
(`reasons.py`) and the text for people beside them (`free_text.py`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crm_platform.campaign.mail.addresses import is_source_routed, report_address
from crm_platform.campaign.mail.mime import Part
from crm_platform.campaign.mail.replies import STATUS
from crm_platform.sources.readers.mail_headers import Headers, read_fields

STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
RECEIPT_TYPES = ("message/disposition-notification", "message/global-disposition-notification")
MAXIMUM_RECIPIENTS = 2_000
_GROUP_BREAK = re.compile(r"\n[ \t]*\n+")
_RECIPIENT_FIELD = re.compile(r"^(?:final-recipient|original-recipient)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_FIRST_FIELD = re.compile(
    r"^(?:reporting-mta|final-recipient|original-recipient|action|x-postfix-queue-id)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class RecipientStatus:
    """The group of one recipient, with the fields of the group about the whole mail."""

    recipient: str
    original_recipient: str
    fields: Headers
    about_mail: Headers

    @property
    def action(self) -> str:
        """What became of it: failed, delayed, delivered, relayed, expanded; in small letters, without a comment."""
        word = self.fields.get("action").lower().split(" ")[0].strip(";,.")
        return {"fail": "failed", "failure": "failed", "deliverable": "delivered", "undeliverable": "failed"}.get(
            word, word
        )

    @property
    def status(self) -> str:
        """The enhanced status of the field `Status`, without its comment."""
        found = STATUS.search(self.fields.get("status"))
        return found.group(1) if found else ""

    @property
    def diagnostic(self) -> str:
        """What the server answered, without the type before it."""
        value = " ".join(self.fields.all("diagnostic-code"))
        kind, mark, text = value.partition(";")
        return text.strip() if mark and re.fullmatch(r"[\w-]{1,40}", kind.strip()) else value.strip()

    @property
    def diagnostic_type(self) -> str:
        """The type of the answer, such as smtp or x-unix."""
        kind, mark, _ = self.fields.get("diagnostic-code").partition(";")
        return kind.strip().lower() if mark else ""

    @property
    def remote_host(self) -> str:
        """The host that answered."""
        value = self.fields.get("remote-mta")
        return (value.partition(";")[2] or value).strip().split(" ")[0].strip(".").lower()


def recipient_statuses(parts: Sequence[Part]) -> list[RecipientStatus]:
    """The recipients' groups of a mail's parts: of its status parts, else of fields that stand in the text."""
    status_parts = [part for part in parts if part.content_type in STATUS_TYPES]
    if status_parts:
        return [each for part in status_parts for each in _groups(part.text)]
    return [each for part in parts if part.content_type == "text/plain" for each in _groups_in_text(part.text)]


def receipt_recipients(parts: Sequence[Part]) -> list[str]:
    """Whom the receipts (RFC 8098) among a mail's parts are about."""
    receipts = [read_fields(part.text.strip("\n")) for part in parts if part.content_type in RECEIPT_TYPES]
    return [address for each in receipts if (address := report_address(each.get("final-recipient")))]


def _groups_in_text(text: str) -> list[RecipientStatus]:
    """Fields that a report shows as text, as Amazon WorkMail and mails that lost their MIME headers do."""
    first = _FIRST_FIELD.search(text) if _RECIPIENT_FIELD.search(text) else None
    statuses = _groups(text[first.start() :]) if first else []
    return [each for each in statuses if each.fields.get("action") and "status" in each.fields]


def _groups(text: str) -> list[RecipientStatus]:
    about_mail = Headers([])
    found: list[RecipientStatus] = []
    for group in _split(text):
        fields = read_fields(group)
        if "final-recipient" not in fields and "original-recipient" not in fields:
            if not len(about_mail):
                about_mail = fields
            continue
        if "reporting-mta" in fields and not len(about_mail):
            about_mail = fields
        final, original = fields.get("final-recipient"), fields.get("original-recipient")
        original_recipient = report_address(original)
        recipient = "" if is_source_routed(final) and original_recipient else report_address(final)
        found.append(RecipientStatus(recipient or original_recipient, original_recipient, fields, about_mail))
        if len(found) == MAXIMUM_RECIPIENTS:
            break
    return found


def _split(text: str) -> Iterator[str]:
    """The groups of fields; one that lost the empty line before the next recipient is cut in two."""
    for group in _GROUP_BREAK.split(text.strip("\n")):
        starts = [match.start() for match in re.finditer(r"(?im)^final-recipient[ \t]*:", group)]
        if len(starts) < 2:
            yield group
            continue
        yield group[: starts[1]]
        for start, end in zip(starts[1:], [*starts[2:], len(group)], strict=True):
            yield group[start:end]
