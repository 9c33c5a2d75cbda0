"""The stage `churn`: who will leave and why, by which model, and who came and left.

Here: the assets, their checks and pictures. Not here: models, scores and marts (`crm_platform/churn/`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import bar_chart, line_chart, markdown_table
from assets.publishing import asset_key
from assets.steps import Call, Made, Step, step_assets
from assets.value import MONTHS
from crm_platform.campaign.dimensions.contracts import DIM_CELL
from crm_platform.campaign.events.contracts import EVENT
from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY
from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.churn.attrition.build import (
    ATTRITION_FEEDS,
    publish_attrition,
    publish_campaign_saved,
    publish_risk_offer,
    unexplained_customers,
)
from crm_platform.churn.attrition.contracts import (
    ATTRITION_MONTH,
    ATTRITION_MOVEMENT,
    ATTRITION_WEEK,
    CAMPAIGN_SAVED,
    RISK_OFFER,
)
from crm_platform.churn.contracts import (
    CHURN_BACKTEST,
    CHURN_DECISION,
    CHURN_DRIFT,
    CHURN_MODEL,
    CHURN_SCORE,
    CUSTOMER_CHURN,
)
from crm_platform.churn.drift import FAR, SCORE, drift_of
from crm_platform.churn.inputs.build import CHURN_FEEDS
from crm_platform.churn.life import MonthOfLife
from crm_platform.churn.monthly.build import MonthlyChurn, publish_churn_months
from crm_platform.churn.monthly.current import publish_customer_churn
from crm_platform.churn.settings import ChurnSettings, load_churn_settings
from crm_platform.churn.tables import MONTHLY_CONTRACTS
from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS
from crm_platform.permission.consent.contracts import CONSENT_EVENT
from crm_platform.permission.facts.contracts import FACT_SUBSCRIPTION
from crm_platform.scv.customers.dim_customer import DIM_CUSTOMER
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.sales.exchange_rates import ExchangeRates, load_exchange_rates
from crm_platform.sources.staging import StagedFeed
from crm_platform.value.profitability.contracts import CUSTOMER_PROFIT
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine

GROUP = "churn"
HISTORY_IS_LONG_ENOUGH = "history_is_long_enough_to_look_back"
LOOKS_BACK_WELL = "the_last_window_was_foreseen"
CUSTOMERS_HOLD = "customers_have_not_drifted"
A_MODEL_IS_IN_FORCE = "a_model_is_in_force"
STATES_FOLLOW = "every_movement_follows_from_the_one_before"
LARGEST_CALIBRATION_ERROR = 0.1
LEAST_CUSTOMERS = 200
"""Fewer customers tell nothing of a calibration: of twenty in a tenth one is five percent."""

_PRODUCTS = DIMENSIONS["dim_product"].contract
_INPUTS = (CUSTOMER_REF_KEY, _PRODUCTS, EVENT, CONSENT_EVENT, FACT_SUBSCRIPTION, FACT_LOYALTY_POINTS)


def churn_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds."""
    return step_assets(GROUP, _steps(feeds), feeds)


