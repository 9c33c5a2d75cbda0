"""A million customers scored: by `crm churn predict` from a file, and as the warehouse scores a day.

Here: made-up orders and events, and the measuring; each part is a process of its own, so that its memory is its own.
Called by `benchmarks/churn.py`.
"""

import json
import multiprocessing
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from benchmarks.identity import CRM
from benchmarks.value_features import CUSTOMERS, LINES, write_lines
from crm_platform.churn.families import FAMILIES, WITH_AMOUNT, EventFamily
from crm_platform.churn.leaving import FallingSilent
from crm_platform.churn.monthly.build import SILENCE_HORIZONS, TRAINING_ROWS
from crm_platform.churn.monthly.current import TOLD_HORIZON
from crm_platform.churn.monthly.scoring import scores_of
from crm_platform.churn.snapshots import Memory

EVENTS_A_FAMILY = 500_000
HISTORY_DAYS = 1_000
TAUGHT_CUSTOMERS = 20_000
_KILOBYTES = 1024


@dataclass(frozen=True)
class MillionFigures:
    """What was done, seconds of scoring, and peak memory of its process."""

    told: str
    scoring_seconds: float
    megabytes: float


def measured(lines: int = LINES, customers: int = CUSTOMERS) -> Iterator[MillionFigures]:
    """Of the command with training, of the command by the model that this kept, and of a day in the warehouse."""
    with TemporaryDirectory() as folder:
        made, orders, model = (Path(folder) / name for name in ("lines.parquet", "orders.csv", "model.json"))
        _in_a_process(_write, made, orders, lines, customers)
        yield _predicted("trained", orders, "--model-out", str(model))
        yield _predicted("by a kept model", orders, "--model", str(model))
        yield _in_a_process(_scored_day, made, customers)


def _write(made: Path, orders: Path, lines: int, customers: int) -> None:
    write_lines(made, lines, customers)
    columns = ("customer_id", "purchase_date", "amount", "quantity", "product_id")
    pl.scan_parquet(made).select(columns).sink_csv(orders, float_precision=2)


def _predicted(name: str, orders: Path, *options: str) -> MillionFigures:
    """What the command tells of itself; the memory is the largest of any process so far."""
    command = [CRM, "churn", "predict", str(orders), "--out", f"{orders}.out.csv", "--json", *options]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    parts = ", ".join(f"{part} {told[f'{part}_seconds']:.1f} s" for part in ("reading", "training", "scoring"))
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _KILOBYTES
    return MillionFigures(f"{told['customers']:,} {name}: {parts}", told["scoring_seconds"], megabytes)


def _scored_day(made: Path, customers: int) -> MillionFigures:
    """The scores of a day as the warehouse makes them: three horizons, reasons of one, every family of events."""
    number = pl.col("customer_id").str.slice(1).cast(pl.Int64)
    lines = pl.read_parquet(made).with_columns(customer_id=number)
    dice = np.random.default_rng(1)
    as_of = lines["purchase_date"].max()
    assert isinstance(as_of, date)  # there are lines
    families = tuple(_family(dice, name, customers, as_of) for name in FAMILIES)
    taught = FallingSilent(lines.filter(pl.col("customer_id") < TAUGHT_CUSTOMERS), families, TRAINING_ROWS)
    models = {horizon: taught.fit(as_of, horizon)[0] for horizon in SILENCE_HORIZONS}
    started, scored = perf_counter(), 0
    silence = FallingSilent(lines, families, memory=Memory(most_rows=sys.maxsize))
    for horizon, model in models.items():
        rows = silence.seen(as_of, horizon, model.purchases).rows
        scored = scores_of(model, rows, silence.topics() if horizon == TOLD_HORIZON else ()).height
    seconds = perf_counter() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KILOBYTES
    told = f"{scored:,}, a day's {len(models)} horizons with {len(families)} families of events"
    return MillionFigures(told, seconds, megabytes)


def _family(dice: np.random.Generator, name: str, customers: int, as_of: date) -> EventFamily:
    days = pl.Series(dice.integers(0, HISTORY_DAYS, EVENTS_A_FAMILY).astype(np.int32))
    events = pl.DataFrame({"customer_id": dice.integers(0, customers, EVENTS_A_FAMILY), "age": days}).select(
        "customer_id", event_date=(pl.lit(as_of) - pl.duration(days="age")).cast(pl.Date)
    )
    known = events.with_columns(known_date="event_date", amount=2.0).lazy()
    return EventFamily(name, FAMILIES[name], known if name in WITH_AMOUNT else known.drop("amount"))


def _in_a_process(work: Any, *arguments: Any) -> Any:
    """What the work returns, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)
