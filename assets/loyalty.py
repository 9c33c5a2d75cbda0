"""The stage `loyalty`: points earned and spent, members and their tiers, how content customers are.

Here: the assets and their checks. Not here: the scheme and the account's arithmetic (`crm_platform/loyalty/`).
"""

from collections.abc import Sequence

import dagster as dg

from assets.metadata import bar_chart, markdown_table
from assets.publishing import asset_key
from assets.steps import Call, Made, Step, step_assets
from crm_platform.loyalty.ledger.build import LEDGER_FEEDS, publish_ledger
from crm_platform.loyalty.ledger.checks import (
    Promise,
    broken_promises,
    members_unlike_their_ledger,
    months_that_do_not_close,
)
from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS, LEDGER_INPUT, REFUSED_REDEMPTION
from crm_platform.loyalty.members.build import publish_members
from crm_platform.loyalty.members.contracts import LOYALTY_MEMBER, LOYALTY_MOVEMENT, LOYALTY_TIER_HISTORY
from crm_platform.loyalty.satisfaction.build import SATISFACTION_FEEDS, publish_satisfaction
from crm_platform.loyalty.satisfaction.contracts import SATISFACTION_MONTH
from crm_platform.loyalty.settings import LoyaltySettings, load_loyalty_settings
from crm_platform.scv.golden.contracts import GOLDEN_RECORD
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.sales.exchange_rates import ExchangeRates, load_exchange_rates
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine

GROUP = "loyalty"
BALANCES_AGREE = "every_balance_is_the_sum_of_its_entries"
MONTHS_CLOSE = "every_month_closes_with_the_sum_of_the_ledger"


def loyalty_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds."""
    return step_assets(GROUP, _steps(feeds), feeds)


def _steps(feeds: Sequence[StagedFeed]) -> list[Step]:
    return [
        Step(
            "ledger",
            (FACT_LOYALTY_POINTS, REFUSED_REDEMPTION, LEDGER_INPUT),
            lambda engine, call: _ledger(engine, call, feeds),
            tables=(GOLDEN_RECORD, CUSTOMER_REF_KEY, DIMENSIONS["dim_product"].contract),
            feeds=LEDGER_FEEDS,
            checks=tuple(
                dg.AssetCheckSpec(str(promise), asset=asset_key(FACT_LOYALTY_POINTS), description=promise.text)
                for promise in Promise
            ),
        ),
        Step(
            "members",
            (LOYALTY_TIER_HISTORY, LOYALTY_MEMBER, LOYALTY_MOVEMENT),
            _members,
            tables=(FACT_LOYALTY_POINTS,),
            checks=(
                dg.AssetCheckSpec(
                    BALANCES_AGREE, asset=asset_key(LOYALTY_MEMBER), description="No balance without its entries."
                ),
                dg.AssetCheckSpec(
                    MONTHS_CLOSE,
                    asset=asset_key(LOYALTY_MOVEMENT),
                    description="Opening points and movements make the closing points, which are those of the ledger.",
                ),
            ),
        ),
        Step(
            "satisfaction",
            (SATISFACTION_MONTH,),
            lambda engine, call: Made(publish_satisfaction(engine, _settings(call).satisfaction, feeds, call.now)),
            tables=(GOLDEN_RECORD, CUSTOMER_REF_KEY),
            feeds=SATISFACTION_FEEDS,
        ),
    ]


def _settings(call: Call) -> LoyaltySettings:
    return load_loyalty_settings(call.config_folder / "loyalty.yaml")


def _rates(call: Call) -> ExchangeRates:
    return load_exchange_rates(call.config_folder / "exchange_rates.yaml")


def _ledger(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    settings = _settings(call)
    published = publish_ledger(engine, settings, _rates(call), feeds, call.now)
    entries = engine.query(
        "SELECT entry_type, rule, count(*) AS entries, CAST(sum(points) AS BIGINT) AS points "
        "FROM loyalty.fact_loyalty_points GROUP BY ALL ORDER BY ALL"
    )
    refused = engine.query(
        "SELECT reason, count(*) AS redemptions, CAST(sum(points) AS BIGINT) AS points "
        "FROM loyalty.refused_redemption GROUP BY ALL ORDER BY ALL"
    )
    metadata = {
        FACT_LOYALTY_POINTS.table: {"entries": markdown_table(entries)},
        REFUSED_REDEMPTION.table: {"reasons": markdown_table(refused)},
    }
    checks = [
        _counted(str(promise), FACT_LOYALTY_POINTS, broken)
        for promise, broken in broken_promises(engine, settings).items()
    ]
    return Made(published, metadata, checks)


def _members(engine: Engine, call: Call) -> Made:
    published = publish_members(engine, _settings(call), _rates(call), call.now)
    tiers = engine.query(
        "SELECT tier, count(*) AS members, CAST(sum(balance_points) AS BIGINT) AS points "
        "FROM loyalty.loyalty_member GROUP BY ALL ORDER BY ALL"
    )
    months = engine.query(
        "SELECT strftime(month_date, '%Y-%m') AS month, closing_points FROM loyalty.loyalty_movement ORDER BY ALL"
    )
    metadata = {
        LOYALTY_MEMBER.table: {"tiers": markdown_table(tiers)},
        LOYALTY_MOVEMENT.table: {"open_points": bar_chart("Open points by month", months.rows())},
    }
    checks = (
        _counted(BALANCES_AGREE, LOYALTY_MEMBER, members_unlike_their_ledger(engine)),
        _counted(MONTHS_CLOSE, LOYALTY_MOVEMENT, months_that_do_not_close(engine)),
    )
    return Made(published, metadata, checks)


def _counted(name: str, contract: Contract, broken: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name, asset_key=asset_key(contract), passed=broken == 0, metadata={"broken": broken}
    )
