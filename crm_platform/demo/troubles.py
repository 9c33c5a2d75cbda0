"""What drives customers away: a trouble shortly before some leave, and the same with others who stay.

Which trouble befalls whom, and when, belongs here; what the systems record of it stands with each system. A trouble
follows an order of the web shop: for who leaves the last one of their own will, for who stays any.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.dice import chance, choose_index, dates, dice
from crm_platform.demo.settings import Chunk, Period

LATE_DELIVERY = "late_delivery"
DAMAGED_GOODS = "damaged_goods"
UNSOLVED_CASES = "unsolved_cases"
BAD_ANSWER = "bad_answer"
TOO_MANY_MAILS = "too_many_mails"
# Days from the order to the trouble, the fewest and the most.
DAYS_AFTER_ORDER = {
    LATE_DELIVERY: (14, 28),
    DAMAGED_GOODS: (8, 16),
    UNSOLVED_CASES: (4, 16),
    BAD_ANSWER: (8, 20),
    TOO_MANY_MAILS: (5, 30),
}
# Who buys again and again, and so has something to give up.
REGULARS = ("occasional", "loyal", "markdown_only", "same_day_each_month")
# The rest of the leavers tell nobody why.
LEAVERS_SHARE = 0.9
STAYERS_SHARE = 0.1
LEAST_CONSENTS = 2


def add_troubles(
    people: pl.DataFrame,
    records: dict[str, pl.DataFrame],
    permissions: pl.DataFrame,
    orders: pl.DataFrame,
    chunk: Chunk,
    period: Period,
    seed: int,
) -> pl.DataFrame:
    """Add trouble (null: none), trouble_order (its number) and trouble_date; orders are those of people's own will.

    Who leaves over a trouble leaves within days of it: leaves_date is moved there.
    """
    rng = dice(seed, chunk.index, "troubles")
    befallen = _befallen(rng, people, orders)
    consents = _consents(befallen, permissions)
    known = records["crm"].select("person", is_known_to_centre=pl.lit(True)).unique("person")
    seen = befallen.join(consents, on="person", how="left", maintain_order="left").join(
        known, on="person", how="left", maintain_order="left"
    )
    found = _with_kind(rng, seen).filter(
        # By the last day there is something to be seen of it.
        (pl.col("trouble_date") < period.as_of) & (pl.col("trouble_date") < pl.col("death_date")).fill_null(True)
    )
    joined = people.join(found.drop("death_date"), on="person", how="left", maintain_order="left")
    moved = pl.min_horizontal(pl.col("trouble_date") + pl.duration(days=pl.col("patience")), pl.lit(period.as_of))
    leaves_over_it = pl.col("leaves_date").is_not_null() & pl.col("trouble").is_not_null()
    return joined.with_columns(leaves_date=pl.when(leaves_over_it).then(moved).otherwise("leaves_date")).drop(
        "patience"
    )


def _with_kind(rng: np.random.Generator, befallen: pl.DataFrame) -> pl.DataFrame:
    """person, death_date, trouble, trouble_order, trouble_date, patience (days until who leaves over it does), each
    trouble as likely as any other that can befall the person."""
    centre = pl.col("is_known_to_centre").fill_null(False)
    can_be = {
        LATE_DELIVERY: pl.lit(True),
        DAMAGED_GOODS: pl.lit(True),
        UNSOLVED_CASES: centre,
        BAD_ANSWER: centre,
        TOO_MANY_MAILS: (pl.col("consents") >= LEAST_CONSENTS).fill_null(False),
    }
    possible = befallen.select(can_be[kind].alias(kind) for kind in DAYS_AFTER_ORDER).to_numpy()
    drawn = np.argmax(np.where(possible, rng.random((befallen.height, len(can_be))), -1.0), axis=1)
    fewest, most = (np.array([days[end] for days in DAYS_AFTER_ORDER.values()]) for end in (0, 1))
    wait = rng.integers(fewest[drawn], most[drawn] + 1)
    return befallen.select(
        "person",
        "death_date",
        "trouble_order",
        trouble=pl.Series(list(DAYS_AFTER_ORDER), dtype=pl.String).gather(drawn),
        trouble_date=dates(befallen["order_day"].to_numpy() + wait),
        patience=pl.Series(rng.integers(1, 6, befallen.height)),
    )


def _befallen(rng: np.random.Generator, people: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """person, death_date, trouble_order and order_day of those with whom something goes wrong."""
    regulars = people.filter(pl.col("buyer").is_in(REGULARS)).select("person", "leaves_date", "death_date")
    bought = orders.sort("order_dt", "order_number").group_by("person", maintain_order=True)
    histories = bought.agg(
        last_system=pl.col("system").last(),
        numbers=pl.col("order_number").filter(pl.col("system") == "shop"),
        days=pl.col("order_dt").dt.date().cast(pl.Int32).cast(pl.Int64).filter(pl.col("system") == "shop"),
    ).filter(pl.col("numbers").list.len() > 0)
    known = regulars.join(histories, on="person", maintain_order="left")
    leaves = known["leaves_date"].is_not_null().to_numpy()
    has_trouble = chance(rng, known.height, np.where(leaves, LEAVERS_SHARE, STAYERS_SHARE))
    # Who leaves after an order at a till would not have left over one of the shop.
    may = ~leaves | (known["last_system"] == "shop").to_numpy()
    number = known["numbers"].list.len().to_numpy().astype(np.int64)
    place = np.where(leaves, number - 1, choose_index(rng, 1_000_000, known.height) % np.maximum(number, 1))
    at = pl.lit(pl.Series(place))
    chosen = known.with_columns(
        trouble_order=pl.col("numbers").list.get(at), order_day=pl.col("days").list.get(at)
    ).filter(pl.Series(has_trouble & may, dtype=pl.Boolean))
    return chosen.select("person", "death_date", "trouble_order", "order_day")


def _consents(befallen: pl.DataFrame, permissions: pl.DataFrame) -> pl.DataFrame:
    """person, consents: how many held on the day of the order and longer."""
    given = permissions.select("person", "subscribed_dt", "unsubscribed_dt").join(befallen, on="person")
    day = pl.col("order_day").cast(pl.Int32).cast(pl.Date)
    until = day + pl.duration(days=DAYS_AFTER_ORDER[TOO_MANY_MAILS][1])
    holds = (pl.col("subscribed_dt").dt.date() <= day) & (
        pl.col("unsubscribed_dt").is_null() | (pl.col("unsubscribed_dt").dt.date() > until)
    )
    return given.filter(holds).group_by("person").len("consents")


def troubled_orders(orders: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The orders with trouble and trouble_date (null: none) of the one that it follows."""
    troubles = people.drop_nulls("trouble").select("trouble", "trouble_date", order_number="trouble_order")
    return orders.join(troubles, on="order_number", how="left", maintain_order="left")


def consents_taken_back(permissions: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The consents, those of who had too many mails ended on the day of it."""
    angry = people.filter(pl.col("trouble") == TOO_MANY_MAILS).select(
        "person", taken_back_dt=pl.col("trouble_date").cast(pl.Datetime("us", "UTC")) + pl.duration(hours=20)
    )
    joined = permissions.join(angry, on="person", how="left", maintain_order="left")
    ends = (
        (pl.col("subscribed_dt") < pl.col("taken_back_dt"))
        & (pl.col("unsubscribed_dt").is_null() | (pl.col("unsubscribed_dt") > pl.col("taken_back_dt")))
    ).fill_null(False)
    return joined.with_columns(
        unsubscribed_dt=pl.when(ends).then("taken_back_dt").otherwise("unsubscribed_dt"),
        ended_by=pl.when(ends).then(pl.lit("opt_out")).otherwise("ended_by"),
    ).drop("taken_back_dt")
