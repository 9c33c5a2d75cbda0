"""Fits the terms of a churn model to labelled rows, and tells what they say of rows that they did not see.

Here: rows as the learners see them, and both learners together. Not here: the learners (`learners.py`), the blend and
its calibration (`training.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.churn import learners
from crm_platform.churn.columns import Codes, ModelColumn, learn_columns
from crm_platform.churn.model import SILENCE, Term
from crm_platform.churn.snapshots import DAYS_BETWEEN
from crm_platform.value.purchase_models.histories import Floats

FEWEST_OF_A_KIND = 10
"""With fewer who left, or stayed, nothing is learnt: the purchase model stands alone."""

OLDER = 0.7
"""A snapshot counts so much for the learners as one that is a horizon newer: customers change."""

FOLDS = 3
_NOT_LEARNT = ("customer_id", "has_left", "snapshot", "fold")
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Design:
    """Labelled rows as the learners see them; a row of each array is a row.

    codes: of each of `columns`; standardised: the columns' parts beside one another; snapshot: 0 is the newest.
    """

    columns: Sequence[ModelColumn]
    codes: Codes
    standardised: Floats
    has_left: Floats
    weights: Floats
    snapshot: NDArray[np.int64]

    def of(self, is_kept: Flags) -> "Design":
        """Some of the rows."""
        return replace(
            self, codes=self.codes[is_kept], standardised=self.standardised[is_kept], has_left=self.has_left[is_kept],
            weights=self.weights[is_kept], snapshot=self.snapshot[is_kept],
        )  # fmt: skip

    @property
    def is_enough(self) -> bool:
        """Whether anything can be learnt."""
        left = float(self.has_left.sum())
        return bool(self.columns) and min(left, len(self.has_left) - left) >= FEWEST_OF_A_KIND

    def contributions(self, terms: Sequence[Term]) -> Floats:
        """What all terms together add to the log-odds of each row."""
        coefficients = np.concatenate([np.array(term.coefficients) for term in terms])
        added: Floats = self.standardised @ coefficients - sum(term.centre for term in terms)
        for place, term in enumerate(terms):
            added += np.array(term.table)[self.codes[:, place]]
        return added


def design_of(rows: pl.DataFrame, horizon: int | None) -> Design:
    """The design of rows of has_left, snapshot and columns to learn from. Bins and scales are those of all rows: they
    know nothing of who left."""
    columns = learn_columns(rows, [name for name in rows.columns if name not in _NOT_LEARNT], as_they_are=[SILENCE])
    empty = np.empty((rows.height, 0))
    snapshot = rows["snapshot"].cast(pl.Int64).to_numpy()
    weights: Floats = OLDER ** (snapshot * (DAYS_BETWEEN / horizon if horizon else 0.0))
    return Design(
        columns,
        np.column_stack([empty.astype(np.uint8), *(column.codes(rows).astype(np.uint8) for column in columns)]),
        np.column_stack([empty, *(column.standardised(rows) for column in columns)]),
        rows["has_left"].cast(pl.Float64).to_numpy(), weights, snapshot,
    )  # fmt: skip


def fit_terms(design: Design) -> tuple[Term, ...]:
    """The terms of both learners; none where too few left or stayed, or no column says anything."""
    if not design.is_enough:
        return ()
    columns, codes, standardised = design.columns, design.codes, design.standardised
    tables = learners.fit_boosting(columns, codes, design.has_left, design.weights)
    number = len(np.unique(design.snapshot))
    coefficients = learners.fit_regression(columns, standardised, design.has_left, design.weights, number)
    centres = np.split(standardised.mean(axis=0), np.cumsum([column.width for column in columns])[:-1])
    newest = codes[design.snapshot == 0]
    return tuple(
        Term(column, _floats(table), _floats(own), float(centre @ own), _shares(column, newest[:, place]))
        for place, (column, table, own, centre) in enumerate(zip(columns, tables, coefficients, centres, strict=True))
    )


def unseen_contributions(design: Design, fold: NDArray[np.int64], whole: Sequence[Term]) -> Floats:
    """What terms that were fitted without a row's fold add to its log-odds; the whole's where too little is left."""
    unseen = np.empty(len(design.has_left))
    for number in range(FOLDS):
        is_held_back = fold == number
        terms = fit_terms(design.of(~is_held_back)) or whole
        unseen[is_held_back] = design.of(is_held_back).contributions(terms)
    return unseen


def _shares(column: ModelColumn, codes: Codes) -> tuple[float, ...]:
    return _floats(np.bincount(codes, minlength=column.number_of_codes) / max(len(codes), 1))


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
