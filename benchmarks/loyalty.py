"""How long the points ledger takes: ten million order lines of a million customers, with returns and redemptions; then
carried on to the next hour, and with a day's new orders.

Runs in a process of its own, so that the memory shown is the ledger's; beside it a bare query on the same files that
knows neither versions, rules, expiry nor redemptions: each order's points by its amount, summed by customer.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import duckdb
from rich.console import Console
from rich.table import Table

from crm_platform.loyalty.ledger.build import publish_ledger
from crm_platform.loyalty.members.build import publish_members
from crm_platform.loyalty.settings import load_loyalty_settings
from crm_platform.settings import REPOSITORY, Tuning
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.sales.exchange_rates import load_exchange_rates
from crm_platform.tables import tables_of
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake

LINES = 10_000_000
LINES_A_CUSTOMER, LINES_AN_ORDER = 10, 2
GOAL_TIMES, GOAL_AGAIN, GOAL_DAY, GOAL_MEGABYTES = 20.0, 0.1, 0.2, 3_000
"""Processor time, which a busy machine does not change: of the ledger by the bare query; of carrying it on by the hour,
and with a day's orders, by making it."""
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
NEXT_HOUR, NEXT_DAY = AS_OF + timedelta(hours=1), AS_OF + timedelta(days=1)
DAY = "2026-06"
CONFIG = REPOSITORY / "config"
BARE = """
SELECT customer_key, sum(points) FROM (
    SELECT customer_key, order_id, floor(sum(quantity * unit_price_amount - discount_amount)) AS points
    FROM sources.stg_shop_order_lines JOIN scv.customer_ref_key ON customer_ref = concat('shop:', customer_id)
    GROUP BY customer_key, order_id
) GROUP BY customer_key"""


def main(arguments: Sequence[str]) -> bool:
    """Build the ledger of so many lines (default ten million); whether it kept within time and memory."""
    lines = int(arguments[0]) if arguments else LINES
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_lake(home / "lake", lines)
        figures = {what: _measured(what, home) for what in ("bare", "ledger", "again")}
        write_day(home / "lake", lines)
        figures |= {what: _measured(what, home) for what in ("day", "members")}
    title = f"{lines:,} lines of {lines // LINES_A_CUSTOMER:,} customers, two threads, engine limit 1GB"
    shown = Table("what", "seconds", "CPU seconds", "times bare", "peak MB", "rows", title=title)
    for what, (seconds, megabytes, rows, cpu) in figures.items():
        times = f"{cpu / figures['bare'][3]:.1f}"
        shown.add_row(what, f"{seconds:.1f}", f"{cpu:.1f}", times, f"{megabytes:,.0f}", f"{int(rows):,}")
    Console().print(shown)
    _, megabytes, _, cpu = figures["ledger"]
    is_quick = cpu <= GOAL_TIMES * figures["bare"][3]
    follows_change = figures["again"][3] <= GOAL_AGAIN * cpu and figures["day"][3] <= GOAL_DAY * cpu
    return is_quick and follows_change and megabytes <= GOAL_MEGABYTES


