"""The contract of the orders that came of campaigns.

Here: what the table promises. Not here: how an order finds its campaign (`campaign_of_order.sql`).
"""

import pandera.polars as pa

from crm_platform.campaign.facts.contracts import flag, moment
from crm_platform.campaign.settings import TOUCHES
from crm_platform.sources.dimensions.dimensions import surrogate_key
from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.warehouse.contract import Amount, TableModel, Timestamp, contract_of

EVIDENCE = ("promotion_code", "click", "analytics")
LINE_TYPES = ("sale", "cancellation", "adjustment", "return")


class FactCampaignOrder(TableModel):
    """The orders that came of campaigns, by product; what was cancelled or came back stands in it below zero, so that
    sums are what stayed. An order comes of one campaign."""

    source: str = identifier("The source that sold.")
    order_id: str = identifier("Its key of the order.")
    product_id: str = pa.Field(description="The product; empty where the order does not say.")
    line_type: str = code("sale, or what takes it back.", LINE_TYPES, nullable=False)
    campaign_id: str = identifier("The campaign.")
    cell_id: str = text("The cell of the member; empty where the buyer was none, as with a code passed on.")
    member_id: str = text("The member of the campaign.")
    customer_key: int = pa.Field(ge=0, description="The buyer; 0 where not known.")
    campaign_key: int = surrogate_key("Key of the campaign")
    cell_key: int = surrogate_key("Key of the cell")
    communication_key: int = surrogate_key("Key of the communication")
    channel_key: int = surrogate_key("Key of the channel that the campaign was sent by")
    product_key: int = surrogate_key("Key of the product")
    url_key: int = surrogate_key("Key of the link that was clicked, where that is the evidence")
    evidence: str = code("What shows that it came of the campaign.", EVIDENCE, nullable=False)
    touch: str = code("Which of several of a kind counted.", TOUCHES, nullable=False)
    window_days: int = number("Days from the sending within which an order counted.", ge=0, nullable=False)
    touched_dt: Timestamp = moment("When the evidence arose: the sending, the click, the conversion")
    is_disputed: int = flag("1 where other evidence names another campaign, which had to give way.")
    disputed_campaign_id: str = text("That campaign.")
    is_success: int = flag("1 where the sale is what the campaign's success is: its product within its days.")
    order_dt: Timestamp = moment("When it was ordered", False)
    event_dt: Timestamp = moment("When this happened: the order, the cancellation, the return", False)
    quantity: int = number("Pieces; below zero where they were taken back.")
    value_amount: Amount = number("Without VAT, in `currency`; below zero where it was taken back.", nullable=False)
    currency: str = pattern("ISO 4217.", CURRENCY)
    company_amount: Amount = number("The value in the company's currency; empty where there is no rate.")

    class Config(TableModel.Config):
        name = "campaign.fact_campaign_order"
        unique = ["source", "order_id", "product_id", "line_type"]
        metadata = {
            "grain": "one row per order that came of a campaign, product and kind of line",
            "kind": "fact",
            "partition": ("order_dt", "month"),
        }


FACT_CAMPAIGN_ORDER = contract_of(FactCampaignOrder)
