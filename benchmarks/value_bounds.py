"""How near to what came anybody could come: models of the very answers, which no forecast has.

`python -m benchmarks value bounds`. Each fifth of the customers is told by what the others bought in the days that are
forecast: by our base and correction, and by a random forest on the same columns; the lower error of the two counts. The
total is the most favourable one that a goal allows. Not here: the forecast itself (`value.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold

from crm_platform.value.base_model import CHOICES, Baseline, outcomes
from crm_platform.value.correction import learn_correction
from crm_platform.value.design import tree_columns
from crm_platform.value.forecast import history_until
from crm_platform.value.level import ratio
from crm_platform.value.purchase_models.histories import Floats
from crm_platform.value.snapshots import Snapshot

_REPEATS = 2


@dataclass(frozen=True)
class Bounds:
    """Means over repeated five-fold divisions, each of the better of the two models.

    mae, rmse: of purchases, where the total of the expected is `of_total` of what came; top_share: of all spend, what
    the tenth with the highest expectation of spend brought.
    """

    mae: float
    rmse: float
    top_share: float


def bounds_of(lines: pl.DataFrame, as_of: date, horizon: int, of_total: float) -> Bounds:
    """The bounds of purchases and spend of (as_of, as_of + horizon] days."""
    history = history_until(lines, as_of)
    features = history.features(as_of)
    purchases, spend = outcomes(features, lines, as_of, horizon)
    came = Snapshot(as_of, features, history.base(as_of, CHOICES[0]).expect(horizon), purchases, spend)
    found = np.array([_repeat(came, seed, of_total) for seed in range(_REPEATS)]).mean(axis=0)
    return Bounds(*(float(figure) for figure in found))


def _repeat(came: Snapshot, seed: int, of_total: float) -> tuple[float, float, float]:
    told = [_crosswise(came, seed, tell) for tell in (_by_correction, _by_forest)]
    errors = [each * (of_total * came.purchases.sum() / each.sum()) - came.purchases for each in told]
    return (
        min(float(np.abs(error).mean()) for error in errors),
        min(float(np.sqrt((error**2).mean())) for error in errors),
        max(top_share(each * came.base.amount, came.spend) for each in told),
    )


def top_share(expected: Floats, spend: Floats) -> float:
    """The share of all spend of the tenth of customers with the highest expectation."""
    top = np.argsort(-expected, kind="stable")[: len(expected) // 10]
    return float(spend[top].sum() / spend.sum())


def _crosswise(came: Snapshot, seed: int, tell: Callable[[Snapshot, Snapshot], Floats]) -> Floats:
    """The purchases of each fifth of the customers as told by what came of the others."""
    told = np.empty(len(came.purchases))
    for learnt_from, held_back in KFold(5, shuffle=True, random_state=seed).split(told):
        told[held_back] = tell(_some(came, learnt_from), _some(came, held_back))
    return told


def _some(came: Snapshot, places: np.ndarray) -> Snapshot:
    base = Baseline(came.base.purchases[places], came.base.no_purchase[places], came.base.amount[places])
    return Snapshot(came.as_of, came.features[places], base, came.purchases[places], came.spend[places])


def _by_correction(learnt_from: Snapshot, held_back: Snapshot) -> Floats:
    level = ratio(learnt_from.purchases, learnt_from.base.purchases)
    return learn_correction([learnt_from], [level]).apply(held_back.features, held_back.base) * level


def _by_forest(learnt_from: Snapshot, held_back: Snapshot) -> Floats:
    forest = RandomForestRegressor(100, min_samples_leaf=15, max_features=0.4, random_state=0)
    columns = [np.nan_to_num(tree_columns(each.features, each.base), nan=-1.0) for each in (learnt_from, held_back)]
    return np.asarray(forest.fit(columns[0], learnt_from.purchases).predict(columns[1]), dtype=np.float64)
