"""`crm demo`: lay down the files of the demo company."""

from datetime import UTC, date, datetime
from time import perf_counter
from typing import Annotated

import typer
from rich.table import Table

from crm_platform.cli.console import output, progress
from crm_platform.environment import home_from


def write_demo(
    customers: Annotated[int, typer.Option(min=10, help="How many customers the company has.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files, to the byte.")] = 1,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day of its history. Default: yesterday.")
    ] = None,
) -> None:
    """Write the source files of Ivory, the demo company, into the landing folder.

    Example: crm demo --customers 100000 && crm refresh
    """
    from crm_platform.cli.home import prepare_home
    from crm_platform.demo.company import write_company
    from crm_platform.demo.tracking import DEMO_KEYS
    from crm_platform.warehouse.files import written_durably

    home = home_from()
    prepare_home(home)
    last_day = as_of.date() if as_of else date.fromordinal(datetime.now(UTC).date().toordinal() - 1)
    started = perf_counter()
    with progress() as bars:
        task = bars.add_task("Writing", total=None)
        summary = write_company(
            home.zone.landing,
            customers,
            seed,
            last_day,
            lambda what, done, total: bars.update(task, description=what, completed=done, total=total),
        )
    with written_durably(home.tracking_keys) as prepared:
        prepared.write_text(DEMO_KEYS + "\n", encoding="utf-8")
        prepared.chmod(0o600)
    table = Table("feed", "rows", title=f"Ivory with {customers:,} customers, up to {last_day}")
    table.columns[1].justify = "right"
    for feed, rows in sorted(summary.rows.items()):
        table.add_row(feed, f"{rows:,}")
    output.print(table)
    total = sum(summary.rows.values())
    output.print(
        f"{len(summary.files):,} files, {total:,} rows in {perf_counter() - started:.1f} s: {home.zone.landing}"
    )
