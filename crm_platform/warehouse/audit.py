"""The check of prepared Parquet files against their contract, in batches of constant memory.

Here: streaming pandera validation and the uniqueness of the key. Not here: what happens with a failure
(`publish.py`). Failures carry counts, check names and hashes of keys, never a value of a row.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandera.backends.polars.builtin_checks  # else pandera knows no check of a frame before its first
import pandera.errors
import pandera.polars as pa
import polars as pl
import pyarrow.parquet as pq

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, parquet_relation, quoted

BATCH_ROWS = 250_000
SHOWN_ROW_HASHES = 5


@dataclass(frozen=True)
class AuditFailure:
    """A check that did not hold: its name, its column (None for the whole row), how often, and the hashes of a few
    rows' keys by which the rows can be found without showing them."""

    check: str
    column: str | None
    number_of_rows: int
    row_hashes: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"column {self.column}" if self.column else "rows"
        return f"{place}: {self.check} fails for {self.number_of_rows:,}"


@dataclass(frozen=True)
class Audit:
    """What the audit of a file found."""

    number_of_rows: int
    failures: tuple[AuditFailure, ...]


def audit_files(prepared: Sequence[Path], contract: Contract, engine: Engine, batch_rows: int = BATCH_ROWS) -> Audit:
    """Check Parquet files against their contract: columns, types, every check on every row, and the key over all.

    Memory is that of one batch; small files are checked together. The key is checked by the engine, within its limit.
    """
    number_of_rows = sum(pq.read_metadata(path).num_rows for path in prepared)
    failures: list[AuditFailure] = []
    for rows in _batches(prepared, contract, batch_rows):
        found = audit_rows(rows, contract)
        failures.extend(found)
        if any(failure.number_of_rows == 0 for failure in found):
            break  # the columns themselves are wrong: every further batch would say the same
    if not failures and number_of_rows:
        failures.extend(_repeated_keys(prepared, contract, engine))
    return Audit(number_of_rows, _summed(failures))


def audit_rows(rows: pl.DataFrame, contract: Contract) -> list[AuditFailure]:
    """Check a collected frame. (pandera checks only the schema of a LazyFrame, silently.)

    A failure of the frame's columns or types, not of rows, has `number_of_rows` 0.
    """
    if _holds(rows, contract):
        return []
    try:
        contract.frame_schema.validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return [_failure(error, errors.failure_cases, rows, contract) for error in errors.schema_errors]
    return []


def _holds(rows: pl.DataFrame, contract: Contract) -> bool:
    """Whether the whole contract holds, by one question: of what does not hold, pandera says what and where.

    Nearly always it holds, and asked column by column, as pandera does, small tables take longer to check than to make.
    False where the question cannot be put: a check that is not pandera's own, or one of the whole row.
    """
    schema = contract.frame_schema
    if list(rows.schema.items()) != list(contract.polars_schema.items()) or schema.checks:
        return False
    columns = schema.columns.items()
    if any(column.unique or not all(map(_is_plain, column.checks)) for _, column in columns):
        return False
    if not rows.height:
        return True
    lazy = rows.lazy()
    outcomes = [lazy.select(_is_present(name, rows.schema[name]) for name, column in columns if not column.nullable)]
    outcomes += [
        pa.Check.get_builtin_check_fn(check.name)(pa.PolarsData(lazy, name), **check.statistics)
        for name, column in columns
        for check in column.checks
    ]
    try:
        held = pl.collect_all([outcome.select((pl.all() | pl.all().is_null()).all()) for outcome in outcomes])
    except pl.exceptions.PolarsError:
        return False
    return all(value for outcome in held for row in outcome.rows() for value in row)


def _is_plain(check: pa.Check) -> bool:
    """Whether a check is one of pandera's own, of which a missing value passes."""
    return pa.Check.is_builtin_check(str(check.name)) and check.ignore_na and not check.element_wise


def _is_present(name: str, dtype: pl.DataType) -> pl.Expr:
    """That a value is there: to pandera, what is not a number is not."""
    there = pl.col(name).is_not_null()
    return there & pl.col(name).is_not_nan() if dtype.is_float() else there


