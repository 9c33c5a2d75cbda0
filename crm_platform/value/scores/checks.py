"""What is worth a look in the scores: how earlier forecasts turned out, and how far the segments have moved.

Here: the counting. Not here: the tables (`build.py`).
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from crm_platform.value.drift import largest_drift
from crm_platform.value.features import purchases_between
from crm_platform.value.scores.contracts import CUSTOMER_RFM
from crm_platform.warehouse.engine import Engine

LARGEST_ERROR = 0.3
"""By so much of what came the total of a matured forecast may be off."""

LARGEST_DRIFT = 0.1
"""Share of the customers by which a segment may grow or shrink from one month to the next."""


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
    return largest_drift(engine, CUSTOMER_RFM, "segment")


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
