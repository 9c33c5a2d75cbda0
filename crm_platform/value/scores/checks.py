"""What is worth a look in the scores: how earlier forecasts turned out, and how far the segments have moved.

Here: the counting. Not here: the tables (`build.py`).
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from crm_platform.value.features import purchases_between
from crm_platform.warehouse.engine import Engine

LARGEST_ERROR = 0.3
"""By so much of what came the total of a matured forecast may be off."""

LARGEST_DRIFT = 0.1
"""Share of the customers by which a segment may grow or shrink from one month to the next."""

_DRIFT = """
WITH month AS (
    SELECT as_of_date, row_number() OVER (ORDER BY as_of_date DESC) AS place
    FROM (SELECT DISTINCT as_of_date FROM value.customer_rfm) AS days
),
counted AS (
    SELECT customer_rfm.segment, month.place, count(*) AS customers
    FROM value.customer_rfm INNER JOIN month ON customer_rfm.as_of_date = month.as_of_date
    WHERE month.place <= 2
    GROUP BY customer_rfm.segment, month.place
),
share AS (
    SELECT segment, place, customers / CAST(sum(customers) OVER (PARTITION BY place) AS DOUBLE) AS share FROM counted
),
change AS (
    SELECT segment, abs(sum(CASE WHEN place = 1 THEN share ELSE -share END)) AS change FROM share GROUP BY segment
)
SELECT CASE WHEN (SELECT max(place) FROM share) = 2 THEN (SELECT max(change) FROM change) END"""


@dataclass(frozen=True)
class ForecastResult:
    """How the newest forecast of a horizon that is over turned out, all its customers together; spend in the company's
    currency."""

    as_of: date
    horizon: int
    customers: int
    expected_purchases: float
    purchases: int
    expected_spend: float
    spend: float
    within_interval: float | None

    @property
    def error(self) -> float:
        """Expected purchases by actual ones, less one; of none at all what was expected."""
        return self.expected_purchases / max(self.purchases, 1) - 1 if self.purchases else self.expected_purchases


def matured_forecasts(engine: Engine, lines: pl.DataFrame, as_of: date) -> list[ForecastResult]:
    """How the newest forecast of each horizon that ended by as-of turned out, by the lines known of then.

    lines: see `features_as_of`, the customer's key as `customer_id`.
    """
    newest = engine.query(
        "SELECT horizon_days, max(as_of_date) AS forecast_date FROM value.customer_value "
        "WHERE as_of_date + CAST(horizon_days AS INTEGER) <= $as_of GROUP BY horizon_days ORDER BY horizon_days",
        {"as_of": as_of},
    )
    return [_turned_out(engine, lines, made, horizon) for horizon, made in newest.iter_rows()]


def segment_drift(engine: Engine) -> float:
    """The largest change of a segment's share of the customers between the last two months; 0 where there is one."""
    return float(engine.scalar(_DRIFT) or 0)


def _turned_out(engine: Engine, lines: pl.DataFrame, made: date, horizon: int) -> ForecastResult:
    forecasts = engine.query(
        "SELECT customer_key AS customer_id, expected_purchases, expected_purchases_low AS low, "
        "expected_purchases_high AS high, CAST(expected_spend_amount AS DOUBLE) AS expected_spend "
        "FROM value.customer_value WHERE as_of_date = $made AND horizon_days = $horizon",
        {"made": made, "horizon": horizon},
    )
    came = forecasts.join(purchases_between(lines, made, horizon), on="customer_id", how="left").with_columns(
        pl.col("purchases").fill_null(0), pl.col("spend").fill_null(0.0)
    )
    is_within = came.select(pl.col("purchases").is_between("low", "high").mean()).item()
    totals = came.select("expected_purchases", "purchases", "expected_spend", "spend").sum().row(0, named=True)
    return ForecastResult(made, horizon, came.height, **totals, within_interval=is_within)
