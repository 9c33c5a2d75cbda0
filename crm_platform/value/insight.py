"""How each customer shops: how often, when, what, at which price, and when next.

Here: habits from lines up to the as-of date. Not here: figures for models (`features.py`), probabilities
(`forecast.py`).
"""

from datetime import date

import polars as pl

from crm_platform.value.features import exact_sum

PRICE_HABITS = ("full_price", "mixed", "markdown")
MARKDOWN_SHARE, FULL_PRICE_SHARE = 0.8, 0.2
"""At least the first as share of lines with a discount: buys at markdown; at most the second: at full price."""

SHRINKING_GAPS = 2.0
"""Everybody's mean gap counts as so many gaps of a customer's own."""

MISSED_GAPS = 4.0
"""After so many gaps without a purchase no next one is expected."""

_DAYS_BELOW_ZERO = 800_000
"""More than the days from the year 1 to 1970, so that none is below zero."""


def insight_as_of(lines: pl.DataFrame | pl.LazyFrame, features: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One row per customer of `features` (as of the same date), by customer_id.

    - number_of_purchases, gap_mean, gap_deviation, last_gap: see `features_as_of`;
    - usual_weekday (1 Monday to 7), usual_day_of_month, usual_hour: the one with most purchases, the latest such among
      equals by when it was last bought on;
    - top_product_id, top_category: with most lines, then most spent, then first by name; null where lines have none;
    - price_habit: full_price, mixed or markdown by the share of lines with a discount, null where none is known;
    - next_purchase_date: the last purchase and the mean gap, drawn to everybody's where gaps are few; the day after
      as-of where that has passed; null where `MISSED_GAPS` have.
    """
    known = _placed(lines, features, as_of)
    days = known.group_by("place", "purchase_date").agg(hour=pl.col("purchase_hour").min())
    parts = [
        _most_usual(days, pl.col("purchase_date").dt.weekday(), "usual_weekday"),
        _most_usual(days, pl.col("purchase_date").dt.day(), "usual_day_of_month"),
        _most_usual(days, pl.col("hour"), "usual_hour"),
        *(_most_bought(known, name) for name in ("product_id", "category") if name in known.columns),
        *([_price_habit(known)] if "discount" in known.columns else []),
    ]
    insight = features.select(
        "customer_id", "number_of_purchases", "gap_mean", "gap_deviation", "last_gap",
        place=pl.int_range(pl.len(), dtype=pl.UInt32), next_purchase_date=_next_purchase(as_of),
    )  # fmt: skip
    for part in parts:
        insight = insight.join(part, on="place", how="left", maintain_order="left")
    missing = {name: pl.lit(None, dtype=pl.String) for name in ("top_product_id", "top_category", "price_habit")}
    absent = {name: null for name, null in missing.items() if name not in insight.columns}
    return insight.drop("place").with_columns(**absent)


def _placed(lines: pl.DataFrame | pl.LazyFrame, features: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The lines of purchases, the customer as `place`, a number: groups of numbers are told apart several times as fast
    as those of texts."""
    places = features.lazy().select("customer_id", place=pl.int_range(pl.len(), dtype=pl.UInt32))
    known = lines.lazy().filter((pl.col("purchase_date") <= as_of) & (pl.col("amount") > 0))
    columns = ["purchase_date", "purchase_hour", "amount", "product_id", "category", "discount"]
    present = [name for name in columns if name in known.collect_schema().names()]
    return known.join(places, on="customer_id").select("place", *present).collect()


def _most_usual(days: pl.DataFrame, habit: pl.Expr, name: str) -> pl.DataFrame:
    """The habit with most days, the latest among equals, then the lowest: the three in one number, whose largest is
    taken."""
    dated = days.lazy().select("place", habit=habit.cast(pl.Int64), day=pl.col("purchase_date").to_physical())
    counted = (
        dated.drop_nulls("habit").group_by("place", "habit").agg(count=pl.len().cast(pl.Int64), last=pl.max("day"))
    )
    rank = pl.col("count") * 2**40 + (pl.col("last").cast(pl.Int64) + _DAYS_BELOW_ZERO) * 2**8 - pl.col("habit")
    return (
        counted.group_by("place")
        .agg(best=rank.max())
        .select("place", (-pl.col("best") % 2**8).cast(pl.Int8).alias(name))
        .collect()
    )


def _most_bought(known: pl.DataFrame, column: str) -> pl.DataFrame:
    """Of what was bought on most lines, then for most, the first by name."""
    named = known.lazy().select("place", "amount", name=pl.col(column)).drop_nulls("name")
    names = (
        named.select("name").unique().sort("name").with_columns(code=pl.int_range(pl.len(), dtype=pl.UInt32)).collect()
    )
    count, spent = pl.col("count"), pl.col("spent")
    return (
        named.join(names.lazy(), on="name")
        .group_by("place", "code")
        .agg(count=pl.len(), spent=exact_sum(pl.col("amount")))
        .filter(count == count.max().over("place"))
        .filter(spent == spent.max().over("place"))
        .group_by("place")
        .agg(code=pl.min("code"))
        .join(names.lazy(), on="code")
        .select("place", pl.col("name").alias(f"top_{column}"))
        .collect()
    )


def _price_habit(known: pl.DataFrame) -> pl.DataFrame:
    share = pl.col("discount").ne_missing(0).mean()
    full_price, mixed, markdown = (pl.lit(habit) for habit in PRICE_HABITS)
    return (
        known.filter(pl.col("discount").is_not_null())
        .group_by("place")
        .agg(share=share)
        .select(
            "place",
            price_habit=pl.when(pl.col("share") >= MARKDOWN_SHARE)
            .then(markdown)
            .when(pl.col("share") <= FULL_PRICE_SHARE)
            .then(full_price)
            .otherwise(mixed),
        )
    )


def _next_purchase(as_of: date) -> pl.Expr:
    """The day after the last purchase by the customer's gap; where nobody has bought twice there is no gap."""
    gaps = pl.col("number_of_purchases") - 1
    usual = pl.col("active_days").sum() / gaps.sum()
    gap = (pl.col("active_days") + SHRINKING_GAPS * usual) / (gaps + SHRINKING_GAPS)
    ahead = pl.max_horizontal(gap - pl.col("recency_days"), pl.lit(1.0))
    is_expected = (pl.col("recency_days") <= MISSED_GAPS * gap) & gap.is_finite()
    return pl.when(is_expected).then(pl.lit(as_of) + pl.duration(days=ahead.round(0).cast(pl.Int64)))
