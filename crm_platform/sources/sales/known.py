"""Feeds as they were known at a moment, and what was sold by them, as relations for the time of a block.

Here: `known_<feed>` and `sold_line`. Not here: whom it was sold to (`crm_platform/scv`) and what follows from it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import duckdb_types
from crm_platform.warehouse.engine import Engine, literal, quoted, relation_name

SALES_FEEDS = ("orders", "order_lines")
_ORIGIN = ("source", "customer_source")


@contextmanager
def known_feeds(
    engine: Engine,
    names: Sequence[str],
    feeds: Sequence[StagedFeed],
    known_at: datetime,
    orders: str | None = None,
) -> Iterator[None]:
    """Let SQL read `known_<name>` for each canonical feed named: of each thing the newest version that had been loaded
    by `known_at` (UTC), with `source`, `customer_source` (whose numbers `customer_id` holds) and `loaded_dt`.

    orders: a relation of source and order_id. Of feeds that number their rows by order only these are read.
    """
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(engine.temporary_view(f"known_{name}", _known_query(name, feeds, known_at, orders)))
        yield


@contextmanager
def sold_lines(
    engine: Engine, feeds: Sequence[StagedFeed], known_at: datetime, orders: str | None = None
) -> Iterator[None]:
    """Let SQL read `known_orders`, `known_order_lines` and `sold_line` (see `sold_line.sql`); orders: see above."""
    with (
        known_feeds(engine, SALES_FEEDS, feeds, known_at, orders),
        engine.temporary_view("sold_line", Path(__file__).with_name("sold_line.sql").read_text(encoding="utf-8")),
    ):
        yield


def _known_query(name: str, feeds: Sequence[StagedFeed], known_at: datetime, orders: str | None) -> str:
    types = duckdb_types(FEEDS[name].to_schema())
    typed = [*((column, "VARCHAR") for column in _ORIGIN), *types.items(), ("loaded_dt", "TIMESTAMP WITH TIME ZONE")]
    nothing = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(column)}" for column, kind in typed)
    delivered = [_known_of(feed, list(types), known_at, orders) for feed in feeds if feed.contract_name == name]
    return " UNION ALL ".join([f"SELECT {nothing} WHERE false", *delivered])


def _known_of(feed: StagedFeed, columns: Sequence[str], known_at: datetime, orders: str | None) -> str:
    origin = f"{literal(feed.source)} AS source, {literal(feed.customer_source)} AS customer_source"
    names = ", ".join(quoted(column) for column in [*columns, "loaded_dt"])
    key = ", ".join(f"staged.{quoted(column)}" for column in feed.natural_key)
    newest = "ledger.file_number DESC, staged.file_part DESC, staged.file_line DESC"
    # Below the ranking, and so only where all versions of a thing are of one order.
    of_orders = (
        f" AND staged.order_id IN (SELECT order_id FROM {orders} WHERE source = {literal(feed.source)})"
        if orders and "order_id" in feed.natural_key
        else ""
    )
    rank = f"row_number() OVER (PARTITION BY {key} ORDER BY {newest})" if key else "1"
    return (
        f"SELECT {origin}, {names} FROM (SELECT staged.*, {rank} AS version_rank "
        f"FROM {relation_name(feed.contract)} AS staged JOIN {relation_name(FILE_LEDGER)} AS ledger "
        f"ON ledger.feed_name = {literal(feed.name)} AND ledger.file_id = staged.file_id AND ledger.status = 'loaded' "
        f"WHERE staged.loaded_dt <= {literal(known_at)}{of_orders}) WHERE version_rank = 1"
    )
