"""The contracts of the dimensions of campaigns.

Here: what they promise. Every member keeps its key for ever; key 0 is the one that is not known, or none; of the
delivery statuses it is `failed`. Not here: how they are made (`build.py`, the `.sql` files).
"""

import pandera.polars as pa
import polars as pl

from crm_platform.sources.dimensions.dimensions import (
    currentness,
    day,
    display_name,
    natural_key,
    surrogate_key,
    yes_or_no,
)
from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.warehouse.contract import Amount, TableModel, contract_of


class DimCampaign(TableModel):
    """Campaigns as they were planned. A campaign's number is the company's: sources that name one number mean one
    campaign."""

    campaign_key: int = surrogate_key("Key of the campaign")
    campaign_id: str = natural_key("The campaign's number.")
    campaign_name: str = display_name("Name of the campaign; empty where only its members tell of it.")
    campaign_kind: str = text("Kind of campaign.")
    communication_code: str = text("Code of the communication that it sends.")
    channel_code: str = text("Code of the channel that it is sent by.")
    brand_code: str = text("Code of the brand that sends.")
    locale_code: str = text("Code of the locale that it is sent in.")
    offer: str = text("What is offered.")
    promotion_code: str = text("Code that an order of the offer carries.")
    budget_amount: Amount = number("What it may cost, in `currency`.", ge=0)
    cost_amount: Amount = number("What it did cost, in `currency`.", ge=0)
    currency: str = pattern("Currency of the amounts, ISO 4217.", CURRENCY)
    success_product_id: str = text("Product whose purchase counts as success; empty: any.")
    success_days: int = number("Days from sending within which a purchase counts as success.", ge=0)
    starts_date: pl.Date = day("First day.")
    ends_date: pl.Date = day("Last day.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "campaign.dim_campaign"
        unique = ["campaign_key"]
        metadata = {"grain": "one row per campaign", "kind": "dimension"}


class DimCell(TableModel):
    """Cells of campaigns: groups that get a treatment of their own, or none."""

    cell_key: int = surrogate_key("Key of the cell")
    cell_ref: str = natural_key("`<campaign>/<cell>`.")
    cell_name: str = display_name("Name of the cell.")
    campaign_id: str = text("The campaign.")
    cell_id: str = text("The cell's key within the campaign.")
    is_control: int = yes_or_no("Whether it is a control group, which gets nothing.")
    control_level: str = code("What a control group is held back from.", ("cell", "campaign", "universal"))
    treatment: str = text("What the cell gets, in words.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "campaign.dim_cell"
        unique = ["cell_key"]
        metadata = {"grain": "one row per cell of a campaign", "kind": "dimension"}


class DimUrl(TableModel):
    """Links of what campaigns send."""

    url_key: int = surrogate_key("Key of the link")
    link_ref: str = natural_key("`<campaign>/<link>`.")
    url: str = display_name("Where it leads.")
    campaign_id: str = text("The campaign.")
    link_id: str = text("The link's key within the campaign.")
    page: str = text("Where it leads, without the query.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "campaign.dim_url"
        unique = ["url_key"]
        metadata = {"grain": "one row per link of a campaign", "kind": "dimension"}


class DimReason(TableModel):
    """Why something was not delivered (the reasons of bounces) or not sent (the campaign system's words)."""

    reason_key: int = surrogate_key("Key of the reason")
    reason_ref: str = natural_key("`bounce/<reason>` or `not_sent/<reason>`.")
    reason_name: str = display_name("The reason.")
    reason_kind: str = code("Why it was not delivered, or why it was not sent.", ("bounce", "not_sent"))
    definition: str = text("What it means.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "campaign.dim_reason"
        unique = ["reason_key"]
        metadata = {"grain": "one row per reason", "kind": "dimension"}


class DimDeliveryStatus(TableModel):
    """What became of what was to be sent."""

    delivery_status_key: int = pa.Field(ge=0, le=3, description="1 delivered, 0 failed, 2 pending, 3 not sent.")
    delivery_status: str = identifier("What people read.")
    definition: str = identifier("What it means.")

    class Config(TableModel.Config):
        name = "campaign.dim_delivery_status"
        unique = ["delivery_status_key"]
        metadata = {"grain": "one row per status", "kind": "dimension"}


DIM_CAMPAIGN = contract_of(DimCampaign)
DIM_CELL = contract_of(DimCell)
DIM_URL = contract_of(DimUrl)
DIM_REASON = contract_of(DimReason)
DIM_DELIVERY_STATUS = contract_of(DimDeliveryStatus)
CAMPAIGN_DIMENSIONS = (DIM_CAMPAIGN, DIM_CELL, DIM_URL, DIM_REASON, DIM_DELIVERY_STATUS)
