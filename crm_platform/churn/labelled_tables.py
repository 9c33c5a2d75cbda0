"""A table of customers with a label, of any company: read, typed, judged for leaks, learnt from, scored.

Here: contractual churn, where a table says who left. Not here: churn by silence, from orders (`snapshots.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from crm_platform.churn.columns import NumberColumn
from crm_platform.churn.leakage import Finding, find_leaks, refuse_leaks
from crm_platform.churn.metrics import Metrics, measure
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.terms import FOLDS
from crm_platform.churn.training import Fitted, fit_model
from crm_platform.problem import Problem
from crm_platform.sources.casts import as_date, as_flag, as_number, as_text
from crm_platform.sources.readers.batch import FileForm, ReadLimits
from crm_platform.sources.readers.registry import kind_of_table, read_file

_OWN = ("has_left", "fold", "snapshot", "out_of_fold")
_NUMBERS = 0.95
_HELD_BACK = 0.2
_LEFT = ["churn", "churned", "left", "leaver", "exited", "cancelled", "canceled", "closed", "lost", "attrited"]


class TableError(Problem):
    """A table cannot be learnt from or scored; the message says why and what to do."""


@dataclass(frozen=True)
class TableForm:
    """What a person says of a table: the label's column, its value of who left (None: found), the column with each
    row's date, columns to leave out, and columns to keep though they look like leaks."""

    label: str
    left_value: str | None = None
    time: str | None = None
    dropped: Sequence[str] = ()
    kept: Sequence[str] = ()


@dataclass(frozen=True)
class LabelledTable:
    """Rows with `has_left` and columns of numbers or text, each row's date where the table has it, and what was found
    of the columns."""

    rows: pl.DataFrame
    dates: pl.Series | None
    findings: list[Finding]


@dataclass(frozen=True)
class TrainedTable:
    """A model, its figures on rows it did not see (`tested_on` says which), what was found of the columns, and rows
    without a label."""

    model: ChurnModel
    metrics: Metrics
    tested_on: str
    findings: list[Finding]
    number_of_unlabelled: int


def read_table(path: Path, workspace: Path) -> pl.DataFrame:
    """Every column as text, empty as null. `workspace` is a folder for copies of packed files.

    Raises:
        TableError: no such file, or no rows.
        RefusedFile: it cannot be read.
    """
    if not path.is_file():
        raise TableError(f"{path} is no file. Give a CSV, Parquet, JSON Lines or Excel table with a row per customer.")
    with read_file(path, FileForm(kind=kind_of_table(path)), workspace, ReadLimits(), []) as file:
        names = [column.name for column in file.columns]
        batches = [batch.rows.select(name for name in names if name in batch.rows.columns) for batch in file.batches()]
    rows = pl.concat(batches, how="diagonal_relaxed") if batches else pl.DataFrame()
    if not rows.height:
        raise TableError(f"{path.name} has no rows.")
    return rows.select(as_text(pl.col(name), dtype).alias(name) for name, dtype in rows.schema.items())


def train_on_table(raw: pl.DataFrame, form: TableForm) -> TrainedTable:
    """The model of a table of texts (see `read_table`), and what it is worth on rows it did not see.

    With a column of dates the newest fifth of the rows is what it is tested on, else each third by the other two.

    Raises:
        TableError: a column is not there, or the label cannot be read.
        LeakError: a column tells who left.
    """
    table = labelled_table(raw, form)
    refuse_leaks(table.findings, form.kept)
    fitted = fit_model(folded(table.rows), None)
    metrics, tested_on = _tested(table, fitted)
    return TrainedTable(fitted.model, metrics, tested_on, table.findings, raw.height - table.rows.height)


def labelled_table(raw: pl.DataFrame, form: TableForm) -> LabelledTable:
    """The rows whose label is known, typed, without the columns that cannot be learnt from.

    Raises:
        TableError: a column is not there, or the label cannot be read.
    """
    _refuse_missing(raw, [form.label, *([form.time] if form.time else []), *form.dropped, *form.kept])
    has_left = _labels(raw[form.label], form.left_value).alias("has_left")
    labelled = raw.filter(has_left.is_not_null())
    rows = _typed(labelled.drop(form.label, *([form.time] if form.time else []), *form.dropped))
    taken = [name for name in rows.columns if name in _OWN]
    if taken:
        raise TableError(f"The name of the column {taken[0]!r} is one of ours: give it another, or --drop it.")
    labels = has_left.drop_nulls()
    dates = _row_dates(labelled[form.time]) if form.time else None
    findings = find_leaks(rows, labels, dates)
    left_out = [each.column for each in findings if each.verdict == "left out" and each.column not in form.kept]
    return LabelledTable(rows.drop(left_out).hstack([labels]), dates, findings)


