"""The contracts of what was agreed to and taken back: the events that count, those that do not, and whose they are.

Here: what the tables promise. Not here: how events are read and judged (`build.py` and the `.sql` files).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.codes import CHANNELS, CURRENCY, LANGUAGE
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.sources.feeds.permission import COMMUNICATION_TYPES, PERMISSION_EVENT_TYPES
from crm_platform.warehouse.contract import Amount, TableModel, Timestamp, contract_of

EFFECTS = ("grant", "request", "withdrawal", "end")
KINDS = ("subscription", "general")
REFUSALS = (
    "no_customer",
    "unknown_customer",
    "ambiguous_customer",
    "names_nothing",
    "unknown_communication",
    "unknown_brand",
    "unknown_locale",
    "future_date",
    "get_has_no_effect",
    "confirmation_without_request",
    "confirmation_before_request",
    "confirmation_too_late",
)


def moment(description: str, nullable: bool = False) -> Any:
    """A UTC timestamp."""
    return pa.Field(nullable=nullable, description=f"{description}, UTC.")


class _Proof(TableModel):
    wording_version: str = text("Version of the wording that was agreed to.")
    form: str = text("Form or script by which it was done.")
    request_method: str = text("How the request came.")
    ip_hash: str = text("Keyed hash of the address the request came from; empty without one, or without a key.")
    source: str = identifier("Source that told of it.")
    feed: str = identifier("Its feed.")
    file_id: str = identifier("SHA-256 of the file it stood in.")
    file_part: str = pa.Field(description="Sheet or member; empty where a file has one part.")
    file_line: int = number("Line or record of the file.", ge=0, nullable=False)


class _Statement(TableModel):
    event_id: str = identifier("`<source>.<feed>:<the feed's own key>`.")
    customer_key: int = key("The customer whom it concerns, by today's keys.")
    party: str = identifier("Who said it: `<source>:<customer_id>`, or the address where no number was given.")
    event_type: str = code("What was done.", PERMISSION_EVENT_TYPES, nullable=False)
    effect: str = code(
        "grant: consent; request: a double opt-in not yet confirmed; withdrawal: of all it covers, for every record of "
        "the customer; end: of the party's own consents.",
        EFFECTS,
        nullable=False,
    )
    permission_kind: str = code("One communication or a type of them; empty: both.", KINDS)
    communication: str = text("Code of the communication; empty: every one of the kind.")
    communication_type: str = code("Type, of the general kind; empty: every one.", COMMUNICATION_TYPES)
    channel: str = code("Channel; empty: every channel.", CHANNELS)
    brand: str = text("Code of the brand; empty: every brand.")
    locale: str = text("Code of the locale; empty: every locale.")
    scope: str = identifier("Kind, communication, type, channel, brand and locale in one; `*`: every.")
    language: str = pattern("Language asked for, ISO 639-1.", LANGUAGE)
    promotion_source: str = text("Code of the promotion source.")
    subscription_period: str = text("Code of the period.")
    permission_id: str = text("The front-end system's key of the permission.")
    subscription_price_amount: Amount = number("Price of the subscription, in `currency`.", ge=0)
    currency: str = pattern("Currency of the price, ISO 4217.", CURRENCY)
    number_of_subscriptions: int = number("1 for a normal one, 0 for a dummy.", ge=0, nullable=False)
    effective_dt: Timestamp = moment(
        "Since when it counts: when it was done; of a withdrawal that is dated later, when it was told"
    )
    event_order: int = pa.Field(
        description="Place among the customer's events: by time, and of two at one moment what forbids comes after."
    )
    event_dt: Timestamp = moment("When it was done, as told")
    received_dt: Timestamp = moment("When the source received it", nullable=True)
    loaded_dt: Timestamp = moment("When the platform took it in")
    known_dt: Timestamp = moment("Since when the company could know it: both steps of a double opt-in")
    taken_dt: Timestamp = moment("Since when the platform could know it: both steps of a double opt-in")
    valid_until_date: pl.Date = pa.Field(nullable=True, description="Last day on which the consent holds.")
    expires_dt: Timestamp = moment("The midnight after it, in the locale's earliest time zone", nullable=True)
    request_event_id: str = text("The request that this event confirms.")


class ConsentEvent(_Proof, _Statement):
    """Every act of giving, asking for, limiting or withdrawing consent that counts, with its proof."""

    class Config(TableModel.Config):
        name = "permission.consent_event"
        unique = ["event_id", "customer_key"]
        metadata = {"grain": "one row per event and customer whom it concerns", "kind": "record"}


class RefusedEvent(TableModel):
    """Every event that has no effect, with the reason; it counts as soon as the reason is gone."""

    event_id: str = identifier("`<source>.<feed>:<the feed's own key>`.")
    reason: str = code("Why it has none.", REFUSALS, nullable=False)
    event_type: str = code("What was done.", PERMISSION_EVENT_TYPES, nullable=False)
    event_dt: Timestamp = moment("When it was done, as told")
    received_dt: Timestamp = moment("When the source received it", nullable=True)
    loaded_dt: Timestamp = moment("When the platform took it in")
    source: str = identifier("Source that told of it.")
    feed: str = identifier("Its feed.")
    file_id: str = identifier("SHA-256 of the file it stood in.")
    file_part: str = pa.Field(description="Sheet or member; empty where a file has one part.")
    file_line: int = number("Line or record of the file.", ge=0, nullable=False)

    class Config(TableModel.Config):
        name = "permission.refused_event"
        unique = ["event_id"]
        metadata = {"grain": "one row per event without effect", "kind": "record"}


class ConsentParty(TableModel):
    """Which customer each party of the events belonged to, and when: the history of the keys as events need it."""

    party: str = identifier("As in `permission.consent_event`.")
    customer_key: int = key("The customer that the party belonged to.")
    current_customer_key: int = key("The customer that its events stand under today.")
    from_dt: Timestamp = moment("Since when; empty: from the start", nullable=True)
    until_dt: Timestamp = moment("Until when; empty: still", nullable=True)
    joined_dt: Timestamp = moment("When the platform put it to this customer")

    class Config(TableModel.Config):
        name = "permission.consent_party"
        unique = ["party", "current_customer_key", "joined_dt"]
        metadata = {"grain": "one row per party, customer and time that it belonged there", "kind": "record"}


CONSENT_EVENT = contract_of(ConsentEvent)
REFUSED_EVENT = contract_of(RefusedEvent)
CONSENT_PARTY = contract_of(ConsentParty)
