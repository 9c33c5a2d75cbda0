"""What each customer will buy in the days after a date: the one forecast, with one default for every company.

Here: the order of the steps. Base models by maximum likelihood, the choice between them by a held-out snapshot, a
learnt correction, the level of the season, intervals. Not here: any of these.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from crm_platform.problem import Problem
from crm_platform.value.base_model import CHOICES, BaseChoice, Baseline, choose_base
from crm_platform.value.correction import (
    Activity,
    Correction,
    at_level,
    learn_activity,
    learn_correction,
)
from crm_platform.value.intervals import Spread, spread_of
from crm_platform.value.level import expected_level, ratio
from crm_platform.value.purchase_models.histories import Floats
from crm_platform.value.snapshots import History, Plan, Snapshot, plan_snapshots, take_snapshot

OnStep = Callable[[str, int, int], None]
"""Called with a step's name, how many are done and how many there are."""

_LEAST_EXPECTED = 1e-6


class ForecastError(Problem):
    """No forecast can be made; the message says why."""


@dataclass(frozen=True)
class Forecast:
    """What each customer is expected to buy, and what it was learnt from.

    customers: customer_id, p_no_purchase, expected_purchases (days with one), expected_spend, each of the two with
    `_low` and `_high` (see `intervals.COVERED`; null where nothing could be learnt), by customer_id. features: see
    `features_as_of`. choice: the base. plan: the snapshots that were learnt from. purchase_level, spend_level: see
    `level.py`.
    """

    customers: pl.DataFrame
    features: pl.DataFrame
    choice: BaseChoice
    plan: Plan
    purchase_level: float
    spend_level: float


@dataclass(frozen=True)
class _Learnt:
    """What the snapshots teach; without any the base stands as it is."""

    correction: Correction | None = None
    activity: Activity | None = None
    purchase_level: float = 1.0
    spend_level: float = 1.0
    purchase_spread: Spread | None = None
    spend_spread: Spread | None = None


def forecast(lines: pl.DataFrame, as_of: date, horizon: int, on_step: OnStep = lambda *_: None) -> Forecast:
    """Forecast (as_of, as_of + horizon] days for every customer with a purchase up to as-of; see `order_lines`.

    Raises:
        ForecastError: nobody has bought before as-of, or the horizon is not above zero.
        FitError: the purchase models cannot be fitted.
    """
    return forecast_from(history_until(lines, as_of), as_of, horizon, on_step)


def history_until(lines: pl.DataFrame, as_of: date) -> History:
    """What forecasts of several horizons as of one date share."""
    return History(lines.filter(pl.col("purchase_date") <= as_of))


def forecast_from(history: History, as_of: date, horizon: int, on_step: OnStep = lambda *_: None) -> Forecast:
    """As `forecast`, from the history until as-of (see `history_until`)."""
    if horizon < 1:
        raise ForecastError(f"A horizon of {horizon} days cannot be forecast: give one day or more.")
    first = history.lines.filter(pl.col("amount") > 0)["purchase_date"].min()
    if not isinstance(first, date):
        raise ForecastError(f"Nobody has bought anything up to {as_of}: give a later --as-of.")
    if first >= as_of:
        raise ForecastError(f"Nobody has bought anything before {as_of}, which tells of no time between two purchases.")
    # One thread adds up in one order whatever the machine; on these sizes more of them wait for each other.
    with threadpool_limits(limits=1):
        return _forecast(history, plan_snapshots(first, as_of, horizon), as_of, horizon, on_step)


