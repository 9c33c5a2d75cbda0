"""The making of the golden record, its history and its provenance, and of what it needs to know of ended identifiers.

Here: the steps and their publishing. Not here: which value survives (`survivorship.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.golden.contracts import (
    ATTRIBUTE_NAMES,
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
    ENDED_IDENTIFIER,
    GOLDEN_INPUT,
    GOLDEN_RECORD,
)
from crm_platform.scv.golden.standing import IS_STANDING, publish_golden_input, standing_customers
from crm_platform.scv.golden.survivorship import GROUPS, placed_query, survivors_query
from crm_platform.scv.settings import EndedIdentifiers, ScvSettings
from crm_platform.scv.standardise.phones import as_e164
from crm_platform.sources.all_sources import StagingRefs, all_sources
from crm_platform.warehouse.contract import Column, Contract
from crm_platform.warehouse.engine import Engine, Parameter, bound, literal, quoted
from crm_platform.warehouse.kept import publish_beside_kept
from crm_platform.warehouse.publish import Publication, publish_frame
from crm_platform.warehouse.steps import spans_of_customers, step_sql, temporary_table

FOLDER = Path(__file__).parent
ENDING_FEEDS = ("call_outcomes", "sms_receipts", "returned_post")
MOMENTS_AT_ONCE = 100_000
_ENDABLE = ("email", "phone", "mobile_phone", "address")


def publish_ended_identifiers(
    engine: Engine, settings: EndedIdentifiers, staging: StagingRefs, as_of: datetime, further: Sequence[str] = ()
) -> Publication:
    """Publish which numbers and addresses had ended by `as_of` (UTC).

    further: queries for identifiers whose end other stages have found out, with the columns of `ended_identifier.sql`.
    """
    frames = {
        "ending_outcome": pl.DataFrame({"value": settings.call_outcomes}, schema={"value": pl.String}),
        "ending_status": pl.DataFrame({"value": settings.sms_statuses}, schema={"value": pl.String}),
        "harmless_reason": pl.DataFrame({"value": settings.returned_post_but or ()}, schema={"value": pl.String}),
    }
    with engine.registered(**frames), all_sources(engine, ENDING_FEEDS, staging):
        ends = engine.query(
            _sql("ended_identifier"), {"as_of": as_of, "returned_post": settings.returned_post_but is not None}
        )
        ends = pl.concat([ends, *(engine.query(query).select(ends.columns) for query in further)])
    is_phone = pl.col("kind") == "phone"
    ends = ends.with_columns(
        value=pl.when(is_phone).then(as_e164(ends["value"], ends["country"], None)).otherwise("value")
    )
    rows = (
        ends.filter(pl.col("value").is_not_null())
        .group_by("kind", "customer_ref", "value").agg(pl.col("ended_dt").max(), pl.col("reason").min())
        .select(ENDED_IDENTIFIER.column_names).sort("kind", "customer_ref", "value")
    )  # fmt: skip
    return publish_frame(engine, ENDED_IDENTIFIER, rows.cast(ENDED_IDENTIFIER.polars_schema))  # type: ignore[arg-type]


def publish_golden_record(engine: Engine, settings: ScvSettings, as_of: datetime) -> dict[str, Publication]:
    """Publish the golden record as of a time (UTC), the provenance of its values, and how customers stood before.

    Reads the published statements, xref and ended identifiers; nothing that was stated after `as_of` has any influence.
    Customers of whom all of it is as it was are carried over.

    Raises:
        ContractViolation: the rows break a contract; that table was not published.
    """
    for name in ("source_statement", "customer_xref", "customer_ref_key", "ended_identifier"):
        engine.refresh_view(engine.contracts[f"scv.{name}"])
    queries = {
        CUSTOMER_PROVENANCE: _provenance_query(),
        DIM_CUSTOMER_HISTORY: _history_query(),
        GOLDEN_RECORD: _golden_query(),
    }
    parameters: dict[str, Parameter] = {"as_of": as_of}
    statements = step_sql(FOLDER, "customer_statement", parameters)
    with standing_customers(engine, statements, _rules(settings, queries), list(queries)):
        with _survivors(engine, settings, statements, parameters):
            published = {
                contract.table: publish_beside_kept(engine, contract, bound(query, parameters), IS_STANDING)
                for contract, query in queries.items()
            }
        return {**published, GOLDEN_INPUT.table: publish_golden_input(engine)}


def _rules(settings: ScvSettings, queries: Mapping[Contract, str]) -> str:
    """Everything but the statements that says what a golden record is."""
    promises = [contract.columns for contract in queries]
    steps = (_sql("customer_moment"), placed_query(settings), survivors_query(settings))
    return repr((promises, steps, list(queries.values())))


@contextmanager
def _survivors(
    engine: Engine, settings: ScvSettings, statements: str, parameters: Mapping[str, Parameter]
) -> Iterator[None]:
    """Let SQL read `survivor`, the values that survive at every moment of every customer whose record is to be made,
    for the time of the block."""
    some = f"SELECT * FROM ({statements}) WHERE NOT {IS_STANDING}"
    query = survivors_query(settings)
    with (
        temporary_table(engine, "customer_statement", some),
        temporary_table(engine, "placed_statement", placed_query(settings)),
        temporary_table(engine, "customer_moment", step_sql(FOLDER, "customer_moment", parameters)),
        temporary_table(engine, "survivor", bound(query, {"from_key": 0, "until_key": 0})),
    ):
        for first, end in spans_of_customers(engine, "customer_moment", "customer_moment", MOMENTS_AT_ONCE):
            engine.execute(f"INSERT INTO survivor {query}", {"from_key": first, "until_key": end})
        yield


def _golden_query() -> str:
    attributes = _attributes()
    seen = "number_of_records, number_of_sources, first_seen_dt, last_seen_dt"
    values = {**attributes, **{name.strip(): name.strip() for name in seen.split(",")}, "customer_key": "customer_key"}
    return (
        f"SELECT {_typed(GOLDEN_RECORD.columns, values)} FROM survivor WHERE moment_dt = $as_of ORDER BY customer_key"
    )


def _history_query() -> str:
    """Moments at which nothing changed are part of the version before."""
    names = ", ".join(quoted(name) for name in ATTRIBUTE_NAMES)
    typed = ", ".join(f"{value} AS {quoted(name)}" for name, value in _attributes().items())
    values = {
        **{name: quoted(name) for name in ATTRIBUTE_NAMES},
        "customer_key": "customer_key",
        "valid_from_dt": "moment_dt",
        "valid_until_dt": "lead(moment_dt) OVER (PARTITION BY customer_key ORDER BY moment_dt)",
    }
    return f"""