def _steps(feeds: Sequence[StagedFeed]) -> list[Step]:
    return [
        Step(
            "monthly_models",
            MONTHLY_CONTRACTS,
            lambda engine, call: _months(engine, call, feeds),
            tables=_INPUTS,
            feeds=CHURN_FEEDS,
            checks=(
                _spec(HISTORY_IS_LONG_ENOUGH, CHURN_BACKTEST, "Every horizon could be held against what came."),
                _spec(
                    LOOKS_BACK_WELL,
                    CHURN_MODEL,
                    f"In the newest window of each horizon the calibration error was at most "
                    f"{LARGEST_CALIBRATION_ERROR:.0%}, where there are customers enough to tell.",
                ),
                _spec(CUSTOMERS_HOLD, CHURN_DRIFT, "The chances are spread as they were when the model was trained."),
            ),
            partitions=MONTHS,
        ),
        Step(
            "customer_churn",
            (CUSTOMER_CHURN,),
            lambda engine, call: _current(engine, call, feeds),
            tables=(*_INPUTS, CHURN_DECISION),
            feeds=CHURN_FEEDS,
            checks=(_spec(A_MODEL_IS_IN_FORCE, CUSTOMER_CHURN, "Models have been trained, so that there are scores."),),
            models="churn",
        ),
        Step(
            "risk_offer",
            (RISK_OFFER,),
            lambda engine, call: Made(
                {RISK_OFFER.table: publish_risk_offer(engine, _settings(call), _rates(call), feeds, call.now)}
            ),
            tables=(CUSTOMER_CHURN, CUSTOMER_REF_KEY, DIM_CUSTOMER, CUSTOMER_PROFIT, _PRODUCTS),
            feeds=ATTRITION_FEEDS,
        ),
        Step(
            "attrition",
            (ATTRITION_MOVEMENT, ATTRITION_WEEK, ATTRITION_MONTH),
            lambda engine, call: _attrition(engine, call, feeds),
            tables=(CUSTOMER_REF_KEY, DIM_CUSTOMER, _PRODUCTS, FACT_SUBSCRIPTION, CUSTOMER_PROFIT),
            feeds=ATTRITION_FEEDS,
            checks=(
                _spec(STATES_FOLLOW, ATTRITION_MOVEMENT, "Nobody leaves twice, or comes back without having left."),
            ),
        ),
        Step(
            "campaign_saved",
            (CAMPAIGN_SAVED,),
            lambda engine, call: _saved(engine, call, feeds),
            tables=(
                *(CUSTOMER_REF_KEY, _PRODUCTS, ATTRITION_MOVEMENT, CHURN_SCORE),
                *(DIM_CELL, FACT_CAMPAIGN_DELIVERY, FACT_CAMPAIGN_ORDER),
            ),
            feeds=ATTRITION_FEEDS,
        ),
    ]


def _settings(call: Call) -> ChurnSettings:
    return load_churn_settings(call.config_folder / "churn.yaml")


def _rates(call: Call) -> ExchangeRates:
    return load_exchange_rates(call.config_folder / "exchange_rates.yaml")


def _spec(name: str, contract: Contract, text: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=asset_key(contract), description=text)


