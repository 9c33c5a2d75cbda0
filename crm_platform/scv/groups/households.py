"""Households: people of one surname at one standardised address, or declared to live together, with keys that last.

Here: who belongs together, the keys, the dimension. Not here: addresses in comparable form (`standardise/`).
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.groups.contracts import DIM_HOUSEHOLD, HOUSEHOLD_CHANGE, HOUSEHOLD_MEMBER
from crm_platform.scv.identity.key_log import KeyLog, commit_changes, key_state, refuse_going_back
from crm_platform.scv.identity.keys import assign_keys
from crm_platform.scv.identity.links import comparable_people
from crm_platform.scv.match.clustering import connected_components
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication, publish_frame, publish_sql_file

HOUSEHOLD_LOG = KeyLog(HOUSEHOLD_CHANGE)
_LIVES = ("surname", "address_key", "unit", "postcode")
# Where people live, as the golden record has it; nobody of a deleted customer's household is looked for.
_PEOPLE = """
SELECT CAST(customer_key AS VARCHAR) AS record_id, first_name, middle_name, last_name, address_line, address_line_2,
    city, region, postcode, country, customer_key
FROM scv.golden_record WHERE customer_type = 'person' ORDER BY customer_key"""
_RELATIONS = """
SELECT DISTINCT customer_xref.customer_key, related.customer_key AS related_key
FROM scv.source_record
INNER JOIN scv.customer_xref ON source_record.record_id = customer_xref.record_id
INNER JOIN scv.customer_ref_key AS related ON source_record.relation_ref = related.customer_ref
WHERE source_record.stated_dt <= $as_of"""


def publish_households(engine: Engine, as_of: datetime) -> dict[str, Publication]:
    """Publish households and their members out of the published golden record.

    Raises:
        OutOfOrderRun: keys were given as of a later time already.
        ContractViolation: the rows break a contract.
    """
    for name in ("golden_record", "source_record", "customer_xref", "customer_ref_key"):
        engine.refresh_view(engine.contracts[f"scv.{name}"])
    state = key_state(engine, HOUSEHOLD_LOG)
    refuse_going_back(state, as_of)
    clusters = household_clusters(engine.query(_PEOPLE), engine.query(_RELATIONS, {"as_of": as_of}))
    assigned = assign_keys(clusters, state.xref, state.changes)
    cause = pl.when(pl.col("to_customer_key").is_null()).then(pl.lit("record_gone")).otherwise(pl.lit("model"))
    changes = assigned.changes.with_columns(cause=cause)
    commit_changes(engine, HOUSEHOLD_LOG, state, changes, as_of)
    members = assigned.xref.select(customer_key=pl.col("record_id").cast(pl.Int64), household_key="customer_key").sort(
        "customer_key"
    )
    return {
        "household_member": publish_frame(engine, HOUSEHOLD_MEMBER, members),
        "dim_household": publish_sql_file(engine, DIM_HOUSEHOLD, Path(__file__).with_name("dim_household.sql")),
    }


def household_clusters(people: pl.DataFrame, relations: pl.DataFrame) -> pl.DataFrame:
    """record_id (the customer's key as text), cluster_id: who lives together.

    Args:
        people: record_id, customer_key, the names and the address of every person.
        relations: customer_key, related_key: declared to live in one household.
    """
    if people.is_empty():
        return pl.DataFrame(schema={"record_id": pl.String, "cluster_id": pl.Int64})
    rows = (
        comparable_people(people).join(people.select("record_id", "customer_key"), on="record_id").sort("customer_key")
    )
    rows = rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    housed = rows.filter(
        pl.col("surname").is_not_null(), pl.col("address_key").is_not_null(), pl.col("postcode").is_not_null()
    ).with_columns(pl.col("unit").fill_null(""))
    together = housed.select(l=pl.col("place").shift(1).over(*_LIVES), r="place").drop_nulls()
    places = rows.select("customer_key", "place")
    declared = (
        relations.join(places, on="customer_key")
        .join(places.rename({"customer_key": "related_key", "place": "related"}), on="related_key")
        .select(l="place", r="related")
    )
    pairs = pl.concat([together, declared])
    label = connected_components(rows.height, pairs["l"].to_numpy(), pairs["r"].to_numpy())
    return rows.select("record_id", pl.Series("cluster_id", label, dtype=pl.Int64))
