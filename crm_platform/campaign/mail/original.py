"""The mail that came back: what its headers tell of us, as far as the report holds them.

Here: finding the returned headers and the identifiers in them. Not here: the campaign that they belong to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from crm_platform.campaign.mail.addresses import ADDRESS, first_address, matching_form
from crm_platform.campaign.mail.mime import Part
from crm_platform.sources.readers.mail_headers import Headers, read_fields, split_head

ORIGINAL_TYPES = (
    "message/rfc822", "message/global", "text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers",
    "message/partial", "text/rfc822", "message/global-headers",
)  # fmt: skip
_LONGEST_TO = 2_000
_FIELD_LINE = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,60}:[ \t]*\S?")
_MESSAGE_ID = re.compile(r"<([^<>\s]{3,500})>|([^<>\s]+@[^<>\s]+)")
_VERP = re.compile(r"([^\s@=+]+)=([^\s@=]+\.[a-z]{2,24})$", re.IGNORECASE)


@dataclass(frozen=True)
class Original:
    """What the returned headers tell; each nothing where they do not."""

    headers: Headers
    return_path: str
    answered: str

    @property
    def message_id(self) -> str:
        """The Message-ID, without its angle brackets; else what the report says that it answers."""
        match = _MESSAGE_ID.search(self.headers.get("message-id")) or _MESSAGE_ID.search(self.answered)
        return (match.group(1) or match.group(2)) if match else ""

    @property
    def sender(self) -> str:
        """The address in From."""
        return first_address(self.headers.get("from"))

    @property
    def recipients(self) -> list[str]:
        """The addresses in To and Cc."""
        values = [*self.headers.all("to"), *self.headers.all("cc")]
        return [matching_form(each) for value in values for each in ADDRESS.findall(value[:20_000])]

    @property
    def campaign(self) -> str:
        """Our campaign's name or number."""
        return self.headers.get("x-campaign") or self.headers.get("x-campaign-id") or self.headers.get("x-campaignid")

    @property
    def unsubscribe_token(self) -> str:
        """The opaque part of List-Unsubscribe: of its web address the last step or value, else the mailbox's tag."""
        return unsubscribe_token(self.headers.get("list-unsubscribe"))

    @property
    def return_path_token(self) -> str:
        """The opaque part of the return path: its tag, or the whole mailbox where that encodes an address (VERP)."""
        local = self.return_path.rpartition("@")[0]
        return local.partition("+")[2] or (local if "=" in local else "")

    @property
    def verp_recipient(self) -> str:
        """The recipient that the return path encodes: `bounce-1-ann=example.org@us` is ann@example.org."""
        match = _VERP.search(self.return_path.rpartition("@")[0])
        return f"{match.group(1).rpartition('-')[2]}@{match.group(2)}".lower() if match else ""


def find_original(report: Headers, parts: Sequence[Part], after_report: Sequence[str]) -> Original:
    """The mail that came back: from its part, else from the lines after the report. Its return path is where the report
    itself was sent to, unless the returned headers know better."""
    headers = Headers([])
    for part in parts:
        if part.content_type in ORIGINAL_TYPES:
            headers = read_fields(split_head(part.text.lstrip("\n"))[0])
            break
    if not len(headers):
        headers = _headers_in(after_report)
    path = first_address(headers.get("return-path")) or first_address(report.get("to")[:_LONGEST_TO])
    return Original(headers, path, report.get("in-reply-to"))


def unsubscribe_token(value: str) -> str:
    """The opaque part of a List-Unsubscribe header (RFC 2369)."""
    for target in re.findall(r"<([^<>\s]{3,2000})>", value):
        if target.lower().startswith("mailto:"):
            local = target[7:].partition("?")[0].rpartition("@")[0]
            token = local.partition("+")[2]
        else:
            try:
                split = urlsplit(target)
            except ValueError:
                continue
            values = [each for _, each in parse_qsl(split.query)]
            token = values[-1] if values else split.path.rstrip("/").rpartition("/")[2]
        if token:
            return str(token)
    return ""


def _headers_in(lines: Sequence[str]) -> Headers:
    """The header fields that stand in a text, from the first line that looks like one to the next empty line."""
    starts = (number for number, line in enumerate(lines[:60]) if _FIELD_LINE.match(line))
    start = next(starts, None)
    if start is None:
        return Headers([])
    end = next((number for number in range(start, len(lines)) if not lines[number].strip()), len(lines))
    return read_fields("\n".join(lines[start:end]))
