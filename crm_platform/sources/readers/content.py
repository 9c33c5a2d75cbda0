"""What a file is before anybody reads it as rows: its digest, its size, whether it is text, and in which encoding.

One pass over the bytes, in constant memory. Which form the text has is not known here, and nothing is refused for its
form: see the readers for that. Unpacking stands in `streams.py`.
"""

import codecs
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from crm_platform.sources.readers.batch import ReadLimits, RefusedFile
from crm_platform.sources.readers.one_byte_encodings import likely_encoding
from crm_platform.sources.readers.streams import (
    BLOCK_BYTES,
    ByteStream,
    LimitedStream,
    check_readable,
    container_of,
    gzip_stream,
)

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE_ENCODINGS = frozenset({"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
HEAD_BYTES = 4096
TAIL_BYTES = 256
SAMPLE_BYTES = 32 * 1024
LEADING_BYTE = 0xC2
HIGH_LINE = re.compile(rb"[^\r\n\x80-\xff]{0,80}[\x80-\xff][^\r\n]{0,400}")
VALID_FOR_EACH_INVALID = 10


@dataclass(frozen=True)
class TextFacts:
    """What one pass over a content tells of it as text.

    byte_order_mark: the encoding it names, or None. lines: ended by LF, or by CR where there is no LF; a last line
    without an end counts. longest_line in bytes. sample_of_invalid: some lines with bytes above ASCII, where these are
    not UTF-8. invalid_bytes and valid_characters count what is and is not UTF-8
    among the bytes above ASCII. has_nul: a NUL outside UTF-16 and UTF-32, the mark of a binary.
    """

    size: int
    byte_order_mark: str | None
    wide: str | None
    has_nul: bool
    is_utf8: bool
    valid_characters: int
    invalid_bytes: int
    undefined_in_cp1252: int
    sample_of_invalid: bytes
    lines: int
    longest_line: int
    has_only_carriage_returns: bool


@dataclass(frozen=True)
class FileContent:
    """A file's identity and nature: `sha256` and `size` of the bytes on the disk, `text` of the (unpacked) content.

    container: `plain`, `gzip` or `zip`. text is None for a zip, whose members are surveyed when they are read.
    """

    sha256: str
    size: int
    container: str
    text: TextFacts | None


@dataclass
class TextSurvey:
    """Gathers `TextFacts` from blocks of bytes given in order."""

    size: int = 0
    mark: str | None = None
    wide: str | None = None
    wide_decoder: codecs.IncrementalDecoder | None = None
    has_nul: bool = False
    is_utf8: bool = True
    valid_characters: int = 0
    invalid_bytes: int = 0
    undefined_in_cp1252: int = 0
    line_feeds: int = 0
    carriage_returns: int = 0
    longest: int = 0
    open_feed: int = 0
    open_return: int = 0
    longest_return: int = 0
    tail: bytes = b""
    open_character: bytes = b""
    sample_of_invalid: bytes = b""

    def update(self, block: bytes) -> None:
        """Take the next block of the content; the first should hold some characters, for it tells UTF-16."""
        if self.size == 0 and block:
            self._look_at_start(block[:HEAD_BYTES])
        self.size += len(block)
        self.has_nul = self.has_nul or b"\0" in block
        if self.wide_decoder is not None:
            block = self.wide_decoder.decode(block).encode("utf-8", "replace")
        self._count_lines(block)
        self._check_utf8(block)
        self.tail = block[-TAIL_BYTES:] or self.tail

    def _look_at_start(self, head: bytes) -> None:
        self.mark = next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), None)
        self.wide = self.mark if self.mark in WIDE_ENCODINGS else _wide_without_mark(head)
        if self.wide:
            self.wide_decoder = codecs.getincrementaldecoder(self.wide)("replace")

    def _count_lines(self, block: bytes) -> None:
        feeds, self.open_feed, self.longest = _line_lengths(block, b"\n", self.open_feed, self.longest)
        self.line_feeds += feeds
        if self.line_feeds == 0:
            returns, self.open_return, self.longest_return = _line_lengths(
                block, b"\r", self.open_return, self.longest_return
            )
            self.carriage_returns += returns

    def _check_utf8(self, block: bytes) -> None:
        text = self.open_character + block
        if text.isascii():
            self.open_character = b""
            return
        cut = _start_of_open_character(text)
        self.open_character = text[cut:]
        self.valid_characters += int(np.count_nonzero(np.frombuffer(text, np.uint8) >= LEADING_BYTE))
        if not _is_utf8(text, cut):
            self._count_invalid(text[:cut])

    def _count_invalid(self, text: bytes) -> None:
        self.is_utf8 = False
        invalid = text.decode("utf-8", "replace").count("\ufffd")
        self.invalid_bytes += invalid
        self.valid_characters -= min(invalid, self.valid_characters)
        self.undefined_in_cp1252 += sum(text.count(bytes([byte])) for byte in UNDEFINED_IN_CP1252)
        if not self.sample_of_invalid:
            self.sample_of_invalid = _lines_with_high_bytes(text)

    def facts(self) -> TextFacts:
        """The facts of all blocks taken; to be asked once, after the last."""
        if self.open_character:
            self.sample_of_invalid = self.sample_of_invalid or _lines_with_high_bytes(self.tail)
            self.is_utf8, self.invalid_bytes = False, self.invalid_bytes + 1
        only_returns = self.line_feeds == 0 and self.carriage_returns > 0
        ends = self.carriage_returns if only_returns else self.line_feeds
        has_open_line = self.tail[-1:] not in (b"", b"\r" if only_returns else b"\n")
        return TextFacts(
            size=self.size,
            byte_order_mark=self.mark,
            wide=self.wide,
            has_nul=self.has_nul and self.wide is None,
            is_utf8=self.is_utf8,
            valid_characters=self.valid_characters,
            invalid_bytes=self.invalid_bytes,
            undefined_in_cp1252=self.undefined_in_cp1252,
            sample_of_invalid=self.sample_of_invalid,
            lines=ends + has_open_line,
            longest_line=max(self.longest_return, self.open_return)
            if only_returns
            else max(self.longest, self.open_feed),
            has_only_carriage_returns=only_returns,
        )


