"""How long the audit of a large table takes, and in how much memory: the contract and the key of 50 million rows.

Runs in a process of its own, so that the memory shown is the audit's; beside it the bare engine counts the same keys.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import duckdb
import pandera.polars as pa
from rich.console import Console
from rich.table import Table

from crm_platform.warehouse.audit import audit_files
from crm_platform.warehouse.contract import Amount, TableModel, Timestamp, contract_of
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake

ROWS = 50_000_000
MEMORY_LIMIT = "1GB"
GOAL_MEGABYTES = 2_000


class Event(TableModel):
    """A row of the table that is audited."""

    event_id: int = pa.Field(description="Key.")
    event_dt: Timestamp = pa.Field(description="When.")
    kind: str = pa.Field(isin=["sent", "opened", "clicked"], description="What.")
    number: int = pa.Field(ge=0, le=100, description="How many.")
    value_amount: Amount = pa.Field(ge=0, nullable=True, description="How much.")

    class Config(TableModel.Config):
        name = "benchmark.event"
        unique = ["event_id"]
        metadata = {"grain": "one row per event"}


def main(arguments: Sequence[str]) -> bool:
    """Audit a table of so many rows (default 50 million); whether it kept within the memory."""
    rows = int(arguments[0]) if arguments else ROWS
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "data.parquet"
        _write(table, rows)
        seconds, megabytes = _measured("audit", table)
        bare_seconds, bare_megabytes = _measured("bare", table)
    shown = Table(
        "what", "seconds", "million rows/s", "peak MB", title=f"Audit of {rows:,} rows, engine limit {MEMORY_LIMIT}"
    )
    shown.add_row("contract and key, streamed", f"{seconds:.1f}", f"{rows / seconds / 1e6:.1f}", f"{megabytes:,.0f}")
    shown.add_row(
        "bare engine, key only", f"{bare_seconds:.1f}", f"{rows / bare_seconds / 1e6:.1f}", f"{bare_megabytes:,.0f}"
    )
    Console().print(shown)
    return megabytes <= GOAL_MEGABYTES


def _write(table: Path, rows: int) -> None:
    duckdb.sql("SET enable_progress_bar = false")
    duckdb.sql(f"""
        COPY (SELECT (range * 7919) % {rows} AS event_id,
              TIMESTAMPTZ '2026-01-01' + to_seconds(range % 86400) AS event_dt,
              ['sent', 'opened', 'clicked'][1 + range % 3] AS kind, range % 100 AS number,
              CAST(range % 1000 AS DECIMAL(18, 4)) AS value_amount FROM range({rows}))
        TO '{table}' (FORMAT parquet, COMPRESSION zstd)""")


def _measured(what: str, table: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.audit", what, str(table)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(printed[0]), float(printed[1])


def _run(what: str, table: Path) -> None:
    started = perf_counter()
    with duckdb.connect(config=engine_settings(MEMORY_LIMIT, 2, table.parent / "spill")) as connection:
        if what == "audit":
            contract = contract_of(Event)
            audit = audit_files([table], contract, Engine(connection, Lake(table.parent), {contract.name: contract}))
            if audit.failures:
                raise SystemExit(f"the audit failed: {audit.failures}")
        else:
            repeated = f"SELECT 1 FROM read_parquet('{table}') GROUP BY event_id HAVING count(*) > 1"
            connection.sql(f"SELECT count(*) FROM ({repeated})").fetchall()
    print(perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    _run(sys.argv[1], Path(sys.argv[2]))
