"""What must hold of the ledger and of what is made from it, asked in another way than they are made.

Here: the promises and the counting of what breaks them. Not here: the ledger (`build.py`).
"""

from enum import StrEnum

from crm_platform.loyalty.settings import LoyaltySettings
from crm_platform.warehouse.engine import Engine


class Promise(StrEnum):
    """What holds of the ledger; `text` says it in a sentence."""

    NOT_TOO_LOW = "no_balance_was_ever_below_what_is_allowed"
    NO_MORE_THAN_HELD = "no_points_are_spent_twice"
    GONE_WHEN_LAPSED = "no_points_outlive_their_day"

    @property
    def text(self) -> str:
        """The promise as a sentence."""
        return _TEXTS[self]


_TEXTS = {
    Promise.NOT_TOO_LOW: "At no moment was the sum of a member's points below the lowest balance of the schemes.",
    Promise.NO_MORE_THAN_HELD: "At no moment was the sum of a member's points of one expiry date below zero.",
    Promise.GONE_WHEN_LAPSED: "Points whose last day is over add up to nothing.",
}
_SQL = {
    Promise.NOT_TOO_LOW: """
SELECT count(*) FROM (
    SELECT sum(moved) OVER (PARTITION BY customer_key ORDER BY event_dt) AS balance
    FROM (SELECT customer_key, event_dt, sum(points) AS moved FROM loyalty.fact_loyalty_points GROUP BY ALL)
) WHERE balance < $lowest""",
    Promise.NO_MORE_THAN_HELD: """
SELECT count(*) FROM (
    SELECT sum(moved) OVER (PARTITION BY customer_key, expires_date ORDER BY event_dt) AS held
    FROM (
        SELECT customer_key, expires_date, event_dt, sum(points) AS moved FROM loyalty.fact_loyalty_points
        WHERE expires_date IS NOT NULL GROUP BY ALL
    )
) WHERE held < 0""",
    Promise.GONE_WHEN_LAPSED: """
SELECT count(*) FROM (
    SELECT sum(points) AS held FROM loyalty.fact_loyalty_points
    WHERE expires_date < (SELECT CAST(max(event_dt) AS DATE) FROM loyalty.fact_loyalty_points)
    GROUP BY customer_key, expires_date
) WHERE held <> 0""",
}
_UNLIKE_LEDGER = """
SELECT count(*) FROM loyalty.loyalty_member FULL OUTER JOIN (
    SELECT customer_key, sum(points) AS balance_points FROM loyalty.fact_loyalty_points GROUP BY customer_key
) AS ledger USING (customer_key)
WHERE loyalty_member.balance_points IS DISTINCT FROM ledger.balance_points"""
_NOT_CLOSED = """
SELECT count(*) FROM loyalty.loyalty_movement AS month
WHERE closing_points <> opening_points + earned_points - reversed_points - burnt_points - expired_points
    OR closing_points <> (
        SELECT coalesce(sum(points), 0) FROM loyalty.fact_loyalty_points
        WHERE event_dt < CAST(month.month_date + INTERVAL 1 MONTH AS TIMESTAMP WITH TIME ZONE)
    )"""


def broken_promises(engine: Engine, settings: LoyaltySettings) -> dict[Promise, int]:
    """How many moments or sums of the ledger break each promise."""
    lowest = min(scheme.lowest_balance for scheme in settings.schemes)
    return {promise: int(engine.scalar(sql, {"lowest": lowest})) for promise, sql in _SQL.items()}


def members_unlike_their_ledger(engine: Engine) -> int:
    """How many members' balances are not the sum of their entries."""
    return int(engine.scalar(_UNLIKE_LEDGER))


def months_that_do_not_close(engine: Engine) -> int:
    """How many months' closing points are not the opening ones and the movements, or not the ledger's sum."""
    return int(engine.scalar(_NOT_CLOSED))
