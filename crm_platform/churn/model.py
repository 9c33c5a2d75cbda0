"""A fitted churn model: a sum of terms in log-odds, calibrated; plain numbers, so that it can be read and stored.

Here: what a model holds and how it scores. Not here: how it is fitted (`training.py`) and stored (`store.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from pydantic import ConfigDict

from crm_platform.churn.calibration import Calibration, probability
from crm_platform.churn.columns import ModelColumn
from crm_platform.value.purchase_models.bg_nbd import BgNbd
from crm_platform.value.purchase_models.histories import Floats

SILENCE = "silence_log_odds"
"""Column of the log-odds of no purchase by BG/NBD: a part of the blend by itself, and a column of the learners."""

PURCHASES_PART = 0.5
"""What BG/NBD counts in the blend beside a learner's 1, which know of it too: as much as a learner was better than
nothing for Online Retail and worse for CDNOW on thirteen held-out splits; half lost at most 0.0007 on three."""

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_CHUNK = 100_000


@dataclass(frozen=True)
class Term:
    """What one column adds to the log-odds, by both learners together, zero on the average of the training rows.

    table: by code, of the boosting; coefficients: of the regression, whose average is `centre`; shares: of the newest
    training rows, by code, against which drift is told.
    """

    __pydantic_config__ = _STRICT

    column: ModelColumn
    table: tuple[float, ...]
    coefficients: tuple[float, ...]
    centre: float
    shares: tuple[float, ...]

    def contributions(self, rows: pl.DataFrame) -> Floats:
        """Of each row."""
        by_regression = self.column.standardised(rows) @ np.array(self.coefficients) - self.centre
        contributions: Floats = np.array(self.table)[self.column.codes(rows)] + by_regression
        return contributions


@dataclass(frozen=True)
class ModelCard:
    """Where a model comes from.

    as_of: nothing after it was looked at; horizon: days, of silence or of the contract's end (both None where a table
    of labels says nothing of either); snapshots: the dates it was trained on, the newest first; data_digest,
    code_digest: SHA-256 of the training rows and of the code that made it.
    """

    __pydantic_config__ = _STRICT

    as_of: date | None
    horizon: int | None
    snapshots: tuple[date, ...]
    number_of_rows: int
    left_share: float
    data_digest: str
    code_digest: str
    parameters: dict[str, float]
    seed: int
    versions: dict[str, str]


@dataclass(frozen=True)
class ChurnModel:
    """A blend: both learners (`terms`, none where there was nothing to learn), and BG/NBD for half as much as one.

    purchases: the purchase model as of the card's date, None for contracts and where it could not be fitted;
    silence_centre: the average of its log-odds; score_deciles: nine bounds of the newest training rows' probabilities.
    """

    __pydantic_config__ = _STRICT

    card: ModelCard
    terms: tuple[Term, ...]
    purchases: BgNbd | None
    silence_centre: float
    calibration: Calibration
    score_deciles: tuple[float, ...]

    @property
    def parts(self) -> float:
        """Parts of the blend: one for each learner, and that of the purchase model."""
        return (2.0 if self.terms else 0.0) + (PURCHASES_PART if self.purchases else 0.0)

    def probabilities(self, rows: pl.DataFrame) -> Floats:
        """The chance of leaving of each row."""
        parts = [probability(self.calibration.applied(self.blended(part))) for part in _chunks(rows)]
        return np.concatenate(parts) if parts else np.empty(0)

    def blended(self, rows: pl.DataFrame) -> Floats:
        """Log-odds before calibration."""
        return self.blended_with(rows, sum((term.contributions(rows) for term in self.terms), np.zeros(rows.height)))

    def blended_with(self, rows: pl.DataFrame, by_terms: Floats | float) -> Floats:
        """Log-odds before calibration, were this what the terms say of each row."""
        by_purchases = PURCHASES_PART * rows[SILENCE].to_numpy() if self.purchases else np.zeros(rows.height)
        blended: Floats = (by_purchases + by_terms) / (self.parts or 1.0)
        return blended

    def contributions(self, rows: pl.DataFrame) -> dict[str, Floats]:
        """Column -> what it adds to the calibrated log-odds of each row, against the average of the training rows."""
        share = self.calibration.slope / (self.parts or 1.0)
        found = {term.column.name: share * term.contributions(rows) for term in self.terms}
        if self.purchases:
            by_purchases = share * PURCHASES_PART * (rows[SILENCE].to_numpy() - self.silence_centre)
            found[SILENCE] = found.get(SILENCE, np.zeros(rows.height)) + by_purchases
        return found


def _chunks(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Some rows at a time: a chunk's numbers stay in the processor's cache, and memory is the same for a million."""
    return rows.iter_slices(_CHUNK)
