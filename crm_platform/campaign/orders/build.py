"""The making of `campaign.fact_campaign_order`.

Here: its inputs and its publishing. Not here: which campaign an order came of (`campaign_of_order.sql`,
`config/campaign.yaml`) and what the rows say (`fact_campaign_order.sql`).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.campaign.settings import OrderRules
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.sales.known import SALES_FEEDS, known_feeds, sold_lines
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.changed import publish_changed
from crm_platform.warehouse.engine import Engine, Parameter, bound
from crm_platform.warehouse.publish import Publication

_FURTHER_FEEDS = ("order_events", "returns", "analytics_conversions")
ORDER_FEEDS = (*SALES_FEEDS, *_FURTHER_FEEDS)
_READ = (
    "scv.customer_ref_key", "campaign.dim_campaign", "campaign.dim_cell", "campaign.dim_url",
    "campaign.fact_campaign_delivery", "campaign.fact_clickthrough", "sources.dim_product", "sources.dim_communication",
    "sources.dim_channel",
)  # fmt: skip


def publish_campaign_orders(
    engine: Engine, feeds: Sequence[StagedFeed], rules: OrderRules, rates: ExchangeRates, as_of: datetime
) -> dict[str, Publication]:
    """Publish the orders that came of campaigns, as they were known at a time (UTC); only months that changed.

    Raises:
        ContractViolation: rows break the contract; nothing was published.
    """
    for name in _READ:
        engine.refresh_view(engine.contracts[name])
    parameters: dict[str, Parameter] = {
        "window_days": rules.window_days,
        "default_window_days": rules.default_window_days,
        "is_last_touch": rules.touch == "last",
        "touch": rules.touch,
    }
    places = pl.DataFrame({"evidence": rules.evidence, "place": range(len(rules.evidence))})
    with (
        engine.registered(exchange_rate=rates.by_span(), evidence_place=places),
        known_feeds(engine, _FURTHER_FEEDS, feeds, as_of),
        sold_lines(engine, feeds, as_of),
    ):
        made: list[str] = []
        try:
            for name in ("campaign_of_order", "fact_campaign_order"):
                engine.execute(f"CREATE OR REPLACE TEMP TABLE made_{name} AS {_sql(name, parameters)}")
                made.append(name)
            return {FACT_CAMPAIGN_ORDER.table: publish_changed(engine, FACT_CAMPAIGN_ORDER, "made_fact_campaign_order")}
        finally:
            for name in made:
                engine.execute(f"DROP TABLE made_{name}")


def _sql(name: str, parameters: dict[str, Parameter]) -> str:
    text = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
    return bound(text, parameters).rstrip().rstrip(";")
