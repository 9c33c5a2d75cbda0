"""Bare polars and DuckDB programs of features, RFM and insight, as one would write them down: ours is held against it.

Here: the same figures without our code. Not here: the lines and the measuring (`value_features.py`).
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

AS_OF = date(2011, 6, 1)
SPANS = {
    "30d": (0, 30), "90d": (0, 90), "180d": (0, 180), "365d": (0, 365), "90d_before": (90, 180),
    "next_30d": (335, 365), "next_90d": (275, 365),
}  # fmt: skip
"""Windows by the age of a purchase in days, the second excluded."""

BANDED = {"recency": "-recency", "frequency": "number", "monetary": "round(spend_total, 4)"}
MARKDOWN, FULL_PRICE, SHRINKING, MISSED = 0.8, 0.2, 2.0, 4.0


def polars_figures(file: Path) -> Iterator[str]:
    """Each part's name when it is made."""
    features = _polars_features(file)
    yield "features"
    _polars_rfm(features)
    yield "rfm"
    _polars_insight(file, features)
    yield "insight"


def duckdb_figures(file: Path) -> Iterator[str]:
    """Each part's name when it is made."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"CREATE VIEW line AS FROM '{file}' WHERE purchase_date <= DATE '{AS_OF}'")
    connection.execute(f"CREATE TABLE features AS {_DUCKDB_FEATURES}")
    yield "features"
    connection.execute(f"CREATE TABLE rfm AS {_DUCKDB_RFM}")
    yield "rfm"
    connection.execute(f"CREATE TABLE insight AS {_DUCKDB_INSIGHT}")
    yield "insight"


def _polars_features(file: Path) -> pl.DataFrame:
    amount, spend, age = pl.col("amount"), pl.col("spend"), pl.col("age")
    bought = pl.when(amount > 0)
    days = (
        pl.scan_parquet(file)
        .filter(pl.col("purchase_date") <= AS_OF)
        .group_by("customer_id", "purchase_date")
        .agg(
            spend=bought.then(amount).sum(), returned=pl.when(amount < 0).then(-amount).sum(),
            number_of_lines=(amount > 0).sum(), first_hour=bought.then(pl.col("purchase_hour")).min(),
            units=bought.then(pl.col("quantity")).sum(), discount=bought.then(pl.col("discount")).sum(),
        )
        .with_columns(age=(pl.lit(AS_OF) - pl.col("purchase_date")).dt.total_days())
    )  # fmt: skip
    windows = {}
    for name, (newest, oldest) in SPANS.items():
        windows[f"purchases_{name}"] = age.is_between(newest, oldest, closed="left").sum()
        windows[f"spend_{name}"] = spend.filter(age.is_between(newest, oldest, closed="left")).sum()
    gaps = pl.col("purchase_date").sort().diff().dt.total_days()
    customers = days.filter(spend > 0).group_by("customer_id").agg(
        number=pl.len(), recency=age.min(), tenure=age.max(), gap_mean=gaps.mean(), gap_deviation=gaps.std(),
        last_gap=gaps.last(), spend_total=spend.sum(), spend_mean=spend.mean(), spend_max=spend.max(),
        spend_last=spend.sort_by("age").first(), spend_deviation=spend.std(),
        lines_mean=pl.col("number_of_lines").mean(),
        hour=pl.col("first_hour").mean(), weekend=(pl.col("purchase_date").dt.weekday() >= 6).mean(),
        units_mean=pl.col("units").mean(), discount=pl.col("discount").sum() / (pl.col("discount") + spend).sum(),
        **windows,
    )  # fmt: skip
    returns = days.filter(pl.col("returned") > 0).group_by("customer_id").agg(
        returned_total=pl.col("returned").sum(), number_of_returns=pl.len(),
        returned_90d=pl.col("returned").filter(age < 90).sum(),
    )  # fmt: skip
    return customers.join(returns, on="customer_id", how="left").sort("customer_id").collect()


def _polars_rfm(features: pl.DataFrame) -> pl.DataFrame:
    bands = {
        name: ((pl.sql_expr(figure).rank("average") - 0.5) * 5 / pl.len()).floor().clip(0, 4).cast(pl.Int8) + 1
        for name, figure in BANDED.items()
    }
    return features.select("customer_id", **bands).with_columns(rfm=pl.concat_str(*BANDED))


def _polars_insight(file: Path, features: pl.DataFrame) -> pl.DataFrame:
    bought = pl.scan_parquet(file).filter((pl.col("purchase_date") <= AS_OF) & (pl.col("amount") > 0))
    day = pl.col("purchase_date")
    days = bought.group_by("customer_id", "purchase_date").agg(hour=pl.col("purchase_hour").min())
    habits = {"weekday": day.dt.weekday(), "day_of_month": day.dt.day(), "usual_hour": pl.col("hour")}
    made = features.lazy().select("customer_id", "gap_mean", "gap_deviation", "last_gap", next=_polars_next())
    for name, habit in habits.items():
        counted = (
            days.with_columns(habit.alias(name))
            .drop_nulls(name)
            .group_by("customer_id", name)
            .agg(count=pl.len(), last=day.max())
        )
        best = counted.sort("count", "last", -pl.col(name), descending=True).unique("customer_id", keep="first")
        made = made.join(best.select("customer_id", name), on="customer_id", how="left")
    for name in ("product_id", "category"):
        most = bought.group_by("customer_id", name).agg(count=pl.len(), spent=pl.col("amount").sum())
        best = most.sort("count", "spent", name, descending=[True, True, False]).unique("customer_id", keep="first")
        made = made.join(best.select("customer_id", name), on="customer_id", how="left")
    share = bought.group_by("customer_id").agg(share=(pl.col("discount") != 0).mean())
    habit = pl.when(pl.col("share") >= MARKDOWN).then(pl.lit("markdown"))
    habit = habit.when(pl.col("share") <= FULL_PRICE).then(pl.lit("full_price")).otherwise(pl.lit("mixed"))
    priced = share.select("customer_id", price_habit=habit)
    return made.join(priced, on="customer_id", how="left").sort("customer_id").collect()


def _polars_next() -> pl.Expr:
    gaps, active = pl.col("number") - 1, pl.col("tenure") - pl.col("recency")
    gap = (active + SHRINKING * active.sum() / gaps.sum()) / (gaps + SHRINKING)
    ahead = pl.max_horizontal(gap - pl.col("recency"), pl.lit(1.0)).round().cast(pl.Int64)
    return pl.when(pl.col("recency") <= MISSED * gap).then(pl.lit(AS_OF) + pl.duration(days=ahead))


_WINDOWS = ", ".join(
    f"count(*) FILTER (age >= {newest} AND age < {oldest}), sum(spend) FILTER (age >= {newest} AND age < {oldest})"
    for newest, oldest in SPANS.values()
)
_DUCKDB_FEATURES = f"""
WITH days AS (
    SELECT customer_id, purchase_date, DATE '{AS_OF}' - purchase_date AS age,
        sum(amount) FILTER (amount > 0) AS spend, -sum(amount) FILTER (amount < 0) AS returned,
        count(*) FILTER (amount > 0) AS number_of_lines, min(purchase_hour) FILTER (amount > 0) AS first_hour,
        sum(quantity) FILTER (amount > 0) AS units, sum(discount) FILTER (amount > 0) AS discount
    FROM line GROUP BY ALL
), bought AS (
    SELECT *, lag(age) OVER (PARTITION BY customer_id ORDER BY purchase_date) - age AS gap
    FROM days WHERE spend > 0
), customers AS (
    SELECT customer_id, count(*) AS number, min(age) AS recency, max(age) AS tenure, avg(gap) AS gap_mean,
        stddev_samp(gap) AS gap_deviation, arg_min(gap, age) AS last_gap, sum(spend) AS spend_total, avg(spend),
        max(spend), arg_min(spend, age), stddev_samp(spend), avg(number_of_lines), avg(first_hour),
        avg((isodow(purchase_date) >= 6)::INT), avg(units), sum(discount) / (sum(discount) + sum(spend)), {_WINDOWS}
    FROM bought GROUP BY customer_id
), returns AS (
    SELECT customer_id, sum(returned) AS returned_total, count(*) AS number_of_returns,
        sum(returned) FILTER (age < 90) AS returned_90d
    FROM days WHERE returned > 0 GROUP BY customer_id
)
SELECT * FROM customers LEFT JOIN returns USING (customer_id) ORDER BY customer_id"""
_BANDS = ", ".join(
    f"1 + least(4, floor((rank() OVER (ORDER BY {figure}) - 1 + count(*) OVER (PARTITION BY {figure}) / 2) "
    f"* 5 / count(*) OVER ()))::TINYINT AS {name}"
    for name, figure in BANDED.items()
)
_DUCKDB_RFM = f"SELECT *, concat(recency, frequency, monetary) AS rfm FROM (SELECT customer_id, {_BANDS} FROM features)"


def _most_usual(habit: str, name: str) -> str:
    return f"""
{name} AS (
    SELECT customer_id, arg_max(habit, (number, last, -habit)) AS {name}
    FROM (
        SELECT customer_id, {habit} AS habit, count(*) AS number, max(purchase_date) AS last
        FROM days WHERE habit IS NOT NULL GROUP BY ALL
    ) GROUP BY customer_id
)"""


def _most_bought(name: str) -> str:
    return f"""
