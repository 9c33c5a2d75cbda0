"""Features of ten million order lines beside bare polars and DuckDB programs of the same figures.

Each runs in a process of its own, so that the memory is its own. Called by `benchmarks/value.py`.
"""

import multiprocessing
import resource
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
import polars as pl

from crm_platform.value.features import features_as_of

LINES, CUSTOMERS = 10_000_000, 1_000_000
AS_OF = date(2011, 6, 1)
SPANS = {
    "30d": (0, 30), "90d": (0, 90), "180d": (0, 180), "365d": (0, 365), "90d_before": (90, 180),
    "next_30d": (335, 365), "next_90d": (275, 365),
}  # fmt: skip
"""Windows by the age of a purchase in days, the second excluded."""


def measured_features() -> dict[str, tuple[float, float]]:
    """Seconds and peak MB of ours, bare polars and bare DuckDB."""
    programs = {"ours": _our_features, "polars": _polars_features, "DuckDB": _duckdb_features}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.parquet"
        _measured(_write_lines, file)
        return {name: _measured(work, file) for name, work in programs.items()}


def _write_lines(file: Path) -> None:
    """Made-up lines, three to a day's basket, over three years; some are returns."""
    draws = np.random.default_rng(0)
    baskets = LINES // 3 + 1
    customer = draws.integers(0, CUSTOMERS, baskets).repeat(3)[:LINES]
    day = draws.integers(0, 1_000, baskets).repeat(3)[:LINES]
    lines = pl.DataFrame(
        {
            "customer": customer,
            "day": day.astype(np.int32),
            "purchase_hour": draws.integers(7, 22, baskets).repeat(3)[:LINES].astype(np.int8),
            "amount": draws.gamma(2.0, 10.0, LINES) * np.where(draws.random(LINES) < 0.03, -1, 1),
            "quantity": draws.integers(1, 5, LINES).astype(float),
            "discount": np.where(draws.random(LINES) < 0.2, 1.5, 0.0),
        }
    )
    first = pl.lit(date(2009, 1, 1))
    lines.select(
        pl.format("C{}", pl.col("customer").cast(pl.String).str.zfill(7)).alias("customer_id"),
        (first + pl.duration(days=pl.col("day"))).cast(pl.Date).alias("purchase_date"),
        "purchase_hour", "amount", "quantity", "discount",
    ).write_parquet(file)  # fmt: skip


def _our_features(file: Path) -> pl.DataFrame:
    return features_as_of(pl.scan_parquet(file), AS_OF)


def _polars_features(file: Path) -> pl.DataFrame:
    """The same figures as one would write them down in polars."""
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


def _duckdb_features(file: Path) -> pl.DataFrame:
    """The same figures as one would write them down in SQL."""
    windows = ", ".join(
        f"count(*) FILTER (age >= {newest} AND age < {oldest}), sum(spend) FILTER (age >= {newest} AND age < {oldest})"
        for newest, oldest in SPANS.values()
    )
    return duckdb.sql(
        f"""
        WITH days AS (
            SELECT customer_id, purchase_date, DATE '{AS_OF}' - purchase_date AS age,
                sum(amount) FILTER (amount > 0) AS spend, -sum(amount) FILTER (amount < 0) AS returned,
                count(*) FILTER (amount > 0) AS number_of_lines, min(purchase_hour) FILTER (amount > 0) AS first_hour,
                sum(quantity) FILTER (amount > 0) AS units, sum(discount) FILTER (amount > 0) AS discount
            FROM '{file}' WHERE purchase_date <= DATE '{AS_OF}' GROUP BY ALL
        ), bought AS (
            SELECT *, lag(age) OVER (PARTITION BY customer_id ORDER BY purchase_date) - age AS gap
            FROM days WHERE spend > 0
        ), customers AS (
            SELECT customer_id, count(*), min(age) AS recency, max(age), avg(gap) AS gap_mean, stddev_samp(gap),
                arg_min(gap, age), sum(spend), avg(spend), max(spend), arg_min(spend, age), stddev_samp(spend),
                avg(number_of_lines), avg(first_hour), avg((isodow(purchase_date) >= 6)::INT), avg(units),
                sum(discount) / (sum(discount) + sum(spend)), {windows}
            FROM bought GROUP BY customer_id
        ), returns AS (
            SELECT customer_id, sum(returned), count(*), sum(returned) FILTER (age < 90)
            FROM days WHERE returned > 0 GROUP BY customer_id
        )
        SELECT * FROM customers LEFT JOIN returns USING (customer_id) ORDER BY customer_id
        """
    ).pl()


def _measured(work: Callable[[Path], object], file: Path) -> tuple[float, float]:
    """Seconds and peak memory in MB of a process of its own; imports do not count.

    A new process begins with the peak of the one that starts it, which must be small.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(work, file, sender))
    process.start()
    sender.close()
    try:
        seconds, kilobytes = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__} failed.") from None
    finally:
        process.join()
    return seconds, kilobytes / 1024


def _report(work: Callable[[Path], object], file: Path, sender: Any) -> None:
    started = perf_counter()
    work(file)
    sender.send((perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
