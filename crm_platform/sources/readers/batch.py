"""What a reader is told and what it gives back: the form of a file, the limits, batches, rejects and refusals.

Here stand the words that the readers and the ingest share. How a particular form is read stands in the module of
that form; what a value means (dates, decimals, rules) is decided later, by the casts and the rules of the ingest.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import polars as pl
from pydantic import Field

from crm_platform.configuration import Declared
from crm_platform.problem import Problem

Kind = Literal["csv", "json_lines", "parquet", "excel", "access_log", "database", "mail", "provider_events"]
LogDialect = Literal["auto", "common", "combined", "vhost", "cloudfront", "alb", "json"]

SOURCE_LINE = "source_line"
MEMBER = "member"
SHEET = "sheet"
RAW_CHARACTERS = 10_000
REJECT_SCHEMA = {SOURCE_LINE: pl.Int64, "reason": pl.String, "detail": pl.String, "raw": pl.String}


class FileForm(Declared):
    """How the files of one feed are written; all but `kind` is found in the file when it is not declared."""

    kind: Kind = Field(description="The form of the file: which reader opens it.")
    encoding: str | None = Field(
        default=None, description="Character encoding of a text file (utf-8, utf-16, cp1252, ...). Default: found."
    )
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="csv: the character between two fields. Default: found."
    )
    quote: str | None = Field(
        default=None, max_length=1, description="csv: the character around a field; '' when there is none."
    )
    escape: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="csv: the character before a quote that belongs to the text. Default: the quote is doubled.",
    )
    header: bool = Field(default=True, description="csv: whether a row of column names stands above the rows.")
    columns: list[str] | None = Field(
        default=None, description="csv: the column names, in order, of a file without a header."
    )
    skip_rows: int | None = Field(
        default=None, ge=0, description="csv, excel: rows to leave out above the header. Default: the header is found."
    )
    null_values: list[str] = Field(
        default_factory=lambda: [""], description="csv: unquoted texts that stand for no value."
    )
    decimal: str = Field(default=".", min_length=1, max_length=1, description="The decimal mark of numbers in text.")
    thousands: str | None = Field(default=None, max_length=1, description="The mark between thousands in text.")
    sheet: str | None = Field(
        default=None, description="excel: which sheets to read (a glob). Default: every sheet with the header sought."
    )
    header_rows: int = Field(
        default=0, ge=0, le=5, description="excel: rows of headings, one below the other. 0: found (one or two)."
    )
    dialect: LogDialect = Field(default="auto", description="access_log: the layout of a line. Default: found.")
    keys: dict[str, str] | None = Field(
        default=None, description="access_log: for JSON lines, the column of web_hits -> the server's name of the key."
    )
    records: str | None = Field(
        default=None, description="json_lines: dotted path to the array of records in a file that is one document."
    )


@dataclass(frozen=True)
class ReadLimits:
    """What a file may cost before it is refused, and how large a batch is.

    `maximum_line_bytes` bounds a line, and a quoted CSV record, in bytes of UTF-8; `maximum_ratio` is unpacked over
    packed bytes and holds once more than `RATIO_HOLDS_FROM` bytes are unpacked. `block_bytes`: text taken from the disk
    at a time. `threads`: None leaves the choice to the engine.
    """

    maximum_line_bytes: int = 2 * 1024**2
    maximum_unpacked_bytes: int = 64 * 1024**3
    maximum_ratio: float = 200.0
    batch_rows: int = 250_000
    block_bytes: int = 8 * 1024**2
    memory_limit: str = "1GB"
    threads: int | None = None


RATIO_HOLDS_FROM = 64 * 1024**2


@dataclass(frozen=True)
class SourceColumn:
    """A column as the file has it; `type` is `text`, or the polars name of the type where the form has types."""

    name: str
    type: str = "text"


@dataclass(frozen=True)
class RawBatch:
    """Some rows of a file, and the lines between them that could not be read.

    rows: the source columns as they came and `source_line` (Int64): the 1-based line of the file where the row begins,
    the row of the sheet, or the number of the record where a form has no lines.
    rejects: `source_line` Int64, `reason` (named like a rule), `detail`, `raw` (at most `RAW_CHARACTERS` characters).
    Both have the text columns MEMBER, when the file is a zip of several, and SHEET, when several sheets are read: a
    line is then a line of that member or sheet.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame


@dataclass(frozen=True)
class Reject:
    """One line or record that could not be read."""

    source_line: int
    reason: str
    detail: str
    raw: str


class RefusedFile(Problem):
    """A file that is not read at all; `message` is one line: what, where, what to do, and no personal data."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass
class ReadFile:
    """An open file: its columns, and its rows in batches. A context manager, which frees what it holds.

    columns: those known at opening; a JSON key or a sheet's column met later appears in the batches from there on.
    encoding, delimiter: as found or declared, None where the form has none. content_lines: number of lines (rows of a
    sheet, records of a Parquet file), header and blank lines counted.
    """

    columns: Sequence[SourceColumn]
    read: Callable[[], Iterator[RawBatch]]
    encoding: str | None = None
    delimiter: str | None = None
    content_lines: int | None = None
    resources: ExitStack = field(default_factory=ExitStack)

    def batches(self) -> Iterator[RawBatch]:
        """Read the file once, from the start, in batches of at most `ReadLimits.batch_rows` rows."""
        return self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resources.close()


def text_columns(names: Sequence[str]) -> list[SourceColumn]:
    """The columns of a form whose values are all text."""
    return [SourceColumn(name) for name in names]


def reject_frame(rejects: Sequence[Reject]) -> pl.DataFrame:
    """Rejects as the frame of `RawBatch.rejects`, by line, their text cut to `RAW_CHARACTERS`."""
    rows = [(reject.source_line, reject.reason, reject.detail, reject.raw[:RAW_CHARACTERS]) for reject in rejects]
    return pl.DataFrame(rows, schema=REJECT_SCHEMA, orient="row").sort(SOURCE_LINE, maintain_order=True)


def sliced(rows: pl.DataFrame, rejects: pl.DataFrame, batch_rows: int) -> Iterator[RawBatch]:
    """Batches of at most `batch_rows` rows; the rejects go with the first. Nothing at all yields no batch."""
    if rows.is_empty() and rejects.is_empty():
        return
    yield RawBatch(rows.head(batch_rows), rejects)
    for start in range(batch_rows, rows.height, batch_rows):
        yield RawBatch(rows.slice(start, batch_rows), rejects.clear())


def unique_names(names: Sequence[str | None]) -> list[str]:
    """Column names made unique: `name`, `name_2`; an empty one becomes `column_<its place>`."""
    unique: list[str] = []
    taken = {(name or "").strip() for name in names} | {SOURCE_LINE}
    used: set[str] = {SOURCE_LINE}
    for place, name in enumerate(names, start=1):
        wanted = (name or "").strip() or f"column_{place}"
        candidate, number = wanted, 2
        while candidate in used or (candidate != wanted and candidate in taken):
            candidate, number = f"{wanted}_{number}", number + 1
        used.add(candidate)
        unique.append(candidate)
    return unique
