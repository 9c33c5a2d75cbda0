"""The stage `value`: what customers bring and cost, and what they are worth.

Here: the assets and their checks. Not here: costs, bands and models (`crm_platform/value/`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import bar_chart, markdown_table
from assets.publishing import asset_key
from assets.steps import Call, Made, Step, step_assets
from crm_platform.loyalty.members.contracts import LOYALTY_MEMBER
from crm_platform.scv.customers.dim_customer import DIM_CUSTOMER
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.sales.exchange_rates import load_exchange_rates
from crm_platform.sources.staging import StagedFeed
from crm_platform.value.profitability.build import PROFIT_FEEDS, publish_customer_months, publish_profit_bands
from crm_platform.value.profitability.checks import LARGEST_DRIFT, band_drift, differences, unconverted_currencies
from crm_platform.value.profitability.contracts import (
    CUSTOMER_PROFIT,
    FACT_CUSTOMER_MONTH,
    PROFIT_RECONCILIATION,
    UNPROFITABLE_CUSTOMER,
)
from crm_platform.value.profitability.settings import CostSettings, load_cost_settings
from crm_platform.value.scores.build import (
    SCORE_FEEDS,
    MonthlyScores,
    publish_customer_score,
    publish_monthly_scores,
)
from crm_platform.value.scores.checks import LARGEST_DRIFT as LARGEST_SEGMENT_DRIFT
from crm_platform.value.scores.checks import LARGEST_ERROR, segment_drift
from crm_platform.value.scores.contracts import (
    CUSTOMER_RFM,
    CUSTOMER_SCORE,
    CUSTOMER_VALUE,
    MONTHLY_CONTRACTS,
)
from crm_platform.value.scores.months import FIRST_MONTH
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine

GROUP = "value"
PARTS_ADD_UP = "the_parts_add_up_to_the_sources_totals"
EVERY_RATE = "every_currency_has_a_rate"
BANDS_HOLD = "bands_have_not_drifted"
SPEND_ADDS_UP = "spend_adds_up_to_what_was_sold"
SEGMENTS_HOLD = "segments_have_not_drifted"
EVERY_HORIZON = "every_horizon_is_forecast"
FORECASTS_CAME_TRUE = "the_last_matured_forecast_came_true"
MONTHS = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, fmt="%Y-%m")


def value_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds."""
    return step_assets(GROUP, _steps(feeds), feeds)


def _steps(feeds: Sequence[StagedFeed]) -> list[Step]:
    return [
        Step(
            "profitability",
            (FACT_CUSTOMER_MONTH, PROFIT_RECONCILIATION, CUSTOMER_PROFIT, UNPROFITABLE_CUSTOMER),
            lambda engine, call: _profitability(engine, call, feeds),
            tables=(CUSTOMER_REF_KEY, DIMENSIONS["dim_product"].contract),
            feeds=PROFIT_FEEDS,
            checks=_profitability_checks(),
        ),
        Step(
            "monthly_scores",
            MONTHLY_CONTRACTS,
            lambda engine, call: _monthly_scores(engine, call, feeds),
            tables=(CUSTOMER_REF_KEY, DIMENSIONS["dim_product"].contract),
            feeds=SCORE_FEEDS,
            checks=_score_checks(),
            partitions=MONTHS,
        ),
        Step(
            "customer_score",
            (CUSTOMER_SCORE,),
            lambda engine, _: Made({CUSTOMER_SCORE.table: publish_customer_score(engine)}),
            tables=(DIM_CUSTOMER, *MONTHLY_CONTRACTS, CUSTOMER_PROFIT, LOYALTY_MEMBER),
        ),
    ]


def _settings(call: Call) -> CostSettings:
    return load_cost_settings(call.config_folder / "costs.yaml")


def _profitability(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    settings = _settings(call)
    rates = load_exchange_rates(call.config_folder / "exchange_rates.yaml")
    months = publish_customer_months(engine, settings, rates, feeds, call.now)
    changed = months[FACT_CUSTOMER_MONTH.table].partition_keys
    bands = publish_profit_bands(engine, settings.bands, call.now, changed)
    return Made({**months, **bands}, _figures(engine), _results(engine))


def _profitability_checks() -> tuple[dg.AssetCheckSpec, ...]:
    return (
        dg.AssetCheckSpec(
            PARTS_ADD_UP,
            asset=asset_key(PROFIT_RECONCILIATION),
            description="Every month and component comes to what the sources say, to the cent.",
        ),
        dg.AssetCheckSpec(
            EVERY_RATE,
            asset=asset_key(PROFIT_RECONCILIATION),
            description="No amount is left out for want of a rate in config/exchange_rates.yaml.",
        ),
        dg.AssetCheckSpec(
            BANDS_HOLD,
            asset=asset_key(CUSTOMER_PROFIT),
            description=f"No band grew or shrank by more than {LARGEST_DRIFT:.0%} of the customers since the last one.",
        ),
    )


def _results(engine: Engine) -> list[dg.AssetCheckResult]:
    broken, unconverted, drift = differences(engine), unconverted_currencies(engine), band_drift(engine)
    return [
        dg.AssetCheckResult(
            check_name=PARTS_ADD_UP,
            asset_key=asset_key(PROFIT_RECONCILIATION),
            passed=broken == 0,
            metadata={"differences": broken},
        ),
        dg.AssetCheckResult(
            check_name=EVERY_RATE,
            asset_key=asset_key(PROFIT_RECONCILIATION),
            passed=not unconverted,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"currencies": unconverted},
        ),
        dg.AssetCheckResult(
            check_name=BANDS_HOLD,
            asset_key=asset_key(CUSTOMER_PROFIT),
            passed=drift <= LARGEST_DRIFT,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"largest_change": drift},
        ),
    ]


