"""The months of which scores are made: when a month is over, and what was known of it then.

Here: days and moments. Not here: what is scored (`build.py`).

A month `yyyy-mm` is scored as of its last day. Its books close `CLOSING` after its end, so that what was sold in the
last night has been loaded. What is loaded later does not count for it, whenever its scores are made: a backfill says
what would have been said then. What came with the first load of a feed counts as known all along, else no month before
the platform's first day could be scored.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, relation_name

FIRST_MONTH = "2015-01"
"""The first month that can be asked for."""

CLOSING = timedelta(days=1)


def last_day(month: str) -> date:
    """The as-of date of a month."""
    first = date.fromisoformat(f"{month}-01")
    return first.replace(day=monthrange(first.year, first.month)[1])


def closing_dt(month: str) -> datetime:
    """When a month's books close, UTC."""
    return datetime.combine(last_day(month) + timedelta(days=1), time(), UTC) + CLOSING


def newest_closed_month(now: datetime) -> str:
    """The newest month whose books have closed by `now` (UTC)."""
    end_of_month = (now - CLOSING).date().replace(day=1) - timedelta(days=1)
    return f"{end_of_month:%Y-%m}"


def known_at(engine: Engine, feeds: Sequence[StagedFeed], month: str) -> datetime:
    """Until when (UTC) what was loaded counts for a month: its closing, or the first load of each of these feeds."""
    first_loads: list[datetime | None] = [
        engine.scalar(f"SELECT min(loaded_dt) FROM {relation_name(feed.contract)}") for feed in feeds
    ]
    return max([closing_dt(month), *(moment for moment in first_loads if moment is not None)])


def is_sold_in(engine: Engine, feeds: Sequence[StagedFeed], month: str) -> bool:
    """Whether one of these feeds, which have an `order_dt`, has an order of the month."""
    return any(
        engine.scalar(
            f"SELECT count(*) > 0 FROM {relation_name(feed.contract)} WHERE strftime(order_dt, '%Y-%m') = $month",
            {"month": month},
        )
        for feed in feeds
    )
