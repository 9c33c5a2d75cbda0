"""Files of mails: an mbox, or one mail a file as a Maildir and `.eml` have it; line ends LF, CRLF or CR.

Here: cutting a stream of bytes into mails, in the memory of one mail. Not here: opening the file (`streams.py`), the
rows of a feed (`mail.py`), what a mail says (`crm_platform/campaign/mail`).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from crm_platform.sources.readers.mail_headers import begins_with_field
from crm_platform.sources.readers.streams import ByteStream

MAXIMUM_MAIL_BYTES = 32 * 1024**2
READ_BYTES = 1024**2
_FIRST_BYTES = 4_096
# "From " begins a mail only with a time and a year behind the sender (RFC 4155), for prose has lines of "From " too.
_FROM_LINE = re.compile(rb"From [^\r\n]{0,400}?\d{1,2}:\d\d[^\r\n]{0,60}\b\d{4}\b")
_QUOTED_FROM = re.compile(rb">+From ")


@dataclass(frozen=True)
class RawMail:
    """A mail as it lies in a file: the line where it begins (from 1) and its bytes, white space at both ends and the
    quoting of an mbox taken off, so that it is the same mail in whatever file it lies. Of one that is too large, the
    beginning."""

    line: int
    content: bytes
    is_too_large: bool = False

    @property
    def sha256(self) -> str:
        """The digest by which a mail is known."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def is_mail(self) -> bool:
        """Whether it begins with a header field and is text."""
        head = self.content[:_FIRST_BYTES]
        first = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1")
        without_envelope = first.partition("\n")[2] if first.startswith(("From ", ">From ")) else first
        return b"\0" not in head and begins_with_field(without_envelope)


def mails_in(stream: ByteStream, maximum_bytes: int = MAXIMUM_MAIL_BYTES) -> Iterator[RawMail]:
    """The mails of a file, in order: those of an mbox where it begins with a line of `From `, else the one it is."""
    head = stream.read(READ_BYTES)
    end = b"\n" if b"\n" in head else b"\r"
    lines = _lines(stream, head, end, maximum_bytes)
    if _FROM_LINE.match(head.lstrip(b"\r\n")):
        yield from _mails_of_mbox(lines, maximum_bytes)
        return
    gathering = _Gathering(1, maximum_bytes)
    for line in lines:
        gathering.add(line)
    yield gathering.finished()


def trimmed(content: bytes) -> bytes:
    """The bytes of a mail without white space at both ends, as every file of it has them."""
    return content.decode("latin-1").strip().encode("latin-1")


class _Gathering:
    """The lines of one mail, never more than its room."""

    def __init__(self, first_line: int, maximum_bytes: int) -> None:
        self.first_line = first_line
        self.room = maximum_bytes
        self.lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        self.room -= len(line)
        if self.room >= 0:
            self.lines.append(line)

    def finished(self) -> RawMail:
        return RawMail(self.first_line, trimmed(b"".join(self.lines)), self.room < 0)


def _mails_of_mbox(lines: Iterator[bytes], maximum_bytes: int) -> Iterator[RawMail]:
    gathering: _Gathering | None = None
    for number, line in enumerate(lines, start=1):
        if line.startswith(b"From ") and _FROM_LINE.match(line):
            if gathering is not None:
                yield gathering.finished()
            gathering = _Gathering(number, maximum_bytes)
        elif gathering is not None:
            gathering.add(line[1:] if line.startswith(b">") and _QUOTED_FROM.match(line) else line)
    if gathering is not None:
        yield gathering.finished()


def _lines(stream: ByteStream, head: bytes, end: bytes, maximum_bytes: int) -> Iterator[bytes]:
    """The lines of a stream with their ends; one that is longer than a mail may be comes in pieces."""
    left = b""
    block = head
    while block:
        *whole, left = (left + block).split(end)
        for line in whole:
            yield line + end
        if len(left) > maximum_bytes:
            yield left
            left = b""
        block = stream.read(READ_BYTES)
    if left:
        yield left
