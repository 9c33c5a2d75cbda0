"""What would have been said in the past, and how it turned out: the same fit and the same score at earlier dates.

Here: rolling back over as-of dates whose windows have passed. Not here: the figures (`metrics.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crm_platform.churn.calibration import probability
from crm_platform.churn.families import EventFamily
from crm_platform.churn.labels import silence_labels
from crm_platform.churn.metrics import Metrics, calibration_table, measure, measure_groups
from crm_platform.churn.model import SILENCE
from crm_platform.churn.training import fit_silence_model
from crm_platform.problem import Problem

FEWEST_DATES = 3

_GROUPS = {
    "purchases": pl.when(pl.col("number_of_purchases") == 1).then(pl.lit("one"))
    .when(pl.col("number_of_purchases") <= 3).then(pl.lit("two or three")).otherwise(pl.lit("four or more")),
    "last_purchase": pl.when(pl.col("recency_days") < 30).then(pl.lit("within 30 days"))
    .when(pl.col("recency_days") < 90).then(pl.lit("30 to 90 days ago")).otherwise(pl.lit("longer ago")),
}  # fmt: skip
"""Kinds of customers whose errors are compared."""


class TooLittleHistory(Problem):
    """No date has enough history before it and its window behind it; the message says what there is."""


@dataclass(frozen=True)
class BacktestDate:
    """One as-of date: the figures of the model fitted as of then, those of BG/NBD alone (None where it could not be
    fitted), of groups of customers, and the table of calibration."""

    as_of: date
    number_of_snapshots: int
    metrics: Metrics
    purchase_model: Metrics | None
    groups: dict[str, dict[str, Metrics]]
    calibration: pl.DataFrame


def backtest_dates(first_purchase: date, known_until: date, horizon: int, number: int) -> list[date]:
    """The last `number` as-of dates whose windows have passed and do not overlap, the oldest first.

    A date has at least one training window behind it: dates without would test the purchase model alone.
    """
    dates = [known_until - timedelta(days=horizon * (back + 1)) for back in range(number)]
    return sorted(day for day in dates if (day - first_purchase).days >= horizon + 30)


def run_backtest(
    lines: pl.DataFrame,
    horizon: int,
    known_until: date,
    number_of_dates: int = FEWEST_DATES,
    families: Sequence[EventFamily] = (),
    on_step: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> list[BacktestDate]:
    """Fit and score as of each date, the oldest first; `known_until` is the last day whose purchases are all known.

    Raises:
        TooLittleHistory: there is no such date.
    """
    first = lines["purchase_date"].min()
    dates = backtest_dates(first, known_until, horizon, number_of_dates)  # type: ignore[arg-type]
    if not dates:
        raise TooLittleHistory(
            f"Purchases from {first!s} to {known_until} are too few days to look back {horizon} days twice: "
            f"a backtest needs {2 * horizon + 30} days. Take a shorter --horizon."
        )
    results = []
    for place, day in enumerate(dates):
        on_step(f"As of {day}", place, len(dates))
        results.append(_one_date(lines, day, horizon, known_until, families))
    return results


def _one_date(
    lines: pl.DataFrame, as_of: date, horizon: int, known_until: date, families: Sequence[EventFamily]
) -> BacktestDate:
    model, now = fit_silence_model(lines, as_of, horizon, families)
    left = silence_labels(lines, now.rows["customer_id"], as_of, horizon, known_until).cast(pl.Float64).to_numpy()
    predicted = model.probabilities(now.rows)
    alone = measure(probability(now.rows[SILENCE].to_numpy()), left) if now.purchases else None
    kinds = now.rows.select(**_GROUPS)
    return BacktestDate(
        as_of,
        len(model.card.snapshots),
        measure(predicted, left),
        alone,
        {name: measure_groups(predicted, left, kinds[name]) for name in kinds.columns},
        calibration_table(predicted, left),
    )
