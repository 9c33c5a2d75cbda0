"""Reads CSV in any dialect: text columns in batches, every record either a row or a reject, with its exact line.

The dialect is found by `csv_dialect.py`, the records by `csv_records.py`; what remains here is to split the sound
records into columns and to name what is wrong with the others. polars splits the plain ones, which it does fastest;
pyarrow those with an escape character, a bare quote or CR, or declared null values, where polars reads otherwise.
Types and meanings are for the casts of the ingest.
"""

import csv
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from crm_platform.sources.readers.batch import (
    SOURCE_LINE,
    FileForm,
    RawBatch,
    ReadFile,
    ReadLimits,
    RefusedFile,
    Reject,
    reject_frame,
    sliced,
    text_columns,
)
from crm_platform.sources.readers.csv_dialect import Dialect, Header, find_dialect, find_header
from crm_platform.sources.readers.csv_records import Flags, Records, count_fields, find_records
from crm_platform.sources.readers.opening import Request
from crm_platform.sources.readers.text_lines import (
    LineBlock,
    TextContent,
    invalid_lines,
    line_blocks,
    raw_text,
    text_content,
    too_long_rejects,
)

SAMPLE_BYTES = 256 * 1024
RARE_BYTES = bytes([*range(1, 9), *range(14, 32)])
csv.field_size_limit(16 * 1024**2)


@dataclass(frozen=True)
class _Layout:
    """What is known of a CSV before its rows are read."""

    text: TextContent
    form: FileForm
    limits: ReadLimits
    dialect: Dialect
    header: Header


def open_csv(request: Request) -> ReadFile:
    """Open a CSV content.

    Raises RefusedFile: binary_content, unknown_encoding, wrong_encoding, bad_dialect, no_header, line_too_long; while
    batches are read: truncated_archive, archive_bomb.
    """
    form, name, expected_columns = request.form, request.content.name, request.expected_columns
    text = text_content(request.content, form.encoding)
    sample = _sample(text, request.limits)
    dialect = find_dialect(sample, form, expected_columns, name)
    header = find_header(sample, dialect, form, expected_columns, name)
    layout = _Layout(text, form, request.limits, dialect, header)
    return ReadFile(
        columns=text_columns(header.names),
        read=lambda: _batches(layout),
        encoding=text.encoding,
        delimiter=dialect.delimiter,
        content_lines=text.facts.lines,
    )


def _sample(text: TextContent, limits: ReadLimits) -> str:
    """The first lines as text; a file that begins with a line over the limit is refused."""
    for block in line_blocks(text, limits, SAMPLE_BYTES):
        if block.too_long and block.too_long[0][0] == block.first_line == 1:
            raise RefusedFile(
                "line_too_long",
                f"{text.content.name}: its first line has over {limits.maximum_line_bytes:,} bytes:"
                " check that the file is text and its line ends were not lost",
            )
        return block.data.decode("utf-8", "replace").replace("\r\n", "\n")
    return ""


@dataclass(frozen=True)
class _Piece:
    """Whole records of the file: their bytes, where they stand, and what was taken out of them."""

    data: bytes
    first_line: int
    records: Records
    too_long: tuple[tuple[int, str], ...]
    skip_records: int

    @cached_property
    def is_blank(self) -> Flags:
        """Whether each record is an empty line."""
        values = np.frombuffer(self.data, np.uint8)
        lengths = self.records.ends - self.records.starts
        blank: Flags = (lengths == 1) | ((lengths == 2) & (values[self.records.starts] == 13))
        return blank


class _Miscounted(Exception):
    """A record has too many or too few fields."""


def _batches(layout: _Layout) -> Iterator[RawBatch]:
    """Find the records block by block while other threads split those found before, in order."""
    threads = layout.limits.threads or min(os.cpu_count() or 1, 4)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[tuple[pl.DataFrame, pl.DataFrame]]] = deque()
        for piece in _pieces(layout):
            waiting.append(pool.submit(_split, piece, layout))
            if len(waiting) > threads:
                yield from sliced(*waiting.popleft().result(), layout.limits.batch_rows)
        while waiting:
            yield from sliced(*waiting.popleft().result(), layout.limits.batch_rows)


@dataclass
class _OpenRecord:
    """The lines at the end of a block whose last record goes on in the next."""

    data: bytes = b""
    too_long: list[tuple[int, str]] = field(default_factory=list)


