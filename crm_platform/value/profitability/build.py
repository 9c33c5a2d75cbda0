"""The making of what customers bring and cost, by month, and of their bands.

Here: the steps and their publishing. Not here: the costs (`config/costs.yaml`) and how they are given to customers (the
`.sql` files).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import polars as pl

from crm_platform.sources.all_sources import all_sources, staging_refs
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.sales.known import SALES_FEEDS, known_feeds, sold_lines
from crm_platform.sources.staging import StagedFeed
from crm_platform.value.profitability.contracts import (
    CUSTOMER_PROFIT,
    FACT_CUSTOMER_MONTH,
    PROFIT_RECONCILIATION,
    UNPROFITABLE_CUSTOMER,
)
from crm_platform.value.profitability.settings import Bands, CostSettings
from crm_platform.warehouse.changed import publish_changed
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, Write, publish, publish_sql_file
from crm_platform.warehouse.steps import step_sql, temporary_table, temporary_tables

FOLDER = Path(__file__).parent
_KNOWN_FEEDS = ("order_events", "returns", "shipments")
_NEWEST_FEEDS = ("support_cases", "campaigns", "campaign_members")
PROFIT_FEEDS = (*SALES_FEEDS, *_KNOWN_FEEDS, *_NEWEST_FEEDS)
_STEPS = ("profit_line", "sent_piece", "direct_part", "converted_part", "cost_pool", "shared_part")


def publish_customer_months(
    engine: Engine, settings: CostSettings, rates: ExchangeRates, feeds: Sequence[StagedFeed], as_of: datetime
) -> dict[str, Publication]:
    """Publish revenue, costs and margin by customer and month up to `as_of` (UTC), and how they compare to the sources'
    totals. Months in which nothing changed stay as they are.

    Raises:
        ContractViolation: a table breaks its contract.
    """
    for name in ("scv.customer_ref_key", "sources.dim_product"):
        engine.refresh_view(engine.contracts[name])
    parameters: dict[str, Parameter] = {
        "as_of": as_of,
        "currency": rates.currency,
        "unknown_cost_pct": str(settings.goods.unknown_cost_pct),
        "returned_worth_pct": str(settings.goods.returned_worth_pct),
    }
    with _parts(engine, settings, rates, feeds, parameters):
        made = {FACT_CUSTOMER_MONTH.table: publish_changed(engine, FACT_CUSTOMER_MONTH, "customer_month")}
        made[PROFIT_RECONCILIATION.table] = publish_sql_file(
            engine, PROFIT_RECONCILIATION, _sql(PROFIT_RECONCILIATION.table), parameters
        )
    return made


def publish_profit_bands(
    engine: Engine, bands: Bands, as_of: datetime, changed_months: Sequence[str]
) -> dict[str, Publication]:
    """Publish the latest snapshot up to `as_of` (UTC), those that are missing or hold a changed month (`yyyy-mm`), and
    who loses us money by the latest. Other snapshots keep the bands that the limits of their time gave them.

    Raises:
        ContractViolation: a table breaks its contract.
    """
    engine.refresh_view(FACT_CUSTOMER_MONTH)
    days = _snapshots(engine, as_of)
    present = set(engine.lake.partition_keys(CUSTOMER_PROFIT))
    changed = [date.fromisoformat(f"{month}-01") for month in changed_months]
    touched = {day for day in days for month in changed if 0 < _months(month, day) <= bands.window_months}
    due = [day for day in days if day == days[-1] or day in touched or f"{day:%Y-%m}" not in present]
    limits = CostSettings(bands=bands).limits()
    with engine.registered(band_limit=limits):
        made = publish(engine, CUSTOMER_PROFIT, {f"{day:%Y-%m}": _snapshot(engine, bands, day) for day in due})
    losing = publish_sql_file(engine, UNPROFITABLE_CUSTOMER, _sql(UNPROFITABLE_CUSTOMER.table))
    return {CUSTOMER_PROFIT.table: made, UNPROFITABLE_CUSTOMER.table: losing}


@contextmanager
def _parts(
    engine: Engine,
    settings: CostSettings,
    rates: ExchangeRates,
    feeds: Sequence[StagedFeed],
    parameters: dict[str, Parameter],
) -> Iterator[None]:
    """Let SQL read the steps and `customer_month`, the rows of the fact, for the time of the block."""
    as_of = parameters["as_of"]
    assert isinstance(as_of, datetime)
    steps_told = sorted({feed.source for feed in feeds if feed.contract_name == "order_events"})
    frames = {
        "exchange_rate": rates.by_span(),
        "cost_rate": settings.rates(),
        "overhead": settings.overheads(),
        "source_with_steps": pl.DataFrame({"source": steps_told}, schema={"source": pl.String}),
    }
    with (
        engine.registered(**frames),
        known_feeds(engine, _KNOWN_FEEDS, feeds, as_of),
        all_sources(engine, _NEWEST_FEEDS, staging_refs(feeds)),
        sold_lines(engine, feeds, as_of),
        temporary_tables(engine, FOLDER, _STEPS, parameters),
        temporary_table(engine, "customer_month", step_sql(FOLDER, FACT_CUSTOMER_MONTH.table, parameters)),
    ):
        yield


def _snapshots(engine: Engine, as_of: datetime) -> list[date]:
    """The first day of every month after the first one with figures, up to `as_of`."""
    first = engine.scalar("SELECT min(month_date) FROM value.fact_customer_month")
    if first is None:
        return []
    start = first.year * 12 + first.month
    return [date(month // 12, month % 12 + 1, 1) for month in range(start, as_of.year * 12 + as_of.month)]


def _snapshot(engine: Engine, bands: Bands, day: date) -> Write:
    parameters: dict[str, Parameter] = {
        "as_of_date": day,
        "window_months": bands.window_months,
        "by_share": bands.by == "share",
    }
    return lambda path: engine.write_sql_file(_sql(CUSTOMER_PROFIT.table), path, parameters)


def _months(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def _sql(name: str) -> Path:
    return FOLDER / f"{name}.sql"
