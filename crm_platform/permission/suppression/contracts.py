"""The contract of what keeps a customer from being sent to by a channel, whatever was agreed.

Here: what the table promises. Not here: what brings it about (`suppression.sql`) and what follows (`decision/`).
"""

import pandera.polars as pa

from crm_platform.permission.consent.contracts import moment
from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.codes import CHANNELS
from crm_platform.sources.feeds.fields import code, identifier, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

SUPPRESSION_REASONS = ("complained", "invalid_address", "customer_deleted", "erased")


class Suppression(TableModel):
    """Customers and channels that are not sent to: since when, until when, by whose word, and whether it was undone."""

    suppression_id: str = identifier("Names it for good: what a person undoes it by.")
    customer_key: int = key("The customer, by today's keys.")
    party: str = text("The party that it came of; empty: the customer as a whole.")
    reason: str = code("Why.", SUPPRESSION_REASONS, nullable=False)
    channel: str = code("By which channel nothing is sent.", CHANNELS, nullable=False)
    is_ended_by_consent: bool = pa.Field(description="Whether a consent given after it counts again.")
    source: str = identifier("Who says so: a source, or a table of the platform.")
    evidence_id: str = identifier("The event, or the customer's state, that it came of.")
    since_dt: Timestamp = moment("Since when")
    known_dt: Timestamp = moment("Since when the company could know it")
    taken_dt: Timestamp = moment("Since when the platform could know it")
    expires_dt: Timestamp = moment("When it ends by itself; empty: never", nullable=True)
    lifted_dt: Timestamp = moment(
        "When it was lifted; the moment it began: undone as if it had never been", nullable=True
    )
    lifted_by: str = text("What lifted it: a new address, a source, or the person who undid it.")

    class Config(TableModel.Config):
        name = "permission.suppression"
        unique = ["suppression_id"]
        metadata = {"grain": "one row per suppression of a customer by a channel", "kind": "record"}


SUPPRESSION = contract_of(Suppression)