def write_lake(root: Path, lines: int) -> None:
    """The staged feeds of so many lines, and the customers and products that the ledger reads."""
    _write(root, _tables(_feeds(), lines, lines // LINES_A_CUSTOMER), "2025-01")


def write_day(root: Path, lines: int) -> None:
    """The orders of one more day, one for a thousand of all lines, that came after the ledger was made."""
    feeds, new = _feeds(), range(lines, lines + max(lines // 1_000, LINES_AN_ORDER))
    orders = range(new.start // LINES_AN_ORDER, new.stop // LINES_AN_ORDER)
    placed, lineage = "TIMESTAMPTZ '2026-06-01 12:00:00+00'", _lineage("b", NEXT_DAY - timedelta(hours=4))
    names = ("shop.orders", "shop.order_lines")
    tables = {
        FILE_LEDGER: _ledger("b", names, 2),
        feeds["shop.orders"]: _orders(orders, lines // LINES_A_CUSTOMER, placed, lineage),
        feeds["shop.order_lines"]: _lines(new, lines // LINES_A_CUSTOMER, placed, lineage),
    }
    _write(root, tables, DAY)


def _feeds() -> dict[str, Contract]:
    return {feed.name: feed.contract for feed in tables_of(CONFIG).feeds}


def _write(root: Path, tables: dict[Contract, str], key: str) -> None:
    lake = Lake(root)
    with duckdb.connect(config={"memory_limit": "2GB", "threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        for contract, query in tables.items():
            file = lake.data_file(contract, key if contract.partition else None)
            file.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)").fetchall()


def _lineage(file: str, loaded: datetime) -> str:
    moment = f"TIMESTAMPTZ '{loaded.isoformat()}'"
    return (
        f"repeat('{file}', 64) AS file_id, '' AS file_part, range AS file_line, "
        f"md5(CAST(range AS VARCHAR)) AS content_hash, {moment} AS file_dt, {moment} AS loaded_dt"
    )


def _ledger(file: str, names: Sequence[str], number: int) -> str:
    rows = ", ".join(f"('{name}')" for name in names)
    return (
        f"SELECT col0 AS feed_name, repeat('{file}', 64) AS file_id, {number} AS file_number, 0 AS rows_loaded, "
        f"'loaded' AS status FROM (VALUES {rows})"
    )


def _orders(numbers: range, customers: int, placed: str, lineage: str) -> str:
    return (
        f"SELECT concat('W', range) AS order_id, CAST(hash(range, 1) % {customers} AS VARCHAR) AS customer_id, "
        f"{placed} AS order_dt, 'closed' AS status, 'web' AS channel, 'EUR' AS currency, {lineage} "
        f"FROM range({numbers.start}, {numbers.stop})"
    )


def _lines(numbers: range, customers: int, placed: str, lineage: str) -> str:
    return (
        f"SELECT concat('W', range // {LINES_AN_ORDER}) AS order_id, range AS line_number, "
        "concat('P', hash(range) % 1000) AS product_id, 'sale' AS line_type, 1 + range % 3 AS quantity, "
        "CAST(hash(range, 2) % 8000 / 100 AS DECIMAL(18, 4)) AS unit_price_amount, "
        f"CAST(0 AS DECIMAL(18, 4)) AS discount_amount, 'EUR' AS currency, {placed} AS order_dt, "
        f"CAST(hash(range // {LINES_AN_ORDER}, 1) % {customers} AS VARCHAR) AS customer_id, {lineage} "
        f"FROM range({numbers.start}, {numbers.stop})"
    )


def _tables(feeds: dict[str, Contract], lines: int, customers: int) -> dict[Contract, str]:
    by_name = tables_of(CONFIG).by_name
    orders = lines // LINES_AN_ORDER
    placed = f"TIMESTAMPTZ '2024-01-01' + to_minutes(CAST(hash({{}}) % {60 * 24 * 850} AS INTEGER))"
    lineage = _lineage("a", datetime(2026, 5, 1, tzinfo=UTC))
    names = ("shop.orders", "shop.order_lines", "shop.returns", "club.loyalty_redemptions")
    return {
        by_name["scv.golden_record"]: "SELECT range + 1 AS customer_key, 'person' AS customer_type, "
        f"DATE '1950-01-01' + CAST(hash(range) % 20000 AS INTEGER) AS birth_date FROM range({customers})",
        by_name["scv.customer_ref_key"]: "SELECT concat('shop:', range) AS customer_ref, range + 1 AS customer_key "
        f"FROM range({customers})",
        by_name["sources.dim_product"]: "SELECT range + 1 AS product_key, concat('P', range) AS product_id, "
        "['music', 'travel', 'electronics'][1 + range % 3] AS product_line FROM range(1000)",
        FILE_LEDGER: _ledger("a", names, 1),
        feeds["shop.orders"]: _orders(range(orders), customers, placed.format("range"), lineage),
        feeds["shop.order_lines"]: _lines(
            range(lines), customers, placed.format(f"range // {LINES_AN_ORDER}"), lineage
        ),
        feeds["shop.returns"]: f"SELECT concat('R', range) AS return_id, concat('W', range * 30) AS order_id, "
        f"range * 30 * {LINES_AN_ORDER} AS line_number, 1 AS quantity, {placed.format('range * 30')} + INTERVAL 9 DAY "
        f"AS returned_dt, {lineage} FROM range({orders // 30})",
        feeds["club.loyalty_redemptions"]: "SELECT concat('L', range) AS redemption_id, "
        f"CAST(hash(range, 3) % {customers} AS VARCHAR) AS customer_id, 100 * (1 + range % 4) AS points, "
        f"{placed.format('range, 4')} AS redeemed_dt, {lineage} FROM range({customers // 2})",
    }


def _measured(what: str, home: Path) -> tuple[float, float, float, float]:
    command = [sys.executable, "-m", "benchmarks.loyalty", what, str(home)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    seconds, megabytes, rows, cpu = (float(each) for each in printed[:4])
    return seconds, megabytes, rows, cpu


def _run(what: str, home: Path) -> None:
    tables = tables_of(CONFIG)
    settings = load_loyalty_settings(CONFIG / "loyalty.yaml")
    rates = load_exchange_rates(CONFIG / "exchange_rates.yaml")
    started = perf_counter()
    with duckdb.connect(config=engine_settings(Tuning.memory_limit, Tuning.threads, home / "spill")) as connection:
        engine = Engine(connection, Lake(home / "lake"), tables.by_name, tables.views)
        if what == "bare":
            engine.write_query(BARE, home / "bare.parquet")
            rows = int(engine.scalar(f"SELECT count(*) FROM '{home / 'bare.parquet'}'"))
        elif what == "members":
            rows = publish_members(engine, settings, rates, AS_OF)["loyalty_member"].number_of_rows
        else:
            as_of = {"ledger": AS_OF, "again": NEXT_HOUR, "day": NEXT_DAY}[what]
            rows = publish_ledger(engine, settings, rates, tables.feeds, as_of)["fact_loyalty_points"].number_of_rows
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(perf_counter() - started, used.ru_maxrss / 1024, rows, used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    _run(sys.argv[1], Path(sys.argv[2]))
