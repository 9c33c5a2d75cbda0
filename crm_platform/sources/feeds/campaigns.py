"""Feeds of campaigns: what was planned, who was in it, and the orders that web analytics attributes to it.

Here: the campaign system's own record. Not here: what became of what was sent (`contact.py`, `web.py`, and the mails
that the campaign stage reads).
"""

import polars as pl

from crm_platform.sources.feeds.codes import CURRENCY, LARGEST_QUANTITY
from crm_platform.sources.feeds.fields import (
    FeedModel,
    calendar_date,
    code,
    event_time,
    flag,
    identifier,
    number,
    pattern,
    text,
)
from crm_platform.warehouse.contract import Amount, Timestamp

_LONGEST_SUCCESS_DAYS = 3_650


class Campaigns(FeedModel):
    """One row is a campaign as it was planned."""

    campaign_id: str = identifier("The source's own key of the campaign.")
    campaign_name: str = text("Name of the campaign.")
    campaign_kind: str = text("Kind of campaign, such as promotional offer, newsletter, life cycle or cross-sell.")
    communication: str = text("Code of the communication that the campaign sends.")
    channel: str = text("Code of the channel that it is sent by.")
    brand: str = text("Code of the brand that sends.")
    locale: str = text("Code of the locale that it is sent in.")
    offer: str = text("What is offered, in words.")
    promotion_code: str = text("Code that an order of the offer carries.")
    budget_amount: Amount = number("What the campaign may cost, in `currency`.", ge=0)
    cost_amount: Amount = number("What the campaign did cost, in `currency`.", ge=0)
    currency: str = pattern("Currency of the amounts, ISO 4217.", CURRENCY)
    success_product_id: str = text("Product whose purchase counts as success; empty: any.")
    success_days: int = number(
        "Days from sending within which a purchase counts as success.", ge=0, le=_LONGEST_SUCCESS_DAYS
    )
    starts_date: pl.Date = calendar_date("First day of the campaign; may lie ahead.")
    ends_date: pl.Date = calendar_date("Last day of the campaign; may lie ahead.")

    class Config(FeedModel.Config):
        name = "feeds.campaigns"
        metadata = {"grain": "one row per campaign of the source", "natural_key": ["campaign_id"]}


class CampaignCells(FeedModel):
    """One row is a group within a campaign that gets a treatment of its own, or none."""

    campaign_id: str = identifier("The campaign.")
    cell_id: str = identifier("The cell's key within the campaign.")
    cell_name: str = text("Name of the cell.")
    is_control: bool = flag("Whether the cell is a control group, which gets nothing.")
    control_level: str = code("What a control group is held back from.", ("cell", "campaign", "universal"))
    treatment: str = text("What the cell gets, in words.")

    class Config(FeedModel.Config):
        name = "feeds.campaign_cells"
        metadata = {"grain": "one row per cell of a campaign", "natural_key": ["campaign_id", "cell_id"]}


class CampaignLinks(FeedModel):
    """One row is a link in what a campaign sends."""

    campaign_id: str = identifier("The campaign.")
    link_id: str = identifier("The link's key within the campaign.")
    url: str = text("Where the link leads to.", rule="url")

    class Config(FeedModel.Config):
        name = "feeds.campaign_links"
        metadata = {"grain": "one row per link of a campaign", "natural_key": ["campaign_id", "link_id"]}


class CampaignMembers(FeedModel):
    """One row is somebody who was selected for a cell of a campaign, whether it was sent or not."""

    campaign_id: str = identifier("The campaign.")
    cell_id: str = identifier("The cell of the campaign.")
    member_id: str = identifier("The member's key within the cell.")
    customer_id: str = text("The source's key of the customer.")
    email: str = text("E-mail address that it was sent to.", rule="email")
    phone: str = text("Telephone number that it was sent to.", rule="phone")
    message_id: str = text("Identifier of the message, which bounces, opens and clicks refer to.")
    # The month of selection is the partition: who was not sent to has no other time.
    selected_dt: Timestamp = event_time("When the member was selected, UTC.", nullable=False)
    sent_dt: Timestamp = event_time("When it was sent, UTC; empty where it was not.")
    not_sent_reason: str = text("Why it was not sent, in the source's words; empty where it was.")

    class Config(FeedModel.Config):
        name = "feeds.campaign_members"
        metadata = {
            "grain": "one row per member of a cell of a campaign",
            "natural_key": ["campaign_id", "cell_id", "member_id"],
            "partition": ("selected_dt", "month"),
        }


class AnalyticsConversions(FeedModel):
    """One row is an order, or a product of one, that web analytics attributes to a campaign."""

    conversion_id: str = identifier("The analytics system's own key of the conversion.")
    campaign_id: str = text("The campaign that it is attributed to.")
    link_id: str = text("The campaign's link that it is attributed to.")
    order_id: str = text("The selling source's key of the order.")
    product_id: str = text("The product that was bought.")
    quantity: int = number("Pieces; below zero for a correction.", ge=-LARGEST_QUANTITY, le=LARGEST_QUANTITY)
    # No lower bound: a correction of a conversion is below zero.
    value_amount: Amount = number("Value as analytics sees it, in `currency`; below zero for a correction.")
    currency: str = pattern("Currency of the value, ISO 4217.", CURRENCY)
    event_dt: Timestamp = event_time("When the conversion happened, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.analytics_conversions"
        metadata = {
            "grain": "one row per conversion of the source",
            "natural_key": ["conversion_id"],
            "partition": ("event_dt", "month"),
        }
