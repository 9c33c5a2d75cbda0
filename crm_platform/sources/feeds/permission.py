"""The feed of what people agreed to and took back, with its proof.

Here: the events as the collecting systems tell them. Not here: what follows from them (`crm_platform/permission`).
"""

import polars as pl

from crm_platform.sources.feeds.codes import CHANNELS, CURRENCY, LANGUAGE
from crm_platform.sources.feeds.fields import (
    FeedModel,
    calendar_date,
    code,
    event_time,
    identifier,
    number,
    pattern,
    text,
)
from crm_platform.warehouse.contract import Amount, Timestamp

PERMISSION_EVENT_TYPES = (
    "opt_in",
    "double_opt_in_request",
    "double_opt_in_confirm",
    "opt_out",
    "expiry",
    "global_opt_out",
    "list_unsubscribe",
    "complaint",
)
COMMUNICATION_TYPES = ("transactional", "marketing", "third_party", "promotional", "subscription")


class PermissionEvents(FeedModel):
    """One row is one act of giving, confirming, limiting or withdrawing consent."""

    event_id: str = identifier("The source's own key of the event.")
    event_type: str = code("What was done.", PERMISSION_EVENT_TYPES, nullable=False)
    customer_id: str = text("The source's key of the customer, where it knows one.")
    email: str = text("E-mail address that the event is about.", rule="email")
    phone: str = text("Telephone number that the event is about.", rule="phone")
    permission_kind: str = code(
        "Whether one communication is meant or a type of communication.", ("subscription", "general")
    )
    communication: str = text("Code of the communication, for the kind `subscription`.")
    communication_type: str = code("Type of communication, for the kind `general`.", COMMUNICATION_TYPES)
    channel: str = code("Channel that the event is about; empty: every channel.", CHANNELS)
    brand: str = text("Code of the brand that the event is about; empty: every brand.")
    locale: str = text("Code of the locale that the event is about; empty: every locale.")
    language: str = pattern("Language that the communication was asked for in, ISO 639-1.", LANGUAGE)
    promotion_source: str = text("Code of the promotion source that led to the event.")
    subscription_period: str = text("Code of the period that was subscribed for.")
    permission_id: str = text("The front-end system's key of the permission that its events share.")
    subscription_price_amount: Amount = number("Price of the subscription, in `currency`; 0 where it is free.", ge=0)
    currency: str = pattern("Currency of the price, ISO 4217.", CURRENCY)
    number_of_subscriptions: int = number("1 for a normal subscription, 0 for a dummy.", ge=0)
    wording_version: str = text("Version of the wording that was agreed to.")
    form: str = text("Name of the form or script by which it was done.")
    request_method: str = text("How the request came, such as web, mail, telephone or one-click.")
    ip_address: str = text("IP address the request came from, version 4 or 6.")
    valid_until_date: pl.Date = calendar_date("Last day on which the consent holds; empty: until withdrawn.")
    event_dt: Timestamp = event_time("When it was done, UTC.", nullable=False)
    received_dt: Timestamp = event_time("When the source received it, UTC.")

    class Config(FeedModel.Config):
        name = "feeds.permission_events"
        metadata = {
            "grain": "one row per event of a permission",
            "natural_key": ["event_id"],
            "version": "received_dt",
            "partition": ("event_dt", "month"),
        }