WITH stood AS (SELECT customer_key, moment_dt, {typed} FROM survivor),
compared AS (
    SELECT *, md5(CAST(row({names}) AS VARCHAR)) AS content FROM stood
),
followed AS (
    SELECT *, lag(content) OVER (PARTITION BY customer_key ORDER BY moment_dt) AS content_before FROM compared
)
SELECT {_typed(DIM_CUSTOMER_HISTORY.columns, values)}
FROM followed
WHERE content IS DISTINCT FROM content_before
ORDER BY customer_key, valid_from_dt
"""


def _provenance_query() -> str:
    parts = (
        f"SELECT customer_key, {literal(group.name)} AS attribute, {group.name}.record_id AS record_id, "
        f"{group.name}.source AS source, {group.name}.stated_dt AS stated_dt "
        f"FROM survivor WHERE moment_dt = $as_of AND {group.name} IS NOT NULL"
        for group in GROUPS
    )
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY customer_key, attribute"


def _attributes() -> dict[str, str]:
    """Attribute to the SQL that gives its value out of the groups' structs."""
    values = {name: f"{group.name}.{quoted(name)}" for group in GROUPS for name in group.columns}
    person = "concat_ws(' ', given_name.first_name, given_name.middle_name, family_name.last_name)"
    values |= {f"is_{name}_ended": f"coalesce({name}.is_ended, FALSE)" for name in _ENDABLE}
    values |= {
        "full_name": f"CASE WHEN customer_type = 'company' THEN coalesce(company.company_name, nullif({person}, '')) "
        f"ELSE nullif({person}, '') END",
        "customer_type": "customer_type",
        "is_deleted": "is_deleted",
    }
    return {name: values[name] for name in ATTRIBUTE_NAMES}


def _typed(columns: tuple[Column, ...], values: dict[str, str]) -> str:
    return ", ".join(
        f"CAST({values[column.name]} AS {column.duckdb_type}) AS {quoted(column.name)}" for column in columns
    )


def _sql(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
