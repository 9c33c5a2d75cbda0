"""What people order, and when: each by the traits of `behaviour`, through the system that knows them.

Orders and their dates belong here; what is in them stands in `order_lines`, what becomes of them in `order_life_cycle`.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from crm_platform.demo.catalogue import SALES
from crm_platform.demo.dice import (
    SECONDS_A_DAY,
    Integers,
    chance,
    choose,
    choose_index,
    day_number,
    dice,
    seasonal_days,
    timestamps,
    waking_seconds,
)
from crm_platform.demo.settings import HISTORY_DAYS, Chunk, Period

# Room for the numbers of a chunk's orders; ids stay unique without a common counter.
ORDERS_PER_PERSON = 64
PAYMENT_METHODS = (["card", "paypal", "invoice", "bank transfer"], [0.55, 0.2, 0.18, 0.07])
SHOP_SHARE = 0.7


def make_orders(
    people: pl.DataFrame,
    records: dict[str, pl.DataFrame],
    stores: pl.DataFrame,
    chunk: Chunk,
    period: Period,
    seed: int,
) -> pl.DataFrame:
    """The orders people make of their own will, one row each, by time.

    Columns: order_number (unique), person, household, organisation, buyer, country, locale, brand, order_dt, system
    (shop or till), record (number of the customer in it), store_id (till), channel, payment_method; promotion_code,
    member_id and wanted_number (of a product) are for orders that come of a campaign.
    """
    rng = dice(seed, chunk.index, "orders")
    buyers = buyers_known(people, records, period)
    dated = pl.concat(
        [
            _ordinary(rng, buyers, period),
            _monthly(rng, buyers, period),
            _gifts(rng, buyers, period),
            _for_companies(rng, buyers),
        ]
    )
    dated = dated.filter(pl.col("order_day").is_between(pl.col("first_day"), pl.col("last_day")))
    return place_orders(rng, dated, stores).sort("order_dt", "person").pipe(number_orders, chunk, 0)


def buyers_known(people: pl.DataFrame, records: dict[str, pl.DataFrame], period: Period) -> pl.DataFrame:
    """Everybody whom a selling system knows, with their records there and the days between which they may buy."""
    known = people.select(
        "person",
        "household",
        "organisation",
        "buyer",
        "country",
        "locale",
        "brand",
        "orders_a_year",
        "birth_date",
        "leaves_date",
        "death_date",
    )
    for system in ("shop", "till"):
        firsts = (
            records[system]
            .group_by("person", maintain_order=True)
            .agg(
                pl.col("number").first().alias(f"{system}_record"),
                pl.col("number").last().alias(f"{system}_record_2"),
                pl.col("created_dt").min().alias(f"{system}_from"),
                pl.col("created_dt").max().alias(f"{system}_from_2"),
            )
        )
        known = known.join(firsts, on="person", how="left", maintain_order="left")
    first = pl.min_horizontal("shop_from", "till_from").cast(pl.Date)
    last = pl.min_horizontal(pl.lit(period.as_of), "leaves_date", "death_date")
    return known.filter(first.is_not_null()).with_columns(
        first_day=pl.max_horizontal(first, pl.lit(period.start)).cast(pl.Int32).cast(pl.Int64),
        last_day=last.cast(pl.Int32).cast(pl.Int64),
        promotion_code=pl.lit(None, pl.String),
        member_id=pl.lit(None, pl.String),
        wanted_number=pl.lit(None, pl.Int64),
    )


def repeat(rows: pl.DataFrame, times: Integers) -> pl.DataFrame:
    """Each row as often as told."""
    return rows[np.repeat(np.arange(rows.height), times)]


def _ordinary(rng: np.random.Generator, buyers: pl.DataFrame, period: Period) -> pl.DataFrame:
    rows = buyers.filter(pl.col("buyer").is_in(["one_time", "occasional", "loyal", "markdown_only"]))
    years = ((rows["last_day"] - rows["first_day"]).to_numpy().clip(0) + 1) / 365.0
    expected = rows["orders_a_year"].to_numpy() * years
    times = np.where((rows["buyer"] == "one_time").to_numpy(), 1, np.minimum(rng.poisson(expected), 40))
    orders = repeat(rows, times.astype(np.int64))
    days = seasonal_days(rng, orders["first_day"].to_numpy(), orders["last_day"].to_numpy())
    in_sales = _days_of_sales(rng, days, period)
    return orders.with_columns(
        order_day=pl.when(pl.col("buyer") == "markdown_only").then(pl.Series(in_sales)).otherwise(pl.Series(days))
    )


def _days_of_sales(rng: np.random.Generator, days: Integers, period: Period) -> Integers:
    """For each day, one of the nearest sales."""
    starts = np.array(
        [
            day_number(date(year, month, low))
            for year in range(period.start.year, period.as_of.year + 1)
            for month, low, _ in SALES
        ],
        dtype=np.int64,
    )
    nearest = np.abs(days[:, None] - starts[None, :]).argmin(axis=1)
    drawn: Integers = starts[nearest] + rng.integers(0, 29, len(days))
    return drawn


def _monthly(rng: np.random.Generator, buyers: pl.DataFrame, period: Period) -> pl.DataFrame:
    """An order on about the same day of every month."""
    rows = buyers.filter(pl.col("buyer") == "same_day_each_month")
    months = HISTORY_DAYS // 30 + 1
    usual_day = np.repeat(rng.integers(1, 28, rows.height), months)
    orders = repeat(rows, np.full(rows.height, months))
    month = np.tile(np.arange(months), rows.height)
    first = period.start.replace(day=1)
    month_starts = np.array(
        [
            day_number(date(first.year + (first.month - 1 + m) // 12, (first.month - 1 + m) % 12 + 1, 1))
            for m in range(months)
        ]
    )
    shaken = month_starts[month] + usual_day - 1 + rng.choice([-1, 0, 0, 0, 0, 1], len(month))
    return orders.with_columns(order_day=pl.Series(shaken.astype(np.int64))).filter(
        pl.Series(chance(rng, len(month), 0.94))
    )


def _gifts(rng: np.random.Generator, buyers: pl.DataFrame, period: Period) -> pl.DataFrame:
    """An order some days before the same birthday each year."""
    rows = buyers.filter(pl.col("buyer") == "gift_giver")
    birthday = rng.integers(0, 365, rows.height)
    years = np.arange(3)
    orders = repeat(rows, np.full(rows.height, len(years)))
    occasion = np.repeat(birthday, len(years)) + np.tile(years, rows.height) * 365
    return orders.with_columns(
        order_day=pl.Series((day_number(period.start) + occasion - rng.integers(4, 12, len(occasion))).astype(np.int64))
    )


def _for_companies(rng: np.random.Generator, buyers: pl.DataFrame) -> pl.DataFrame:
    """What contacts buy for their companies, on top of their own."""
    rows = buyers.filter(pl.col("organisation").is_not_null())
    years = ((rows["last_day"] - rows["first_day"]).to_numpy().clip(0) + 1) / 365.0
    orders = repeat(rows, rng.poisson(5.0 * years))
    days = seasonal_days(rng, orders["first_day"].to_numpy(), orders["last_day"].to_numpy())
    return orders.with_columns(order_day=pl.Series(days), buyer=pl.lit("company"))


def place_orders(rng: np.random.Generator, dated: pl.DataFrame, stores: pl.DataFrame) -> pl.DataFrame:
    """Give each row of buyers[order_day] its hour, its system and record there, store, channel and payment method."""
    count = dated.height
    moment = timestamps(dated["order_day"].to_numpy() * SECONDS_A_DAY + waking_seconds(rng, count))
    timed = dated.with_columns(
        order_dt=moment,
        may_shop=_is_known("shop", moment),
        may_till=_is_known("till", moment),
        prefers_shop=pl.Series(chance(rng, count, SHOP_SHARE)),
    )
    placed = timed.filter(pl.col("may_shop") | pl.col("may_till"))
    by_shop = pl.col("may_shop") & (pl.col("prefers_shop") | ~pl.col("may_till"))
    second = pl.Series(chance(rng, placed.height, 0.5))
    kept = placed.height
    store = _store_for(rng, placed, stores)
    channel = choose(rng, ["web", "phone"], kept, [0.9, 0.1])
    return placed.with_columns(
        system=pl.when(by_shop).then(pl.lit("shop")).otherwise(pl.lit("till")),
        record=pl.when(by_shop).then(_record("shop", second)).otherwise(_record("till", second)),
        store_id=pl.when(~by_shop).then(store),
        channel=pl.when(by_shop).then(channel).otherwise(pl.lit("store")),
        payment_method=pl.when(by_shop)
        .then(choose(rng, *_methods(kept)))
        .otherwise(choose(rng, ["card", "cash"], kept, [0.8, 0.2])),
    ).select(
        "person",
        "household",
        "organisation",
        "buyer",
        "country",
        "locale",
        "brand",
        "order_dt",
        "system",
        "record",
        "store_id",
        "channel",
        "payment_method",
        "promotion_code",
        "member_id",
        "wanted_number",
    )


def _is_known(system: str, moment: pl.Series) -> pl.Expr:
    return (pl.col(f"{system}_from") <= moment).fill_null(False)


def _record(system: str, takes_second: pl.Series) -> pl.Expr:
    """The record an order goes to; who has two uses either, once it is there."""
    has_second = (pl.col(f"{system}_from_2") <= pl.col("order_dt")).fill_null(False)
    return pl.when(takes_second & has_second).then(f"{system}_record_2").otherwise(f"{system}_record")


def _methods(count: int) -> tuple[list[str], int, list[float]]:
    return PAYMENT_METHODS[0], count, PAYMENT_METHODS[1]


def _store_for(rng: np.random.Generator, orders: pl.DataFrame, stores: pl.DataFrame) -> pl.Series:
    """A store of the country, any store where the country has none."""
    drawn = stores["store_id"].gather(choose_index(rng, stores.height, orders.height))
    near = stores.group_by("country", maintain_order=True).agg(near=pl.col("store_id"))
    joined = (
        orders.select("country")
        .join(near, on="country", how="left", maintain_order="left")
        .with_columns(pick=pl.Series(rng.integers(0, 1_000, orders.height)))
    )
    chosen = joined.select(pl.col("near").list.get(pl.col("pick") % pl.col("near").list.len(), null_on_oob=True))[
        "near"
    ]
    return chosen.fill_null(drawn)


def number_orders(orders: pl.DataFrame, chunk: Chunk, already: int) -> pl.DataFrame:
    """Number the orders of a chunk, after those it has already."""
    first = chunk.first * ORDERS_PER_PERSON + already
    return orders.with_columns(order_number=pl.Series(np.arange(orders.height) + first))


def with_payers(orders: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Add payer_record: the record that ordered, and for one order in thirty-three the first one of the household."""
    firsts = records.group_by("household", maintain_order=True).agg(household_record=pl.col("number").first())
    joined = orders.join(firsts, on="household", how="left", maintain_order="left")
    is_treated = (pl.col("order_number") % 33 == 5) & pl.col("household_record").is_not_null()
    return joined.with_columns(payer_record=pl.when(is_treated).then("household_record").otherwise("record")).drop(
        "household_record"
    )
