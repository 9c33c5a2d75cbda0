"""The members of campaigns whom the events at hand may concern.

Putting together the newest version of every member there ever was would make an hour's events cost what the whole lake
does: members are narrowed first, by a pass over the few columns that name them. Here: that narrowing. Not here: which
member an event finds (`merged_event.sql`).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from crm_platform.sources.all_sources import StagingRef, all_sources_query
from crm_platform.sources.latest import latest_query, latest_view
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, relation_name

MEMBER_FEED = "campaign_members"
_NAMED_BY = {"campaign_id", "member_id"}


@contextmanager
def members_met(engine: Engine, feeds: Sequence[StagedFeed]) -> Iterator[None]:
    """Let SQL read `campaign_member_of_event`: at least the members, each in its newest version, that the rows of
    `arrived_event` name, by their key or by their message."""
    with ExitStack() as stack:
        refs = [
            StagingRef(feed.source, _newest_of_those_met(engine, feed, stack), feed.customer_source)
            for feed in feeds
            if feed.contract_name == MEMBER_FEED
        ]
        stack.enter_context(engine.temporary_view("campaign_member_of_event", all_sources_query(MEMBER_FEED, refs)))
        yield


def _newest_of_those_met(engine: Engine, feed: StagedFeed, stack: ExitStack) -> str:
    """The name of a relation of one source's members."""
    if not set(feed.natural_key) >= _NAMED_BY:
        return relation_name(latest_view(feed))  # versions of one member may name different ones
    table = f"member_met_{feed.source}_{feed.feed}"
    members = relation_name(feed.contract)
    # The bare column is compared, so that the engine skips what cannot match: of 2.5 million members, the pass takes
    # 0.03 s, and took 0.7 s with every identifier trimmed.
    engine.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        WITH met AS (
            SELECT campaign_id, member_id FROM arrived_event WHERE member_id IS NOT NULL
            UNION
            SELECT campaign_id, member_id FROM {members} WHERE message_id IN (
                SELECT unnest([original_message_id, '<' || original_message_id || '>']) FROM arrived_event
                WHERE member_id IS NULL AND original_message_id IS NOT NULL)
        )
        SELECT * FROM {members} SEMI JOIN met USING (campaign_id, member_id)
        """
    )
    stack.callback(engine.execute, f"DROP TABLE {table}")
    view = f"{table}_newest"
    stack.enter_context(engine.temporary_view(view, latest_query(feed, table)))
    return view
