"""One file to rows that can be loaded and rows that cannot: read, mapped, cast and judged in batches.

Memory is that of a batch. Here: the pass over a file. Not here: which rows are new, and where anything is kept
(`load.py`).
"""

import json
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as arrow
import pyarrow.parquet as pq

from crm_platform.sources.landing import LandedFile
from crm_platform.sources.mapping import MappedColumns, expected_columns, map_rows, match_columns
from crm_platform.sources.readers.batch import MEMBER, SHEET, SOURCE_LINE, FileForm, RawBatch, ReadLimits, RefusedFile
from crm_platform.sources.readers.content import FileContent
from crm_platform.sources.readers.registry import read_file
from crm_platform.sources.rules import Rule, rules_of
from crm_platform.sources.staging import StagedFeed

SHOWN_LINES = 5
PLACE = ("file_part", "file_line")
QUARANTINE_SCHEMA = {"file_part": pl.String, "file_line": pl.Int64, "reason": pl.String, "raw": pl.String}


@dataclass
class RuleCount:
    """How many rows of a file break a rule, and the first few of their lines."""

    rule: str
    column: str
    severity: str
    number_of_rows: int = 0
    first_lines: list[int] = field(default_factory=list)

    def add(self, number_of_rows: int, lines: Sequence[int]) -> None:
        """Count further rows."""
        self.number_of_rows += number_of_rows
        self.first_lines = [*self.first_lines, *lines][:SHOWN_LINES]


@dataclass
class ParsedFile:
    """What a file held: the Parquet files of its good rows (canonical columns, `file_part`, `file_line`, `file_number`)
    and of its bad ones (`file_part`, `file_line`, `reason`, `raw`), its columns, those by which the reader names a part
    of the file, and how often each rule was broken."""

    good_rows: Path
    bad_rows: Path
    rows_received: int = 0
    rows_quarantined: int = 0
    encoding: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    part_columns: tuple[str, ...] = ()
    mapped_columns: frozenset[str] = frozenset()
    rule_counts: dict[str, RuleCount] = field(default_factory=dict)

    @property
    def rows_good(self) -> int:
        """Rows that keep every rule of severity error."""
        return self.rows_received - self.rows_quarantined


def parse_file(
    feed: StagedFeed,
    file: LandedFile,
    file_number: int,
    work: Path,
    limits: ReadLimits,
    identified: FileContent | None = None,
) -> ParsedFile:
    """Read a file of a feed and judge its rows; `work` is an empty folder for its results, `identified` what was found
    when the file was digested, which saves looking again.

    Raises:
        RefusedFile: the file cannot be read as what it is declared to be; what was written is of no use.
    """
    parsed = ParsedFile(good_rows=work / "good.parquet", bad_rows=work / "bad.parquet")
    form = feed.declaration.form or FileForm(kind="parquet")
    with _Sink(parsed.good_rows) as good_rows, _Sink(parsed.bad_rows) as bad_rows:
        try:
            with read_file(file.path, form, work, limits, expected_columns(feed), identified) as content:
                parsed.encoding = content.encoding
                parsed.columns = {column.name: column.type for column in content.columns}
                parsed.part_columns = _part_columns(form, parsed.columns)
                match_columns(feed, list(parsed.columns))  # refuses a file without the columns, even an empty one
                for batch in content.batches():
                    _take_batch(batch, feed, file, file_number, parsed, good_rows, bad_rows)
        except (
            duckdb.InvalidInputException,
            duckdb.ConversionException,
            pl.exceptions.PolarsError,
            arrow.ArrowInvalid,
        ) as error:
            raise RefusedFile("unreadable", _unreadable_message(form, error)) from error
        good_rows.write(_no_rows(feed))
        bad_rows.write(pl.DataFrame(schema=QUARANTINE_SCHEMA))
    return parsed


def _take_batch(
    batch: RawBatch,
    feed: StagedFeed,
    file: LandedFile,
    file_number: int,
    parsed: ParsedFile,
    good_rows: "_Sink",
    bad_rows: "_Sink",
) -> None:
    parsed.rows_received += batch.rows.height + batch.rejects.height
    if not batch.rejects.is_empty():
        _take_rejects(_placed(batch.rejects, parsed), parsed, bad_rows)
    if batch.rows.is_empty():
        return
    rows, columns = _with_known_columns(_placed(batch.rows, parsed), feed, parsed)
    mapped = map_rows(rows, columns, feed)
    rules = rules_of(feed, mapped.columns, file.file_dt, _countries(mapped))
    broken = _broken_rules(mapped, rules, parsed)
    errors = [rule for rule in broken if rule.severity == "error"]
    is_bad = pl.any_horizontal(rule.violated for rule in errors) if errors else pl.lit(False)
    if errors:
        verdicts = mapped.select(_reasons(errors).alias("reason"), is_bad.alias("is_bad"))
        bad_rows.write(_quarantined(rows.filter(verdicts["is_bad"]), verdicts.filter("is_bad")["reason"]))
        parsed.rows_quarantined += int(verdicts["is_bad"].sum())
    emptied = [rule for rule in broken if rule.severity == "warning" and rule.empties]
    good_rows.write(
        mapped.filter(~is_bad)
        .with_columns(_emptied(emptied))
        .select(*feed.canonical_columns, *PLACE, pl.lit(file_number, pl.Int64).alias("file_number"))
    )


