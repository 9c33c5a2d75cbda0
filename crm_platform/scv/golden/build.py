"""The making of the golden record, its history and its provenance, and of what it needs to know of ended identifiers.

Here: the steps and their publishing. Not here: which value survives (`survivorship.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.golden.contracts import (
    ATTRIBUTE_NAMES,
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
    ENDED_IDENTIFIER,
    GOLDEN_RECORD,
)
from crm_platform.scv.golden.survivorship import GROUPS, placed_query, survivors_query
from crm_platform.scv.settings import EndedIdentifiers, ScvSettings
from crm_platform.scv.standardise.phones import as_e164
from crm_platform.sources.all_sources import StagingRefs, all_sources
from crm_platform.warehouse.contract import Column, Contract
from crm_platform.warehouse.engine import Engine, literal, quoted
from crm_platform.warehouse.publish import Publication, publish, publish_frame

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

    Raises:
        ContractViolation: the rows break a contract; that table was not published.
    """
    for name in ("source_statement", "customer_xref", "customer_ref_key", "ended_identifier"):
        engine.refresh_view(engine.contracts[f"scv.{name}"])
    queries = {
        CUSTOMER_PROVENANCE: _provenance_query(as_of),
        DIM_CUSTOMER_HISTORY: _history_query(),
        GOLDEN_RECORD: _golden_query(as_of),
    }
    with _survivors(engine, settings, as_of):
        return {contract.table: _publish_query(engine, contract, query) for contract, query in queries.items()}


@contextmanager
def _survivors(engine: Engine, settings: ScvSettings, as_of: datetime) -> Iterator[None]:
    """Let SQL read `survivor`, the values that survive at every moment of every customer, for the time of the block."""
    steps = {
        "customer_statement": _sql("customer_statement"),
        "placed_statement": placed_query(settings),
        "customer_moment": _sql("customer_moment"),
    }
    for name, sql in steps.items():
        text = sql.replace("$as_of", literal(as_of)).rstrip().rstrip(";")
        engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {text}")
    _gather_survivors(engine, survivors_query(settings))
    try:
        yield
    finally:
        for name in ("survivor", *reversed(steps)):
            engine.execute(f"DROP TABLE {name}")


def _gather_survivors(engine: Engine, query: str) -> None:
    """Make `survivor`, some customers at a time."""
    last = int(engine.scalar("SELECT coalesce(max(customer_key), 0) FROM customer_moment"))
    moments = int(engine.scalar("SELECT count(*) FROM customer_moment"))
    step = max(1, last * MOMENTS_AT_ONCE // max(moments, 1))
    engine.execute(f"CREATE OR REPLACE TEMP TABLE survivor AS {query}", {"from_key": 0, "until_key": 0})
    for first in range(1, last + 1, step):
        engine.execute(f"INSERT INTO survivor {query}", {"from_key": first, "until_key": first + step})


def _publish_query(engine: Engine, contract: Contract, query: str) -> Publication:
    return publish(engine, contract, {None: lambda path: engine.write_query(query, path)})


def _golden_query(as_of: datetime) -> str:
    attributes = _attributes()
    seen = "number_of_records, number_of_sources, first_seen_dt, last_seen_dt"
    values = {**attributes, **{name.strip(): name.strip() for name in seen.split(",")}, "customer_key": "customer_key"}
    return (
        f"SELECT {_typed(GOLDEN_RECORD.columns, values)} FROM survivor WHERE moment_dt = {literal(as_of)} "
        "ORDER BY customer_key"
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


def _provenance_query(as_of: datetime) -> str:
    parts = (
        f"SELECT customer_key, {literal(group.name)} AS attribute, {group.name}.record_id AS record_id, "
        f"{group.name}.source AS source, {group.name}.stated_dt AS stated_dt "
        f"FROM survivor WHERE moment_dt = {literal(as_of)} AND {group.name} IS NOT NULL"
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
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
