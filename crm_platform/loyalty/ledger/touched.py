"""Which accounts are to be made anew: those that rest on something new, changed or late, or whose points lapse.

What the ledger was made of stands in `loyalty.ledger_input`. Here: comparing it with what there is now, and the
accounts that differences touch. Not here: making the accounts (`build.py`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS, LEDGER_INPUT, REFUSED_REDEMPTION
from crm_platform.loyalty.settings import LoyaltySettings
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, literal, relation_name
from crm_platform.warehouse.steps import temporary_table

TIMES = {
    "orders": "order_dt", "order_lines": "order_dt", "order_events": "event_dt", "returns": "returned_dt",
    "loyalty_redemptions": "redeemed_dt",
}  # fmt: skip
"""The feeds that the ledger is made of, and when what a row tells happened."""

FOLDER = Path(__file__).parent
REDEMPTIONS = "loyalty_redemptions"
GROUPS = 65_536
"""Customers are compared by groups of so many, by key."""

MOST = 0.25
"""Where more than this share of the customers is touched, making all accounts anew is no dearer."""

RULES, PRODUCTS, AS_OF, KNOWN_AT, CUSTOMERS, FILE = "rules", "products", "as_of", "known_at", "customers", "file:"
_WHOLE = "whole"
_SCHEMA = {"input": pl.String, "part": pl.String, "digest": pl.String}
_ACCOUNTS = f"""
SELECT '{CUSTOMERS}' AS input, CAST(customer_key % {GROUPS} AS VARCHAR) AS part,
    concat(count(*), ':', sum(CAST(hash(customer_key, told) AS HUGEINT))) AS digest
FROM (
    SELECT customer_key, concat('ref:', customer_ref) AS told FROM scv.customer_ref_key WHERE customer_key IS NOT NULL
    UNION ALL
    SELECT customer_key, concat_ws(':', 'is', customer_type, birth_date) FROM scv.golden_record
) AS customer
GROUP BY ALL
UNION ALL
SELECT '{PRODUCTS}', '{_WHOLE}', concat(count(*), ':', coalesce(sum(CAST(
    hash(product_id, product_line, category, brand_code) AS HUGEINT)), 0))
FROM sources.dim_product"""
_FILES = f"""
SELECT concat('{FILE}', feed_name) AS input, file_id AS part, concat(file_number, ':', rows_loaded) AS digest
FROM {FILE_LEDGER.name} WHERE status = 'loaded'"""


@dataclass(frozen=True)
class _Span:
    """What the ledger was made for before (first) and is to be made for now."""

    as_of: tuple[datetime, datetime]
    known_at: tuple[datetime, datetime]


def inputs_now(
    engine: Engine,
    settings: LoyaltySettings,
    rates: ExchangeRates,
    feeds: Sequence[StagedFeed],
    as_of: datetime,
    known_at: datetime,
) -> pl.DataFrame:
    """Rows of LEDGER_INPUT: what a ledger made now is made of."""
    named = [(feed.name, feed.contract_name, feed.customer_source) for feed in feeds if feed.contract_name in TIMES]
    code = [file.read_text(encoding="utf-8") for file in sorted(FOLDER.iterdir()) if file.suffix in (".sql", ".py")]
    rules = repr((settings.model_dump_json(), rates.model_dump_json(), sorted(named), code))
    own = {
        RULES: hashlib.sha256(rules.encode()).hexdigest(),
        AS_OF: as_of.isoformat(),
        KNOWN_AT: known_at.isoformat(),
    }
    told = pl.DataFrame([(name, _WHOLE, digest) for name, digest in own.items()], schema=_SCHEMA, orient="row")
    engine.refresh_view(FILE_LEDGER)
    names = [f"{FILE}{name}" for name, _, _ in named]
    files = engine.query(_FILES).filter(pl.col("input").is_in(names))
    return pl.concat([told, engine.query(_ACCOUNTS), files]).sort("input", "part")


@contextmanager
def touched_accounts(engine: Engine, feeds: Sequence[StagedFeed], inputs: pl.DataFrame) -> Iterator[bool]:
    """Let SQL read `touched_customer` (customer_key) and `touched_order` (source, order_id), the orders of these
    customers in any version, for the time of the block; false, and neither of them, where all accounts are to be made
    anew."""
    for contract in (LEDGER_INPUT, FACT_LOYALTY_POINTS, REFUSED_REDEMPTION):
        engine.refresh_view(contract)
    before = engine.query("SELECT input, part, digest FROM loyalty.ledger_input")
    span = _span(before, inputs)
    if span is None:
        yield False
        return
    used = [feed for feed in feeds if feed.contract_name in TIMES]
    with (
        engine.registered(changed_input=_changed(before, inputs)),
        temporary_table(engine, "changed_order", _changed_orders(used, span)),
        temporary_table(engine, "touched_customer", _touched_customers(used, span)),
    ):
        touched = int(engine.scalar("SELECT count(*) FROM touched_customer"))
        customers = int(engine.scalar("SELECT count(*) FROM scv.golden_record"))
        if touched > MOST * customers:
            yield False
            return
        with temporary_table(engine, "touched_order", _touched_orders(used)):
            yield True


def _span(before: pl.DataFrame, now: pl.DataFrame) -> _Span | None:
    """None where the ledger cannot be carried on from what it was: by other rules, or to an earlier time."""
    old, new = ({name: digest for name, part, digest in rows.iter_rows() if part == _WHOLE} for rows in (before, now))
    if any(old.get(name) != new[name] for name in (RULES, PRODUCTS)):
        return None
    as_of, known_at = (
        (datetime.fromisoformat(old[name]), datetime.fromisoformat(new[name])) for name in (AS_OF, KNOWN_AT)
    )
    return _Span(as_of, known_at) if as_of[0] <= as_of[1] and known_at[0] <= known_at[1] else None


def _changed(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """input, part of what is new, another or gone."""
    differing = pl.concat(
        [one.join(other, on=["input", "part", "digest"], how="anti") for one, other in ((now, before), (before, now))]
    )
    return differing.select("input", "part").unique().sort("input", "part")


def _changed_rows(feed: StagedFeed, span: _Span) -> str:
    """Condition on a feed's rows: loaded since, of another file, or happened since."""
    time = TIMES[feed.contract_name]
    return (
        f"(loaded_dt > {literal(span.known_at[0])} AND loaded_dt <= {literal(span.known_at[1])} "
        f"OR {time} > {literal(span.as_of[0])} AND {time} <= {literal(span.as_of[1])} "
        f"OR file_id IN (SELECT part FROM changed_input WHERE input = {literal(FILE + feed.name)}))"
    )


