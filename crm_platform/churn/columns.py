"""What a model sees of a column: a bin for the boosting, a standardised number for the regression.

Here: learning bins, scales and categories from training rows, and applying them to any rows. Not here: the learners.
A value never seen before is normal input: a number falls into the outermost bin, a category counts as missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.value.purchase_models.histories import Floats

Codes = NDArray[np.int64]

BINS = 64
RARE_CATEGORY = 10
"""A category of fewer training rows than this counts as missing: nothing can be learnt of it."""

MOST_CATEGORIES = 200


@dataclass(frozen=True)
class NumberColumn:
    """A number: bins between `edges`, code len(edges) + 1 for missing.

    The regression takes sign(x) log(1 + |x| / scale), or x itself where scale is 0, less `mean`, by `deviation`;
    missing is the mean, with an indicator of its own.
    """

    name: str
    edges: tuple[float, ...]
    scale: float
    mean: float
    deviation: float

    @property
    def number_of_codes(self) -> int:
        """Bins and missing."""
        return len(self.edges) + 2

    @property
    def width(self) -> int:
        """Columns of the regression."""
        return 2

    def codes(self, rows: pl.DataFrame) -> Codes:
        """The bin of each row."""
        values = _numbers(rows, self.name)
        bins = np.searchsorted(np.array(self.edges), values, side="left")
        codes: Codes = np.where(np.isnan(values), self.number_of_codes - 1, bins).astype(np.int64)
        return codes

    def standardised(self, rows: pl.DataFrame) -> Floats:
        """Value and indicator of missing, a column each."""
        values = _numbers(rows, self.name)
        is_missing = np.isnan(values)
        scaled = (_compressed(values, self.scale) - self.mean) / self.deviation
        return np.column_stack([np.where(is_missing, 0.0, np.clip(scaled, -8.0, 8.0)), is_missing.astype(np.float64)])


@dataclass(frozen=True)
class CategoryColumn:
    """A text of few values: its place in `categories`, code len(categories) for missing or unknown.

    The regression takes an indicator of each code.
    """

    name: str
    categories: tuple[str, ...]

    @property
    def number_of_codes(self) -> int:
        """Categories and missing."""
        return len(self.categories) + 1

    @property
    def width(self) -> int:
        """Columns of the regression."""
        return self.number_of_codes

    def codes(self, rows: pl.DataFrame) -> Codes:
        """The category of each row."""
        places = pl.DataFrame({self.name: self.categories, "code": range(len(self.categories))},
                              schema={self.name: pl.String, "code": pl.Int64})  # fmt: skip
        found = rows.select(pl.col(self.name).cast(pl.String)).join(
            places, on=self.name, how="left", maintain_order="left"
        )
        codes: Codes = found["code"].fill_null(len(self.categories)).to_numpy()
        return codes

    def standardised(self, rows: pl.DataFrame) -> Floats:
        """An indicator of each code, a column each."""
        indicators: Floats = np.eye(self.number_of_codes)[self.codes(rows)]
        return indicators


ModelColumn = NumberColumn | CategoryColumn


def learn_columns(rows: pl.DataFrame, names: Sequence[str], as_they_are: Sequence[str] = ()) -> list[ModelColumn]:
    """The columns of those names that say anything, from training rows; numbers in `as_they_are` are not compressed."""
    columns: list[ModelColumn] = []
    for name in names:
        if rows.schema[name] == pl.String:
            columns += _category(rows[name])
        else:
            columns += _number(name, _numbers(rows, name), is_compressed=name not in as_they_are)
    return columns


def _category(values: pl.Series) -> list[ModelColumn]:
    counts = values.drop_nulls().value_counts()
    common = counts.filter(pl.col("count") >= min(RARE_CATEGORY, len(values) // 10))
    kept = (
        common.sort("count", values.name, descending=[True, False])[values.name].head(MOST_CATEGORIES).sort().to_list()
    )
    says_something = len(kept) + (counts["count"].sum() < len(values)) > 1
    return [CategoryColumn(values.name, tuple(kept))] if says_something else []


def _number(name: str, values: Floats, is_compressed: bool) -> list[ModelColumn]:
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    has_missing = len(known) < len(values)
    if len(distinct) + has_missing < 2 or not len(distinct):
        return []
    sizes = np.abs(known[known != 0])
    scale = float(np.median(sizes)) if is_compressed and len(sizes) else 0.0
    compressed = _compressed(known, scale)
    deviation = float(compressed.std())
    return [NumberColumn(name, _edges(known, distinct), scale, float(compressed.mean()), deviation or 1.0)]


def _edges(known: Floats, distinct: Floats) -> tuple[float, ...]:
    """Upper bounds of all bins but the last: every value its own bin where they are few, else equal shares of rows."""
    if len(distinct) <= BINS:
        return tuple(float(value) for value in distinct[:-1])
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="lower"))
    return tuple(float(edge) for edge in edges if edge < distinct[-1])


def _compressed(values: Floats, scale: float) -> Floats:
    return np.sign(values) * np.log1p(np.abs(values) / scale) if scale else values


def _numbers(rows: pl.DataFrame, name: str) -> Floats:
    """The column's numbers, NaN for missing and for what is not finite."""
    values = rows[name].cast(pl.Float64).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)
