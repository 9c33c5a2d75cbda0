"""Feeds that are database tables: what is newer than the last load is extracted to a Parquet file, which is then
loaded as any file is.

Here: which part of the table to ask for, and where the extract lies until it is loaded. Not here: talking to the
database (`readers/database.py`).
"""

import json
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from crm_platform.configuration import ConfigurationError
from crm_platform.sources.declaration import DatabaseTable
from crm_platform.sources.landing import LandingZone, landed_files
from crm_platform.sources.load import feed_ledger
from crm_platform.sources.readers.database import extract_table
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.files import written_durably


def extract_feed(
    feed: StagedFeed,
    engine: Engine,
    zone: LandingZone,
    now: datetime,
    batch_rows: int,
    environment: Mapping[str, str],
) -> None:
    """Extract what a database feed has that was not loaded yet; nothing happens for a feed of files.

    An extract that a killed run left is loaded first, before another is made: its rows may be published already.
    The rows at the cursor's last value come again, since others may have been written at the same moment; the load
    knows them.

    Raises:
        RefusedFile: the database cannot be read.
        ConfigurationError: the variable that should hold the URL is not set.
    """
    table = feed.declaration.database
    if table is None or landed_files(feed, zone):
        return
    after = _cursor_reached(feed_ledger(engine, feed))
    extract = zone.extracts / feed.source / feed.feed / f"{now:%Y%m%dT%H%M%S%f}.parquet"
    extract.parent.mkdir(parents=True, exist_ok=True)
    url = database_url(feed, table, zone, environment)
    taken = extract_table(url, table.query or table.table or "", table.cursor, after, extract, batch_rows)
    if taken.rows == 0:
        extract.unlink()
    elif taken.cursor_to is not None:
        with written_durably(extract.with_suffix(".cursor")) as prepared:
            prepared.write_text(json.dumps(taken.cursor_to), encoding="utf-8")


def database_url(feed: StagedFeed, table: DatabaseTable, zone: LandingZone, environment: Mapping[str, str]) -> str:
    """The connection URL of a feed: declared, or in the environment variable that the declaration names."""
    if table.url is not None:
        return table.url.replace("{landing}", str(zone.landing))
    url = environment.get(table.url_env or "")
    if not url:
        raise ConfigurationError(f"{feed.name}: set the environment variable {table.url_env} to the database's URL.")
    return url


def _cursor_reached(ledger: pl.DataFrame) -> str | int | float | None:
    reached = ledger.filter(pl.col("status") == "loaded").sort("file_number")["cursor_until"].drop_nulls()
    return json.loads(reached[-1]) if len(reached) else None
