"""The newest version of each thing of a feed: the view `stg_<source>_<feed>_latest` beside the staging table.

A staging table keeps every version that ever came; most readers want the last.
"""

from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import View
from crm_platform.warehouse.engine import literal, quoted, relation_name

SUFFIX = "_latest"


def latest_view(feed: StagedFeed) -> View:
    """The view of the newest versions: by the version column where the feed has one, then by file and line."""
    contract = feed.contract
    description = f"{contract.description} Only the newest version of each."
    return View(contract, contract.table + SUFFIX, description, latest_query(feed, relation_name(contract)))


def latest_query(feed: StagedFeed, relation: str) -> str:
    """SQL for the newest versions among the rows of `relation`, which is the feed's table or holds some of its things,
    each with all its versions."""
    contract = feed.contract
    columns = ", ".join(f"staged.{quoted(name)}" for name in contract.column_names)
    committed = (
        f"{relation} AS staged JOIN {relation_name(FILE_LEDGER)} AS ledger "
        f"ON ledger.feed_name = {literal(feed.name)} AND ledger.file_id = staged.file_id AND ledger.status = 'loaded'"
    )
    if not feed.natural_key:
        return f"SELECT {columns} FROM {committed}"
    key = ", ".join(f"staged.{quoted(name)}" for name in feed.natural_key)
    newest = ["ledger.file_number DESC", "staged.file_part DESC", "staged.file_line DESC"]
    if feed.version_column:
        newest.insert(0, f"staged.{quoted(feed.version_column)} DESC NULLS LAST")
    ranked = (
        f"SELECT {columns}, row_number() OVER (PARTITION BY {key} ORDER BY {', '.join(newest)}) AS version_rank "
        f"FROM {committed}"
    )
    names = ", ".join(quoted(name) for name in contract.column_names)
    return f"SELECT {names} FROM ({ranked}) WHERE version_rank = 1"
