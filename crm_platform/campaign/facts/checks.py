"""Whether the facts add up: selected = not sent + sent, sent = delivered + failed + pending, slice by slice.

Here: the comparison with what the campaign system says. Not here: making the facts (`build.py`).
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY
from crm_platform.campaign.facts.member_version import MEMBER_FEED
from crm_platform.sources.all_sources import all_sources, staging_refs
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine


def reconciliation(engine: Engine, feeds: Sequence[StagedFeed]) -> tuple[int, pl.DataFrame]:
    """How many slices of campaign, cell and day were compared, and those that do not add up.

    The latter: campaign_id, cell_id, due_day, selected and sent as the campaign system says, and in the fact selected,
    not_sent, delivered, failed, pending.
    """
    engine.refresh_view(FACT_CAMPAIGN_DELIVERY)
    refs = staging_refs(feed for feed in feeds if feed.contract_name == MEMBER_FEED)
    sql = Path(__file__).with_name("reconciliation.sql").read_text(encoding="utf-8")
    with all_sources(engine, [MEMBER_FEED], refs):
        slices = engine.query(sql)
    return slices.height, slices.filter(~pl.col("adds_up")).drop("adds_up")
