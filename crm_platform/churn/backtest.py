"""What would have been said in the past, and how it turned out: the same fit and the same score at earlier dates.

Here: rolling back over as-of dates whose windows have passed. Not here: the figures (`metrics.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crm_platform.churn.calibration import probability
from crm_platform.churn.leaving import Leaving
from crm_platform.churn.metrics import Metrics, calibration_table, deciles_of, measure, measure_groups
from crm_platform.churn.model import SILENCE
from crm_platform.problem import Problem
from crm_platform.value.purchase_models.histories import Floats

FEWEST_DATES = 3

_GROUPS = {
    "purchases": pl.when(pl.col("number_of_purchases").is_null()).then(pl.lit("none"))
    .when(pl.col("number_of_purchases") == 1).then(pl.lit("one"))
    .when(pl.col("number_of_purchases") <= 3).then(pl.lit("two or three")).otherwise(pl.lit("four or more")),
    "last_purchase": pl.when(pl.col("recency_days").is_null()).then(pl.lit("never"))
    .when(pl.col("recency_days") < 30).then(pl.lit("within 30 days"))
    .when(pl.col("recency_days") < 90).then(pl.lit("30 to 90 days ago")).otherwise(pl.lit("longer ago")),
}  # fmt: skip
"""Kinds of customers whose errors are compared."""


class TooLittleHistory(Problem):
    """No date has enough history before it and its window behind it; the message says what there is."""


@dataclass(frozen=True)
class BacktestDate:
    """One as-of date: the figures of the model fitted as of then, those of BG/NBD alone (None where it could not be
    fitted), of groups of customers, and the table of calibration; `predicted` and `has_left` of each customer of the
    date, in their order."""

    as_of: date
    number_of_snapshots: int
    metrics: Metrics
    purchase_model: Metrics | None
    groups: dict[str, dict[str, Metrics]]
    calibration: pl.DataFrame
    predicted: Floats
    has_left: Floats


def backtest_dates(first_purchase: date, known_until: date, horizon: int, number: int) -> list[date]:
    """The last `number` as-of dates whose windows have passed and do not overlap, the oldest first.

    A date has at least one training window behind it: dates without would test the purchase model alone.
    """
    dates = [known_until - timedelta(days=horizon * (back + 1)) for back in range(number)]
    return sorted(day for day in dates if (day - first_purchase).days >= horizon + 30)


def run_backtest(
    leaving: Leaving,
    horizon: int,
    known_until: date,
    number_of_dates: int = FEWEST_DATES,
    on_step: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> list[BacktestDate]:
    """Fit and score as of each date, the oldest first; `known_until` is the last day of which all is known.

    Raises:
        TooLittleHistory: there is no such date.
    """
    first = leaving.first_date
    dates = backtest_dates(first, known_until, horizon, number_of_dates) if first else []
    if not dates:
        raise TooLittleHistory(
            f"What is known from {first!s} to {known_until} is too few days to look back {horizon} days twice: "
            f"a backtest needs {2 * horizon + 30} days. Take a shorter --horizon."
        )
    results = []
    for place, day in enumerate(dates):
        on_step(f"As of {day}", place, len(dates))
        results.append(_one_date(leaving, day, horizon, known_until))
    return [result for result in results if result is not None]


def _one_date(leaving: Leaving, as_of: date, horizon: int, known_until: date) -> BacktestDate | None:
    """None where there was no customer yet."""
    model, now = leaving.fit(as_of, horizon)
    if now.rows.is_empty():
        return None
    left = leaving.has_left(now.rows["customer_id"], as_of, horizon, known_until).cast(pl.Float64).to_numpy()
    predicted = model.probabilities(now.rows)
    alone = measure(probability(now.rows[SILENCE].to_numpy()), left) if now.purchases else None
    kinds = now.rows.select(**_GROUPS, decile=deciles_of(predicted))
    return BacktestDate(
        as_of,
        len(model.card.snapshots),
        measure(predicted, left),
        alone,
        {name: measure_groups(predicted, left, kinds[name]) for name in kinds.columns},
        calibration_table(predicted, left),
        predicted,
        left,
    )