def _pieces(layout: _Layout) -> Iterator[_Piece]:
    marks, maximum = layout.dialect.marks, layout.limits.maximum_line_bytes
    left = _OpenRecord()
    to_skip = layout.header.records_before
    for block, is_last in _with_last(line_blocks(layout.text, layout.limits)):
        data = left.data + block.data
        first_line = block.first_line - left.data.count(b"\n")
        records = find_records(data, marks, is_last, maximum)
        next_line = first_line + records.line_ends.size
        too_long = [*left.too_long, *block.too_long]
        done = tuple(item for item in too_long if item[0] < next_line)
        left = _OpenRecord(data[records.consumed :], [item for item in too_long if item[0] >= next_line])
        piece = _Piece(data[: records.consumed], first_line, records, done, to_skip)
        to_skip = max(0, to_skip - int(np.count_nonzero(~piece.is_blank))) if to_skip else 0
        yield piece


def _with_last(blocks: Iterator[LineBlock]) -> Iterator[tuple[LineBlock, bool]]:
    """Each block with whether it is the last."""
    previous: LineBlock | None = None
    for block in blocks:
        if previous is not None:
            yield previous, False
        previous = block
    if previous is not None:
        yield previous, True


def _split(piece: _Piece, layout: _Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and rejects of a piece: every record that is not blank, and not above the first row, is one of the two."""
    taken = ~piece.is_blank
    if piece.skip_records:
        taken[: _end_of_skipped(taken, piece.skip_records)] = False
    reasons = _broken_records(piece, layout)
    try:
        rows = _parse(piece, _sound(taken, reasons), layout)
    except _Miscounted:
        reasons = _miscounted(piece, taken, layout) | reasons
        rows = _parse(piece, _sound(taken, reasons), layout)
    rejects = [_reject(piece, record, why, layout) for record, why in sorted(reasons.items()) if taken[record]]
    rejects += _rejects_of_blanked(piece, layout)
    return rows, reject_frame(rejects)


def _end_of_skipped(taken: Flags, count: int) -> int:
    """The index after the last of the first `count` records that are not blank."""
    places = np.flatnonzero(taken)[:count]
    return int(places[-1]) + 1 if places.size else 0


def _sound(taken: Flags, reasons: dict[int, tuple[str, str]]) -> Flags:
    sound = taken.copy()
    sound[list(reasons)] = False
    return sound


def _broken_records(piece: _Piece, layout: _Layout) -> dict[int, tuple[str, str]]:
    """The records that cannot be split, by index: reason and detail."""
    records = piece.records
    details = {
        "unterminated_quote": "a quote is opened on this line and not closed where a field ends",
        "unescaped_quote": "a quote within a quoted field is not doubled or escaped",
    }
    reasons = {record: (why, details[why]) for record, why in records.broken.items()}
    is_known_to_be_text = layout.text.encoding == "utf-8" and layout.text.facts.is_utf8
    for line in [] if is_known_to_be_text else invalid_lines(piece.data, records.line_ends):
        reasons[records.record_of_line(line)] = ("invalid_encoding", f"not valid {layout.text.encoding}")
    for line, _ in piece.too_long:
        limit = layout.limits.maximum_line_bytes
        reasons[records.record_of_line(line - piece.first_line)] = (
            "line_too_long",
            f"the line has more than {limit:,} bytes",
        )
    return reasons


def _miscounted(piece: _Piece, taken: Flags, layout: _Layout) -> dict[int, tuple[str, str]]:
    expected = len(layout.header.names)
    counts = count_fields(piece.data, layout.dialect.marks, piece.records)
    wrong = np.flatnonzero((counts != expected) & taken).tolist()
    return {
        record: ("wrong_number_of_columns", f"{counts[record]} fields where the header has {expected}")
        for record in wrong
    }


def _reject(piece: _Piece, record: int, why: tuple[str, str], layout: _Layout) -> Reject:
    start, end = int(piece.records.starts[record]), int(piece.records.ends[record])
    line = piece.first_line + int(piece.records.lines[record])
    return Reject(line, *why, raw_text(piece.data[start : min(end, start + 40_000)]))


def _rejects_of_blanked(piece: _Piece, layout: _Layout) -> list[Reject]:
    """The rejects of lines over the limit that stood alone; one within a quoted field is rejected with its record."""
    blank = piece.is_blank
    alone = tuple(item for item in piece.too_long if blank[piece.records.record_of_line(item[0] - piece.first_line)])
    return too_long_rejects(alone, layout.limits.maximum_line_bytes)


def _parse(piece: _Piece, sound: Flags, layout: _Layout) -> pl.DataFrame:
    """Split the sound records into text columns; raises _Miscounted when one has too many or too few fields."""
    schema = dict.fromkeys(layout.header.names, pl.String)
    lines = pl.Series(SOURCE_LINE, piece.records.lines[sound] + piece.first_line, dtype=pl.Int64)
    if not lines.len():
        return pl.DataFrame(schema={**schema, SOURCE_LINE: pl.Int64})
    data = _bytes_of(piece, sound)
    rows = _split_plain(data, piece, layout) if _is_plain(data, piece, layout) else _split_odd(data, layout)
    if rows.height != lines.len():
        raise RefusedFile(
            "unclear_records",
            f"{layout.text.content.name}: the records near line {piece.first_line:,} cannot be told apart:"
            " declare delimiter, quote and escape",
        )
    return rows.with_columns(lines)


def _is_plain(data: bytes, piece: _Piece, layout: _Layout) -> bool:
    """Whether polars reads these records as they are meant."""
    has_usual_nulls = layout.form.null_values == [""] and len(layout.header.names) > 1
    return (
        has_usual_nulls and piece.records.is_clean and (b"\r" not in data or data.count(b"\r") == data.count(b"\r\n"))
    )


def _split_plain(data: bytes, piece: _Piece, layout: _Layout) -> pl.DataFrame:
    schema = dict.fromkeys(layout.header.names, pl.String)
    dialect = layout.dialect
    try:
        rows = pl.read_csv(
            data,
            has_header=False,
            schema=schema,
            separator=dialect.delimiter,
            quote_char=dialect.quote,
        )
    except pl.exceptions.PolarsError:
        return _split_odd(data, layout)
    last = rows.to_series(rows.width - 1)
    if last.null_count() and _has_too_few(data, rows, piece, layout):
        raise _Miscounted  # polars fills a short record up with nulls
    return rows


def _has_too_few(data: bytes, rows: pl.DataFrame, piece: _Piece, layout: _Layout) -> bool:
    """Whether a record has too few fields, none having too many."""
    marks = layout.dialect.marks
    if piece.records.quotes.size == 0:
        return data.count(marks.delimiter) != rows.height * (rows.width - 1)
    found = find_records(data, marks, True, layout.limits.maximum_line_bytes)
    return bool((count_fields(data, marks, found) != rows.width).any())


def _split_odd(data: bytes, layout: _Layout) -> pl.DataFrame:
    names = layout.header.names
    data, stand_in = _without_stray_returns(data)
    try:
        table = pa_csv.read_csv(
            pa.py_buffer(data),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            parse_options=_parse_options(layout.dialect),
            convert_options=_convert_options(layout),
        )
    except pa.ArrowInvalid:
        raise _Miscounted from None
    rows = pl.DataFrame(pl.from_arrow(table), schema=dict.fromkeys(names, pl.String))
    return rows if stand_in is None else rows.with_columns(pl.all().str.replace_all(stand_in, "\r", literal=True))


def _bytes_of(piece: _Piece, sound: Flags) -> bytes:
    if sound.all():
        return piece.data
    lengths = piece.records.ends - piece.records.starts
    return np.frombuffer(piece.data, np.uint8)[np.repeat(sound, lengths)].tobytes()


def _without_stray_returns(data: bytes) -> tuple[bytes, str | None]:
    """Hide a CR that ends no line, which pyarrow would take for an end, behind a byte the text does not use."""
    if data.count(b"\r") == data.count(b"\r\n"):
        return data, None
    stand_in = next((byte for byte in RARE_BYTES if bytes([byte]) not in data), None)
    if stand_in is None:
        return data, None
    values = np.frombuffer(data, np.uint8).copy()
    returns = np.flatnonzero(values == 13)
    values[returns[values[np.minimum(returns + 1, values.size - 1)] != 10]] = stand_in
    return values.tobytes(), chr(stand_in)


def _parse_options(dialect: Dialect) -> pa_csv.ParseOptions:
    return pa_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char=dialect.quote or False,
        double_quote=dialect.quote is not None,
        escape_char=dialect.escape or False,
        newlines_in_values=True,
        ignore_empty_lines=True,
    )


def _convert_options(layout: _Layout) -> pa_csv.ConvertOptions:
    return pa_csv.ConvertOptions(
        column_types={name: pa.large_string() for name in layout.header.names},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=layout.form.null_values,
        check_utf8=False,
    )