def _batches(prepared: Sequence[Path], contract: Contract, batch_rows: int) -> Iterator[pl.DataFrame]:
    """The rows of all files in batches; files of other columns or types are never put into one."""
    gathered: list[pl.DataFrame] = []
    for rows in (rows for path in prepared for rows in _file_batches(path, contract, batch_rows)):
        fits = not gathered or gathered[0].schema == rows.schema
        if not fits or sum(each.height for each in gathered) + rows.height > batch_rows:
            yield pl.concat(gathered)
            gathered = []
        gathered.append(rows)
    if gathered:
        yield pl.concat(gathered)


def _file_batches(path: Path, contract: Contract, batch_rows: int) -> Iterator[pl.DataFrame]:
    """The rows of a file in batches. A column whose values no check reads has its type, and nulls."""
    with pq.ParquetFile(path) as parquet:
        empty = pl.DataFrame(pl.from_arrow(parquet.schema_arrow.empty_table()))
        if parquet.metadata.num_rows == 0:
            yield empty
        looked_at = [name for name in empty.columns if _is_looked_at(name, contract)]
        unread = [pl.lit(None, dtype).alias(name) for name, dtype in empty.schema.items() if name not in looked_at]
        for batch in parquet.iter_batches(batch_size=batch_rows, columns=looked_at):
            yield pl.DataFrame(pl.from_arrow(batch)).with_columns(unread).select(empty.columns)


def _is_looked_at(name: str, contract: Contract) -> bool:
    """Whether a check of the contract reads the values of a column."""
    column = contract.frame_schema.columns.get(name)
    if column is None or contract.frame_schema.checks or name in contract.key:
        return True
    return bool(column.checks) or not column.nullable or column.unique


def _failure(
    error: pandera.errors.SchemaError, all_cases: pl.DataFrame, rows: pl.DataFrame, contract: Contract
) -> AuditFailure:
    check = str(getattr(error.check, "error", None) or error.check)
    if not isinstance(error.failure_cases, pl.DataFrame):
        # About the columns: the case is a column's or a type's name; an exception's text could hold values.
        is_exception = error.reason_code == pandera.errors.SchemaErrorReason.CHECK_ERROR
        return AuditFailure(check if is_exception else f"{check}: {error.failure_cases}", error.schema.name, 0)
    indices = all_cases.filter(pl.col("column") == error.schema.name, pl.col("check") == check)["index"]
    shown = indices.drop_nulls().head(SHOWN_ROW_HASHES).to_list()
    hashes = tuple(_row_hash(rows, index, contract) for index in shown)
    return AuditFailure(check, error.schema.name, error.failure_cases.height, hashes)


def _row_hash(rows: pl.DataFrame, index: int, contract: Contract) -> str:
    key_values = rows.select(name for name in contract.key if name in rows.columns).row(index)
    return hashlib.sha256(repr(key_values).encode()).hexdigest()[:16]


def _repeated_keys(prepared: Sequence[Path], contract: Contract, engine: Engine) -> list[AuditFailure]:
    key = ", ".join(quoted(name) for name in contract.key)
    number_of_keys = engine.scalar(
        f"SELECT count(*) FROM (SELECT {key} FROM {parquet_relation(prepared)} GROUP BY ALL HAVING count(*) > 1)"
    )
    return [AuditFailure(f"unique key ({', '.join(contract.key)})", None, number_of_keys)] if number_of_keys else []


def _summed(failures: list[AuditFailure]) -> tuple[AuditFailure, ...]:
    by_check: dict[tuple[str, str | None], AuditFailure] = {}
    for failure in failures:
        place = (failure.check, failure.column)
        earlier = by_check.get(place, AuditFailure(failure.check, failure.column, 0))
        hashes = (*earlier.row_hashes, *failure.row_hashes)[:SHOWN_ROW_HASHES]
        by_check[place] = AuditFailure(*place, earlier.number_of_rows + failure.number_of_rows, hashes)
    return tuple(by_check.values())
