"""How long the permission decision takes: a million customers, ten communications, four channels, and one customer.

Runs in a process of its own, so that the memory shown is the decision's; beside it a bare query that knows no rule but
"the last word counts" fills the same matrix. Then one decision by the command line, as a person calls it.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.permission_lake import CHANNELS, COMMUNICATIONS, write_lake
from crm_platform.permission.decision.decide import Moment, Question, decided
from crm_platform.permission.decision.tables import DECISION_CONTRACTS
from crm_platform.permission.settings import load_permission_settings
from crm_platform.settings import REPOSITORY, Tuning
from crm_platform.warehouse.contract import contracts_by_name
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake

CUSTOMERS = 1_000_000
CUSTOMERS_AT_ONCE = 125_000
GOAL_SECONDS, GOAL_MEGABYTES, GOAL_ONE_SECONDS = 20.0, 2_000, 1.0
AT = datetime(2026, 6, 1, tzinfo=UTC)
QUESTIONS = [Question(communication, channel) for communication in COMMUNICATIONS for channel in CHANNELS]


def main(arguments: Sequence[str]) -> bool:
    """Decide for so many customers (default a million); whether it kept within time and memory."""
    customers = int(arguments[0]) if arguments else CUSTOMERS
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_lake(home / "lake", customers)
        seconds, megabytes = _measured("decide", home, customers)
        bare_seconds, bare_megabytes = _measured("bare", home, customers)
        one = _one_decision(home)
    decisions = customers * len(QUESTIONS)
    shown = Table("what", "seconds", "million/s", "peak MB", title=f"{decisions:,} decisions, two threads")
    shown.add_row("decision", f"{seconds:.1f}", f"{decisions / seconds / 1e6:.1f}", f"{megabytes:,.0f}")
    shown.add_row(
        "bare query", f"{bare_seconds:.1f}", f"{decisions / bare_seconds / 1e6:.1f}", f"{bare_megabytes:,.0f}"
    )
    shown.add_row("crm permit, one customer", f"{one:.2f}", "", "")
    Console().print(shown)
    within = seconds <= GOAL_SECONDS * max(1.0, customers / CUSTOMERS) and megabytes <= GOAL_MEGABYTES
    return within and one <= GOAL_ONE_SECONDS


def _measured(what: str, home: Path, customers: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.permission", what, str(home), str(customers)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(printed[0]), float(printed[1])


def _one_decision(home: Path) -> float:
    """The best of three calls: the first fills the system's caches."""
    command = [str(Path(sys.executable).parent / "crm"), "permit", "--customer", "a:4711", "--communication", "weekly"]
    command += ["--channel", "email", "--json"]
    environment = {**os.environ, "CRM_HOME": str(home), "CRM_CONFIG": str(REPOSITORY / "config")}
    seconds = []
    for _ in range(3):
        started = perf_counter()
        subprocess.run(command, env=environment, check=False, capture_output=True)
        seconds.append(perf_counter() - started)
    return min(seconds)


def _decide(engine: Engine, folder: Path, customers: int) -> None:
    settings = load_permission_settings(REPOSITORY / "config" / "permission.yaml")
    for span, destination in _spans(folder, customers):
        those = f"SELECT customer_key FROM scv.golden_record WHERE {span}"
        with decided(engine, settings, those, QUESTIONS, Moment(AT, AT)):
            engine.write_query("SELECT * FROM decision", destination)


def _bare(engine: Engine, folder: Path, customers: int) -> None:
    asked = " UNION ALL ".join(
        f"SELECT {number} AS question_number, '{_scope(each)}' AS scope" for number, each in enumerate(QUESTIONS)
    )
    for span, destination in _spans(folder, customers):
        query = f"""
            SELECT customer_key, question_number, coalesce(effect = 'grant', FALSE) AS is_permitted
            FROM (SELECT customer_key FROM scv.golden_record WHERE {span}) CROSS JOIN ({asked})
            LEFT JOIN (
                SELECT customer_key, scope, arg_max(effect, effective_dt) AS effect
                FROM permission.consent_event WHERE {span} GROUP BY customer_key, scope
            ) USING (customer_key, scope)"""
        engine.write_query(query, destination)


def _spans(folder: Path, customers: int) -> Iterator[tuple[str, Path]]:
    """The customers some at a time, as a condition, and where their rows go."""
    for first in range(1, customers + 1, CUSTOMERS_AT_ONCE):
        yield f"customer_key BETWEEN {first} AND {first + CUSTOMERS_AT_ONCE - 1}", folder / f"{first}.parquet"


def _scope(question: Question) -> str:
    kind = COMMUNICATIONS[question.communication]
    if kind == "subscription":
        return f"subscription/{question.communication}/*/{question.channel}/brand/*"
    return f"general/*/{kind}/{question.channel}/brand/*"


def _run(what: str, home: Path, customers: int) -> None:
    started = perf_counter()
    with duckdb.connect(config=engine_settings(Tuning.memory_limit, Tuning.threads, home / "spill")) as connection:
        engine = Engine(connection, Lake(home / "lake"), contracts_by_name(DECISION_CONTRACTS))
        {"decide": _decide, "bare": _bare}[what](engine, home, customers)
    print(perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    _run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