def _forecast(history: History, plan: Plan, as_of: date, horizon: int, on_step: OnStep) -> Forecast:
    total = len(plan.dates) + 3
    on_step("Choosing the base", 0, total)
    choice = _choose(history.to_learn_from, plan, horizon)
    snapshots = []
    for place, day in enumerate(plan.dates, start=1):
        on_step("Looking back", place, total)
        snapshots.append(take_snapshot(history.to_learn_from, day, plan.horizon, choice))
    on_step("Learning", total - 2, total)
    usable = [each for each in snapshots if each is not None]
    learnt = _learn(usable, as_of, plan.horizon, horizon) if usable else _Learnt()
    on_step("Forecasting", total - 1, total)
    features = history.features(as_of)
    customers = _expect(features, history.base(as_of, choice).expect(horizon), learnt)
    used = Plan(plan.horizon, tuple(each.as_of for each in usable))
    return Forecast(customers, features, choice, used, learnt.purchase_level, learnt.spend_level)


def _choose(history: History, plan: Plan, horizon: int) -> BaseChoice:
    """The base that was clearly best on the newest snapshot; the first where there is none of the same horizon.

    What is best over a shorter time need not be over a longer one.
    """
    is_comparable = plan.dates and plan.horizon == horizon
    newest = take_snapshot(history, plan.dates[0], plan.horizon, CHOICES[0]) if is_comparable else None
    if newest is None:
        return CHOICES[0]
    return choose_base(lambda each: history.base(newest.as_of, each).expect(horizon).purchases, newest.purchases)


def _learn(snapshots: Sequence[Snapshot], as_of: date, learnt: int, horizon: int) -> _Learnt:
    levels = [ratio(each.purchases, each.base.purchases) for each in snapshots]
    spend_levels = [ratio(each.spend, each.base.purchases * each.base.amount) for each in snapshots]
    correction = learn_correction(snapshots, levels)
    dates = [each.as_of for each in snapshots]
    corrected = [correction.apply(each.features, each.base) for each in snapshots]
    purchases = np.concatenate([each * level for each, level in zip(corrected, levels, strict=True)])
    spend = np.concatenate(
        [
            _spend(purchases, each.base, level)
            for purchases, each, level in zip(corrected, snapshots, spend_levels, strict=True)
        ]
    )
    return _Learnt(
        correction,
        learn_activity(snapshots, levels),
        expected_level(as_of, dates, levels, learnt, horizon),
        expected_level(as_of, dates, spend_levels, learnt, horizon),
        spread_of(np.maximum(purchases, _LEAST_EXPECTED), np.concatenate([each.purchases for each in snapshots])),
        spread_of(np.maximum(spend, _LEAST_EXPECTED), np.concatenate([each.spend for each in snapshots])),
    )


def _spend(purchases: Floats, base: Baseline, level: float) -> Floats:
    """Spend expected for the purchases, its total that of the base at the level."""
    spend = purchases * base.amount
    return spend * (level * float((base.purchases * base.amount).sum()) / max(float(spend.sum()), _LEAST_EXPECTED))


def _expect(features: pl.DataFrame, base: Baseline, learnt: _Learnt) -> pl.DataFrame:
    corrected = learnt.correction.apply(features, base) if learnt.correction else base.purchases
    no_purchase = (
        learnt.activity.no_purchase(features, base, learnt.purchase_level)
        if learnt.activity
        else at_level(base.no_purchase, learnt.purchase_level)
    )
    purchases, spend = corrected * learnt.purchase_level, _spend(corrected, base, learnt.spend_level)
    return features.select(
        "customer_id",
        pl.Series("p_no_purchase", no_purchase),
        *_with_bounds("expected_purchases", purchases, learnt.purchase_spread),
        *_with_bounds("expected_spend", spend, learnt.spend_spread),
    )


def _with_bounds(name: str, expected: Floats, spread: Spread | None) -> list[pl.Series]:
    if spread is None:
        unknown = [None] * len(expected)
        low, high = pl.Series(unknown, dtype=pl.Float64), pl.Series(unknown, dtype=pl.Float64)
    else:
        low, high = (pl.Series(bound) for bound in spread.bounds(expected))
    return [pl.Series(name, expected), low.alias(f"{name}_low"), high.alias(f"{name}_high")]
