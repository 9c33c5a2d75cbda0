"""The making of `scv.source_statement` and `scv.source_record` from the staging tables.

Here: all versions of all sources as relations, and the two tables. Not here: how a value is shown (`presentable.py`)
and who is whom (`identity/`).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.records.contracts import SOURCE_RECORD, SOURCE_STATEMENT
from crm_platform.scv.records.presentable import presentable
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import duckdb_types
from crm_platform.warehouse.engine import Engine, literal, quoted, relation_name
from crm_platform.warehouse.publish import Publication, publish_frame

RECORD_FEEDS = ("customers", "registrations", "leads", "enrichments", "customer_updates")
_PLACE_TYPES = {
    "content_hash": "VARCHAR",
    "file_dt": "TIMESTAMP WITH TIME ZONE",
    "file_number": "BIGINT",
    "file_part": "VARCHAR",
    "file_line": "BIGINT",
}


def publish_records(engine: Engine, feeds: Sequence[StagedFeed], as_of: datetime) -> dict[str, Publication]:
    """Publish what the sources have said up to `as_of` (UTC): every statement, and of each record the newest.

    Raises:
        ContractViolation: a statement breaks the contract; neither table was published.
    """
    sql = Path(__file__).with_name("source_statement.sql").read_text(encoding="utf-8")
    with every_version(engine, RECORD_FEEDS, feeds):
        stated = engine.query(sql, {"as_of": as_of})
    statements = (
        presentable(stated).cast(SOURCE_STATEMENT.polars_schema)  # type: ignore[arg-type]
        .select(SOURCE_STATEMENT.column_names).sort("record_id", "statement_number")
    )  # fmt: skip
    records = statements.filter(pl.col("superseded_dt").is_null())
    return {
        contract.table: publish_frame(engine, contract, rows)
        for contract, rows in ((SOURCE_STATEMENT, statements), (SOURCE_RECORD, records))
    }


@contextmanager
def every_version(engine: Engine, names: Sequence[str], feeds: Sequence[StagedFeed]) -> Iterator[None]:
    """Let SQL read `every_<name>` for each canonical feed named: all rows ever loaded of every source, with `source`,
    `feed`, `customer_source` (whose numbers `customer_id` holds), `content_hash`, `file_dt` and their place."""
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
        "staged.content_hash, staged.file_dt, ledger.file_number, staged.file_part, staged.file_line "
        f"FROM {relation_name(feed.contract)} AS staged JOIN {relation_name(FILE_LEDGER)} AS ledger "
        f"ON ledger.feed_name = {literal(feed.name)} AND ledger.file_id = staged.file_id AND ledger.status = 'loaded'"
        for feed in feeds
        if feed.contract_name == name
    ]
    return " UNION ALL ".join([f"SELECT {nothing} WHERE false", *delivered])
