"""Text in any encoding as blocks of whole lines in UTF-8, each line with its number, in constant memory.

For every form made of lines. A line that is too long is taken out here, blanked but for its end, so that the numbers of
the lines after it hold; bytes that are no text are left in, as invalid UTF-8, and found again by `invalid_lines`. What
a line says is for the readers.
"""

import codecs
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from crm_platform.sources.readers.archive import Content
from crm_platform.sources.readers.batch import RAW_CHARACTERS, ReadLimits, Reject
from crm_platform.sources.readers.content import TextFacts, decide_encoding, survey
from crm_platform.sources.readers.streams import ByteStream

Offsets = npt.NDArray[np.int64]

INVALID_TEXT = "crm-invalid-text"
LINE_FEED = 10


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    """Stand a lone surrogate for bytes that are no text; written out, it is a byte that no UTF-8 has."""
    return "\udcff", cast(UnicodeDecodeError, error).end


codecs.register_error(INVALID_TEXT, _mark_invalid)


@dataclass(frozen=True)
class TextContent:
    """A content surveyed as text: its facts and the encoding it is read in."""

    content: Content
    facts: TextFacts
    encoding: str


@dataclass(frozen=True)
class LineBlock:
    """Whole lines of UTF-8, each ended by LF; `first_line` is the number of the first.

    too_long: the lines blanked for their length, by number, with the start of their text.
    """

    data: bytes
    first_line: int
    too_long: tuple[tuple[int, str], ...] = ()


def text_content(content: Content, declared_encoding: str | None, is_unicode: bool = False) -> TextContent:
    """Survey a content, unless that was done, and decide its encoding; raises RefusedFile as `decide_encoding` does."""
    facts = content.facts
    if facts is None:
        with content.stream() as stream:
            facts = survey(stream)
    return TextContent(content, facts, decide_encoding(declared_encoding, facts, content.name, is_unicode))


def line_blocks(text: TextContent, limits: ReadLimits, block_bytes: int | None = None) -> Iterator[LineBlock]:
    """Read a text from its start in blocks of whole lines; a last line without an end is given one."""
    with text.content.stream() as stream:
        gathering = _Gathering(limits.maximum_line_bytes, may_have_long_lines(text.facts, limits))
        for piece in utf8_pieces(stream, text, block_bytes or limits.block_bytes):
            block = gathering.add(piece)
            if block.data:
                yield block
        last = gathering.finish()
        if last.data:
            yield last


def utf8_pieces(stream: ByteStream, text: TextContent, block_bytes: int) -> Iterator[bytes]:
    """The text as UTF-8 without its byte order mark, its line ends as LF or CRLF, cut anywhere."""
    is_utf8 = text.encoding == "utf-8"
    decoder = codecs.getincrementaldecoder(text.encoding)(INVALID_TEXT)
    at_start = True
    while block := stream.read(block_bytes):
        piece = block if is_utf8 else decoder.decode(block).encode("utf-8", "surrogateescape")
        if at_start and piece:
            piece, at_start = piece.removeprefix(codecs.BOM_UTF8), False
        yield piece.replace(b"\r", b"\n") if text.facts.has_only_carriage_returns else piece
    if not is_utf8:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")


class _Gathering:
    """Cuts pieces at line ends and keeps the line that is still open, never more of it than a line may have."""

    def __init__(self, maximum_line_bytes: int, may_have_long_lines: bool) -> None:
        self.maximum = maximum_line_bytes
        self.may_have_long_lines = may_have_long_lines
        self.open = b""
        self.is_skipping = False
        self.next_line = 1

    def add(self, piece: bytes) -> LineBlock:
        cut = piece.rfind(b"\n") + 1
        if cut == 0:
            self._extend_open(piece)
            return LineBlock(b"", self.next_line)
        if self.is_skipping:
            first_end = piece.find(b"\n")
            return self._block(b"\n" + piece[first_end + 1 : cut], piece[cut:], skipped=self.open)
        return self._block(b"".join((self.open, memoryview(piece)[:cut])), piece[cut:])

    def finish(self) -> LineBlock:
        if self.is_skipping:
            return self._block(b"\n", b"", skipped=self.open)
        return self._block(self.open + b"\n" if self.open else b"", b"")

    def _extend_open(self, piece: bytes) -> None:
        if self.is_skipping:
            return
        self.open += piece
        if len(self.open) > self.maximum:
            self.open, self.is_skipping = self.open[: 4 * RAW_CHARACTERS], True

    def _block(self, data: bytes, left_open: bytes, skipped: bytes | None = None) -> LineBlock:
        first_line = self.next_line
        long_lines: list[tuple[int, str]] = []
        if self.may_have_long_lines:
            data, long_lines = _blank_long_lines(data, first_line, self.maximum)
        if skipped is not None:
            long_lines = [(first_line, raw_text(skipped)), *long_lines]
        self.next_line += number_of_lines(data)
        self.open, self.is_skipping = b"", False
        self._extend_open(left_open)
        return LineBlock(data, first_line, tuple(long_lines))


def _blank_long_lines(data: bytes, first_line: int, maximum: int) -> tuple[bytes, list[tuple[int, str]]]:
    if len(data) <= maximum:
        return data, []
    ends = line_ends(data)
    starts = np.concatenate(([0], ends[:-1] + 1))
    indexes = np.flatnonzero(ends - starts > maximum).tolist()
    kept, taken, position = [], [], 0
    for index in indexes:  # at most len(data) / maximum lines can be too long
        kept.append(data[position : starts[index]])
        taken.append((first_line + index, raw_text(data[starts[index] : starts[index] + 4 * RAW_CHARACTERS])))
        position = int(ends[index])
    return (b"".join([*kept, data[position:]]) if indexes else data), taken


def may_have_long_lines(facts: TextFacts, limits: ReadLimits) -> bool:
    """Whether a line may be over the limit once it is UTF-8, which takes at most four bytes for one of the survey's."""
    return 4 * facts.longest_line > limits.maximum_line_bytes


def number_of_lines(data: bytes) -> int:
    """How many LF there are; several times as fast as `bytes.count`, and beside other threads."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == LINE_FEED))


def line_ends(data: bytes) -> Offsets:
    """The offset of every LF."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == LINE_FEED)


def invalid_lines(data: bytes, ends: Offsets) -> list[int]:
    """The indexes of the lines that hold bytes which are no text; `ends` are the offsets of the line ends."""
    if data.isascii():
        return []
    found: list[int] = []
    view, position, ends_list = memoryview(data), 0, None
    while position < len(data):
        try:
            codecs.utf_8_decode(view[position:], "strict", True)
            break
        except UnicodeDecodeError as error:
            ends_list = ends_list if ends_list is not None else ends.tolist()
            index = bisect_left(ends_list, position + error.start)
            found.append(index)
            position = ends_list[index] + 1
    return found


def raw_text(data: bytes) -> str:
    """Bytes as text for a reject, cut to its length, with U+FFFD for what is no text."""
    return data[: 4 * RAW_CHARACTERS].decode("utf-8", "replace").rstrip("\r\n")[:RAW_CHARACTERS]


def too_long_rejects(too_long: tuple[tuple[int, str], ...], maximum: int) -> list[Reject]:
    """The rejects of the lines blanked for their length."""
    return [Reject(line, "line_too_long", f"the line has more than {maximum:,} bytes", raw) for line, raw in too_long]


def invalid_reject(line: int, data: bytes, encoding: str) -> Reject:
    """The reject of a line or record that is no text in the encoding of the file."""
    return Reject(line, "invalid_encoding", f"not valid {encoding}", raw_text(data))