def _start_of_open_character(text: bytes) -> int:
    """Where a UTF-8 character begins that the text ends within; the length of the text if it ends with a whole one."""
    for back in range(1, min(3, len(text)) + 1):
        byte = text[-back]
        if byte >= LEADING_BYTE:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(text) - back if length > back else len(text)
        if byte < 0x80:
            break
    return len(text)


def _is_utf8(text: bytes, cut: int) -> bool:
    """Whether the bytes before the cut are UTF-8; pyarrow tells it several times as fast as a decoder."""
    offsets = pa.py_buffer(np.array([0, cut], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(text)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _lines_with_high_bytes(text: bytes) -> bytes:
    found: list[bytes] = []
    size = 0
    for match in HIGH_LINE.finditer(text):
        found.append(match.group())
        size += len(found[-1])
        if size >= SAMPLE_BYTES:
            break
    return b"\n".join(found)


def _line_lengths(block: bytes, end: bytes, open_bytes: int, longest: int) -> tuple[int, int, int]:
    """Ends in the block, bytes of the line left open after it, longest line so far; `open_bytes` came before it."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == end[0])
    if ends.size == 0:
        return 0, open_bytes + len(block), max(longest, open_bytes + len(block))
    first = open_bytes + int(ends[0])
    inner = int(np.diff(ends).max()) - 1 if ends.size > 1 else 0
    return int(ends.size), len(block) - int(ends[-1]) - 1, max(longest, first, inner)


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 that carries no byte order mark, told by where the NULs of its Latin letters stand."""
    pairs = len(head) // 2
    if pairs < 4 or len(head) % 2:
        return None
    values = np.frombuffer(head, np.uint8)
    nul_high, nul_low = int((values[1::2] == 0).sum()), int((values[0::2] == 0).sum())
    if nul_high >= 0.7 * pairs and nul_low == 0:
        return "utf-16-le"
    if nul_low >= 0.7 * pairs and nul_high == 0:
        return "utf-16-be"
    return None


def survey(stream: ByteStream) -> TextFacts:
    """Survey a whole stream in constant memory."""
    gathered = TextSurvey()
    while block := stream.read(BLOCK_BYTES):
        gathered.update(block)
    return gathered.facts()


class _HashingReader(io.RawIOBase):
    """A file that digests every byte that is read from it, so that unpacking and digest share one pass."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = self.file.readinto(buffer)  # type: ignore[attr-defined]
        with memoryview(buffer) as view:
            self.digest.update(view[:count])
        self.size += count
        return int(count)


def identify(path: Path, limits: ReadLimits | None = None) -> FileContent:
    """Digest a file and survey its content, in one pass over the disk and constant memory.

    Raises RefusedFile: a_directory, not_readable, not_found, empty_file; for a gzip also truncated_archive,
    damaged_archive and archive_bomb.
    """
    check_readable(path)
    with path.open("rb") as file:
        container = container_of(file.read(4))
        file.seek(0)
        hashing = _HashingReader(file)
        buffered = io.BufferedReader(hashing, BLOCK_BYTES)
        facts: TextFacts | None = None
        if container == "plain":
            facts = survey(buffered)
        elif container == "gzip":
            packed = path.stat().st_size
            facts = survey(LimitedStream(gzip_stream(buffered), packed, limits or ReadLimits(), path.name))
        while buffered.read(BLOCK_BYTES):
            pass
        return FileContent(hashing.digest.hexdigest(), hashing.size, container, facts)


def decide_encoding(declared: str | None, facts: TextFacts, name: str, is_unicode: bool = False) -> str:
    """The encoding to read a text in: the declared one, or the one its bytes speak for.

    Without a declaration: a byte order mark, else UTF-16 by its NULs, else UTF-8 when that explains the bytes (a few
    broken lines among many good characters leave it UTF-8), else the one-byte encoding it reads best in, else cp1252,
    or latin-1 where cp1252 has no such byte.
    is_unicode: the form is Unicode by its standard (JSON), so what is not UTF-16 is UTF-8, broken perhaps.
    Raises RefusedFile: unknown_encoding, wrong_encoding, binary_content.
    """
    encoding = _declared_encoding(declared, facts, name) if declared else _found_encoding(facts, is_unicode)
    if facts.has_nul and encoding not in WIDE_ENCODINGS:
        raise RefusedFile(
            "binary_content", f"{name} holds NUL bytes, so it is not text: check the form declared for it"
        )
    return encoding


def _declared_encoding(declared: str, facts: TextFacts, name: str) -> str:
    try:
        encoding = codecs.lookup(declared).name
    except LookupError:
        raise RefusedFile("unknown_encoding", f"encoding {declared!r} is unknown: declare one such as utf-8") from None
    if encoding in ("utf-16", "utf-32"):
        encoding = facts.wide or f"{encoding}-le"
    if encoding in ("utf-8-sig", "utf-8"):
        encoding = "utf-8"
    if facts.byte_order_mark and facts.byte_order_mark != encoding:
        found = facts.byte_order_mark
        raise RefusedFile(
            "wrong_encoding", f"{name} is declared {declared} but begins with the mark of {found}: declare {found}"
        )
    return encoding


def _found_encoding(facts: TextFacts, is_unicode: bool) -> str:
    if facts.wide or facts.byte_order_mark:
        return facts.wide or facts.byte_order_mark or "utf-8"
    if is_unicode or facts.is_utf8 or facts.valid_characters >= VALID_FOR_EACH_INVALID * facts.invalid_bytes:
        return "utf-8"
    return likely_encoding(facts.sample_of_invalid) or ("latin-1" if facts.undefined_in_cp1252 else "cp1252")
