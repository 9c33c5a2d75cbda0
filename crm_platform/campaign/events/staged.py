"""The staged rows of files that the events do not hold yet.

Here: which files those are, and their rows in chunks of constant memory. Not here: what the rows mean (`arrivals.py`).
"""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import polars as pl
import pyarrow.parquet as pq

from crm_platform.campaign.events.contracts import EVENT_FILE
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, relation_name

Made = TypeVar("Made")
CHUNK_ROWS = 100_000
_CHUNKS_AT_ONCE = 2
_LOADED = "loaded_dt"


def untaken_files(engine: Engine, feed: StagedFeed) -> pl.DataFrame:
    """The loaded files of a feed that the events do not hold, or not with the rows they have now (after a replay, or
    since a file delivered earlier tells some of them): columns file_id, number_of_rows, was_taken (whether the events
    hold it)."""
    for contract in (FILE_LEDGER, EVENT_FILE):
        engine.refresh_view(contract)
    return engine.query(
        f"""
        SELECT ledger.file_id, ledger.rows_loaded AS number_of_rows, taken.file_id IS NOT NULL AS was_taken
        FROM {relation_name(FILE_LEDGER)} AS ledger
        LEFT JOIN {relation_name(EVENT_FILE)} AS taken
            ON taken.feed_name = ledger.feed_name AND taken.file_id = ledger.file_id
        WHERE ledger.feed_name = $feed AND ledger.status = 'loaded'
            AND taken.number_of_rows IS DISTINCT FROM ledger.rows_loaded
        ORDER BY ledger.file_id
        """,
        {"feed": feed.name},
    )


def taken_files(engine: Engine, feed: StagedFeed) -> pl.DataFrame:
    """The files of a feed that the events hold: columns file_id, number_of_rows, was_taken."""
    engine.refresh_view(EVENT_FILE)
    return engine.query(
        f"SELECT file_id, number_of_rows, TRUE AS was_taken FROM {relation_name(EVENT_FILE)} "
        "WHERE feed_name = $feed ORDER BY file_id",
        {"feed": feed.name},
    )


def files_taken_again(engine: Engine, files: Iterable[pl.DataFrame]) -> list[str]:
    """Those of some files that the events hold already, but for contents that several feeds delivered."""
    again = pl.concat([each.filter("was_taken").select("file_id") for each in files])
    with engine.registered(taken_again=again):
        counted_once = engine.query(
            f"SELECT file_id FROM {relation_name(EVENT_FILE)} SEMI JOIN taken_again USING (file_id) "
            "GROUP BY file_id HAVING count(*) = 1 ORDER BY file_id"
        )
    return counted_once["file_id"].to_list()


def staged_chunks(
    engine: Engine,
    feed: StagedFeed,
    files: pl.DataFrame,
    keep: pl.Expr,
    chunk_rows: int = CHUNK_ROWS,
    days: Container[str] | None = None,
) -> Iterator[pl.DataFrame]:
    """The staged rows of these files for which `keep` holds, in chunks of at least `chunk_rows` but for the last.

    files: columns file_id, was_taken. days: of the days of these partitions alone (`YYYY-MM-DD`); None: of all.
    """
    wanted = feed.contract.polars_schema
    file_ids = files["file_id"]
    gathered: list[pl.DataFrame] = []
    for rows in _batches(engine, feed, files, chunk_rows, days):
        absent = [pl.lit(None, dtype).alias(name) for name, dtype in wanted.items() if name not in rows.columns]
        rows = rows.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in wanted.items())
        kept = rows.filter(pl.col("file_id").is_in(file_ids.implode()), keep)
        if kept.height:
            gathered.append(kept)
        if sum(each.height for each in gathered) >= chunk_rows:
            yield pl.concat(gathered)
            gathered = []
    if gathered:
        yield pl.concat(gathered)


def side_by_side(work: Callable[[pl.DataFrame], Made], chunks: Iterator[pl.DataFrame]) -> Iterator[Made]:
    """What becomes of each chunk, in their order; a few are in hand at a time, so that memory is that of a few."""
    with ThreadPoolExecutor(_CHUNKS_AT_ONCE) as pool:
        waiting: deque[Future[Made]] = deque()
        for rows in chunks:
            waiting.append(pool.submit(work, rows))
            if len(waiting) > _CHUNKS_AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batches(
    engine: Engine, feed: StagedFeed, files: pl.DataFrame, chunk_rows: int, days: Container[str] | None
) -> Iterator[pl.DataFrame]:
    """Row groups that can hold rows of these files: those loaded no earlier than the first of them.

    Where files come again any group can: what another file has told before has the time at which that was loaded.
    """
    if files.is_empty():
        return
    since = datetime.min.replace(tzinfo=UTC) if files["was_taken"].any() else _loaded_since(engine, feed, files)
    keys = engine.lake.partition_keys(feed.contract)
    for key, path in zip(keys, engine.lake.data_files(feed.contract), strict=True):
        if days is not None and key not in days:
            continue
        with pq.ParquetFile(path) as parquet:
            groups = _groups_since(parquet, since)
            if groups:
                for batch in parquet.iter_batches(batch_size=chunk_rows, row_groups=groups):
                    yield pl.DataFrame(pl.from_arrow(batch))


def _loaded_since(engine: Engine, feed: StagedFeed, files: pl.DataFrame) -> datetime:
    with engine.registered(wanted_files=files.select("file_id")):
        first: datetime = engine.scalar(
            f"SELECT min(loaded_dt) FROM {relation_name(FILE_LEDGER)} JOIN wanted_files USING (file_id) "
            "WHERE feed_name = $feed",
            {"feed": feed.name},
        )
    return first


def _groups_since(parquet: pq.ParquetFile, since: datetime) -> Sequence[int]:
    place = parquet.schema_arrow.get_field_index(_LOADED)
    groups = []
    for number in range(parquet.metadata.num_row_groups):
        statistics = parquet.metadata.row_group(number).column(place).statistics
        if statistics is None or not statistics.has_min_max or statistics.max >= since:
            groups.append(number)
    return groups