def _all_versions(feed: StagedFeed, columns: str, span: _Span) -> str:
    """Columns of every version of the things of which a row has changed."""
    rows, key = relation_name(feed.contract), ", ".join(feed.natural_key)
    return (
        f"SELECT {columns} FROM {rows} WHERE ({key}) IN (SELECT ({key}) FROM {rows} WHERE {_changed_rows(feed, span)})"
    )


def _changed_orders(feeds: Sequence[StagedFeed], span: _Span) -> str:
    selects = ["SELECT CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS order_id WHERE FALSE"]
    for feed in feeds:
        columns = f"{literal(feed.source)}, order_id"
        if "order_id" in feed.natural_key:
            rows = relation_name(feed.contract)
            selects.append(f"SELECT DISTINCT {columns} FROM {rows} WHERE {_changed_rows(feed, span)}")
        elif feed.contract_name != REDEMPTIONS:
            selects.append(_all_versions(feed, columns, span))
    return " UNION ".join(selects)


def _touched_customers(feeds: Sequence[StagedFeed], span: _Span) -> str:
    refs = ["SELECT CAST(NULL AS VARCHAR) AS customer_ref WHERE FALSE"]
    for feed in feeds:
        ref = f"concat({literal(feed.customer_source + ':')}, customer_id) AS customer_ref"
        if feed.contract_name == REDEMPTIONS:
            refs.append(_all_versions(feed, ref, span))
        elif feed.contract_name in ("orders", "order_lines"):
            refs.append(f"SELECT {ref} FROM {relation_name(feed.contract)} WHERE {_is_among('changed_order', feed)}")
    group = f"CAST(customer_key % {GROUPS} AS VARCHAR) IN (SELECT part FROM changed_input WHERE input = '{CUSTOMERS}')"
    before, now = (f"CAST({literal(moment)} AS DATE)" for moment in span.as_of)
    return f"""
SELECT customer_key FROM scv.customer_ref_key
WHERE customer_key IS NOT NULL AND customer_ref IN (SELECT customer_ref FROM ({" UNION ALL ".join(refs)}))
UNION SELECT customer_key FROM scv.golden_record WHERE {group}
UNION SELECT customer_key FROM {FACT_LOYALTY_POINTS.name} WHERE {group}
UNION SELECT customer_key FROM {FACT_LOYALTY_POINTS.name} WHERE expires_date >= {before} AND expires_date < {now}"""


def _touched_orders(feeds: Sequence[StagedFeed]) -> str:
    selects = ["SELECT CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS order_id WHERE FALSE"]
    for feed in feeds:
        if feed.contract_name not in ("orders", "order_lines"):
            continue
        prefix = f"{feed.customer_source}:"
        selects.append(
            f"SELECT {literal(feed.source)}, order_id FROM {relation_name(feed.contract)} WHERE customer_id IN ("
            f"SELECT substr(customer_ref, {len(prefix) + 1}) FROM scv.customer_ref_key "
            f"WHERE starts_with(customer_ref, {literal(prefix)}) "
            "AND customer_key IN (SELECT customer_key FROM touched_customer))"
        )
    return " UNION ".join(selects)


def _is_among(orders: str, feed: StagedFeed) -> str:
    return f"order_id IN (SELECT order_id FROM {orders} WHERE source = {literal(feed.source)})"
