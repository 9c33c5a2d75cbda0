"""The making of the scores: of each month asked for by itself, and the newest of them beside the customer.

Here: reading what was known, and publishing. Not here: when a month is over (`months.py`), what is counted
(`score_line.sql`), the figures and forecasts themselves (`crm_platform/value/features.py`, `forecast.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import polars as pl
import polars.selectors as cs

from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.sales.known import SALES_FEEDS, known_feeds, sold_lines
from crm_platform.sources.staging import StagedFeed
from crm_platform.value.features import features_as_of
from crm_platform.value.forecast import ForecastError, forecast_from, history_until
from crm_platform.value.insight import insight_as_of
from crm_platform.value.purchase_models.maximum_likelihood import FitError
from crm_platform.value.rfm import read_segments, rfm_of
from crm_platform.value.scores.checks import ForecastResult, matured_forecasts
from crm_platform.value.scores.contracts import (
    CUSTOMER_INSIGHT,
    CUSTOMER_RFM,
    CUSTOMER_SCORE,
    CUSTOMER_VALUE,
    MONTHLY_CONTRACTS,
)
from crm_platform.value.scores.months import known_at, last_day
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish, publish_sql_file
from crm_platform.warehouse.steps import step_sql, temporary_table

FOLDER = Path(__file__).parent
SCORE_FEEDS = (*SALES_FEEDS, "order_events", "returns")
HORIZONS = (30, 90, 180, 365)
"""Days; the last is what is called the lifetime value."""


@dataclass(frozen=True)
class Reconciled:
    """What a month's lines come to and what the customers were given of it, in the company's currency."""

    month: str
    number_of_lines: int
    nobodys_lines: int
    lines_without_rate: int
    source_spend: Decimal
    attributed_spend: Decimal

    @property
    def difference(self) -> Decimal:
        """What is missing."""
        return self.source_spend - self.attributed_spend


@dataclass(frozen=True)
class MonthlyScores:
    """What was published; of each month how it adds up; horizons that could not be forecast with the reason; and how
    earlier forecasts turned out by the last of the months."""

    publications: dict[str, Publication]
    reconciled: list[Reconciled]
    refused: dict[str, str]
    matured: list[ForecastResult]


@dataclass(frozen=True)
class _Scored:
    """The rows of a month by table, what it adds up to, and which horizons were refused."""

    rows: dict[str, pl.DataFrame]
    reconciled: Reconciled
    refused: dict[str, str]


def publish_monthly_scores(
    engine: Engine,
    rates: ExchangeRates,
    feeds: Sequence[StagedFeed],
    months: Sequence[str],
    horizons: Sequence[int] = HORIZONS,
) -> MonthlyScores:
    """Publish RFM, insight and value as of the last day of each of these months (`yyyy-mm`), each for itself.

    A month that cannot be forecast for want of purchases has no rows of value, and `refused` says why.

    Raises:
        ContractViolation: a month of a table breaks its contract; no month of that table was put in place.
    """
    engine.refresh_view(engine.contracts["scv.customer_ref_key"])
    engine.refresh_view(engine.contracts["sources.dim_product"])
    scored, matured = {}, []
    for month in months:
        with _score_lines(engine, rates, feeds, month):
            lines = _lines(engine)
            scored[month] = _scored(engine, lines, month, rates.currency, horizons)
        if month == months[-1]:
            matured = matured_forecasts(engine, lines, last_day(month))
    publications = {contract.table: _publish(engine, contract, scored) for contract in MONTHLY_CONTRACTS}
    refused = {f"{month} {horizon}": why for month, each in scored.items() for horizon, why in each.refused.items()}
    return MonthlyScores(publications, [each.reconciled for each in scored.values()], refused, matured)


def publish_customer_score(engine: Engine) -> Publication:
    """Publish every customer's newest scores.

    Raises:
        ContractViolation: the rows break the contract; nothing was published.
    """
    read = ("scv.dim_customer", "value.customer_profit", "loyalty.loyalty_member")
    for contract in (*(engine.contracts[name] for name in read), *MONTHLY_CONTRACTS):
        engine.refresh_view(contract)
    return publish_sql_file(engine, CUSTOMER_SCORE, FOLDER / f"{CUSTOMER_SCORE.table}.sql")


@contextmanager
def _score_lines(engine: Engine, rates: ExchangeRates, feeds: Sequence[StagedFeed], month: str) -> Iterator[None]:
    """Let SQL read `score_line` of a month, as it was known at its closing, for the time of the block."""
    used = [feed for feed in feeds if feed.contract_name in SCORE_FEEDS]
    moment = known_at(engine, used, month)
    steps_told = sorted({feed.source for feed in used if feed.contract_name == "order_events"})
    sources = pl.DataFrame({"source": steps_told}, schema={"source": pl.String})
    parameters: dict[str, Parameter] = {"as_of_date": last_day(month), "currency": rates.currency}
    with (
        engine.registered(exchange_rate=rates.by_span(), source_with_steps=sources),
        known_feeds(engine, ("order_events", "returns"), feeds, moment),
        sold_lines(engine, feeds, moment),
        temporary_table(engine, "score_line", step_sql(FOLDER, "score_line", parameters)),
    ):
        yield


def _lines(engine: Engine) -> pl.DataFrame:
    """The lines as `features_as_of` takes them, the customer's key as `customer_id`, in one order."""
    return engine.query(
        "SELECT customer_key AS customer_id, purchase_date, purchase_hour, CAST(amount AS DOUBLE) AS amount, order_id, "
        "product_id, category, quantity, discount FROM score_line WHERE customer_key IS NOT NULL AND amount <> 0 "
        "ORDER BY ALL"
    )


