"""How customers were reached or wrote in: a contact that names a customer's number tells where he can be reached.

Who has a new mailbox writes to the help desk from it, and confirms a newsletter there, long before he mends his
account. Here: those addresses and numbers, as statements of the record that bears the customer's number. Not here: what
they are worth (`match/`), nor the customer's golden record, which knows what was stated as the customer's own.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.records.build import every_version
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine

CONTACT_FEEDS = ("permission_events", "support_cases", "surveys")
CONTACT_SCHEMA = {
    "customer_ref": pl.String,
    "kind": pl.String,
    "value": pl.String,
    "contact_dt": pl.Datetime("us", "UTC"),
}
_REACHED_BY = ("email", "phone")


def stated_contacts(engine: Engine, feeds: Sequence[StagedFeed], as_of: datetime) -> pl.DataFrame:
    """customer_ref, kind (email, phone), value, contact_dt (the first time, UTC): by what customers were reached up to
    `as_of` that no record which bears their number has ever stated (`scv.source_statement`)."""
    with every_version(engine, CONTACT_FEEDS, feeds):
        sql = Path(__file__).with_name("stated_contacts.sql").read_text(encoding="utf-8")
        return engine.query(sql, {"as_of": as_of}).cast(CONTACT_SCHEMA)  # type: ignore[arg-type]


def contact_statements(statements: pl.LazyFrame, contacts: pl.DataFrame) -> pl.LazyFrame:
    """Statements as the records that bear the customers' numbers would have made them, had they been asked.

    statements: the columns of `scv.source_statement`. contacts: as of `stated_contacts`. The result has the columns of
    the statements; each is a record's newest one with the address or number of a contact in place of its own, given at
    the time of the contact, and is superseded: who the record is of now, it says itself.
    """
    is_bearer = pl.col("customer_ref").str.starts_with(pl.col("source") + ":") & pl.col("superseded_dt").is_null()
    told = statements.filter(is_bearer).join(contacts.lazy(), on="customer_ref")
    replaced = [pl.when(kind=name).then("value").otherwise(name).alias(name) for name in _REACHED_BY]
    other_number = pl.when(pl.col("kind") != "phone").then("mobile_phone").alias("mobile_phone")
    return told.with_columns(*replaced, other_number, updated_dt="contact_dt", superseded_dt="contact_dt").drop(
        "kind", "value", "contact_dt"
    )
