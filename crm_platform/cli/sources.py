"""`crm sources`: what is declared, what stands in quarantine, and the way back from there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import polars as pl
import typer
from rich.table import Table
from rich.text import Text

from crm_platform.cli.console import output
from crm_platform.cli.failures import CommandError
from crm_platform.cli.home import prepare_home
from crm_platform.environment import config_from, home_from, tuning_from
from crm_platform.sources.declaration import SourceDeclaration
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.sources.landing import landed_files, quarantined_rows_path
from crm_platform.sources.ledger import FILE_LEDGER, QUARANTINED_ROWS
from crm_platform.sources.load import feed_ledger
from crm_platform.sources.readers.batch import ReadLimits
from crm_platform.sources.replay import replay_rows, return_refused_files
from crm_platform.sources.staging import StagedFeed
from crm_platform.tables import tables_of
from crm_platform.warehouse.engine import Engine
from resources.warehouse import WarehouseResource

app = typer.Typer(
    help="Declared sources, their quarantine, and the way back from it.", no_args_is_help=True, add_completion=False
)

FeedName = Annotated[str | None, typer.Argument(help="A feed as source.feed; all when not given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """Show every declared feed: what waits in the landing folder, what was taken in, what stands in quarantine.

    Example: crm sources list
    """
    with _engine() as engine:
        rows = [_feed_line(feed, engine) for feed in _feeds(None)]
    if as_json:
        output.print_json(data=rows)
        return
    table = Table("feed", "contract", "waiting", "files", "refused", "received", "loaded", "quarantined", "known")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    output.print(table)


@app.command()
def check() -> None:
    """Read all declarations and say whether they can be used.

    Example: crm sources check
    """
    feeds = _feeds(None)
    if not feeds:
        raise CommandError(f"{config_from() / 'sources'} declares nothing. See docs/adding-a-source.md.")
    output.print(f"{len(feeds)} feeds of {len({feed.source for feed in feeds})} sources are declared well.")


@app.command()
def contracts() -> None:
    """List the canonical feeds and their columns: what a declared source can say that its rows are.

    Example: crm sources contracts
    """
    for name, model in sorted(FEEDS.items()):
        output.print(Text.assemble((name, "bold"), ": ", " ".join((model.__doc__ or "").split())), soft_wrap=True)
        for column_name, column in model.to_schema().columns.items():
            output.print(f"  {column_name}: {column.description}", highlight=False, soft_wrap=True)


@app.command()
def schema() -> None:
    """Print the JSON schema of a declared source, by which editors complete and check.

    Example: crm sources schema > source.schema.json
    """
    output.print_json(data=SourceDeclaration.model_json_schema())


@app.command()
def quarantine(
    feed: FeedName = None,
    show: Annotated[bool, typer.Option(help="Show the rows themselves (personal data).")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many rows to show at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what stands in quarantine: file, line, reason, and with --show the row.

    Example: crm sources quarantine shop.customers --show
    """
    with _engine() as engine:
        found = [row for each in _feeds(feed) for row in _quarantined(each, engine, show, limit)]
    if as_json:
        output.print_json(data=found)
        return
    for row in found:
        output.print(json.dumps(row, ensure_ascii=False), highlight=False, soft_wrap=True)
    output.print(f"{len(found):,} rows shown. Mend the mapping or the rule, then run `crm sources replay`.")


@app.command()
def replay(feed: FeedName = None) -> None:
    """Try what stands in quarantine again, after a mapping or a rule was mended.

    Rows that pass are loaded at once; files that were refused as a whole are laid back for the next refresh.

    Example: crm sources replay shop.customers && crm refresh
    """
    tuning = tuning_from()
    table = Table("feed", "rows loaded", "still in quarantine", "files laid back")
    with _engine() as engine:
        for each in _feeds(feed):
            load = replay_rows(each, engine, home_from().zone, datetime.now(UTC), ReadLimits(threads=tuning.threads))
            returned = return_refused_files(each, engine, home_from().zone)
            if load.taken or returned:
                counts = (load.total("rows_loaded"), load.total("rows_quarantined"), len(returned))
                table.add_row(each.name, *(f"{count:,}" for count in counts))
    output.print(table if table.row_count else "There is nothing in quarantine to try again.")


def _feeds(name: str | None) -> list[StagedFeed]:
    feeds = list(tables_of(config_from()).feeds)
    if name is None:
        return feeds
    found = [feed for feed in feeds if feed.name == name]
    if not found:
        raise CommandError(f"there is no feed {name!r}; there are {', '.join(feed.name for feed in feeds)}")
    return found


@contextmanager
def _engine() -> Iterator[Engine]:
    tuning = tuning_from()
    prepare_home(home_from())
    resource = WarehouseResource(
        home=str(home_from().root),
        config_folder=str(config_from()),
        memory_limit=tuning.memory_limit,
        threads=tuning.threads,
    )
    with resource.engine() as engine:
        yield engine


def _feed_line(feed: StagedFeed, engine: Engine) -> dict[str, str | int]:
    ledger = feed_ledger(engine, feed)
    counts = ("rows_received", "rows_loaded", "rows_quarantined", "rows_known")
    return {
        "feed": feed.name,
        "contract": feed.contract_name,
        "waiting": len(landed_files(feed, home_from().zone)),
        "files": ledger.height,
        "refused": ledger.filter(pl.col("status") == "refused").height,
        **{count.removeprefix("rows_"): int(ledger[count].sum()) for count in counts},
    }


def _quarantined(feed: StagedFeed, engine: Engine, show: bool, limit: int) -> Iterator[dict[str, object]]:
    path = engine.lake.data_file(QUARANTINED_ROWS, feed.name)
    if not path.exists():
        return
    names = pl.read_parquet(engine.lake.data_file(FILE_LEDGER, feed.name)).select("file_id", "file_name")
    rows = pl.read_parquet(path).join(names, on="file_id").sort("file_name", "file_part", "file_line").head(limit)
    for row in rows.iter_rows(named=True):
        line = {name: row[name] for name in ("feed_name", "file_name", "file_part", "file_line", "reason")}
        yield {**line, "row": _raw(feed, row)} if show else line


def _raw(feed: StagedFeed, row: dict[str, object]) -> str:
    kept = pl.scan_parquet(quarantined_rows_path(feed, home_from().zone, str(row["file_id"])))
    place = [pl.col(name) == row[name] for name in ("file_part", "file_line")]
    return str(kept.filter(*place).select("raw").collect().item())
