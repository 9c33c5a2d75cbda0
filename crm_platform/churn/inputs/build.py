"""What is known of the company's customers on a day: purchases, other events, subscriptions.

Here: reading them from the lake as they had been loaded by then. Not here: what a purchase is
(`crm_platform/value/scores/score_line.sql`), what is counted of the events (`crm_platform/churn/families.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from crm_platform.campaign.events.customers import event_customers
from crm_platform.churn.families import FAMILIES, WITH_AMOUNT, EventFamily
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.sales.known import known_feeds, sold_lines
from crm_platform.sources.staging import StagedFeed
from crm_platform.value.scores.build import FOLDER as SCORES_FOLDER
from crm_platform.value.scores.build import SCORE_FEEDS
from crm_platform.warehouse.engine import Engine, Parameter, relation_name
from crm_platform.warehouse.steps import step_sql, temporary_table

FOLDER = Path(__file__).parent
EVENT_FEEDS = ("support_cases", "surveys", "shipments", "invoices", "payments", "registrations", "web_hits")
CHURN_FEEDS = (*SCORE_FEEDS, *EVENT_FEEDS)
READ_TABLES = (
    "scv.customer_ref_key",
    "sources.dim_product",
    "campaign.event",
    "permission.consent_event",
    "permission.fact_subscription",
    "loyalty.fact_loyalty_points",
)


@dataclass(frozen=True)
class Inputs:
    """What was known on a day, the customer's key as `customer_id`.

    lines: see `features_as_of`; families: one of each name of FAMILIES, whether there are events or not; periods:
    customer_id, started_date, ended_date of every subscription.
    """

    as_of: date
    lines: pl.DataFrame
    families: tuple[EventFamily, ...]
    periods: pl.DataFrame


def read_inputs(
    engine: Engine, rates: ExchangeRates, feeds: Sequence[StagedFeed], as_of: date, known_at: datetime
) -> Inputs:
    """What had happened by the end of `as_of` (UTC) and been loaded by `known_at` (UTC)."""
    for name in READ_TABLES:
        engine.refresh_view(engine.contracts[name])
    with (
        score_lines(engine, rates, feeds, as_of, known_at),
        _known_events(engine, feeds, known_at),
        event_customers(engine),
    ):
        lines = engine.query(
            "SELECT customer_key AS customer_id, purchase_date, purchase_hour, CAST(amount AS DOUBLE) AS amount, "
            "order_id, product_id, category, quantity, discount FROM score_line "
            "WHERE customer_key IS NOT NULL AND amount <> 0 ORDER BY ALL"
        )
        events = engine.query(step_sql(FOLDER, "known_event", {"as_of_date": as_of}))
    periods = subscription_periods(engine, as_of, known_at)
    return Inputs(as_of, lines, tuple(_family(events, name, title) for name, title in FAMILIES.items()), periods)


@contextmanager
def _known_events(engine: Engine, feeds: Sequence[StagedFeed], known_at: datetime) -> Iterator[None]:
    """Let SQL read `known_<feed>` of each feed of events; what it delivered first is history, and counts though it came
    after `known_at`. Each for itself: a system that is plugged in later does not let the others know more."""
    with ExitStack() as stack:
        for name in EVENT_FEEDS:
            own = [feed for feed in feeds if feed.contract_name == name]
            first = [engine.scalar(f"SELECT min(loaded_dt) FROM {relation_name(feed.contract)}") for feed in own]
            moment = max([known_at, *(loaded for loaded in first if loaded is not None)])
            stack.enter_context(known_feeds(engine, (name,), own, moment))
        yield


@contextmanager
def score_lines(
    engine: Engine, rates: ExchangeRates, feeds: Sequence[StagedFeed], as_of: date, known_at: datetime
) -> Iterator[None]:
    """Let SQL read `score_line`, what customers bought and gave back up to `as_of`, with the relations that it is made
    of, for the time of the block."""
    steps_told = sorted({feed.source for feed in feeds if feed.contract_name == "order_events"})
    parameters: dict[str, Parameter] = {"as_of_date": as_of, "currency": rates.currency}
    with (
        engine.registered(
            exchange_rate=rates.by_span(), source_with_steps=pl.DataFrame({"source": steps_told}, {"source": pl.String})
        ),
        known_feeds(engine, ("order_events", "returns"), feeds, known_at),
        sold_lines(engine, feeds, known_at),
        temporary_table(engine, "score_line", step_sql(SCORES_FOLDER, "score_line", parameters)),
    ):
        yield


def subscription_periods(engine: Engine, as_of: date, known_at: datetime) -> pl.DataFrame:
    """customer_id, started_date, ended_date (null while it runs) of every subscription, as it was known."""
    return engine.query(step_sql(FOLDER, "subscription_period", {"as_of_date": as_of, "known_at": known_at}))


def _family(events: pl.DataFrame, name: str, title: str) -> EventFamily:
    own = events.lazy().filter(pl.col("family") == name).drop("family")
    return EventFamily(name, title, own if name in WITH_AMOUNT else own.drop("amount"))
