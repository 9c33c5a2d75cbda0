"""Rows of a staging table that a file delivered earlier has told since: they leave it once the ledger knows that file.

The row of the earlier file says when the statement was known. Until the load is committed both stand in the table, so
that one cut short loses nothing. Here: keeping the list, and acting on it. Not here: which rows those are
(`warehouse/versions.py`).
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from crm_platform.sources.landing import LandingZone
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.files import written_durably
from crm_platform.warehouse.publish import Publication, publish_frame
from crm_platform.warehouse.versions import drop_rows, rows_by_file


def keep_superseded(feed: StagedFeed, zone: LandingZone, superseded: pl.DataFrame) -> None:
    """Note down, before the commit, which rows leave the staging table after it (see `Merged.superseded`)."""
    if not superseded.is_empty():
        with written_durably(_list_path(feed, zone)) as path:
            superseded.write_parquet(path)


def drop_superseded(feed: StagedFeed, engine: Engine, zone: LandingZone) -> Publication | None:
    """Take the rows out that were noted down, and count those of their files anew; None where there are none.

    A list whose load was never committed is void: that load is done again.
    """
    path = _list_path(feed, zone)
    if not path.exists():
        return None
    ledger = pl.read_parquet(engine.lake.data_file(FILE_LEDGER, feed.name))
    loaded = ledger.filter(pl.col("status") == "loaded")["file_id"]
    leaving = pl.read_parquet(path).filter(pl.col("told_by").is_in(loaded.implode()))
    publication = None
    if not leaving.is_empty():
        publication = drop_rows(engine, feed.contract, leaving)
        file_ids = leaving["file_id"].unique().to_list()
        staged = dict.fromkeys(file_ids, 0) | rows_by_file(engine, feed.contract, file_ids)
        publish_frame(engine, FILE_LEDGER, with_rows_counted(ledger, staged).sort(FILE_LEDGER.key), feed.name)
    path.unlink()
    return publication


def without_superseded(ledger: pl.DataFrame, superseded: pl.DataFrame) -> pl.DataFrame:
    """The ledger's rows of the files that have superseded rows, with these known instead of loaded."""
    leaving = superseded.group_by("file_id").agg(leaving=pl.len().cast(pl.Int64))
    touched = ledger.join(leaving, on="file_id")
    loaded = dict(touched.select("file_id", pl.col("rows_loaded") - pl.col("leaving")).iter_rows())
    return with_rows_counted(touched.select(ledger.columns), loaded)


def with_rows_counted(ledger: pl.DataFrame, loaded: Mapping[str, int]) -> pl.DataFrame:
    """The ledger with the number of rows that these files have in the staging table; the other good ones are known."""
    rows_loaded = pl.col("file_id").replace_strict(loaded, default=pl.col("rows_loaded"), return_dtype=pl.Int64)
    return ledger.with_columns(rows_loaded=rows_loaded).with_columns(
        rows_known=pl.col("rows_received") - pl.col("rows_loaded") - pl.col("rows_quarantined")
    )


def _list_path(feed: StagedFeed, zone: LandingZone) -> Path:
    return zone.work / f"{feed.name}.superseded.parquet"
