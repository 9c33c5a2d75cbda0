"""How long the whole platform takes on the demo company, and in how much memory: `crm demo`, then `crm refresh`, twice.

The second refresh has nothing to take in: what it costs is the price of looking.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

CUSTOMERS = 100_000
GOAL_MEGABYTES = 2_000
CRM = str(Path(sys.executable).with_name("crm"))


def main(arguments: Sequence[str]) -> bool:
    """Run a demo company of so many customers through; whether it kept within the memory."""
    customers = int(arguments[0]) if arguments else CUSTOMERS
    table = Table("command", "seconds", "rows", "rows/s", "peak MB", title=f"The demo company, {customers:,} customers")
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CRM_HOME": home}
        seconds, _ = _run(["demo", "--customers", str(customers), "--as-of", "2026-10-31"], environment)
        table.add_row("crm demo", f"{seconds:.1f}", "", "", f"{_peak_megabytes():,.0f}")
        for name in ("crm refresh", "again, nothing new"):
            seconds, printed = _run(["refresh", "--json"], environment)
            received = sum(int(counts.get("rows_received", 0)) for counts in json.loads(printed)["tables"].values())
            table.add_row(
                name, f"{seconds:.1f}", f"{received:,}", f"{received / seconds:,.0f}", f"{_peak_megabytes():,.0f}"
            )
    Console().print(table)
    return _peak_megabytes() <= GOAL_MEGABYTES


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[float, str]:
    started = perf_counter()
    printed = subprocess.run([CRM, *arguments], env=environment, check=True, capture_output=True, text=True).stdout
    return perf_counter() - started, printed


def _peak_megabytes() -> float:
    """The peak of the largest process so far."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
