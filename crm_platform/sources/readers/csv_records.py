"""Where the records of a CSV text begin and end, and which of them are broken, found by arithmetic on its bytes.

Quotes are taken as RFC 4180 has them: one opens a field where a field begins, closes it where a field ends, and stands
for itself doubled, or after the escape character; in an unquoted field it is a character like any other. All quotes of
a block are judged at once; only those that do not fit are walked through, one step each. A field whose closing quote
does not fit was either not closed on its line (then that line is broken and reading resumes on the next) or holds a
bare quote. Splitting a record into fields is not done here.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from crm_platform.sources.readers.text_lines import Offsets, line_ends

Flags = npt.NDArray[np.bool_]

UNTERMINATED = "unterminated_quote"
UNESCAPED = "unescaped_quote"


@dataclass(frozen=True)
class Marks:
    """The characters of a dialect, each one byte; quote None: no quoting; escape None: quotes are doubled."""

    delimiter: int
    quote: int | None
    escape: int | None


@dataclass(frozen=True)
class Records:
    """The records of a block: record i is `data[starts[i]:ends[i]]`, its end of line included.

    lines: index, in the block, of the line each record begins on. broken: index of a record -> why. quotes: offsets of
    the quotes that open and close fields. consumed: bytes that the records take; the rest is a record still open.
    line_ends: offsets of all line ends within the bytes consumed. is_clean: every quote opens or closes a field, or is
    doubled in one, and nothing is escaped otherwise.
    """

    starts: Offsets
    ends: Offsets
    lines: Offsets
    broken: dict[int, str]
    quotes: Offsets
    consumed: int
    line_ends: Offsets
    is_clean: bool = False

    def record_of_line(self, line: int) -> int:
        """The index of the record that the line (an index in the block) belongs to."""
        return int(np.searchsorted(self.lines, line, side="right")) - 1


def find_records(data: bytes, marks: Marks, is_last: bool, maximum_bytes: int) -> Records:
    """Find the records of whole lines of UTF-8 that begin with a record.

    A record still open at the end is left for the next block, unless there is none (`is_last`) or it has grown over
    `maximum_bytes`: then its quote counts as not terminated.
    """
    clean = _clean_records(data, marks, is_last, maximum_bytes)
    if clean is not None:
        return clean
    values = np.frombuffer(data, np.uint8)
    ends = line_ends(data)
    escaped = _escaped(values, data, marks.escape)
    quotes = np.empty(0, np.int64)
    literal, broken_lines, consumed = quotes, dict[int, str](), len(data)
    if marks.quote is not None and data.find(marks.quote) >= 0:
        found = _without(np.flatnonzero(values == marks.quote), escaped)
        walk = _QuoteWalk(values, found, ends, marks, maximum_bytes)
        quotes, literal, broken_lines, consumed = walk.run(is_last)
    return _records(data, _Structure(ends, escaped, quotes, literal, broken_lines, consumed))


def count_fields(data: bytes, marks: Marks, records: Records) -> Offsets:
    """The number of fields of each record."""
    values = np.frombuffer(data, np.uint8)
    delimiters = _without(np.flatnonzero(values == marks.delimiter), _escaped(values, data, marks.escape))
    outside = delimiters[~_is_inside(delimiters, records.quotes)]
    counts: Offsets = np.diff(np.searchsorted(outside, records.ends), prepend=0) + 1
    return counts


def _clean_records(data: bytes, marks: Marks, is_last: bool, maximum_bytes: int) -> Records | None:
    """The records of a text as it should be, at a fraction of the work; None for one that must be looked at closely."""
    if marks.escape is not None and data.find(marks.escape) >= 0:
        return None
    values = np.frombuffer(data, np.uint8)
    ends = line_ends(data)
    has_quotes = marks.quote is not None and data.find(marks.quote) >= 0
    quotes = np.flatnonzero(values == marks.quote) if has_quotes else np.empty(0, np.int64)
    if not _are_in_pairs(values, quotes, marks, maximum_bytes) or (is_last and quotes.size % 2):
        return None
    record_ends = ends[~_is_inside(ends, quotes)]
    consumed = int(record_ends[-1]) + 1 if record_ends.size else 0
    if consumed < len(data) and (is_last or len(data) - consumed > maximum_bytes):
        return None
    found = _Structure(
        ends, np.empty(0, np.int64), quotes[: np.searchsorted(quotes, consumed)], np.empty(0, np.int64), {}, consumed
    )
    return replace(_records(data, found), is_clean=True)


def _are_in_pairs(values: npt.NDArray[np.uint8], quotes: Offsets, marks: Marks, maximum_bytes: int) -> bool:
    """Whether the quotes open and close fields by turns, each standing beside a mark that allows it to.

    The text begins with a record and ends with LF, so that the byte before its first is as good as a line's end.
    """
    line_feed, carriage_return = 10, 13
    opening, closing = quotes[0::2], quotes[1::2]
    may_stand_beside = np.zeros(256, np.bool_)
    may_stand_beside[[marks.delimiter, line_feed, marks.quote or line_feed]] = True
    if not may_stand_beside[values[opening - 1]].all():
        return False
    after = values[closing + 1]
    odd = closing[~may_stand_beside[after]]
    if (
        odd.size
        and ((values[odd + 1] != carriage_return) | (values[np.minimum(odd + 2, values.size - 1)] != line_feed)).any()
    ):
        return False
    return closing.size == 0 or int((closing - opening[: closing.size]).max()) <= maximum_bytes


@dataclass(frozen=True)
class _Structure:
    ends: Offsets
    escaped: Offsets
    quotes: Offsets
    literal: Offsets
    broken_lines: dict[int, str]
    consumed: int


def _records(data: bytes, found: _Structure) -> Records:
    all_ends = found.ends[: np.searchsorted(found.ends, found.consumed)]
    is_record_end = ~_is_inside(all_ends, found.quotes)
    if found.escaped.size:
        is_record_end &= ~np.isin(all_ends, found.escaped)
        is_record_end[-1:] = True
    end_lines = np.flatnonzero(is_record_end)
    ends = all_ends[end_lines] + 1
    starts = np.concatenate((np.zeros(min(1, ends.size), np.int64), ends[:-1]))
    lines = np.concatenate((np.zeros(min(1, ends.size), np.int64), end_lines[:-1] + 1))
    records = Records(starts, ends, lines, {}, found.quotes, found.consumed, all_ends)
    for offset in found.literal[_is_inside(found.literal, found.quotes)].tolist():
        if offset < found.consumed:
            records.broken[int(np.searchsorted(ends, offset, side="right"))] = UNESCAPED
    for line, reason in found.broken_lines.items():
        records.broken[records.record_of_line(line)] = reason
    return records


def _is_inside(offsets: Offsets, quotes: Offsets) -> Flags:
    """Whether each offset stands between an opening and a closing quote."""
    if quotes.size == 0:
        return np.zeros(offsets.size, np.bool_)
    inside: Flags = (np.searchsorted(quotes, offsets) & 1).astype(np.bool_)
    return inside


def _without(offsets: Offsets, escaped: Offsets) -> Offsets:
    return offsets if escaped.size == 0 else offsets[~np.isin(offsets, escaped)]


def _escaped(values: npt.NDArray[np.uint8], data: bytes, escape: int | None) -> Offsets:
    """Offsets of the bytes that an escape character takes their meaning from; escapes escape each other in pairs."""
    if escape is None or data.find(escape) < 0:
        return np.empty(0, np.int64)
    escapes = np.flatnonzero(values == escape)
    is_run_start = np.concatenate(([True], np.diff(escapes) != 1))
    run_starts = np.flatnonzero(is_run_start)
    place_in_run = np.arange(escapes.size) - run_starts[np.cumsum(is_run_start) - 1]
    escaped: Offsets = escapes[place_in_run % 2 == 0] + 1
    return escaped


class _QuoteWalk:
    """Tells the quotes that open and close fields from those that are text or broken."""

    def __init__(
        self, values: npt.NDArray[np.uint8], quotes: Offsets, ends: Offsets, marks: Marks, maximum_bytes: int
    ) -> None:
        begins, closes = _neighbours(values, quotes, marks)
        gaps = np.diff(quotes)
        after_quote = np.concatenate(([False], gaps == 1))[: quotes.size]
        before_quote = np.concatenate((gaps == 1, [False]))[: quotes.size]
        is_literal = ~(begins | closes | after_quote | before_quote)
        structural = ~is_literal
        self.literal = [quotes[is_literal]]
        self.quotes, self.ends = quotes[structural], ends
        self.begins = begins[structural]
        self.after_quote = after_quote[structural]
        self.size, self.maximum = values.size, maximum_bytes
        cannot_open = ~(self.begins | self.after_quote)
        is_far = np.diff(self.quotes, prepend=self.quotes[:1]) > maximum_bytes
        cannot_close = ~(closes[structural] | before_quote[structural]) | is_far
        self.misfits = [self._misfits(cannot_open, cannot_close, parity) for parity in (0, 1)]

    @staticmethod
    def _misfits(cannot_open: Flags, cannot_close: Flags, parity: int) -> Offsets:
        """Indexes of the quotes that do not fit when those of this parity open a field and the others close one."""
        opens = np.arange(cannot_open.size) % 2 == parity
        return np.flatnonzero(np.where(opens, cannot_open, cannot_close))

    def run(self, is_last: bool) -> tuple[Offsets, Offsets, dict[int, str], int]:
        """The structural quotes, the literal ones, the broken lines, and how many bytes whole records take."""
        kept: list[Offsets] = []
        broken: dict[int, str] = {}
        index, consumed = 0, self.size
        while index < self.quotes.size:
            if not self.begins[index]:
                self.literal.append(self.quotes[index : index + 1])
                index += 1
                continue
            misfit = self._next_misfit(index)
            if misfit < self.quotes.size and (misfit - index) % 2 == 0:
                kept.append(self.quotes[index:misfit])
                index = misfit
                continue
            if misfit == self.quotes.size and (misfit - index) % 2 == 0:
                kept.append(self.quotes[index:])
                break
            opening = self._opening_of(misfit, index)
            kept.append(self.quotes[index:opening])
            line = int(np.searchsorted(self.ends, self.quotes[opening]))
            if misfit == self.quotes.size and not is_last:
                start = self._record_start(opening, kept)
                if self.size - start <= self.maximum:
                    consumed = start
                    break
            broken[line] = self._reason(line, self.quotes[opening], misfit)
            index = int(np.searchsorted(self.quotes, self.ends[line]))
        literal = np.sort(np.concatenate(self.literal))
        return np.concatenate(kept) if kept else np.empty(0, np.int64), literal, broken, consumed

    def _next_misfit(self, index: int) -> int:
        misfits = self.misfits[index % 2]
        place = int(np.searchsorted(misfits, index))
        return int(misfits[place]) if place < misfits.size else int(self.quotes.size)

    def _opening_of(self, misfit: int, first: int) -> int:
        """The quote that opened the field which `misfit` fails to close, back over doubled quotes."""
        opening = misfit - 1
        while opening - 2 >= first and not self.begins[opening]:
            opening -= 2
        return opening

    def _record_start(self, opening: int, kept: list[Offsets]) -> int:
        """Where the record begins that holds the quote: after the last line end before it that is outside quotes."""
        closed = np.concatenate(kept)
        before = self.ends[: np.searchsorted(self.ends, self.quotes[opening])]
        outside = before[~_is_inside(before, closed)]
        return int(outside[-1]) + 1 if outside.size else 0

    def _reason(self, line: int, opening: int, misfit: int) -> str:
        """Whether another quote stands on the line, after the one that opened the field: then that one is bare."""
        bare = self.literal[0]
        place = int(np.searchsorted(bare, opening))
        after = [int(bare[place])] if place < bare.size else []
        after += [int(self.quotes[misfit])] if misfit < self.quotes.size else []
        return UNESCAPED if min(after, default=self.size) < self.ends[line] else UNTERMINATED


def _neighbours(values: npt.NDArray[np.uint8], quotes: Offsets, marks: Marks) -> tuple[Flags, Flags]:
    """Whether a field may begin at, and may end at, each quote, by the bytes before and after it."""
    line_feed, carriage_return = 10, 13
    before = np.where(quotes > 0, values[quotes - 1], line_feed)
    after = values[np.minimum(quotes + 1, values.size - 1)]
    after_next = values[np.minimum(quotes + 2, values.size - 1)]
    begins: Flags = (before == marks.delimiter) | (before == line_feed)
    ends_line = (after == line_feed) | ((after == carriage_return) & (after_next == line_feed))
    closes: Flags = (after == marks.delimiter) | ends_line
    return begins, closes
