"""Features, RFM and insight of ten million order lines beside bare polars and DuckDB programs of the same figures.

Each runs in a process of its own, so that the memory is its own. Here: the lines and the measuring. Called by
`benchmarks/value.py`. Not here: the bare programs (`value_bare.py`).
"""

import multiprocessing
import resource
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from benchmarks.value_bare import AS_OF, duckdb_figures, polars_figures
from crm_platform.value.features import features_as_of
from crm_platform.value.insight import insight_as_of
from crm_platform.value.rfm import read_segments, rfm_of

LINES, CUSTOMERS = 10_000_000, 1_000_000
_PRODUCTS, _CATEGORIES = 5_000, 20
Figures = Callable[[Path], Iterator[str]]


@dataclass(frozen=True)
class Measured:
    """Seconds of each part, in their order, and peak memory in MB of all of them."""

    seconds: dict[str, float]
    megabytes: float

    @property
    def total(self) -> float:
        """Seconds of all parts."""
        return sum(self.seconds.values())


def measured_features(lines: int = LINES, customers: int = CUSTOMERS) -> dict[str, Measured]:
    """Of ours, bare polars and bare DuckDB."""
    programs: dict[str, Figures] = {"ours": _our_figures, "polars": polars_figures, "DuckDB": duckdb_figures}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.parquet"
        context = multiprocessing.get_context("spawn")
        writer = context.Process(target=write_lines, args=(file, lines, customers))
        writer.start()
        writer.join()
        return {name: _measured(work, file) for name, work in programs.items()}


def write_lines(file: Path, number: int, customers: int) -> None:
    """Made-up lines, three to a day's basket, over three years; some are returns, and few products are bought often."""
    draws = np.random.default_rng(0)
    baskets = number // 3 + 1
    customer = draws.integers(0, customers, baskets).repeat(3)[:number]
    day = draws.integers(0, 1_000, baskets).repeat(3)[:number]
    product = draws.zipf(1.3, number) % _PRODUCTS
    lines = pl.DataFrame(
        {
            "customer": customer,
            "day": day.astype(np.int32),
            "purchase_hour": draws.integers(7, 22, baskets).repeat(3)[:number].astype(np.int8),
            "amount": draws.gamma(2.0, 10.0, number) * np.where(draws.random(number) < 0.03, -1, 1),
            "quantity": draws.integers(1, 5, number).astype(float),
            "discount": np.where(draws.random(number) < 0.2, 1.5, 0.0),
            "product": product,
        }
    )
    first = pl.lit(date(2009, 1, 1))
    lines.select(
        pl.format("C{}", pl.col("customer").cast(pl.String).str.zfill(7)).alias("customer_id"),
        (first + pl.duration(days=pl.col("day"))).cast(pl.Date).alias("purchase_date"),
        "purchase_hour", "amount", "quantity", "discount",
        pl.format("P{}", "product").alias("product_id"),
        pl.format("category {}", pl.col("product") % _CATEGORIES).alias("category"),
    ).write_parquet(file)  # fmt: skip


def _our_figures(file: Path) -> Iterator[str]:
    lines = pl.scan_parquet(file)
    features = features_as_of(lines, AS_OF)
    yield "features"
    rfm_of(features, read_segments())
    yield "rfm"
    insight_as_of(lines, features, AS_OF)
    yield "insight"


def _measured(work: Figures, file: Path) -> Measured:
    """In a process of its own; imports do not count.

    A new process begins with the peak of the one that starts it, which must be small.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(work, file, sender))
    process.start()
    sender.close()
    try:
        measured: Measured = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__} failed.") from None
    finally:
        process.join()
    return measured


def _report(work: Figures, file: Path, sender: Any) -> None:
    seconds = {}
    started = perf_counter()
    for name in work(file):
        seconds[name] = perf_counter() - started
        started = perf_counter()
    sender.send(Measured(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
