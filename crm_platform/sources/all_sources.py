"""A feed of every source that delivers it, as one relation: `all_<feed>`, the newest versions of its rows.

Columns: `source`; `customer_source`, the source whose numbers the feed's `customer_id` holds; the canonical columns;
`content_hash` and `file_dt`. Here: those relations, for the time of a block. Not here: the staging tables.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.sources.latest import latest_view
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import duckdb_types
from crm_platform.warehouse.engine import Engine, literal, quoted, relation_name

_LINEAGE_TYPES = {"content_hash": "VARCHAR", "file_dt": "TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True)
class StagingRef:
    """The newest rows of a feed of one source: a view (its name quoted for SQL) with the canonical columns,
    `content_hash` and `file_dt`; `customer_source` is the source whose numbers `customer_id` holds."""

    source: str
    relation: str
    customer_source: str


StagingRefs = Mapping[str, Sequence[StagingRef]]
"""The references of each canonical feed, one per source that delivers it."""


def staging_refs(feeds: Iterable[StagedFeed]) -> StagingRefs:
    """Where the newest rows of these feeds are, by canonical feed."""
    refs: dict[str, list[StagingRef]] = {}
    for feed in feeds:
        ref = StagingRef(feed.source, relation_name(latest_view(feed)), feed.customer_source)
        refs.setdefault(feed.contract_name, []).append(ref)
    return refs


@contextmanager
def all_sources(engine: Engine, names: Iterable[str], staging: StagingRefs) -> Iterator[None]:
    """Let SQL read `all_<name>` for each canonical feed named; one that no source delivers is there without rows."""
    with ExitStack() as stack:
        for name in names:
            query = all_sources_query(name, staging.get(name, ()))
            stack.enter_context(engine.temporary_view(f"all_{name}", query))
        yield


def all_sources_query(name: str, staging: Sequence[StagingRef]) -> str:
    """SQL for the rows of a canonical feed of these sources."""
    types = duckdb_types(FEEDS[name].to_schema()) | _LINEAGE_TYPES
    nulls = ", ".join(f"CAST(NULL AS {duckdb_type}) AS {quoted(column)}" for column, duckdb_type in types.items())
    names = ", ".join(quoted(column) for column in types)
    nothing = f"SELECT CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS customer_source, {nulls} WHERE false"
    delivered = [
        f"SELECT {literal(ref.source)} AS source, {literal(ref.customer_source)} AS customer_source, {names} "
        f"FROM {ref.relation}"
        for ref in staging
    ]
    return " UNION ALL ".join([nothing, *delivered])
