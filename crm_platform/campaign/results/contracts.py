"""The contracts of what came of campaigns: results by cell, lift over the control groups, deliverability.

Here: what the tables promise. Rates are in percent, and empty where there is nothing to divide by. Not here: how they
are made (the `.sql` files, `lift.py`).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.campaign.facts.contracts import count, flag
from crm_platform.sources.dimensions.dimensions import surrogate_key
from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.warehouse.contract import Amount, TableModel, contract_of

CONTROL_LEVELS = ("cell", "campaign", "universal", "all")
OUTCOMES = ("purchase", "success", "spend", "purchase_before")


def percent(description: str) -> Any:
    """A rate in percent."""
    return number(f"{description}, in percent.", ge=0)


class _Counts(TableModel):
    number_selected: int = count("Members selected.")
    number_not_sent: int = count("Of them not sent to.")
    number_sent: int = count("Sent.")
    number_delivered: int = count("Of them delivered.")
    number_failed: int = count("Of them failed.")
    number_pending: int = count("Of them neither yet.")
    number_hard_bounced: int = count("Failed for good.")
    number_soft_bounced: int = count("Failed this time.")
    number_complained: int = count("Recipients who complained.")
    number_unsubscribed: int = count("Recipients who unsubscribed by it.")
    number_opened: int = count("Recipients who opened or clicked themselves.")
    number_opened_raw: int = count("Recipients of whom an open was recorded, by whomever.")
    number_clicked: int = count("Recipients who clicked themselves.")
    number_clicked_raw: int = count("Recipients of whom a click was recorded, by whomever.")
    delivery_pct: float = percent("Delivered of sent")
    bounce_pct: float = percent("Failed of sent")
    hard_bounce_pct: float = percent("Failed for good of sent")
    soft_bounce_pct: float = percent("Failed this time of sent")
    complaint_pct: float = percent("Complained of delivered")
    unsubscribe_pct: float = percent("Unsubscribed of delivered")
    open_pct: float = percent("Opened of delivered, people alone")
    open_raw_pct: float = percent("Opened of delivered, machines and proxies among them")
    click_through_pct: float = percent("Clicked of delivered, people alone")
    click_through_raw_pct: float = percent("Clicked of delivered, machines among them")
    click_to_open_pct: float = percent("Clicked of opened, people alone")


class CampaignResults(_Counts):
    """What came of each cell of each campaign: delivery, response, orders, cost and return."""

    campaign_id: str = identifier("The campaign.")
    cell_id: str = identifier("The cell.")
    campaign_key: int = surrogate_key("Key of the campaign")
    cell_key: int = surrogate_key("Key of the cell")
    communication_key: int = surrogate_key("Key of the communication")
    channel_key: int = surrogate_key("Key of the channel")
    is_control: int = flag("1 for a control group.")
    number_converted: int = count("Members who ordered because of it, as far as the evidence shows.")
    number_of_orders: int = count("Orders that came of it.")
    revenue_amount: Amount = number("What they ordered and kept, without VAT, in `currency`.", nullable=False)
    cost_amount: Amount = number("The cell's share of the campaign's cost by what was sent, in `currency`.", ge=0)
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)
    conversion_pct: float = percent("Converted of delivered")
    roi_pct: float = number("Revenue less cost, of the cost, in percent.")

    class Config(TableModel.Config):
        name = "campaign.campaign_results"
        unique = ["campaign_id", "cell_id"]
        metadata = {"grain": "one row per cell of a campaign", "kind": "mart"}


class CampaignLift(TableModel):
    """What a campaign changed: those who were to get it against its control groups, whatever they were seen to do.
    Everybody who was drawn counts, sent to or not, so that the draw stays a fair one."""

    campaign_id: str = identifier("The campaign.")
    control_level: str = code("Which control group.", CONTROL_LEVELS, nullable=False)
    outcome: str = code(
        "purchase: ordered within the days of success; success: ordered the product of success; spend: amount kept per "
        "customer; purchase_before: ordered in as many days before, which nothing can have changed.",
        OUTCOMES,
        nullable=False,
    )
    number_treated: int = count("Members of the cells that were to get it.")
    number_control: int = count("Members of the control group.")
    treated_mean: float = number("Share or amount per member treated.")
    control_mean: float = number("Share or amount per member of the control group.")
    lift: float = number("The difference.")
    lift_low: float = number("Lower end of its confidence interval (Wald).")
    lift_high: float = number("Upper end of it.")
    p_value: float = number("How likely such a difference is by chance (normal).", ge=0, le=1)
    incremental: float = number("The difference times those treated: customers, or amount in `currency`.")
    confidence: float = number("Of the interval.", ge=0, le=1, nullable=False)
    currency: str = pattern("The company's currency, of spend.", CURRENCY)

    class Config(TableModel.Config):
        name = "campaign.campaign_lift"
        unique = ["campaign_id", "control_level", "outcome"]
        metadata = {"grain": "one row per campaign, control group and outcome", "kind": "mart"}


class Deliverability(_Counts):
    """How e-mail arrives, by the day of sending, campaign, mailbox provider and domain."""

    sent_date: pl.Date = pa.Field(description="Day of sending (UTC); of selection where nothing was sent.")
    campaign_id: str = identifier("The campaign.")
    mailbox_provider: str = identifier("Who keeps the mailboxes of the domain; `other` where the list does not say.")
    email_domain: str = text("Domain of the addresses.")
    number_address_invalid: int = count("Addresses proven to be no good.")

    class Config(TableModel.Config):
        name = "campaign.deliverability"
        unique = ["sent_date", "campaign_id", "mailbox_provider", "email_domain"]
        metadata = {
            "grain": "one row per day, campaign, mailbox provider and domain",
            "kind": "mart",
            "partition": ("sent_date", "month"),
        }


CAMPAIGN_RESULTS = contract_of(CampaignResults)
CAMPAIGN_LIFT = contract_of(CampaignLift)
DELIVERABILITY = contract_of(Deliverability)
