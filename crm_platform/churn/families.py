"""Features of what customers did besides buying: opens, complaints, support, payments, shipments, visits, points.

Here: the kinds, and one way to count the events of any of them as of a date. Not here: which table gives the events of
a kind (`inputs/known_event.sql`); purchases (`crm_platform/value/features.py`).
A family gives nothing but events, so that the filter by both clocks stands once, here: what happened up to the as-of
date and was known by then. An event that was received later does not move the features of an earlier date.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

WINDOWS = (30, 90, 365)

FAMILIES = {
    "support_cases": "support cases",
    "low_answers": "low survey answers",
    "late_deliveries": "late deliveries",
    "returns": "returns of goods",
    "late_payments": "payments after they were due",
    "visits": "days with site visits",
    "opens": "mailings opened",
    "clicks": "mailings clicked",
    "complaints": "complaints about mailings",
    "opt_outs": "opt-outs",
    "points_spent": "redemptions of points",
}
"""Families of events and what they are called in a reason."""

WITH_AMOUNT = ("late_deliveries", "late_payments", "points_spent")
"""Families that have something to sum: days late, points."""


@dataclass(frozen=True)
class EventFamily:
    """Events of one kind.

    name: begins the features' names; title: what the events are called in a reason, in the plural (`complaints`);
    events: customer_id, event_date, known_date (when it was received or loaded), and `amount` where there is something
    to sum, such as days late, points or minutes.
    """

    name: str
    title: str
    events: pl.LazyFrame


def family_features(family: EventFamily, as_of: date) -> pl.DataFrame:
    """customer_id and, as of the date, `<name>_<w>d` (events of the last w days), `<name>_days_since` the last one,
    and `<name>_amount_<w>d` where the events have an amount; only customers with an event, by customer_id."""
    known = family.events.filter((pl.col("event_date") <= as_of) & (pl.col("known_date") <= as_of))
    age = (pl.lit(as_of) - pl.col("event_date")).dt.total_days()
    figures = {f"{family.name}_{window}d": (age < window).sum().cast(pl.Float64) for window in WINDOWS}
    figures[f"{family.name}_days_since"] = age.min().cast(pl.Float64)
    if "amount" in family.events.collect_schema().names():
        amount = pl.col("amount").cast(pl.Float64)
        figures |= {f"{family.name}_amount_{window}d": amount.filter(age < window).sum() for window in WINDOWS}
    return known.group_by("customer_id").agg(**figures).sort("customer_id").collect()


def with_families(features: pl.DataFrame, families: Sequence[EventFamily], as_of: date) -> pl.DataFrame:
    """The features with those of every family: counts and sums of who has no event are zero, days since are null."""
    for family in families:
        found = family_features(family, as_of)
        counted = [name for name in found.columns if name not in ("customer_id", f"{family.name}_days_since")]
        features = features.join(found, on="customer_id", how="left", maintain_order="left").with_columns(
            pl.col(counted).fill_null(0.0)
        )
    return features
