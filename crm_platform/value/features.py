"""What is known of each customer's purchases as of a date: the one function for training and for scoring.

Here: figures from lines up to the as-of date, and nothing after it. Not here: bands and segments (`rfm.py`), habits in
words (`insight.py`), what is predicted from the figures.
"""

from datetime import date, timedelta

import polars as pl

WINDOWS = (30, 90, 180, 365)
"""Days before the as-of date, that day included, over which purchases and spend are summed."""

_SEASONS = (30, 90)
_PARTS = 10_000
_DAY = ["customer_id", "purchase_date"]


def purchase_days(lines: pl.DataFrame | pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """One row per customer and day up to as-of with a purchase or a return, by customer and date.

    Columns: customer_id, purchase_date, spend (sum above zero; zero on a day of returns alone), returned (sum below
    zero, as a positive number), number_of_lines of purchases, first_hour of the purchases, units and discount where
    the lines have quantity and discount.
    """
    known = lines.lazy().filter(pl.col("purchase_date") <= as_of)
    columns = lines.lazy().collect_schema().names()
    is_purchase = pl.col("amount") > 0
    figures = {
        "spend": exact_sum(pl.col("amount").clip(lower_bound=0)),
        "returned": exact_sum(-pl.col("amount").clip(upper_bound=0)),
        "number_of_lines": is_purchase.cast(pl.UInt32).sum(),
        "first_hour": pl.when(is_purchase).then(pl.col("purchase_hour")).min(),
    }
    if "quantity" in columns:
        figures["units"] = exact_sum(pl.when(is_purchase).then(pl.col("quantity").abs()))
    if "discount" in columns:
        figures["discount"] = exact_sum(pl.when(is_purchase).then(pl.col("discount").abs()))
    return known.group_by(_DAY).agg(**figures).sort(_DAY)


def exact_sum(amount: pl.Expr) -> pl.Expr:
    """A sum that is the same to the last bit in whatever order the lines stand: of whole ten-thousandths."""
    return (amount * _PARTS).round().cast(pl.Int64).sum() / _PARTS


def features_as_of(lines: pl.DataFrame | pl.LazyFrame, as_of: date) -> pl.DataFrame:
    """One row per customer with a purchase up to as-of, by customer_id; amounts in the lines' currency, times in days.

    A purchase is a day with at least one line above zero. Nothing after as-of is looked at.

    - number_of_purchases, recency_days (since the last), tenure_days (since the first), active_days (first to last);
    - gap_mean, gap_deviation, last_gap between purchases, null where there are too few; overdue: recency by gap_mean;
    - spend_total, spend_mean, spend_max, spend_last, spend_deviation per purchase, returned_total, number_of_returns
      (days), returned_90d;
    - purchases_<w>d, spend_<w>d in the last w days, purchases_90d_before, spend_90d_before in the 90 days before the
      last 90; purchases_next_<s>d_last_year, spend_next_<s>d_last_year in the s days that followed as-of a year ago;
    - lines_mean per purchase, first_hour_mean, weekend_share; units_mean, discount_share where the lines have them,
      else null.
    """
    days = purchase_days(lines, as_of)
    present = days.collect_schema().names()
    age = (pl.lit(as_of) - pl.col("purchase_date")).dt.total_days().cast(pl.Int32)
    prepared = days.with_columns(age=age, is_purchase=pl.col("spend") > 0)
    bought = prepared.filter("is_purchase").with_columns(gap=_gap())
    customers = bought.group_by("customer_id", maintain_order=True).agg(
        **_rhythm(), **_amounts(), **_windows(), **_habits(present)
    )
    returns = prepared.filter(pl.col("returned") > 0).group_by("customer_id").agg(**_returns())
    features = customers.join(returns, on="customer_id", how="left", maintain_order="left").with_columns(
        pl.col("returned_total", "returned_90d").fill_null(0.0),
        pl.col("number_of_returns").fill_null(0),
        overdue=pl.col("recency_days") / pl.col("gap_mean"),
    )
    return features.collect()


def _gap() -> pl.Expr:
    """Days since the same customer's purchase before; the rows stand by customer and date."""
    days = pl.col("purchase_date").diff().dt.total_days().cast(pl.Float64)
    return pl.when(pl.col("customer_id") == pl.col("customer_id").shift()).then(days)


def _rhythm() -> dict[str, pl.Expr]:
    age = pl.col("age")
    return {
        "number_of_purchases": pl.len().cast(pl.Int32),
        "recency_days": age.last(),
        "tenure_days": age.first(),
        "active_days": age.first() - age.last(),
        "gap_mean": pl.col("gap").mean(),
        "gap_deviation": pl.col("gap").std(),
        "last_gap": pl.col("gap").last(),
    }


def _amounts() -> dict[str, pl.Expr]:
    spend = pl.col("spend")
    return {
        "spend_total": spend.sum(),
        "spend_mean": spend.mean(),
        "spend_max": spend.max(),
        "spend_last": spend.last(),
        "spend_deviation": spend.std(),
    }


def _windows() -> dict[str, pl.Expr]:
    spans = {f"{window}d": (0, window) for window in WINDOWS} | {"90d_before": (90, 180)}
    spans |= {f"next_{season}d_last_year": (365 - season, 365) for season in _SEASONS}
    figures = {}
    for name, (newest, oldest) in spans.items():
        is_within = (pl.col("age") >= newest) & (pl.col("age") < oldest)
        figures[f"purchases_{name}"] = is_within.cast(pl.Int32).sum()
        figures[f"spend_{name}"] = pl.when(is_within).then(pl.col("spend")).otherwise(0.0).sum()
    return figures


def _habits(present: list[str]) -> dict[str, pl.Expr]:
    units = pl.col("units").mean() if "units" in present else pl.lit(None, dtype=pl.Float64).first()
    spend = pl.col("spend").sum()
    discount = pl.col("discount").sum()
    return {
        "lines_mean": pl.col("number_of_lines").mean(),
        "first_hour_mean": pl.col("first_hour").mean(),
        "weekend_share": (pl.col("purchase_date").dt.weekday() >= 6).mean(),
        "units_mean": units,
        "discount_share": discount / (discount + spend)
        if "discount" in present
        else pl.lit(None, dtype=pl.Float64).first(),
    }


def _returns() -> dict[str, pl.Expr]:
    return {
        "returned_total": pl.col("returned").sum(),
        "number_of_returns": pl.len().cast(pl.Int32),
        "returned_90d": pl.when(pl.col("age") < 90).then(pl.col("returned")).otherwise(0.0).sum(),
    }


def purchases_between(lines: pl.DataFrame | pl.LazyFrame, after: date, days: int) -> pl.DataFrame:
    """customer_id, purchases (days with one), spend of those days, of who bought in (after, after + days]."""
    until = after + timedelta(days=days)
    window = lines.lazy().filter(
        (pl.col("purchase_date") > after) & (pl.col("purchase_date") <= until) & (pl.col("amount") > 0)
    )
    return (
        window.group_by("customer_id")
        .agg(purchases=pl.col("purchase_date").n_unique().cast(pl.Int32), spend=exact_sum(pl.col("amount")))
        .sort("customer_id")
        .collect()
    )
