"""The header fields of mails (RFC 5322), read as broken as real mails have them.

Here: fields, encoded words and dates. Not here: the parts of a mail (`crm_platform/campaign/mail/mime.py`) and files
of mails (`mail_files.py`).
"""

import binascii
import codecs
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime

MAXIMUM_HEAD = 256 * 1024
LONGEST_VALUE = 20_000
_LONGEST_DATE = 100
_FIELD = re.compile(r"([!-9;-~]{1,200})[ \t]*:(.*)")
_DATE_COMMENT = re.compile(r"\([^()]{0,60}\)")


class Headers:
    """The header fields of a mail, part or report group: names in small letters, values unfolded, in order."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in fields:
            self._values.setdefault(name.lower(), []).append(value)

    def get(self, name: str) -> str:
        """The first value of a field, or nothing."""
        values = self._values.get(name)
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return self._values.get(name, [])

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self._values)


def read_fields(text: str) -> Headers:
    """Read header fields; a line that is none belongs to the field before it, for folding gets lost on the way."""
    fields: list[tuple[str, list[str]]] = []
    for line in text[:MAXIMUM_HEAD].split("\n"):
        match = None if line[:1] in (" ", "\t") else _FIELD.match(line)
        if match:
            fields.append((match.group(1), [match.group(2).strip()]))
        elif fields and line.strip():
            fields[-1][1].append(line.strip())
    return Headers([(name, " ".join(pieces).strip()) for name, pieces in fields])


def split_head(text: str) -> tuple[str, str]:
    """Head and body; a text that does not begin with a header field has no head."""
    if text.startswith("\n"):
        return "", text[1:]
    if not begins_with_field(text):
        return "", text
    head, _, body = text.partition("\n\n")
    return head, body


def begins_with_field(text: str) -> bool:
    """Whether a text begins with a header field."""
    return bool(_FIELD.match(text))


def decoded_words(value: str) -> str:
    """A header's value with its encoded words (RFC 2047) decoded, as far as they can be; also bare UTF-8 (RFC 6532)."""
    value = _as_utf8(value[:LONGEST_VALUE])
    if "=?" not in value:
        return value
    try:
        return "".join(
            piece.decode(known_charset(charset or "ascii"), "replace") if isinstance(piece, bytes) else piece
            for piece, charset in decode_header(value)
        )
    except (HeaderParseError, ValueError, binascii.Error):
        return value


def _as_utf8(value: str) -> str:
    """Bytes that came as characters of Latin-1 as UTF-8, where they are that."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return value


def known_charset(charset: str) -> str:
    """A character set that can be decoded: the one named, or Latin-1, which has a letter for every byte."""
    try:
        "".encode(charset)  # refuses what is no text encoding, such as base64
        codecs.lookup(charset)
    except (LookupError, ValueError, TypeError):
        return "latin-1"
    return charset


def moment(*values: str) -> datetime | None:
    """The first of these dates (RFC 5322) that is one, UTC."""
    for value in values:
        text = _DATE_COMMENT.sub("", value[:_LONGEST_DATE]).strip()
        if not text:
            continue
        try:
            found = parsedate_to_datetime(text)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None
