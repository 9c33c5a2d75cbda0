"""The members of campaigns in every version that was ever told, as one relation.

Here: `member_version`, for finding which days a change touches. Not here: the members as they stand (`send.sql`).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import literal, relation_name

MEMBER_FEED = "campaign_members"
_COLUMNS = "campaign_id, cell_id, member_id, customer_id, email, selected_dt, sent_dt, file_id"


def member_versions(feeds: Sequence[StagedFeed], days: Sequence[str] | None = None) -> str:
    """SQL for every version of every member: feed_name, source, message_id (without angle brackets), customer_ref, the
    member's own columns, and due_day, on which it stands in the facts.

    days: those from the first to the last of these days alone (`YYYY-MM-DD`, in their order); None: all.
    """
    told = [
        f"SELECT {literal(feed.name)} AS feed_name, {literal(feed.source)} AS source, {_COLUMNS}, "
        f"{literal(feed.customer_source)} || ':' || customer_id AS customer_ref, "
        "trim(message_id, '<> ') AS message_id, "
        f"strftime(coalesce(sent_dt, selected_dt), '%Y-%m-%d') AS due_day FROM {relation_name(feed.contract)}{where}"
        for feed in feeds
        if feed.contract_name == MEMBER_FEED
        for where in _within(days)
    ]
    texts = "feed_name source campaign_id cell_id member_id customer_id email file_id message_id customer_ref due_day"
    nothing = [
        *(f"CAST(NULL AS VARCHAR) AS {name}" for name in texts.split()),
        *(f"CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS {name}" for name in ("selected_dt", "sent_dt")),
    ]
    return " UNION ALL BY NAME ".join([f"SELECT {', '.join(nothing)} WHERE FALSE", *told])


def _within(days: Sequence[str] | None) -> list[str]:
    """Conditions of which each version that is due in these days fulfils exactly one.

    Bare columns are compared, so that the engine skips the parts of files that hold other days.
    """
    if days is None:
        return [""]
    if not days:
        return [" WHERE FALSE"]
    first, last = (datetime.combine(date.fromisoformat(day), time(), UTC) for day in (days[0], days[-1]))
    since, until = literal(first), literal(last + timedelta(days=1))
    return [
        f" WHERE sent_dt >= {since} AND sent_dt < {until}",
        f" WHERE sent_dt IS NULL AND selected_dt >= {since} AND selected_dt < {until}",
    ]
