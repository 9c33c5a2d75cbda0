"""The contracts of the facts of permission, their history over time, and the lists made from them.

Here: what the tables promise. Not here: how they are made (the `.sql` files).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.permission.consent.contracts import KINDS, moment
from crm_platform.permission.reasons import Reason
from crm_platform.scv.identity.contracts import key
from crm_platform.sources.dimensions.dimensions import LAST_DATE_KEY, surrogate_key
from crm_platform.sources.feeds.codes import COUNTRY, CURRENCY
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.sources.feeds.permission import COMMUNICATION_TYPES
from crm_platform.warehouse.contract import Amount, TableModel, Timestamp, contract_of


def flag(description: str) -> Any:
    """1 for yes, 0 for no, always known, so that it can be summed."""
    return pa.Field(isin=[0, 1], description=description)


def count(description: str) -> Any:
    """A number of things, always known."""
    return number(description, ge=0, nullable=False)


class _Course(TableModel):
    channel_key: int = surrogate_key("Key of the channel")
    promotion_source_key: int = surrogate_key("Key of the promotion source that led to it")
    brand_key: int = surrogate_key("Key of the brand; 0 also: every brand")
    locale_key: int = surrogate_key("Key of the locale; 0 also: every locale")
    language_key: int = surrogate_key("Key of the language asked for")
    expiry_date_key: int = pa.Field(
        ge=0, le=LAST_DATE_KEY, description="Last day on which it holds, as yyyymmdd; 0: until withdrawn."
    )
    subscription_period_key: int = surrogate_key("Key of the period")
    permission_id: str = text("The front-end system's key of the permission.")
    subscription_price: Amount = number("Price, in `currency`.", ge=0)
    currency: str = pattern("Currency of the price, ISO 4217.", CURRENCY)
    number_of_subscriptions: int = count("1 for a normal one, 0 for a dummy.")
    subscribed_dt: Timestamp = moment("When it was given")
    unsubscribed_dt: Timestamp = moment("When it ended, by whatever; empty while it lasts", nullable=True)
    is_active_flag: int = flag("1 while it lasts, 0 since it was withdrawn or has expired.")
    created_dt: Timestamp = moment("When the platform first knew of it")
    last_updated_dt: Timestamp = moment("When it last changed: by an event that was taken in, or by expiring")


class _Subscriber(TableModel):
    customer_key: int = key("The customer.")
    communication_key: int = surrogate_key("Key of the communication")


class FactSubscription(_Course, _Subscriber):
    """Subscriptions to communications, from subscribing to unsubscribing or expiry: an accumulating snapshot."""

    class Config(TableModel.Config):
        name = "permission.fact_subscription"
        unique = ["customer_key", "communication_key", "channel_key", "subscribed_dt"]
        metadata = {"grain": "one row per time that a customer subscribes to a communication", "kind": "fact"}


class _Permitter(TableModel):
    customer_key: int = key("The customer.")
    communication_type: str = code("The type of communication that is permitted.", COMMUNICATION_TYPES, nullable=False)


class FactPermission(_Course, _Permitter):
    """General permissions, by type of communication, from giving to withdrawal or expiry: an accumulating snapshot."""

    class Config(TableModel.Config):
        name = "permission.fact_permission"
        unique = ["customer_key", "communication_type", "channel_key", "brand_key", "locale_key", "subscribed_dt"]
        metadata = {"grain": "one row per time that a customer permits a type of communication", "kind": "fact"}


class PermissionHistory(TableModel):
    """Permissions over time: growth, churn and the quality of their sources, month by month. Dummies do not count."""

    month_date: pl.Date = pa.Field(description="First day of the month (UTC).")
    permission_kind: str = code("Subscription or general permission.", KINDS, nullable=False)
    communication_key: int = surrogate_key("Key of the communication that is subscribed to")
    communication_type: str = code("Type of communication.", COMMUNICATION_TYPES)
    channel_key: int = surrogate_key("Key of the channel")
    brand_key: int = surrogate_key("Key of the brand")
    locale_key: int = surrogate_key("Key of the locale")
    promotion_source_key: int = surrogate_key("Key of the promotion source that led to it")
    number_gained: int = count("Given in the month.")
    number_lost: int = count("Ended in the month, by whatever.")
    number_expired: int = count("Those of them that ended by their validity.")
    number_lost_early: int = count("Of those given in the month, the ones that ended within 90 days.")
    number_active: int = count("In force at the end of the month; of the current one, now.")

    class Config(TableModel.Config):
        name = "permission.permission_history"
        unique = [
            "month_date",
            "permission_kind",
            "communication_key",
            "communication_type",
            "channel_key",
            "brand_key",
            "locale_key",
            "promotion_source_key",
        ]
        metadata = {"grain": "one row per month, what is permitted and where it came from", "kind": "mart"}


class ActiveSubscriber(TableModel):
    """Who subscribes to what now, with name and address: `WHERE communication_name = … AND channel_code = …`."""

    communication_code: str = identifier("Code of the communication.")
    communication_name: str = identifier("Its name.")
    channel_code: str = identifier("Code of the channel.")
    customer_key: int = key("The customer.")
    full_name: str = text("Name.")
    email: str = text("E-mail address.")
    mobile_phone: str = text("Mobile telephone number, E.164.")
    address_line: str = text("Street and house number.")
    postcode: str = text("Postcode.")
    city: str = text("Town or city.")
    country: str = pattern("Country, ISO 3166-1 alpha-2.", COUNTRY)
    subscribed_dt: Timestamp = moment("Since when")
    is_permitted: bool = pa.Field(description="Whether it may be sent to the customer, as of the run.")
    reason_code: str = code("Why, as `crm permit` explains it.", [str(reason) for reason in Reason], nullable=False)

    class Config(TableModel.Config):
        name = "permission.active_subscriber"
        unique = ["communication_code", "channel_code", "customer_key"]
        metadata = {"grain": "one row per customer, communication and channel subscribed to now", "kind": "mart"}


class RePermission(TableModel):
    """Whom to ask again: consents that end soon, by the declared number of days."""

    customer_key: int = key("The customer.")
    permission_kind: str = code("Subscription or general permission.", KINDS, nullable=False)
    communication_key: int = surrogate_key("Key of the communication that is subscribed to")
    communication_type: str = code("Type of communication.", COMMUNICATION_TYPES)
    channel_key: int = surrogate_key("Key of the channel")
    brand_key: int = surrogate_key("Key of the brand")
    locale_key: int = surrogate_key("Key of the locale")
    subscribed_dt: Timestamp = moment("Since when")
    valid_until_date: pl.Date = pa.Field(description="Last day on which it holds.")
    days_left: int = count("Days from the run (UTC) to that day.")

    class Config(TableModel.Config):
        name = "permission.re_permission"
        unique = [
            "customer_key",
            "permission_kind",
            "communication_key",
            "communication_type",
            "channel_key",
            "brand_key",
            "locale_key",
        ]
        metadata = {"grain": "one row per consent that ends soon", "kind": "mart"}


FACT_SUBSCRIPTION = contract_of(FactSubscription)
FACT_PERMISSION = contract_of(FactPermission)
PERMISSION_HISTORY = contract_of(PermissionHistory)
ACTIVE_SUBSCRIBER = contract_of(ActiveSubscriber)
RE_PERMISSION = contract_of(RePermission)
