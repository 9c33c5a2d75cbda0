"""Which month a refresh scores: the newest whose books have closed, where it has sales and no scores yet.

Here: looking into the home. Not here: when books close (`crm_platform/value/scores/months.py`).
"""

from datetime import datetime
from pathlib import Path

from crm_platform.settings import Home
from crm_platform.sources.sales.known import SALES_FEEDS
from crm_platform.tables import tables_of
from crm_platform.value.scores.contracts import CUSTOMER_RFM
from crm_platform.value.scores.months import is_sold_in, newest_closed_month
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake


def month_to_score(home: Home, config_folder: Path, now: datetime, scores: Contract = CUSTOMER_RFM) -> str | None:
    """The month (`yyyy-mm`) to make these scores of at `now` (UTC); None where there is none."""
    import duckdb

    month, lake = newest_closed_month(now), Lake(home.lake)
    if month in lake.partition_keys(scores):
        return None
    tables = tables_of(config_folder)
    selling = [feed for feed in tables.feeds if feed.contract_name in SALES_FEEDS]
    with duckdb.connect() as connection:
        is_sold = is_sold_in(Engine(connection, lake, tables.by_name, tables.views), selling, month)
    return month if is_sold else None
