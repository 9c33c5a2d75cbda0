"""A month in the life of a model: one is trained, held against the one in use, and one of them scores.

Here: who scores from now on, and why. Not here: the comparison itself (`succession.py`), fitting (`leaving.py`) and
where models and rows are kept (`crm_platform/churn/monthly/`).

What is compared are the model in use and one trained as the new one is, but as of the day before the newest window that
has passed: neither saw that window. Where the latter wins, the new model, which has seen it, takes over. A model in use
that is younger than that day cannot be tested fairly yet, and stays.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from crm_platform.churn.backtest import FEWEST_DATES, BacktestDate, TooLittleHistory, run_backtest
from crm_platform.churn.calibration import calibrate
from crm_platform.churn.leaving import Leaving
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.season import at_expected_total
from crm_platform.churn.snapshots import Snapshot
from crm_platform.churn.succession import Succession, compare_models
from crm_platform.churn.training import SEED

FIRST = "The first model: there was none before it."
UNTAUGHT = "The one before had learnt nothing."
TOO_YOUNG = "The one before is too young: no window has passed since it was trained."
NO_WINDOW = "No window has passed by which to compare the two."


@dataclass(frozen=True)
class MonthOfLife:
    """What came of a month.

    trained: the new model; in_force: that which scores from now on, the new one or the one before, calibrated anew;
    customers: as of the day, as `in_force` sees them; held_back: the day whose window was compared on; comparison: None
    where there was none; backtest: empty where history is too short, and `too_short` says so.
    """

    as_of: date
    horizon: int
    trained: ChurnModel
    in_force: ChurnModel
    customers: Snapshot
    held_back: date
    comparison: Succession | None
    is_replaced: bool
    reason: str
    backtest: list[BacktestDate]
    too_short: str | None


def live_month(
    leaving: Leaving, as_of: date, horizon: int, champion: ChurnModel | None, look_back: int = FEWEST_DATES
) -> MonthOfLife:
    """Train as of the day, look back, and decide between the new model and the one in use (None: there is none), which
    is given as it was trained."""
    trained, now = leaving.fit(as_of, horizon)
    results, too_short = _looked_back(leaving, as_of, horizon, look_back)
    held_back = as_of - timedelta(days=horizon)
    comparison = None
    if champion is None or (trained.terms and not champion.terms):
        is_replaced, reason = True, UNTAUGHT if champion else FIRST
    elif (challenger := _result_of(results, held_back)) is None:
        is_replaced, reason = False, NO_WINDOW
    elif champion.card.as_of is None or champion.card.as_of > held_back:
        is_replaced, reason = False, TOO_YOUNG
    else:
        # As it would have been calibrated then: what came later is what the two are compared on.
        used, seen = recalibrated(leaving, champion, leaving.seen(held_back, horizon, None), horizon)
        comparison = compare_models(used.probabilities(seen.rows), challenger.predicted, challenger.has_left, seed=SEED)
        is_replaced, reason = comparison.is_replaced, comparison.reason
    if champion is None or is_replaced:
        in_force, customers = trained, now
    else:
        in_force, customers = recalibrated(leaving, champion, now, horizon)
    return MonthOfLife(
        as_of, horizon, trained, in_force, customers, held_back, comparison, is_replaced, reason, results, too_short
    )


def recalibrated(leaving: Leaving, champion: ChurnModel, now: Snapshot, horizon: int) -> tuple[ChurnModel, Snapshot]:
    """The model in use with the slope and offset that were right in the newest window, moved to the total to expect,
    and the customers as it sees them. Where it saw that window in its training, its total alone is moved."""
    customers = leaving.seen(now.as_of, horizon, champion.purchases)
    held_back = now.as_of - timedelta(days=horizon)
    calibration = champion.calibration
    if champion.card.as_of is not None and champion.card.as_of <= held_back:
        then = leaving.seen(held_back, horizon, champion.purchases).rows
        if then.height:
            left = leaving.has_left(then["customer_id"], held_back, horizon, now.as_of)
            calibration = calibrate(champion.blended(then), left.cast(pl.Float64).to_numpy())
    if customers.rows.is_empty():
        return replace(champion, calibration=calibration), customers
    blended = champion.blended(customers.rows)
    calibration = at_expected_total(calibration, blended, lambda share: leaving.expected_share(now, horizon, share))
    return replace(champion, calibration=calibration), customers


def _looked_back(leaving: Leaving, as_of: date, horizon: int, number: int) -> tuple[list[BacktestDate], str | None]:
    try:
        return run_backtest(leaving, horizon, as_of, number), None
    except TooLittleHistory as refusal:
        return [], str(refusal)


def _result_of(results: list[BacktestDate], day: date) -> BacktestDate | None:
    return next((result for result in results if result.as_of == day), None)
