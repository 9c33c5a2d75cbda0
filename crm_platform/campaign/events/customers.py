"""Whom an event concerns, by today's keys of customers.

Here: the relation `event_customer`. Not here: the events themselves, which name no key (`build.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crm_platform.campaign.events.contracts import EVENT
from crm_platform.warehouse.engine import Engine


@contextmanager
def event_customers(engine: Engine) -> Iterator[None]:
    """Let SQL read `event_customer` for the time of the block: event_id, event_dt, customer_key, found_by (`number` or
    `address`), for events whose customer is known."""
    for contract in (
        EVENT,
        *(engine.contracts[f"scv.{name}"] for name in ("customer_ref_key", "dim_customer_history")),
    ):
        engine.refresh_view(contract)
    sql = Path(__file__).with_name("event_customer.sql").read_text(encoding="utf-8").rstrip()
    with engine.temporary_view("event_customer", sql):
        yield