def folded(rows: pl.DataFrame) -> pl.DataFrame:
    """Labelled rows as a fit takes them: in an order of their own, for the file's is not to matter, and each fold with
    its share of those who left."""
    ordered = rows.sort("has_left", *(name for name in rows.columns if name != "has_left"))
    return ordered.with_columns(fold=pl.int_range(pl.len(), dtype=pl.Int32) % FOLDS, snapshot=pl.lit(0, dtype=pl.Int32))


def score_rows(raw: pl.DataFrame, model: ChurnModel) -> pl.DataFrame:
    """The columns that the model looks at, typed as it takes them.

    Raises:
        TableError: one of them is not there.
    """
    _refuse_missing(raw, [term.column.name for term in model.terms])
    return raw.select(
        _as_number(raw, term.column.name) if isinstance(term.column, NumberColumn) else pl.col(term.column.name)
        for term in model.terms
    )


def identifier_of(raw: pl.DataFrame, model: ChurnModel) -> pl.Series:
    """The first column that names each row and that the model does not look at; else the number of the row."""
    looked_at = {term.column.name for term in model.terms}
    name = next((name for name in raw.columns if name not in looked_at and raw[name].n_unique() == raw.height), None)
    return raw[name] if name else pl.Series("row_number", range(1, raw.height + 1))


def _refuse_missing(raw: pl.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in raw.columns]
    if missing:
        raise TableError(f"The table has no column {missing[0]!r}. It has: {', '.join(raw.columns)}.")


def _labels(values: pl.Series, left_value: str | None) -> pl.Series:
    """True who left, False who stayed, null where it is not said."""
    texts = values.str.to_lowercase()
    distinct = texts.drop_nulls().unique().sort().to_list()
    if len(distinct) != 2:
        raise TableError(f"The label {values.name!r} has {len(distinct)} values; it must say yes or no, or 1 or 0.")
    if left_value is not None:
        if left_value.lower() not in distinct:
            raise TableError(f"The label {values.name!r} is {' or '.join(distinct)}, and never {left_value!r}.")
        return texts.is_in([left_value.lower()])
    flags = texts.to_frame().select(as_flag(pl.col(values.name), pl.String())).to_series()
    if flags.null_count() == texts.null_count() and flags.n_unique() - bool(flags.null_count()) == 2:
        return flags
    named = [value for value in distinct if value in _LEFT]
    if len(named) != 1:
        raise TableError(f"The label {values.name!r} is {' or '.join(distinct)}: say by --left VALUE which means left.")
    return texts.is_in(named)


def _row_dates(values: pl.Series) -> pl.Series:
    dates = values.to_frame().select(as_date(pl.col(values.name), pl.String())).to_series()
    if dates.null_count() > values.null_count() or dates.is_null().any():
        raise TableError(f"The column {values.name!r} is not a date in every row; write dates as 2025-06-30.")
    return dates


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    """Columns of numbers as numbers, the others as they are."""
    numbers = [name for name in rows.columns if _is_number(rows, name)]
    return rows.with_columns(_as_number(rows, name) for name in numbers)


def _is_number(rows: pl.DataFrame, name: str) -> bool:
    known = rows[name].count()
    return known > 0 and rows.select(_as_number(rows, name).count()).item() >= _NUMBERS * known


def _as_number(rows: pl.DataFrame, name: str) -> pl.Expr:
    """Read with the decimal mark by which more of the texts are numbers."""
    marks = {mark: as_number(pl.col(name), pl.String(), pl.Float64(), mark) for mark in (".", ",")}
    counts = rows.select(expression.count().alias(mark) for mark, expression in marks.items()).row(0, named=True)
    return marks["," if counts[","] > counts["."] else "."].alias(name)


def _tested(table: LabelledTable, fitted: Fitted) -> tuple[Metrics, str]:
    if table.dates is None:
        left = fitted.rows["has_left"].cast(pl.Float64).to_numpy()
        return measure(fitted.rows["out_of_fold"].to_numpy(), left), f"each of {FOLDS} parts by the others"
    bound = table.dates.sort()[int((1.0 - _HELD_BACK) * (len(table.dates) - 1))]
    older, newer = table.rows.filter(table.dates <= bound), table.rows.filter(table.dates > bound)
    if not newer.height:
        raise TableError("The newest fifth of the rows is of one date: leave --time out.")
    model = fit_model(folded(older), None).model
    left = newer["has_left"].cast(pl.Float64).to_numpy()
    return measure(model.probabilities(newer), left), f"rows after {bound}"
