"""A member's account at a time, as the published ledger tells it.

Here: what a person or another program asks for one member. Not here: the ledger (`build.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from crm_platform.warehouse.engine import Engine, Parameter

_UNTIL = "FROM loyalty.fact_loyalty_points WHERE customer_key = $customer_key AND event_dt <= $at"


@dataclass(frozen=True)
class Statement:
    """points: the balance. by_expiry: points by the last day on which they are good (None: owed), the soonest first.
    entries: entry_type, rule, points, event_dt, expires_date of the newest movements, the newest first."""

    points: int
    by_expiry: dict[date | None, int]
    entries: pl.DataFrame


def statement_at(engine: Engine, customer_key: int, at: datetime, entries: int = 20) -> Statement:
    """The account of a customer at a time (UTC), with so many of the newest entries up to then."""
    asked: dict[str, Parameter] = {"customer_key": customer_key, "at": at}
    held = engine.query(
        f"SELECT expires_date, CAST(sum(points) AS BIGINT) AS points {_UNTIL} "
        "GROUP BY expires_date HAVING sum(points) <> 0 ORDER BY expires_date NULLS FIRST",
        asked,
    )
    newest = engine.query(
        f"SELECT entry_type, rule, points, event_dt, expires_date {_UNTIL} "
        f"ORDER BY event_dt DESC, entry_id LIMIT {entries:d}",
        asked,
    )
    return Statement(int(held["points"].sum()), dict(held.iter_rows()), newest)
