"""The making of the points ledger: every movement of points, rebuilt from what was bought, brought back and spent.

Here: the steps and their publishing. Not here: the rules (`config/loyalty.yaml`, the `.sql` files) and the account's
arithmetic (`replay.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS, LEDGER_INPUT, REFUSED_REDEMPTION
from crm_platform.loyalty.ledger.replay import replay
from crm_platform.loyalty.ledger.rules import rule_frames
from crm_platform.loyalty.ledger.touched import inputs_now, touched_accounts
from crm_platform.loyalty.settings import LoyaltySettings
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.sales.known import SALES_FEEDS, known_feeds, sold_lines
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.changed import publish_changed, publish_part
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish_frame, publish_sql_file
from crm_platform.warehouse.steps import spans_of_customers, step_sql, temporary_table, temporary_tables

REDEMPTION_FEED = "loyalty_redemptions"
FURTHER_FEEDS = ("order_events", "returns", REDEMPTION_FEED)
LEDGER_FEEDS = (*SALES_FEEDS, *FURTHER_FEEDS)
LINES_AT_ONCE = 1_000_000
FOLDER = Path(__file__).parent
_READ = ("scv.golden_record", "scv.customer_ref_key", "sources.dim_product")
_STEPS = ("member_line", "order_end", "returned_amount", "product_rule", "redemption")
_STEPS_OF_SOME = ("rule_step", "point_event")
_REPLAYED_COLUMNS = "event_number, customer_key, kind, points, expires_date, is_lapsed, lowest_balance"
_NO_REFUSALS = (
    "SELECT CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS redemption_id, "
    "CAST(NULL AS BIGINT) AS balance_points WHERE FALSE"
)
_TOUCHED_MEMBERS = "SELECT * FROM member WHERE customer_key IN (SELECT customer_key FROM touched_customer)"
_REFUSED_BEFORE = (
    "SELECT source, redemption_id, balance_points FROM loyalty.refused_redemption "
    "WHERE reason = 'beyond_balance' AND customer_key NOT IN (SELECT customer_key FROM touched_customer)"
)


def publish_ledger(
    engine: Engine,
    settings: LoyaltySettings,
    rates: ExchangeRates,
    feeds: Sequence[StagedFeed],
    as_of: datetime,
    known_at: datetime | None = None,
) -> dict[str, Publication]:
    """Publish the ledger of what happened up to `as_of`, as it was known at `known_at` (UTC; none: at `as_of`), the
    redemptions that were refused, and what both were made of. Accounts that rest on what they rested on are carried
    over, months in which nothing changed stay as they are.

    Raises:
        ContractViolation: a table breaks its contract.
    """
    _refresh_views(engine)
    inputs = inputs_now(engine, settings, rates, feeds, as_of, known_at or as_of)
    with (
        touched_accounts(engine, feeds, inputs) as is_part,
        ledger_entries(engine, settings, rates, feeds, as_of, known_at, is_part),
    ):
        ledger = (
            publish_part(engine, FACT_LOYALTY_POINTS, "point_entry", "touched_customer", "customer_key")
            if is_part
            else publish_changed(engine, FACT_LOYALTY_POINTS, "point_entry")
        )
        refused = publish_sql_file(engine, REFUSED_REDEMPTION, _sql("refused_redemption"))
    made_of = publish_frame(engine, LEDGER_INPUT, inputs)
    return {each.contract.table: each for each in (ledger, refused, made_of)}


@contextmanager
def ledger_entries(
    engine: Engine,
    settings: LoyaltySettings,
    rates: ExchangeRates,
    feeds: Sequence[StagedFeed],
    as_of: datetime,
    known_at: datetime | None = None,
    is_part: bool = False,
) -> Iterator[None]:
    """Let SQL read `point_entry`, the rows of the ledger, for the time of the block, and with `redemption` and
    `beyond_balance` what was refused.

    Who is whom is told by the customer keys of today, whatever `known_at`: a merge joins the accounts from the start.
    is_part: only of the customers of `touched_customer`, whose orders are those of `touched_order`.
    """
    known_at = known_at or as_of
    _refresh_views(engine)
    steps_told = sorted({feed.source for feed in feeds if feed.contract_name == "order_events"})
    frames = {
        **rule_frames(settings),
        "exchange_rate": rates.by_span(),
        "taking_part": pl.DataFrame({"customer_type": settings.customer_types}),
        "source_with_steps": pl.DataFrame({"source": steps_told}, schema={"source": pl.String}),
    }
    parameters: dict[str, Parameter] = {"as_of": as_of, "currency": rates.currency}
    orders = "touched_order" if is_part else None
    with (
        engine.registered(**frames),
        known_feeds(engine, FURTHER_FEEDS, feeds, known_at, orders),
        sold_lines(engine, feeds, known_at, orders),
        temporary_table(engine, "member", step_sql(FOLDER, "member", parameters)),
        engine.temporary_view("account_holder", _TOUCHED_MEMBERS if is_part else "SELECT * FROM member"),
        temporary_tables(engine, FOLDER, _STEPS, parameters),
        temporary_table(engine, "beyond_balance", _REFUSED_BEFORE if is_part else _NO_REFUSALS),
        temporary_table(engine, "point_entry", _no_entries()),
    ):
        for first, end in spans_of_customers(engine, "member", "member_line", LINES_AT_ONCE):
            _write_accounts(engine, {**parameters, "from_key": first, "until_key": end})
        yield


def _refresh_views(engine: Engine) -> None:
    for name in _READ:
        engine.refresh_view(engine.contracts[name])


def _write_accounts(engine: Engine, parameters: dict[str, Parameter]) -> None:
    """Add the entries and refusals of some customers to `point_entry` and `beyond_balance`."""
    with temporary_tables(engine, FOLDER, _STEPS_OF_SOME, parameters):
        replayed = replay(engine.query(f"SELECT {_REPLAYED_COLUMNS} FROM point_event ORDER BY event_number"))
        with engine.registered(replayed_entry=replayed.entries, replayed_refusal=replayed.refusals):
            engine.execute(f"INSERT INTO point_entry {step_sql(FOLDER, 'point_entry', parameters)}")
            engine.execute(
                "INSERT INTO beyond_balance SELECT source, redemption_id, balance_points "
                "FROM replayed_refusal JOIN point_event USING (event_number)"
            )


def _no_entries() -> str:
    columns = ", ".join(
        f"CAST(NULL AS {column.duckdb_type}) AS {column.name}" for column in FACT_LOYALTY_POINTS.columns
    )
    return f"SELECT {columns} WHERE FALSE"


def _sql(name: str) -> Path:
    return FOLDER / f"{name}.sql"