def _placed(rows: pl.DataFrame, parsed: ParsedFile) -> pl.DataFrame:
    """Rows with `file_part` and `file_line` in place of what the reader calls the place of a row."""
    # A source may have a column of its own called member or sheet: only those that the reader added are a place.
    names = [name for name in parsed.part_columns if name in rows.columns]
    part = pl.concat_str(names, separator=": ", ignore_nulls=True) if names else pl.lit("")
    return rows.with_columns(part.alias("file_part")).rename({SOURCE_LINE: "file_line"}).drop(names)


def _with_known_columns(rows: pl.DataFrame, feed: StagedFeed, parsed: ParsedFile) -> tuple[pl.DataFrame, MappedColumns]:
    """A batch may bring columns not met before (JSON keys), or lack some that others have: those are null in it."""
    for name, column_type in rows.schema.items():
        if name not in PLACE and name not in parsed.columns:
            parsed.columns[name] = "text" if column_type == pl.String else str(column_type)
    columns = match_columns(feed, list(parsed.columns))
    parsed.mapped_columns = frozenset(parsed.columns) - frozenset(columns.unused)
    missing = [name for name in parsed.mapped_columns if name not in rows.columns]
    return rows.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing), columns


def _countries(mapped: pl.DataFrame) -> list[str]:
    if "country" not in mapped.columns or "postcode" not in mapped.columns:
        return []
    return sorted(mapped["country"].drop_nulls().unique().to_list())


def _broken_rules(mapped: pl.DataFrame, rules: Sequence[Rule], parsed: ParsedFile) -> list[Rule]:
    counts = mapped.select(rule.violated.sum().alias(rule.label) for rule in rules).row(0, named=True)
    broken = [rule for rule in rules if counts[rule.label]]
    for rule in broken:
        lines = mapped.lazy().filter(rule.violated).select("file_line").head(SHOWN_LINES).collect()
        _count(parsed, rule.name, rule.column, rule.severity, counts[rule.label], lines["file_line"].to_list())
    return broken


def _count(parsed: ParsedFile, rule: str, column: str, severity: str, rows: int, lines: Sequence[int]) -> None:
    count = parsed.rule_counts.setdefault(f"{rule}:{column}", RuleCount(rule, column, severity))
    count.add(rows, lines)


def _take_rejects(rejects: pl.DataFrame, parsed: ParsedFile, bad_rows: "_Sink") -> None:
    parsed.rows_quarantined += rejects.height
    for reason, number_of_rows in Counter(rejects["reason"].to_list()).items():
        lines = rejects.filter(pl.col("reason") == reason)["file_line"].head(SHOWN_LINES).to_list()
        _count(parsed, reason, "", "error", number_of_rows, lines)
    bad_rows.write(rejects.select(*PLACE, "reason", "raw"))


def _reasons(errors: Sequence[Rule]) -> pl.Expr:
    named = [pl.when(rule.violated).then(pl.lit(rule.label)) for rule in errors]
    return pl.concat_str(named, separator=" ", ignore_nulls=True)


def _quarantined(rows: pl.DataFrame, reasons: pl.Series) -> pl.DataFrame:
    as_given = pl.struct(pl.exclude(PLACE)).struct.json_encode()
    return rows.select(*PLACE, reasons.alias("reason"), as_given.alias("raw"))


def _emptied(rules: Sequence[Rule]) -> list[pl.Expr]:
    by_column: dict[str, list[pl.Expr]] = {}
    for rule in rules:
        by_column.setdefault(rule.column, []).append(rule.violated)
    return [pl.when(~pl.any_horizontal(broken)).then(pl.col(name)).alias(name) for name, broken in by_column.items()]


def _part_columns(form: FileForm, columns: Container[str]) -> tuple[str, ...]:
    """The columns that the reader adds: the members of an archive it does not announce, the sheets of a workbook it
    does."""
    members = () if MEMBER in columns else (MEMBER,)
    return (*members, SHEET) if form.kind == "excel" else members


def _no_rows(feed: StagedFeed) -> pl.DataFrame:
    schema = {name: feed.contract.polars_schema[name] for name in feed.canonical_columns}
    return pl.DataFrame(schema={**schema, "file_part": pl.String, "file_line": pl.Int64, "file_number": pl.Int64})


def _unreadable_message(form: FileForm, error: Exception) -> str:
    # An engine's message quotes the line it stumbled over: only the kind of the error may be shown.
    return f"it cannot be read as {form.kind} ({type(error).__name__}): check that the form declared for it is right"


def columns_as_json(columns: dict[str, str]) -> str:
    """Columns and their types as the ledger keeps them."""
    return json.dumps(columns, ensure_ascii=False)


class _Sink:
    """A Parquet file written frame by frame; a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer: pq.ParquetWriter | None = None

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows; the first frame, even an empty one, decides the columns."""
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.path, table.schema, compression="lz4")
        if rows.height:
            self.writer.write_table(table)

    def __enter__(self) -> "_Sink":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.writer is not None:
            self.writer.close()
