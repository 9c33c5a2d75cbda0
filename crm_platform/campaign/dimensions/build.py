"""The making of the dimensions of campaigns, which keep the keys they gave (`sources/dimensions/build.py` says how).

Here: what each is made from. Not here: its members (the `.sql` files).
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from crm_platform.campaign.dimensions.contracts import (
    DIM_CAMPAIGN,
    DIM_CELL,
    DIM_DELIVERY_STATUS,
    DIM_REASON,
    DIM_URL,
)
from crm_platform.campaign.mail.reasons import reason_definitions
from crm_platform.sources.all_sources import all_sources, staging_refs
from crm_platform.sources.dimensions.build import keyed_query
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, relation_name
from crm_platform.warehouse.publish import Publication, publish, publish_frame

PLAN_FEEDS = ("campaigns", "campaign_cells", "campaign_links")
MEMBER_FEED = "campaign_members"
STATUSES = (
    (0, "failed", "It came back, or was refused."),
    (1, "delivered", "It arrived: somebody told, it was answered, or no word came where none is told of deliveries."),
    (2, "pending", "It was sent, and nothing final is known."),
    (3, "not sent", "The member was selected and not sent to; the reason says why."),
)


def publish_campaign_dimensions(engine: Engine, feeds: Sequence[StagedFeed]) -> dict[str, Publication]:
    """Publish the dimensions of campaigns; members that are named by what was sent alone stand in them too.

    Raises:
        ContractViolation: members break a dimension's contract; that dimension was not published.
    """
    statuses = pl.DataFrame(STATUSES, schema=DIM_DELIVERY_STATUS.polars_schema, orient="row")
    made = {DIM_DELIVERY_STATUS.table: publish_frame(engine, DIM_DELIVERY_STATUS, statuses)}
    refs = staging_refs(feed for feed in feeds if feed.contract_name in PLAN_FEEDS)
    with engine.registered(**_named_by_members(engine, feeds)), all_sources(engine, PLAN_FEEDS, refs):
        for contract in (DIM_CAMPAIGN, DIM_CELL, DIM_URL, DIM_REASON):
            made[contract.table] = _publish_keyed(engine, contract)
    return made


def _publish_keyed(engine: Engine, contract: Contract) -> Publication:
    members = Path(__file__).with_name(f"{contract.table}.sql").read_text(encoding="utf-8").rstrip().rstrip(";")
    # A view made before another process published the first file shows no rows: every key would be given anew.
    engine.refresh_view(contract)
    query = keyed_query(contract, members)
    return publish(engine, contract, {None: lambda path: engine.write_query(query, path)})


def _named_by_members(engine: Engine, feeds: Sequence[StagedFeed]) -> dict[str, pl.DataFrame]:
    """Campaigns, cells and reasons that the members name, in any version of them."""
    told = [
        f"SELECT DISTINCT campaign_id, cell_id, not_sent_reason AS reason FROM {relation_name(feed.contract)}"
        for feed in feeds
        if feed.contract_name == MEMBER_FEED
    ]
    schema = {"campaign_id": pl.String, "cell_id": pl.String, "reason": pl.String}
    named = engine.query(" UNION ".join(told)) if told else pl.DataFrame(schema=schema)
    definitions = reason_definitions()
    return {
        "member_campaign": named.select("campaign_id").unique().sort("campaign_id"),
        "member_cell": named.select("campaign_id", "cell_id").unique().sort("campaign_id", "cell_id"),
        "not_sent_reason": named.select("reason").drop_nulls().unique().sort("reason"),
        "bounce_reason": pl.DataFrame({"reason": list(definitions), "definition": list(definitions.values())}),
    }