def _figures(engine: Engine) -> dict[str, dict[str, dg.MarkdownMetadataValue]]:
    bands = engine.query(
        "SELECT band, count(*) AS customers, CAST(sum(revenue_amount) AS DOUBLE) AS revenue, "
        "CAST(sum(margin_amount) AS DOUBLE) AS margin FROM value.customer_profit "
        "WHERE as_of_date = (SELECT max(as_of_date) FROM value.customer_profit) GROUP BY ALL ORDER BY ALL"
    )
    margins = engine.query(
        "SELECT strftime(month_date, '%Y-%m') AS month, CAST(round(sum(margin_amount)) AS BIGINT) AS margin "
        "FROM value.fact_customer_month GROUP BY ALL ORDER BY ALL"
    )
    return {
        CUSTOMER_PROFIT.table: {"bands": markdown_table(bands)},
        FACT_CUSTOMER_MONTH.table: {"margin_by_month": bar_chart("Margin by month", margins.rows())},
    }


def _monthly_scores(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    rates = load_exchange_rates(call.config_folder / "exchange_rates.yaml")
    scores = publish_monthly_scores(engine, rates, feeds, call.partition_keys)
    segments = engine.query(
        "SELECT segment, count(*) AS customers, CAST(sum(spend_amount) AS DOUBLE) AS spend FROM value.customer_rfm "
        "WHERE strftime(as_of_date, '%Y-%m') = $month GROUP BY ALL ORDER BY ALL",
        {"month": call.partition_keys[-1]},
    )
    metadata = {
        CUSTOMER_RFM.table: {
            "segments": bar_chart("Customers by segment", segments.select("segment", "customers").rows()),
            "by_segment": markdown_table(segments),
        },
        CUSTOMER_VALUE.table: {"matured_forecasts": _matured_table(scores)},
    }
    return Made(scores.publications, metadata, _score_results(engine, scores))


def _matured_table(scores: MonthlyScores) -> dg.MarkdownMetadataValue:
    rows = [
        {
            "as of": str(each.as_of),
            "days": each.horizon,
            "customers": each.customers,
            "expected purchases": round(each.expected_purchases, 1),
            "purchases": each.purchases,
            "expected spend": round(each.expected_spend, 2),
            "spend": round(each.spend, 2),
            "within their interval": each.within_interval and round(each.within_interval, 3),
        }
        for each in scores.matured
    ]
    return markdown_table(pl.DataFrame(rows, infer_schema_length=None))


def _score_checks() -> tuple[dg.AssetCheckSpec, ...]:
    said = {
        (SPEND_ADDS_UP, CUSTOMER_RFM): "What the customers of a month spent is what they were sold, to the cent.",
        (SEGMENTS_HOLD, CUSTOMER_RFM): f"Since the month before no segment grew or shrank by more than "
        f"{LARGEST_SEGMENT_DRIFT:.0%} of the customers.",
        (EVERY_HORIZON, CUSTOMER_VALUE): "No forecast was refused for want of purchases.",
        (FORECASTS_CAME_TRUE, CUSTOMER_VALUE): f"Of the newest forecast of the shortest horizon that is over the total "
        f"was at most {LARGEST_ERROR:.0%} off.",
    }
    return tuple(
        dg.AssetCheckSpec(name, asset=asset_key(contract), description=text) for (name, contract), text in said.items()
    )


def _score_results(engine: Engine, scores: MonthlyScores) -> list[dg.AssetCheckResult]:
    unlike = [each.month for each in scores.reconciled if each.difference]
    drift = segment_drift(engine)
    return [
        dg.AssetCheckResult(
            check_name=SPEND_ADDS_UP,
            asset_key=asset_key(CUSTOMER_RFM),
            passed=not unlike,
            metadata={
                "months": ", ".join(unlike),
                "lines": sum(each.number_of_lines for each in scores.reconciled),
                "lines_of_nobody": sum(each.nobodys_lines for each in scores.reconciled),
                "lines_without_rate": sum(each.lines_without_rate for each in scores.reconciled),
            },
        ),
        _warning(SEGMENTS_HOLD, CUSTOMER_RFM, drift <= LARGEST_SEGMENT_DRIFT, {"largest_change": drift}),
        _warning(EVERY_HORIZON, CUSTOMER_VALUE, not scores.refused, scores.refused),
        _came_true(scores),
    ]


def _came_true(scores: MonthlyScores) -> dg.AssetCheckResult:
    """Whether the shortest horizon's newest forecast that is over was near; where none is over yet it holds."""
    if not scores.matured:
        return _warning(FORECASTS_CAME_TRUE, CUSTOMER_VALUE, True, {"forecasts": "none is over yet"})
    shortest = scores.matured[0]
    figures = {"as_of": str(shortest.as_of), "days": shortest.horizon, "error_of_the_total": round(shortest.error, 4)}
    return _warning(FORECASTS_CAME_TRUE, CUSTOMER_VALUE, abs(shortest.error) <= LARGEST_ERROR, figures)


def _warning(name: str, contract: Contract, passed: bool, metadata: Mapping[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset_key(contract),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
