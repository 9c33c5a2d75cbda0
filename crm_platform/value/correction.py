"""What is learnt on top of the purchase models: who buys more or less than they expect, and who buys at all.

Here: a linear and a tree model each of the number of purchases, as a factor on the base's expectation, and of buying
at all. Both learn from snapshots whose levels are taken out, so that a busy season is not taken for busy customers.
Not here: the base (`base_model.py`), the level (`level.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crm_platform.value.base_model import Baseline
from crm_platform.value.design import Bins, Scale, bins_of, linear_columns, scale_of, tree_columns
from crm_platform.value.purchase_models.histories import Floats
from crm_platform.value.snapshots import Snapshot

if TYPE_CHECKING:
    # Imported where something is fitted, as in `churn/learners.py`: it takes a second.
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, PoissonRegressor

TRUST = 0.4
"""The exponent of each learnt factor: the two together, drawn a fifth of the way back to the base."""

_TREES = {
    "max_depth": 3, "learning_rate": 0.05, "max_iter": 100, "min_samples_leaf": 60, "l2_regularization": 5.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
_SMALLEST_EXPOSURE = 1e-4
_SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Correction:
    """The learnt factor on the base's expectation."""

    scale: Scale
    linear: "PoissonRegressor"
    bins: Bins
    trees: "HistGradientBoostingRegressor"

    def apply(self, features: pl.DataFrame, base: Baseline) -> Floats:
        """Purchases expected of each customer; their sum is the base's."""
        linear = self.linear.predict(self.scale.apply(linear_columns(features, base)))
        trees = self.trees.predict(self.bins.apply(tree_columns(features, base)))
        purchases: Floats = base.purchases * (linear * trees) ** TRUST
        return np.asarray(purchases * (base.purchases.sum() / purchases.sum()))


@dataclass(frozen=True)
class Activity:
    """The learnt probabilities of buying at all."""

    scale: Scale
    linear: "LogisticRegression"
    bins: Bins
    trees: "HistGradientBoostingClassifier"

    def no_purchase(self, features: pl.DataFrame, base: Baseline, level: float) -> Floats:
        """The mean of the base's, the linear and the tree model's probability of no purchase at a level."""
        logit = _logit(base, level)
        linear = self.linear.predict_proba(self.scale.apply(_beside(logit, linear_columns(features, base))))[:, 0]
        binned = self.bins.apply(_beside(logit, tree_columns(features, base)))
        trees = self.trees.predict_proba(binned)[:, 0]
        mean: Floats = (at_level(base.no_purchase, level) + linear + trees) / 3.0
        return mean


def at_level(no_purchase: Floats, level: float) -> Floats:
    """The probability of no purchase where purchases come `level` times as often."""
    return np.asarray(no_purchase**level, dtype=np.float64)


def learn_correction(snapshots: Sequence[Snapshot], levels: Sequence[float]) -> Correction:
    """Fit the factors to the snapshots' purchases by what the base expected at their levels."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import PoissonRegressor

    exposure = np.concatenate([each.base.purchases * level for each, level in zip(snapshots, levels, strict=True)])
    exposure = np.maximum(exposure, _SMALLEST_EXPOSURE * exposure.mean())
    factors = np.concatenate([each.purchases for each in snapshots]) / exposure
    weights = exposure / exposure.mean()
    columns = np.concatenate([linear_columns(each.features, each.base) for each in snapshots])
    scale = scale_of(columns)
    linear = PoissonRegressor(alpha=1e-2, max_iter=1_000).fit(scale.apply(columns), factors, sample_weight=weights)
    columns = np.concatenate([tree_columns(each.features, each.base) for each in snapshots])
    bins = bins_of(columns)
    trees = HistGradientBoostingRegressor(loss="poisson", **_TREES).fit(
        bins.apply(columns), factors, sample_weight=weights
    )
    return Correction(scale, linear, bins, trees)


def learn_activity(snapshots: Sequence[Snapshot], levels: Sequence[float]) -> Activity | None:
    """Fit who bought at all; None where everybody did, or nobody."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    is_active = np.concatenate([each.purchases > 0 for each in snapshots])
    if is_active.all() or not is_active.any():
        return None
    logits = [_logit(each.base, level) for each, level in zip(snapshots, levels, strict=True)]
    pairs = list(zip(snapshots, logits, strict=True))
    columns = np.concatenate([_beside(logit, linear_columns(each.features, each.base)) for each, logit in pairs])
    scale = scale_of(columns)
    linear = LogisticRegression(C=0.1, max_iter=3_000).fit(scale.apply(columns), is_active)
    columns = np.concatenate([_beside(logit, tree_columns(each.features, each.base)) for each, logit in pairs])
    bins = bins_of(columns)
    return Activity(scale, linear, bins, HistGradientBoostingClassifier(**_TREES).fit(bins.apply(columns), is_active))


def _logit(base: Baseline, level: float) -> Floats:
    probability = np.clip(at_level(base.no_purchase, level), _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)
    return np.asarray(np.log(probability / (1.0 - probability)))


def _beside(column: Floats, columns: Floats) -> Floats:
    return np.column_stack([column, columns])
