"""How each customer shops: how often, when, what, at which price, and when next.

Here: habits from lines up to the as-of date. Not here: figures for models (`features.py`), probabilities
(`forecast.py`).
"""

from datetime import date

import polars as pl

PRICE_HABITS = ("full_price", "mixed", "markdown")
MARKDOWN_SHARE = 0.8
"""At least this share of lines with a discount: buys at markdown; at most one less it: at full price."""

SHRINKING_GAPS = 2.0
"""Everybody's mean gap counts as so many gaps of a customer's own."""

MISSED_GAPS = 4.0
"""After so many gaps without a purchase no next one is expected."""


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
    known = lines.lazy().filter((pl.col("purchase_date") <= as_of) & (pl.col("amount") > 0))
    columns = known.collect_schema().names()
    days = known.group_by("customer_id", "purchase_date").agg(hour=pl.col("purchase_hour").min())
    parts = [
        _most_usual(days, pl.col("purchase_date").dt.weekday(), "usual_weekday"),
        _most_usual(days, pl.col("purchase_date").dt.day(), "usual_day_of_month"),
        _most_usual(days, pl.col("hour"), "usual_hour"),
        *(_most_bought(known, name) for name in ("product_id", "category") if name in columns),
        *([_price_habit(known)] if "discount" in columns else []),
    ]
    rhythm = features.lazy().select(
        "customer_id", "number_of_purchases", "gap_mean", "gap_deviation", "last_gap",
        next_purchase_date=_next_purchase(as_of),
    )  # fmt: skip
    for part in parts:
        rhythm = rhythm.join(part, on="customer_id", how="left", maintain_order="left")
    missing = {name: pl.lit(None, dtype=pl.String) for name in ("top_product_id", "top_category", "price_habit")}
    present = rhythm.collect_schema().names()
    absent = {name: null for name, null in missing.items() if name not in present}
    return rhythm.with_columns(**absent).collect()


def _most_usual(days: pl.LazyFrame, habit: pl.Expr, name: str) -> pl.LazyFrame:
    counted = (
        days.with_columns(habit.alias(name))
        .drop_nulls(name)
        .group_by("customer_id", name)
        .agg(count=pl.len(), last=pl.col("purchase_date").max())
    )
    best = pl.struct("count", "last", -pl.col(name).cast(pl.Int16))
    return counted.group_by("customer_id").agg(pl.col(name).sort_by(best).last())


def _most_bought(known: pl.LazyFrame, column: str) -> pl.LazyFrame:
    counted = (
        known.drop_nulls(column)
        .group_by("customer_id", column)
        .agg(count=pl.len(), spent=pl.col("amount").sum().round(2))
    )
    ordered = counted.sort(["count", "spent", column], descending=[True, True, False])
    return ordered.group_by("customer_id", maintain_order=True).agg(pl.col(column).first().alias(f"top_{column}"))


def _price_habit(known: pl.LazyFrame) -> pl.LazyFrame:
    share = pl.col("discount").ne_missing(0).mean()
    full_price, mixed, markdown = (pl.lit(habit) for habit in PRICE_HABITS)
    return (
        known.filter(pl.col("discount").is_not_null())
        .group_by("customer_id")
        .agg(share=share)
        .select(
            "customer_id",
            price_habit=pl.when(pl.col("share") >= MARKDOWN_SHARE)
            .then(markdown)
            .when(pl.col("share") <= 1 - MARKDOWN_SHARE)
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