most_{name} AS (
    SELECT customer_id, {name} FROM (
        SELECT customer_id, {name}, row_number() OVER (
            PARTITION BY customer_id ORDER BY count(*) DESC, sum(amount) DESC, {name}
        ) AS place FROM bought GROUP BY customer_id, {name}
    ) WHERE place = 1
)"""


_DUCKDB_INSIGHT = f"""
WITH bought AS (FROM line WHERE amount > 0),
days AS (SELECT customer_id, purchase_date, min(purchase_hour) AS hour FROM bought GROUP BY ALL),
{_most_usual("isodow(purchase_date)", "weekday")}, {_most_usual("day(purchase_date)", "day_of_month")},
{_most_usual("hour", "usual_hour")}, {_most_bought("product_id")}, {_most_bought("category")},
priced AS (
    SELECT customer_id, CASE WHEN share >= {MARKDOWN} THEN 'markdown' WHEN share <= 1 - {MARKDOWN} THEN 'full_price'
        ELSE 'mixed' END AS price_habit
    FROM (SELECT customer_id, avg((discount <> 0)::INT) AS share FROM bought GROUP BY customer_id)
),
rhythm AS (
    SELECT customer_id, recency, gap_mean, gap_deviation, last_gap,
        (tenure - recency + {SHRINKING} * sum(tenure - recency) OVER () / sum(number - 1) OVER ())
        / (number - 1 + {SHRINKING}) AS gap
    FROM features
)
SELECT customer_id, gap_mean, gap_deviation, last_gap, weekday, day_of_month, usual_hour, product_id, category,
    price_habit, CASE WHEN recency <= {MISSED} * gap
        THEN DATE '{AS_OF}' + round(greatest(gap - recency, 1))::INTEGER END AS next_purchase_date
FROM rhythm LEFT JOIN weekday USING (customer_id) LEFT JOIN day_of_month USING (customer_id)
LEFT JOIN usual_hour USING (customer_id) LEFT JOIN most_product_id USING (customer_id)
LEFT JOIN most_category USING (customer_id) LEFT JOIN priced USING (customer_id) ORDER BY customer_id"""