def _scored(engine: Engine, lines: pl.DataFrame, month: str, currency: str, horizons: Sequence[int]) -> _Scored:
    as_of = last_day(month)
    features = features_as_of(lines, as_of)
    value, refused = _value(lines, as_of, currency, horizons)
    rows = {
        CUSTOMER_RFM.table: _rfm(features, as_of, currency),
        CUSTOMER_INSIGHT.table: _insight(lines, features, as_of),
        CUSTOMER_VALUE.table: value,
    }
    return _Scored(rows, _reconciled(engine, month, rows[CUSTOMER_RFM.table]), refused)


def _rfm(features: pl.DataFrame, as_of: date, currency: str) -> pl.DataFrame:
    figures = features.select(
        "customer_id",
        "recency_days",
        "tenure_days",
        "number_of_purchases",
        spend_amount="spend_total",
        returned_amount="returned_total",
    )
    bands = rfm_of(features, read_segments()).rename(
        {name: f"{name}_band" for name in ("recency", "frequency", "monetary")}
    )
    rows = figures.join(bands, on="customer_id", maintain_order="left")
    return _as_table(rows.with_columns(currency=pl.lit(currency)), CUSTOMER_RFM, as_of)


def _insight(lines: pl.DataFrame, features: pl.DataFrame, as_of: date) -> pl.DataFrame:
    gaps = {"gap_mean": "mean_gap_days", "gap_deviation": "gap_deviation_days", "last_gap": "last_gap_days"}
    return _as_table(insight_as_of(lines, features, as_of).rename(gaps), CUSTOMER_INSIGHT, as_of)


def _value(
    lines: pl.DataFrame, as_of: date, currency: str, horizons: Sequence[int]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """A row per customer and horizon; and of horizons that cannot be forecast the reason."""
    made_rows, refused = [CUSTOMER_VALUE.empty()], {}
    history = history_until(lines, as_of)
    for horizon in horizons:
        try:
            made = forecast_from(history, as_of, horizon)
        except (ForecastError, FitError) as refusal:
            refused[f"{horizon}d"] = str(refusal)
            continue
        named = made.customers.rename(
            {
                "p_no_purchase": "no_purchase_prob",
                "expected_spend": "expected_spend_amount",
                "expected_spend_low": "expected_spend_low_amount",
                "expected_spend_high": "expected_spend_high_amount",
            }
        )
        learnt = made.plan.horizon if made.plan.dates else 0
        rows = named.with_columns(horizon_days=horizon, learnt_days=learnt, currency=pl.lit(currency))
        made_rows.append(_as_table(rows, CUSTOMER_VALUE, as_of))
    return pl.concat(made_rows).sort(CUSTOMER_VALUE.key), refused


def _as_table(rows: pl.DataFrame, contract: Contract, as_of: date) -> pl.DataFrame:
    """The rows as the contract has its columns; what is not a number is not known."""
    keyed = rows.rename({"customer_id": "customer_key"}).with_columns(as_of_date=pl.lit(as_of))
    return keyed.with_columns(cs.float().fill_nan(None)).select(
        pl.col(name).cast(dtype) for name, dtype in contract.polars_schema.items()
    )


def _reconciled(engine: Engine, month: str, rfm: pl.DataFrame) -> Reconciled:
    [figures] = engine.query(
        "SELECT count(*) AS number_of_lines, count(*) FILTER (customer_key IS NULL) AS nobodys_lines, "
        "count(*) FILTER (customer_key IS NOT NULL AND amount IS NULL) AS lines_without_rate, "
        "coalesce(sum(amount) FILTER (customer_key IS NOT NULL AND amount > 0), 0) AS source_spend FROM score_line"
    ).rows(named=True)
    return Reconciled(month, **figures, attributed_spend=Decimal(rfm["spend_amount"].sum()))


def _publish(engine: Engine, contract: Contract, scored: Mapping[str, _Scored]) -> Publication:
    return publish(
        engine, contract, {month: partial(_write, each.rows[contract.table]) for month, each in scored.items()}
    )


def _write(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="zstd")
