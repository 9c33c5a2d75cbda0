"""What becomes of the web shop's orders: dispatched, delivered, invoiced, paid, returned, refunded, cancelled, closed.

The moments of an order's life belong here, and what finance and logistics record of them; what is ordered does not.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from crm_platform.demo.dice import SECONDS_A_DAY, chance, choose, dice, span_of
from crm_platform.demo.settings import Chunk, Period
from crm_platform.demo.troubles import DAMAGED_GOODS, LATE_DELIVERY, troubled_orders

STATUSES = ["ordered", "dispatched", "delivered", "invoiced", "paid", "returned", "refunded", "cancelled", "closed"]
FURTHEST_FIRST = [
    "closed",
    "cancelled",
    "refunded",
    "returned",
    "paid",
    "delivered",
    "invoiced",
    "dispatched",
    "ordered",
]
RETURN_REASONS = (["does not fit", "damaged", "not as described", "changed my mind", "late"], [0.2, 0.2, 0.2, 0.3, 0.1])
CARRIERS = ["Postal service", "Quickline", "Northway", "Parcelhorse"]
PAYMENT_DAYS = 14


def add_life_cycle(orders: pl.DataFrame, people: pl.DataFrame, chunk: Chunk, period: Period, seed: int) -> pl.DataFrame:
    """Add the moments of an order's life and the status reached.

    Columns: <status>_dt for each of STATUSES (null: did not happen, or not by the end of `as_of`), promised_date,
    due_date, status; trouble and trouble_date of an order that one follows.
    """
    rng = dice(seed, chunk.index, "order life cycle")
    count = orders.height

    def after(start: str, mean_days: float, shortest: float) -> pl.Expr:
        seconds = (shortest + rng.exponential(mean_days, count)) * SECONDS_A_DAY
        return pl.col(start) + span_of(seconds)

    orders = troubled_orders(orders, people)
    is_troubled, is_damaged = orders["trouble"].is_not_null(), (orders["trouble"] == DAMAGED_GOODS).fill_null(False)
    on_that_day = pl.col("trouble_date").cast(pl.Datetime("us", "UTC")) + timedelta(hours=15)
    cancelled, returned = pl.Series(chance(rng, count, 0.03)) & ~is_troubled, pl.Series(chance(rng, count, 0.06))
    never_paid = pl.Series(chance(rng, count, 0.01))
    late = orders.select("person").join(
        people.select("person", "pays_late_days"), on="person", how="left", maintain_order="left"
    )["pays_late_days"]
    lived = orders.with_columns(
        ordered_dt="order_dt", promised_date=pl.col("order_dt").cast(pl.Date) + timedelta(days=6)
    )
    lived = lived.with_columns(
        cancelled_dt=pl.when(cancelled).then(after("ordered_dt", 0.5, 0.05)),
        dispatched_dt=pl.when(~cancelled).then(after("ordered_dt", 1.2, 0.3)),
    ).with_columns(delivered_dt=after("dispatched_dt", 1.8, 0.8), invoiced_dt=after("dispatched_dt", 0.1, 0.02))
    lived = lived.with_columns(
        delivered_dt=pl.when(pl.col("trouble") == LATE_DELIVERY).then(on_that_day).otherwise("delivered_dt")
    )
    lived = lived.with_columns(due_date=pl.col("invoiced_dt").cast(pl.Date) + timedelta(days=PAYMENT_DAYS))
    on_account = pl.col("payment_method").is_in(["invoice", "bank transfer"])
    slow = (pl.col("due_date") + pl.duration(days=pl.lit(late.clip(-13, 120)))).cast(
        pl.Datetime("us", "UTC")
    ) + timedelta(hours=10)
    lived = lived.with_columns(
        paid_dt=pl.when(on_account & ~never_paid)
        .then(pl.max_horizontal(slow, "invoiced_dt"))
        .when(~on_account)
        .then("invoiced_dt"),
        returned_dt=pl.when(returned).then(after("delivered_dt", 7.0, 1.0)),
    )
    sent_back = pl.max_horizontal(on_that_day, pl.col("delivered_dt") + timedelta(hours=20))
    lived = lived.with_columns(returned_dt=pl.when(is_damaged).then(sent_back).otherwise("returned_dt"))
    lived = lived.with_columns(
        refunded_dt=after("returned_dt", 4.0, 1.0),
        closed_dt=pl.when(~(returned | is_damaged)).then(after("delivered_dt", 1.0, 30.0)),
    )
    return _until(lived, period)


def _until(orders: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Forget what happens after the period, and say which status was reached last."""
    end = pl.lit(period.as_of + timedelta(days=1)).cast(pl.Datetime("us", "UTC"))
    moments = [f"{status}_dt" for status in STATUSES]
    past = orders.with_columns(pl.when(pl.col(moment) < end).then(moment).alias(moment) for moment in moments)
    return past.with_columns(status=status_on(pl.lit(period.as_of)))


def status_on(day: str | pl.Expr) -> pl.Expr:
    """The furthest status an order had reached at the end of a day."""
    date = pl.col(day) if isinstance(day, str) else day
    reached = (pl.when(pl.col(f"{status}_dt").cast(pl.Date) <= date).then(pl.lit(status)) for status in FURTHEST_FIRST)
    return pl.coalesce(reached)


def order_events(orders: pl.DataFrame) -> pl.DataFrame:
    """One row per status an order reached: order_number, status, event_dt."""
    moments = orders.select("order_number", *(pl.col(f"{status}_dt").alias(status) for status in STATUSES))
    events = moments.unpivot(STATUSES, index="order_number", variable_name="status", value_name="event_dt").drop_nulls(
        "event_dt"
    )
    return events.sort("order_number", "event_dt", "status")


def make_returns(orders: pl.DataFrame, lines: pl.DataFrame, chunk: Chunk, seed: int) -> pl.DataFrame:
    """What came back, one line of each order returned.

    Columns: those of the order and line, return_number, quantity, reason, returned_dt, refund (without
    VAT), currency, refunded_dt.
    """
    rng = dice(seed, chunk.index, "returns")
    back = orders.filter(pl.col("returned_dt").is_not_null()).select(
        "order_number", "trouble", "returned_dt", "refunded_dt"
    )
    firsts = lines.filter(pl.col("line_type") == "sale").unique("order_number", keep="first", maintain_order=True)
    returned = firsts.join(back, on="order_number", maintain_order="left")
    value = pl.col("quantity") * (pl.col("unit_price") - pl.col("discount"))
    return returned.with_columns(
        reason=pl.when(pl.col("trouble") == DAMAGED_GOODS)
        .then(pl.lit("damaged"))
        .otherwise(choose(rng, RETURN_REASONS[0], returned.height, RETURN_REASONS[1])),
        refund=pl.when(pl.col("refunded_dt").is_not_null()).then(value.round(2)),
        return_number="order_number",
    )


def make_shipments(orders: pl.DataFrame, chunk: Chunk, seed: int) -> pl.DataFrame:
    """One row per order dispatched.

    Columns: order_number, carrier, number_of_parcels, promised_date, dispatched_dt, delivered_dt.
    """
    rng = dice(seed, chunk.index, "shipments")
    sent = orders.filter(pl.col("dispatched_dt").is_not_null())
    return sent.select(
        "order_number",
        "country",
        "promised_date",
        "dispatched_dt",
        "delivered_dt",
        carrier=choose(rng, CARRIERS, sent.height),
        number_of_parcels=pl.Series(1 + (rng.random(sent.height) < 0.12)).cast(pl.Int64),
    )
