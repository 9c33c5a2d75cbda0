"""The making of `scv.source_statement` and `scv.source_record` from the staging tables.

Here: all versions of all sources as relations, and the two tables. Not here: how a value is shown (`presentable.py`)
and who is whom (`identity/`).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from crm_platform.scv.records.contracts import SOURCE_RECORD, SOURCE_STATEMENT
from crm_platform.scv.records.presentable import TELLING_COLUMNS, presentable, told_standards
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import duckdb_types
from crm_platform.warehouse.engine import Engine, literal, quoted, relation_name
from crm_platform.warehouse.publish import Publication, publish, publish_sql_file, write_parts

_HERE = Path(__file__).parent
STATEMENTS_AT_ONCE = 65_536
RECORD_FEEDS = ("customers", "registrations", "leads", "enrichments", "customer_updates")
_PLACE_TYPES = {
    "content_hash": "VARCHAR",
    "file_dt": "TIMESTAMP WITH TIME ZONE",
    "loaded_dt": "TIMESTAMP WITH TIME ZONE",
    "file_number": "BIGINT",
    "file_part": "VARCHAR",
    "file_line": "BIGINT",
}


def publish_records(engine: Engine, feeds: Sequence[StagedFeed], as_of: datetime) -> dict[str, Publication]:
    """Publish what the sources have said up to `as_of` (UTC): every statement, and of each record the newest.

    Raises:
        ContractViolation: a statement breaks the contract; what was not yet published stays as it was.
    """
    stated = engine.lake.temporary_file(SOURCE_STATEMENT)
    try:
        with every_version(engine, RECORD_FEEDS, feeds):
            engine.write_sql_file(_HERE / "source_statement.sql", stated, {"as_of": as_of})
        statements = publish(
            engine, SOURCE_STATEMENT, {None: lambda path: write_parts(SOURCE_STATEMENT, _presentable(stated), path)}
        )
    finally:
        stated.unlink(missing_ok=True)
    records = publish_sql_file(engine, SOURCE_RECORD, _HERE / "source_record.sql")
    return {SOURCE_STATEMENT.table: statements, SOURCE_RECORD.table: records}


def _presentable(stated: Path) -> Iterator[pl.DataFrame]:
    """The statements of a file as they are shown, some at a time: all of them at once would not fit into memory."""
    with pq.ParquetFile(stated) as file:
        standards = told_standards(pl.DataFrame(pl.from_arrow(file.read(list(TELLING_COLUMNS)))))
        for batch in file.iter_batches(STATEMENTS_AT_ONCE):
            yield presentable(pl.DataFrame(pl.from_arrow(batch)), standards)


@contextmanager
def every_version(engine: Engine, names: Sequence[str], feeds: Sequence[StagedFeed]) -> Iterator[None]:
    """Let SQL read `every_<name>` for each canonical feed named: all rows ever loaded of every source, with `source`,
    `feed`, `customer_source` (whose numbers `customer_id` holds), `content_hash`, the times of their files and their
    place."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(engine.temporary_view(f"every_{name}", _versions_query(name, feeds)))
        yield


def _versions_query(name: str, feeds: Sequence[StagedFeed]) -> str:
    columns = duckdb_types(FEEDS[name].to_schema())
    typed_nulls = [f"CAST(NULL AS {kind}) AS {quoted(column)}" for column, kind in (columns | _PLACE_TYPES).items()]
    nothing = ", ".join(
        [*(f"CAST(NULL AS VARCHAR) AS {column}" for column in ("source", "feed", "customer_source")), *typed_nulls]
    )
    staged = ", ".join(f"staged.{quoted(column)}" for column in columns)
    delivered = [
        f"SELECT {literal(feed.source)}, {literal(feed.feed)}, {literal(feed.customer_source)}, {staged}, "
        "staged.content_hash, staged.file_dt, staged.loaded_dt, ledger.file_number, staged.file_part, staged.file_line "
        f"FROM {relation_name(feed.contract)} AS staged JOIN {relation_name(FILE_LEDGER)} AS ledger "
        f"ON ledger.feed_name = {literal(feed.name)} AND ledger.file_id = staged.file_id AND ledger.status = 'loaded'"
        for feed in feeds
        if feed.contract_name == name
    ]
    return " UNION ALL ".join([f"SELECT {nothing} WHERE false", *delivered])