def _months(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    made = publish_churn_months(engine, call.models, _rates(call), feeds, call.partition_keys)
    newest = {(kind, horizon): life for (month, kind, horizon), life in made.lives.items()
              if month == call.partition_keys[-1]}  # fmt: skip
    return Made(made.publications, _pictures(engine, newest), _month_results(made))


def _pictures(engine: Engine, newest: Mapping[tuple[str, int], MonthOfLife]) -> dict[str, dict[str, Any]]:
    decisions = [
        {"kind": kind, "days": horizon, "scores": "the new model" if life.is_replaced else "the one before",
         "learnt": str(life.in_force.card.as_of), "why": life.reason}
        for (kind, horizon), life in newest.items()
    ]  # fmt: skip
    by_date = [
        {"kind": kind, "days": horizon, "as of": str(result.as_of), "customers": result.metrics.customers,
         "left": round(result.metrics.left_share, 3), "predicted": round(result.metrics.predicted_share, 3),
         "auc": result.metrics.auc and round(result.metrics.auc, 4), "ece": round(result.metrics.ece, 4)}
        for (kind, horizon), life in newest.items() for result in life.backtest
    ]  # fmt: skip
    backtest: dict[str, Any] = {"by_date": markdown_table(pl.DataFrame(by_date, infer_schema_length=None))}
    for (kind, horizon), life in newest.items():
        if life.backtest:
            backtest |= _pictures_of(f"{kind}_{horizon}d", life)
    drift = engine.query(
        "SELECT kind, horizon_days AS days, column_name AS figure, round(stability_index, 3) AS index, verdict "
        "FROM churn.churn_drift WHERE verdict <> 'steady' AND as_of_date = (SELECT max(as_of_date) "
        "FROM churn.churn_drift) ORDER BY stability_index DESC, column_name LIMIT 20"
    )
    return {
        CHURN_DECISION.table: {"decisions": markdown_table(pl.DataFrame(decisions, infer_schema_length=None))},
        CHURN_BACKTEST.table: backtest,
        CHURN_DRIFT.table: {"moved": markdown_table(drift)},
    }


def _pictures_of(name: str, life: MonthOfLife) -> dict[str, Any]:
    """Calibration and lift by decile of the newest date, and AUC over the dates."""
    newest = life.backtest[-1]
    table = newest.calibration
    left = newest.metrics.left_share or 1.0
    return {
        f"calibration_{name}": line_chart(
            "Left by predicted share",
            table["predicted_share"].to_list(),
            {"left": table["left_share"].to_list(), "predicted": table["predicted_share"].to_list()},
        ),
        f"lift_{name}": line_chart(
            "Lift by decile, 1 the lowest chance",
            table["decile"].to_list(),
            {"lift": [share / left for share in table["left_share"]]},
        ),
        f"auc_{name}": line_chart(
            "AUC over time",
            [str(result.as_of) for result in life.backtest],
            {"auc": [result.metrics.auc for result in life.backtest]},
        ),
    }


def _month_results(made: MonthlyChurn) -> list[dg.AssetCheckResult]:
    too_short = {f"{kind} {horizon} days": life.too_short for (_, kind, horizon), life in made.lives.items()
                 if life.too_short}  # fmt: skip
    unforeseen = {
        f"{month} {kind} {horizon} days": round(life.backtest[-1].metrics.ece, 4)
        for (month, kind, horizon), life in made.lives.items()
        if life.backtest
        and life.backtest[-1].metrics.customers >= LEAST_CUSTOMERS
        and life.backtest[-1].metrics.ece > LARGEST_CALIBRATION_ERROR
    }
    return [
        _warning(HISTORY_IS_LONG_ENOUGH, CHURN_BACKTEST, not too_short, too_short),
        _warning(LOOKS_BACK_WELL, CHURN_MODEL, not unforeseen, unforeseen),
        _warning(CUSTOMERS_HOLD, CHURN_DRIFT, not (drifted := _drifted(made)), drifted),
    ]


def _drifted(made: MonthlyChurn) -> dict[str, float]:
    """The stability index of the chances that have moved far, where there are customers enough to tell."""
    indices = {
        name: drift_of(life.in_force, life.customers.rows).filter(pl.col("column_name") == SCORE)["stability_index"]
        for name, life in made.lives.items()
        if life.customers.rows.height >= LEAST_CUSTOMERS
    }
    return {
        f"{month} {kind} {horizon} days": round(float(index[0]), 3)
        for (month, kind, horizon), index in indices.items()
        if len(index) and float(index[0]) >= FAR
    }


def _current(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_customer_churn(engine, call.models, _rates(call), feeds, call.now)
    bands = engine.query(
        "SELECT risk_band, count(*) AS customers, round(avg(churn_90d_prob), 3) AS chance FROM churn.customer_churn "
        "WHERE risk_band IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    in_force: int = engine.scalar("SELECT count(*) FROM churn.churn_decision")
    result = _warning(A_MODEL_IS_IN_FORCE, CUSTOMER_CHURN, in_force > 0, {"decisions": in_force})
    return Made({CUSTOMER_CHURN.table: published}, {CUSTOMER_CHURN.table: {"bands": markdown_table(bands)}}, [result])


def _attrition(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_attrition(engine, _settings(call), _rates(call), feeds, call.now)
    months = engine.query(
        "SELECT strftime(period_date, '%Y-%m') AS month, "
        "CAST(sum(number_joined + number_came_back) AS BIGINT) AS came, "
        "CAST(sum(number_left) AS BIGINT) AS went FROM churn.attrition_month WHERE kind = 'silence' "
        "GROUP BY ALL ORDER BY ALL"
    )
    metadata = {
        ATTRITION_MONTH.table: {
            "leavers": bar_chart("Leavers by month", months.select("month", "went").rows()),
            "came": bar_chart("Joiners and who came back, by month", months.select("month", "came").rows()),
        },
    }
    broken = unexplained_customers(engine)
    check = dg.AssetCheckResult(
        check_name=STATES_FOLLOW,
        asset_key=asset_key(ATTRITION_MOVEMENT),
        passed=broken == 0,
        metadata={"broken": broken},
    )
    return Made(published, metadata, [check])


def _saved(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_campaign_saved(engine, _settings(call), _rates(call), feeds, call.now)
    saved = engine.query(
        "SELECT campaign_id, number_at_risk, number_kept, number_won_back, round(lift, 3) AS lift "
        "FROM churn.campaign_saved ORDER BY number_kept + number_won_back DESC, campaign_id LIMIT 20"
    )
    return Made({CAMPAIGN_SAVED.table: published}, {CAMPAIGN_SAVED.table: {"campaigns": markdown_table(saved)}})


def _warning(name: str, contract: Contract, passed: bool, metadata: Mapping[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset_key(contract),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
