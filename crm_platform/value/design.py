"""The columns that the learnt models see of a customer: few and scaled for the linear ones, all for the trees.

Here: numbers from features and from the base's expectation. Not here: the models (`correction.py`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from crm_platform.value.base_model import Baseline
from crm_platform.value.purchase_models.histories import Floats

_OUTERMOST = 4.0
_BINS = 128
_COUNTS = (
    "tenure_days", "number_of_purchases", "purchases_30d", "purchases_90d", "purchases_365d", "lines_mean",
    "units_mean", "purchases_next_90d_last_year",
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """Means and deviations by which columns are brought to one scale."""

    mean: Floats
    deviation: Floats

    def apply(self, columns: Floats) -> Floats:
        """The columns scaled, what lies far out drawn in to four deviations."""
        return np.clip((columns - self.mean) / self.deviation, -_OUTERMOST, _OUTERMOST)


def scale_of(columns: Floats) -> Scale:
    """The scale of columns; one that never differs stays as it is."""
    deviation = columns.std(axis=0)
    return Scale(columns.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0))


def linear_columns(features: pl.DataFrame, base: Baseline) -> Floats:
    """A row per customer: the base's expectation, recency, counts and amounts as logarithms, and shares."""
    figures = features.drop("customer_id").cast(pl.Float64).fill_null(0.0).fill_nan(0.0)
    column = dict(zip(figures.columns, figures.to_numpy().T, strict=True))
    mean, tenure = column["spend_mean"], column["tenure_days"]
    typical = float(np.median(mean)) or 1.0
    spend, returned = column["spend_total"], column["returned_total"]
    return np.column_stack(
        [
            np.log(base.purchases + 1e-3),
            np.log((column["recency_days"] + 7.0) / (tenure + 7.0)),
            *(np.log1p(np.maximum(column[name], 0.0)) for name in _COUNTS),
            np.log(mean),
            np.log(column["spend_max"] / mean),
            np.log(column["spend_last"] / mean),
            np.log1p(column["spend_next_90d_last_year"] / typical),
            returned / (returned + spend),
            tenure > 365,
        ]
    )


def tree_columns(features: pl.DataFrame, base: Baseline) -> Floats:
    """A row per customer: every feature as it is, the base's expectations; NaN where a figure is not known."""
    numbers: Floats = features.drop("customer_id").cast(pl.Float64).to_numpy()
    columns = np.column_stack([numbers, base.purchases, base.amount])
    columns[~np.isfinite(columns)] = np.nan
    return columns


@dataclass(frozen=True)
class Bins:
    """The edges by which each column is cut, as many customers in a bin as in another."""

    edges: tuple[Floats, ...]

    def apply(self, columns: Floats) -> Floats:
        """The number of the bin instead of the figure. What is not known stays so, but for a column of which nothing is
        known: trees cannot be fitted to it."""
        binned = [
            np.where(np.isnan(column) & (len(edges) > 0), np.nan, np.searchsorted(edges, column, side="right"))
            for edges, column in zip(self.edges, columns.T, strict=True)
        ]
        return np.column_stack(binned)


def bins_of(columns: Floats) -> Bins:
    """Bins for trees. The trees' own binning weighs the customers, which takes longer than all of their growing."""
    known = [column[~np.isnan(column)] for column in columns.T]
    shares = np.arange(1, _BINS) / _BINS
    return Bins(tuple(np.unique(np.quantile(each, shares)) if each.size else np.zeros(0) for each in known))
