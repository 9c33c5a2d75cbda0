"""The contracts of who is whom: which record belongs to which customer, and how that came about.

Here: what the tables promise. Not here: the assignment of keys (`keys.py`) and the order of publishing (`run.py`).
"""

from typing import Any

import pandera.polars as pa

from crm_platform.sources.feeds.fields import code, identifier, number, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

MATCHED_BY = ("single", "model", "declared_id", "verdict")
CAUSES = (*MATCHED_BY, "record_gone")
EVENT_TYPES = ("new", "merge", "split", "revive", "retire")


def key(description: str, nullable: bool = False) -> Any:
    """A customer's, household's or organisation's key, from 1."""
    return pa.Field(nullable=nullable, ge=1, description=description)


class CustomerXref(TableModel):
    """Every record of every source with the customer that it belongs to."""

    record_id: str = identifier("The record, as in `scv.source_record`.")
    customer_key: int = key("The customer.")
    source: str = identifier("The record's source.")
    customer_ref: str = text("`<source>:<customer_id>` of the record, where it has one.")
    match_probability: float = number(
        "How sure the link is, 0 to 1; 1 for declared ones, verdicts and records that stand alone.", 0, 1, False
    )
    matched_by: str = code(
        "What ties the record to its customer: single (it is the only one), the model, an id that the source declares, "
        "or a person's verdict.",
        MATCHED_BY,
        nullable=False,
    )

    class Config(TableModel.Config):
        name = "scv.customer_xref"
        unique = ["record_id"]
        metadata = {"grain": "one row per record of a source", "kind": "record"}


class CustomerXrefChange(TableModel):
    """Every change of a record's customer. What the keys are follows from it: it is written last of all."""

    run_number: int = number("Number of the run that made the change, among those that made any.", ge=1, nullable=False)
    record_id: str = identifier("The record.")
    from_customer_key: int = key("Its customer before; empty: the record is new.", nullable=True)
    to_customer_key: int = key("Its customer since; empty: the record is gone.", nullable=True)
    cause: str = code("What the record's place rests on since, or that it is gone.", CAUSES, nullable=False)
    changed_dt: Timestamp = pa.Field(description="The run's as-of time, UTC.")

    class Config(TableModel.Config):
        name = "scv.customer_xref_change"
        unique = ["run_number", "record_id"]
        metadata = {
            "grain": "one row per record and run that changed its customer",
            "kind": "record",
            "partition": ("changed_dt", "day"),
        }


class KeyEvent(TableModel):
    """What became of the customers' keys, run by run."""

    run_number: int = number("Number of the run, as in `scv.customer_xref_change`.", ge=1, nullable=False)
    event_type: str = code(
        "new: first given; merge: its customer is part of the other now; split: records of the other became this "
        "customer; revive: borne again; retire: no record is left.",
        EVENT_TYPES,
        nullable=False,
    )
    customer_key: int = key("The key that it is about.")
    other_customer_key: int = key("The customer merged into, or split from.", nullable=True)
    number_of_records: int = number("Records concerned.", ge=0, nullable=False)
    cause: str = code("What brought it about.", CAUSES, nullable=False)
    event_dt: Timestamp = pa.Field(description="The run's as-of time, UTC.")

    class Config(TableModel.Config):
        name = "scv.key_event"
        unique = ["run_number", "event_type", "customer_key", "other_customer_key"]
        metadata = {
            "grain": "one row per key, event and run",
            "kind": "record",
            "partition": ("event_dt", "day"),
        }


class CustomerRedirect(TableModel):
    """Where a key leads that is not borne any more."""

    customer_key: int = key("The key that was merged away.")
    surviving_customer_key: int = key("The customer that it is part of now, after all merges.")
    merged_dt: Timestamp = pa.Field(description="When it was merged away, UTC.")

    class Config(TableModel.Config):
        name = "scv.customer_redirect"
        unique = ["customer_key"]
        metadata = {"grain": "one row per key that was merged into another", "kind": "record"}


class CustomerRefKey(TableModel):
    """A source's own customer numbers with the customer whom they stand for: what facts are joined by."""

    customer_ref: str = identifier("`<source>:<customer_id>`.")
    customer_key: int = key("The customer.")

    class Config(TableModel.Config):
        name = "scv.customer_ref_key"
        unique = ["customer_ref"]
        metadata = {"grain": "one row per customer number of a source", "kind": "record"}


CUSTOMER_XREF = contract_of(CustomerXref)
CUSTOMER_XREF_CHANGE = contract_of(CustomerXrefChange)
KEY_EVENT = contract_of(KeyEvent)
CUSTOMER_REDIRECT = contract_of(CustomerRedirect)
CUSTOMER_REF_KEY = contract_of(CustomerRefKey)
