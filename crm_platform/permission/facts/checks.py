"""What must hold of every active row of the facts, asked of the events in another way than the facts are made.

Here: the promises and the counting of rows that break them. Not here: the facts (`consent_spell.sql`).
"""

from datetime import datetime
from enum import StrEnum

from crm_platform.permission.facts.contracts import FACT_SUBSCRIPTION
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine


class Promise(StrEnum):
    """What holds of every active row; `text` says it in a sentence."""

    NOT_EXPIRED = "no_active_row_is_past_its_expiry"
    NOT_OPTED_OUT = "nobody_active_has_opted_out_of_everything_since"
    PROVEN = "every_active_row_has_its_proof"

    @property
    def text(self) -> str:
        """The promise as a sentence."""
        return _TEXTS[self]


_TEXTS = {
    Promise.NOT_EXPIRED: "The last day of every active row is not over in every time zone.",
    Promise.NOT_OPTED_OUT: "No active row was given before the customer's latest global opt-out.",
    Promise.PROVEN: "For every active row there is the event that gave it, with its form or method and its place.",
}
# The day is over everywhere 12 hours after the UTC midnight that follows it.
_EXPIRED = "expiry_date_key BETWEEN 1 AND CAST(strftime($as_of - INTERVAL 36 HOUR, '%Y%m%d') AS BIGINT)"
_OPTED_OUT = """EXISTS (
    SELECT 1 FROM permission.consent_event AS event
    WHERE event.customer_key = fact.customer_key AND event.event_type = 'global_opt_out'
        AND event.effective_dt >= fact.subscribed_dt AND event.effective_dt <= $as_of
)"""
_PROVEN = """EXISTS (
    SELECT 1 FROM permission.consent_event AS event
    LEFT JOIN sources.dim_communication ON event.communication = dim_communication.communication_code
    WHERE event.customer_key = fact.customer_key AND event.effect = 'grant' AND event.effective_dt = fact.subscribed_dt
        AND {what} AND coalesce(event.form, event.request_method) IS NOT NULL
        AND (event.event_type <> 'double_opt_in_confirm' OR event.request_event_id IS NOT NULL)
)"""


def broken_promises(engine: Engine, fact: Contract, as_of: datetime) -> dict[Promise, int]:
    """How many active rows of a fact break each promise at `as_of` (UTC)."""
    is_subscription = fact.table == FACT_SUBSCRIPTION.table
    what = (
        "dim_communication.communication_key = fact.communication_key"
        if is_subscription
        else "event.communication_type = fact.communication_type"
    )
    breaks = {
        Promise.NOT_EXPIRED: _EXPIRED,
        Promise.NOT_OPTED_OUT: _OPTED_OUT,
        Promise.PROVEN: f"NOT {_PROVEN.format(what=what)}",
    }
    return {
        promise: int(
            engine.scalar(
                f"SELECT count(*) FROM permission.{fact.table} AS fact WHERE is_active_flag = 1 AND {condition}",
                {"as_of": as_of},
            )
        )
        for promise, condition in breaks.items()
    }
