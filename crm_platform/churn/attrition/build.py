"""The making of the attrition marts.

Here: their inputs, order and publishing. Not here: what is counted (the `.sql` files).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from crm_platform.churn.attrition.contracts import (
    ATTRITION_MONTH,
    ATTRITION_MOVEMENT,
    ATTRITION_WEEK,
    CAMPAIGN_SAVED,
    RISK_OFFER,
)
from crm_platform.churn.contracts import RISK_BANDS
from crm_platform.churn.inputs.build import score_lines, subscription_periods
from crm_platform.churn.labels import SILENCE_KIND
from crm_platform.churn.monthly.current import TOLD_HORIZON
from crm_platform.churn.settings import ChurnSettings
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.staging import StagedFeed
from crm_platform.value.scores.build import SCORE_FEEDS
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish_sql_file
from crm_platform.warehouse.steps import step_sql, temporary_table

FOLDER = Path(__file__).parent
ATTRITION_FEEDS = SCORE_FEEDS
ATTRITION_TABLES = (
    "scv.customer_ref_key",
    "scv.dim_customer",
    "sources.dim_product",
    "permission.fact_subscription",
    "value.customer_profit",
)
SAVED_TABLES = (
    "scv.customer_ref_key",
    "sources.dim_product",
    "campaign.dim_cell",
    "campaign.fact_campaign_delivery",
    "campaign.fact_campaign_order",
    "churn.attrition_movement",
    "churn.churn_score",
)
OFFER_TABLES = (
    "scv.customer_ref_key",
    "scv.dim_customer",
    "sources.dim_product",
    "value.customer_profit",
    "churn.customer_churn",
)


def publish_attrition(
    engine: Engine, settings: ChurnSettings, rates: ExchangeRates, feeds: Sequence[StagedFeed], now: datetime
) -> dict[str, Publication]:
    """Publish movements up to the last whole day before `now` (UTC), and leavers and joiners by period.

    Raises:
        ContractViolation: a table's rows break its contract; it and those after it are not in place.
    """
    _refresh(engine, ATTRITION_TABLES)
    as_of = now.date() - timedelta(days=1)
    parameters: dict[str, Parameter] = {"as_of_date": as_of, "silent_days": settings.silent_days}
    published = {}
    with (
        score_lines(engine, rates, feeds, as_of, now),
        engine.registered(subscription_period=subscription_periods(engine, as_of, now)),
        temporary_table(engine, "movement", step_sql(FOLDER, "movement", parameters)),
    ):
        published[ATTRITION_MOVEMENT.table] = _publish(engine, ATTRITION_MOVEMENT, "attrition_movement", parameters)
        for contract, period in ((ATTRITION_WEEK, "week"), (ATTRITION_MONTH, "month")):
            published[contract.table] = _publish(engine, contract, "attrition_period", {"period": period})
    return published


def publish_campaign_saved(
    engine: Engine, settings: ChurnSettings, rates: ExchangeRates, feeds: Sequence[StagedFeed], now: datetime
) -> Publication:
    """Publish whom campaigns kept and won back, by the scores and movements there are.

    Raises:
        ContractViolation: a row breaks the contract; nothing was published.
    """
    _refresh(engine, SAVED_TABLES)
    parameters: dict[str, Parameter] = {
        "saved_days": settings.saved_within_days,
        "told_horizon": TOLD_HORIZON,
        "highest_band": RISK_BANDS,
        "currency": rates.currency,
    }
    with score_lines(engine, rates, feeds, now.date() - timedelta(days=1), now):
        return _publish(engine, CAMPAIGN_SAVED, CAMPAIGN_SAVED.table, parameters)


def publish_risk_offer(
    engine: Engine, settings: ChurnSettings, rates: ExchangeRates, feeds: Sequence[StagedFeed], now: datetime
) -> Publication:
    """Publish whom to make an offer, by the present scores, and which.

    Raises:
        ContractViolation: a row breaks the contract; nothing was published.
    """
    _refresh(engine, OFFER_TABLES)
    as_of = now.date() - timedelta(days=1)
    parameters: dict[str, Parameter] = {
        "as_of_date": as_of,
        "lowest_band": settings.offer.lowest_profit_band,
        "least_band": settings.offer.least_risk_band,
        "currency": rates.currency,
    }
    with score_lines(engine, rates, feeds, as_of, now):
        return _publish(engine, RISK_OFFER, RISK_OFFER.table, parameters)


def unexplained_customers(engine: Engine, kind: str = SILENCE_KIND) -> int:
    """By how many customers the movements of a kind do not lead from one state to the other: who leaves without being
    there, or comes back without having left."""
    broken: int = engine.scalar(
        "SELECT count(*) FROM (SELECT movement, lag(movement) OVER (PARTITION BY customer_key ORDER BY moved_date) AS "
        "previous FROM churn.attrition_movement WHERE kind = $kind AND movement <> 'changed_line') "
        "WHERE (movement = 'joined') <> (previous IS NULL) OR (movement = 'left' AND previous = 'left') "
        "OR (movement = 'came_back' AND previous <> 'left')",
        {"kind": kind},
    )
    return broken


def _refresh(engine: Engine, names: Sequence[str]) -> None:
    for name in names:
        engine.refresh_view(engine.contracts[name])


def _publish(engine: Engine, contract: Contract, name: str, parameters: dict[str, Parameter]) -> Publication:
    return publish_sql_file(engine, contract, FOLDER / f"{name}.sql", parameters)
