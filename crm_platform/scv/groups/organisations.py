"""Organisations: companies that are customers and companies that people name as theirs, with keys that last.

Here: which names are one company, and the keys. Not here: the hierarchy and the counts (`dim_organisation.sql`).
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.groups.contracts import DIM_ORGANISATION, ORGANISATION_CHANGE, ORGANISATION_CONTACT
from crm_platform.scv.identity.key_log import KeyLog, commit_changes, key_state, refuse_going_back
from crm_platform.scv.identity.keys import assign_keys
from crm_platform.scv.standardise.text import empty_as_null, folded, letters_only, on_distinct
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication, publish_sql_file

ORGANISATION_LOG = KeyLog(ORGANISATION_CHANGE)
_LEGAL_FORMS = (
    r"( (ltd|limited|plc|llp|llc|inc|incorporated|corp|corporation|co|company|as|asa|ab|aps|a s|oy|oyj|b v|bv|n v|nv|"
    r"sarl|s a r l|sa|s a|srl|s r l|spa|s p a|gmbh|ag|kg|se))+$"
)
_COMPANIES = """
SELECT customer_key, company_name, full_name, tax_id, industry_code, country
FROM scv.golden_record WHERE customer_type = 'company' ORDER BY customer_key"""
_EMPLOYED = """
SELECT customer_key, company_name, country, job_title, job_function
FROM scv.golden_record WHERE customer_type = 'person' ORDER BY customer_key"""
# Whom a source declares to belong to which company, by its number: people to their company, a company to its parent.
_DECLARED = """
SELECT customer_xref.customer_key, max_by(parent.customer_key, row(source_record.stated_dt, parent.customer_key))
    AS parent_customer_key
FROM scv.source_record
INNER JOIN scv.customer_xref ON source_record.record_id = customer_xref.record_id
INNER JOIN scv.customer_ref_key AS parent ON source_record.parent_ref = parent.customer_ref
WHERE customer_xref.customer_key <> parent.customer_key AND source_record.stated_dt <= $as_of
GROUP BY customer_xref.customer_key"""


def publish_organisations(engine: Engine, as_of: datetime) -> dict[str, Publication]:
    """Publish organisations and their contacts out of the published golden record.

    Raises:
        OutOfOrderRun: keys were given as of a later time already.
        ContractViolation: the rows break a contract.
    """
    for name in ("golden_record", "source_record", "customer_xref", "customer_ref_key"):
        engine.refresh_view(engine.contracts[f"scv.{name}"])
    state = key_state(engine, ORGANISATION_LOG)
    refuse_going_back(state, as_of)
    companies, people = engine.query(_COMPANIES), engine.query(_EMPLOYED)
    declared = engine.query(_DECLARED, {"as_of": as_of})
    members, contacts = organisation_members(companies, people, declared)
    assigned = assign_keys(members.select("record_id", "cluster_id"), state.xref, state.changes)
    cause = pl.when(pl.col("to_customer_key").is_null()).then(pl.lit("record_gone")).otherwise(pl.lit("model"))
    commit_changes(engine, ORGANISATION_LOG, state, assigned.changes.with_columns(cause=cause), as_of)
    keys = members.join(assigned.xref.rename({"customer_key": "organisation_key"}), on="record_id")
    frames = {
        "organisation_member": keys.select("organisation_key", "customer_key", "organisation_name", "country"),
        "company": companies,
        "declared_parent": declared,
        "contact": contacts.join(keys.select("cluster_id", "organisation_key").unique(), on="cluster_id"),
    }
    folder = Path(__file__).parent
    with engine.registered(**frames):
        return {
            contract.table: publish_sql_file(engine, contract, folder / f"{contract.table}.sql")
            for contract in (ORGANISATION_CONTACT, DIM_ORGANISATION)
        }


def organisation_members(
    companies: pl.DataFrame, people: pl.DataFrame, declared: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Which company customers and company names are one organisation, and who works there.

    A name is a company customer's where that customer bears it in the same country, or alone bears it; of several the
    one known longest. Names of no customer are one organisation for each name and country.

    Args:
        companies: customer_key, company_name, full_name, country of the company customers.
        people: customer_key, company_name, country, job_title, job_function.
        declared: customer_key, parent_customer_key.

    Returns: record_id, cluster_id, customer_key (null for names), organisation_name, country; and cluster_id,
    customer_key, job_title, job_function, named_by of the contacts.
    """
    known = companies.select(
        "customer_key",
        "country",
        record_id=pl.format("customer:{}", "customer_key"),
        organisation_name=pl.coalesce("company_name", "full_name"),
    ).with_columns(cluster_id=pl.col("record_id"))
    known = known.with_columns(name=comparable_company(known["organisation_name"]))
    by_number = people.join(declared, on="customer_key").join(
        known.select(parent_customer_key="customer_key", cluster_id="cluster_id"), on="parent_customer_key"
    )
    named = people.join(by_number, on="customer_key", how="anti").filter(pl.col("company_name").is_not_null())
    named = _clusters_of_names(named.with_columns(name=comparable_company(named["company_name"])), known)
    names = (
        named.sort("customer_key").unique("cluster_id", keep="first", maintain_order=True)
        .filter(pl.col("cluster_id").str.starts_with("name:"))
        .select(
            pl.lit(None, dtype=pl.Int64).alias("customer_key"), "country", record_id="cluster_id",
            organisation_name="company_name", cluster_id="cluster_id",
        )
    )  # fmt: skip
    columns = ("cluster_id", "customer_key", "job_title", "job_function")
    contacts = pl.concat(
        [
            by_number.select(*columns, named_by=pl.lit("declared")),
            named.select(*columns, named_by=pl.lit("company_name")),
        ]
    )
    order = ("record_id", "cluster_id", "customer_key", "organisation_name", "country")
    return pl.concat([known.select(order), names.select(order)]).sort("record_id"), contacts.sort("customer_key")


def comparable_company(names: pl.Series) -> pl.Series:
    """A company's name without case, accents, signs and legal form; null where nothing is left."""
    bare = letters_only(folded(pl.col("value")))
    return on_distinct(names, pl.coalesce(empty_as_null(bare.str.replace(_LEGAL_FORMS, "")), bare))


def _clusters_of_names(named: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add cluster_id: the company customer of the name, or the name itself."""
    there = known.filter(pl.col("name").is_not_null()).sort("customer_key")
    by_country = there.unique(["name", "country"], keep="first", maintain_order=True)
    alone = there.filter(pl.len().over("name") == 1)
    found = named.filter(pl.col("name").is_not_null()).join(
        by_country.select("name", "country", in_country="cluster_id"), on=["name", "country"], how="left"
    )
    found = found.join(alone.select("name", anywhere="cluster_id"), on="name", how="left")
    digest = pl.concat_str("name", pl.col("country").fill_null("")).hash(seed=3).cast(pl.String)
    return found.with_columns(
        cluster_id=pl.coalesce(
            "in_country", pl.when(pl.col("country").is_null()).then("anywhere"), pl.lit("name:") + digest
        )
    )
