"""The contracts of what was sent and what became of it: the facts of delivery and of clicks, and what they are made of.

Here: what the tables promise. Not here: how they are made (the `.sql` files, `build.py`).
"""

from typing import Any

import pandera.polars as pa

from crm_platform.sources.dimensions.dimensions import surrogate_key
from crm_platform.sources.feeds.fields import code, identifier, number, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

FAILED, DELIVERED, PENDING, NOT_SENT = range(4)
BASES = ("reported", "answered", "no_word", "bounced", "returned_later", "told_so_far", "not_sent")
OPEN_STATUSES = {0: "not opened", 1: "opened by a person", 2: "loaded by a proxy, read or not"}


def flag(description: str) -> Any:
    """1 for yes, 0 for no, always known, so that it can be summed."""
    return pa.Field(isin=[0, 1], description=description)


def count(description: str) -> Any:
    """A number of things, always known."""
    return number(description, ge=0, nullable=False)


def moment(description: str, nullable: bool = True) -> Any:
    """A UTC timestamp."""
    return pa.Field(nullable=nullable, description=f"{description}, UTC.")


class _Send(TableModel):
    """Whom what was sent by which campaign."""

    source: str = identifier("The source that delivered the member of the campaign.")
    campaign_id: str = identifier("The campaign.")
    cell_id: str = identifier("The cell of the campaign.")
    member_id: str = identifier("The member of the cell.")
    customer_key: int = pa.Field(ge=0, description="The customer; 0 where the platform does not know whom it went to.")
    communication_key: int = surrogate_key("Key of the communication")
    channel_key: int = surrogate_key("Key of the channel")
    campaign_key: int = surrogate_key("Key of the campaign")
    cell_key: int = surrogate_key("Key of the cell")


class FactCampaignDelivery(_Send):
    """Each communication that a campaign was to send to each customer, and what became of it: an accumulating snapshot,
    rebuilt from the events. Who was selected and not sent to stands in it with the reason."""

    brand_key: int = surrogate_key("Key of the brand")
    locale_key: int = surrogate_key("Key of the locale")
    delivery_status_key: int = pa.Field(
        isin=[FAILED, DELIVERED, PENDING, NOT_SENT],
        description="1 delivered, 0 failed, 2 pending, 3 not sent.",
    )
    reason_key: int = surrogate_key("Key of the reason why it failed or was not sent; 0 when delivered")
    status_basis: str = code(
        "What the status stands on: reported delivered, answered, no word after the days of campaign.yaml; bounced; "
        "returned after it had been taken; told_so_far: nothing final yet; not sent.",
        BASES,
        nullable=False,
    )
    status_rank: int = number("Rank of the evidence, 0 to 5: with more evidence it never falls.", 0, 5, nullable=False)
    bounce_kind: str = code("hard, soft or suppressed, of what failed.", ("hard", "soft", "suppressed"))
    address_invalid_flag: int = flag("Whether it was proven that the address is no good.")
    customer_found_by: str = code(
        "How the customer was found: by the source's number, by the e-mail address at the time, or not.",
        ("number", "address", "none"),
        nullable=False,
    )
    email_domain: str = text("Domain of the e-mail address, in small letters.")
    open_status: int = pa.Field(isin=list(OPEN_STATUSES), description="0 not opened, 1 by a person, 2 by a proxy only.")
    number_of_opens: int = count("Opens by people.")
    number_of_proxy_opens: int = count("Pictures loaded by privacy proxies, read or not.")
    number_of_machine_opens: int = count("Opens by machines.")
    number_of_clicks: int = count("Clicks by people.")
    number_of_machine_clicks: int = count("Clicks by machines, proxies among them.")
    number_of_soft_bounces: int = count("Soft bounces and delays told.")
    complaint_flag: int = flag("Whether the customer complained.")
    unsubscribe_flag: int = flag("Whether the customer unsubscribed by it.")
    due_dt: Timestamp = moment("When it was sent; when the member was selected where it was not. Cuts the table", False)
    selected_dt: Timestamp = moment("When the member was selected", False)
    sent_dt: Timestamp = moment("When it was sent; empty where it was not")
    delivered_dt: Timestamp = moment("When it was delivered, or answered where nobody told; empty where not known")
    bounced_dt: Timestamp = moment("When it failed first")
    first_opened_dt: Timestamp = moment("When a person opened it first")
    first_clicked_dt: Timestamp = moment("When a person clicked first")
    complained_dt: Timestamp = moment("When the customer complained first")
    unsubscribed_dt: Timestamp = moment("When the customer unsubscribed first")
    created_dt: Timestamp = moment("When the course began: the member was selected", False)
    last_updated_dt: Timestamp = moment("When the last of its events happened", False)

    class Config(TableModel.Config):
        name = "campaign.fact_campaign_delivery"
        unique = ["source", "campaign_id", "cell_id", "member_id"]
        metadata = {
            "grain": "one row per communication for each customer of a campaign",
            "kind": "fact",
            "partition": ("due_dt", "day"),
        }


class FactClickthrough(_Send):
    """Each link of what was sent, for each recipient, clicked or not; clicks on what is no link of the campaign, such
    as a banner, have the url key 0."""

    url_key: int = surrogate_key("Key of the link")
    click_status: int = flag("1 clicked by a person, 0 not.")
    number_of_clicks: int = count("Clicks by people.")
    number_of_machine_clicks: int = count("Clicks by machines, proxies among them.")
    sent_dt: Timestamp = moment("When it was sent. Cuts the table", False)
    first_clicked_dt: Timestamp = moment("When a person clicked first")
    created_dt: Timestamp = moment("When the course began: it was sent", False)
    last_updated_dt: Timestamp = moment("When the last of its clicks happened", False)

    class Config(TableModel.Config):
        name = "campaign.fact_clickthrough"
        unique = ["source", "campaign_id", "cell_id", "member_id", "url_key"]
        metadata = {
            "grain": "one row per link of a communication for each recipient",
            "kind": "fact",
            "partition": ("sent_dt", "day"),
        }


class FactInput(TableModel):
    """What the facts were made of, by digest: what is another since is taken anew. Written last."""

    input: str = identifier("Table or feed that was read.")
    part: str = identifier("File, day, campaign or whole of it.")
    digest: str = identifier("Tells whether it is the same.")

    class Config(TableModel.Config):
        name = "campaign.fact_input"
        unique = ["input", "part"]
        metadata = {"grain": "one row per part of an input", "kind": "record"}


FACT_CAMPAIGN_DELIVERY = contract_of(FactCampaignDelivery)
FACT_CLICKTHROUGH = contract_of(FactClickthrough)
FACT_INPUT = contract_of(FactInput)
