"""Columns of a table of labels that know what came: they make a model that is perfect on paper and worth nothing.

Here: finding them. A column is refused where it tells by itself who left, or holds dates after its row's; one that
names a row is left out; one whose name speaks of the end is warned of. Not here: reading the table
(`labelled_tables.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from crm_platform.churn.columns import ModelColumn, learn_columns
from crm_platform.churn.metrics import area_under_curve
from crm_platform.problem import Problem
from crm_platform.sources.casts import as_date

Verdict = Literal["refused", "left out", "warned of"]

TELLS_ALL = 0.97
TELLS_MUCH = 0.90
"""AUC of one column alone: no single honest figure of a customer reaches the first; the second is refused where the
column's name speaks of the end as well."""

_IDENTIFIES = 0.9
_DATED = 0.95
_AFTERWARDS = 0.01
_SPEAKS_OF_THE_END = re.compile(
    r"churn|cancel|terminat|exit|leave|leaving|(?:^|_)left|attrit|closed|closing|(?:^|_)end(?:ed|_|$)|final|survival"
    r"|lifetime|remaining|until|afterwards?|status"
)
_NAMES_A_ROW = re.compile(r"(?:^|_)(?:id|no|nr|number|key|code|index|row|unnamed)(?:_|$|\d)")


class LeakError(Problem):
    """Columns tell who left; the message names them and what to do."""


@dataclass(frozen=True)
class Finding:
    """One column, what is done with it, and why in words."""

    column: str
    verdict: Verdict
    why: str


def find_leaks(rows: pl.DataFrame, has_left: pl.Series, row_dates: pl.Series | None = None) -> list[Finding]:
    """What is to be said of the columns of a table, numbers or text, one finding at most of each.

    has_left: the label; row_dates: the date that each row is of, where the table has it.
    """
    found = (_finding(rows[name], has_left, row_dates) for name in rows.columns)
    return [finding for finding in found if finding is not None]


def refuse_leaks(findings: Sequence[Finding], kept: Sequence[str]) -> None:
    """Raises LeakError where a column is refused that nobody said to keep."""
    refused = [finding for finding in findings if finding.verdict == "refused" and finding.column not in kept]
    if refused:
        listed = "; ".join(f"{finding.column!r} {finding.why}" for finding in refused)
        options = " ".join(f"--drop {finding.column!r}" for finding in refused)
        raise LeakError(
            f"The table knows what came: {listed}. Leave such columns out by {options}, or say --keep for one that is "
            "known when a customer is scored."
        )


def _finding(values: pl.Series, has_left: pl.Series, row_dates: pl.Series | None) -> Finding | None:
    name = values.name
    dates = _dates(values)
    if dates is not None:
        return _finding_of_dates(name, dates, row_dates)
    if _is_identifier(values):
        return Finding(name, "left out", "names the row")
    columns = learn_columns(values.to_frame(), [name])
    if not columns:
        return Finding(name, "left out", "has one value only")
    alone = _area_alone(columns[0], values.to_frame(), has_left)
    speaks_of_the_end = _SPEAKS_OF_THE_END.search(_spelt(name)) is not None
    if alone >= TELLS_ALL or (alone >= TELLS_MUCH and speaks_of_the_end):
        return Finding(name, "refused", f"tells by itself who left (AUC {alone:.3f})")
    if speaks_of_the_end or alone >= TELLS_MUCH:
        return Finding(name, "warned of", f"may be known only afterwards, by its name or figures (AUC {alone:.3f})")
    return None


def _finding_of_dates(name: str, dates: pl.Series, row_dates: pl.Series | None) -> Finding:
    if row_dates is not None:
        later = float((dates > row_dates).fill_null(False).mean() or 0.0)  # type: ignore[arg-type]
        if later > _AFTERWARDS:
            return Finding(name, "refused", f"holds dates after the row's own ({later:.1%} of the rows)")
    return Finding(name, "left out", "holds dates: make it a number of days, as of the row's date")


def _dates(values: pl.Series) -> pl.Series | None:
    """The column as dates, where nearly all that is in it are dates."""
    if values.dtype != pl.String:
        return None
    dates = values.to_frame().select(as_date(pl.col(values.name), pl.String())).to_series()
    known = values.count()
    return dates if known and dates.count() >= _DATED * known else None


def _is_identifier(values: pl.Series) -> bool:
    distinct = values.n_unique() / max(len(values), 1)
    if values.dtype == pl.String:
        return distinct > _IDENTIFIES and len(values) >= 20
    is_whole = bool((values.drop_nulls() % 1 == 0).all())
    return distinct == 1.0 and is_whole and _NAMES_A_ROW.search(_spelt(values.name)) is not None


def _area_alone(column: ModelColumn, rows: pl.DataFrame, has_left: pl.Series) -> float:
    """AUC of the column's bins on rows of odd number, by the share who left among those of even number."""
    codes, left = column.codes(rows), has_left.cast(pl.Float64).to_numpy()
    learnt, tried = slice(0, None, 2), slice(1, None, 2)
    counts = np.bincount(codes[learnt], minlength=column.number_of_codes)
    gone = np.bincount(codes[learnt], left[learnt], minlength=column.number_of_codes)
    shares = (gone + left[learnt].mean()) / (counts + 1.0)
    return area_under_curve(shares[codes[tried]], left[tried]) or 0.0


def _spelt(name: str) -> str:
    """`ChurnScore` and `Churn Score` as `churn_score`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
