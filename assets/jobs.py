"""Jobs: what is run together."""

import dagster as dg

from assets.days import DAILY_CONTRACTS
from assets.publishing import asset_key
from assets.serving import SERVING_KEY
from assets.standing import LEAVE_STANDING
from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.campaign.results.contracts import CAMPAIGN_LIFT, CAMPAIGN_RESULTS, DELIVERABILITY
from crm_platform.churn.attrition.contracts import CAMPAIGN_SAVED
from crm_platform.churn.tables import CURRENT_CONTRACTS
from crm_platform.churn.tables import MONTHLY_CONTRACTS as CHURN_MONTHLY_CONTRACTS
from crm_platform.value.scores.contracts import CUSTOMER_SCORE, MONTHLY_CONTRACTS

REFRESH_JOB = "refresh"
MONTHLY_JOB = "monthly_scores"
MONTHLY_CHURN_JOB = "monthly_churn"
WEEKLY_JOB = "weekly_churn"
DAILY_JOB = "campaign_days"
MADE_AGAIN = {"dagster/max_retries": "3", "dagster/retry_strategy": "ALL_STEPS"}
"""Of a run that is killed: its files may be loaded and archived already, and what hangs on them not made yet."""

MONTHLY = dg.AssetSelection.assets(*(asset_key(contract) for contract in MONTHLY_CONTRACTS))
"""What is made of a month that is over, and not of what arrives."""

MONTHLY_CHURN = dg.AssetSelection.assets(*(asset_key(contract) for contract in CHURN_MONTHLY_CONTRACTS))
"""Models of churn and their scores: of a month that is over too, in a run of their own, for training takes its time."""

WEEKLY = dg.AssetSelection.assets(*(asset_key(contract) for contract in CURRENT_CONTRACTS))
"""What the models in force say of today: made by the week, and when they change."""

DAILY = dg.AssetSelection.assets(*(asset_key(contract) for contract in DAILY_CONTRACTS))
"""What is made by the day. A refresh makes the days that what arrived touches, with the tables that say of what."""

REFRESHED = dg.AssetSelection.all() - MONTHLY - MONTHLY_CHURN - WEEKLY - DAILY


refresh_job = dg.define_asset_job(
    REFRESH_JOB,
    selection=REFRESHED,
    description="Take in what has arrived and bring every table up to date.",
    tags=LEAVE_STANDING,
    executor_def=dg.in_process_executor,
)

monthly_job = dg.define_asset_job(
    MONTHLY_JOB,
    selection=MONTHLY | dg.AssetSelection.assets(asset_key(CUSTOMER_SCORE), SERVING_KEY),
    description="Score every customer as of the end of a month.",
    tags=LEAVE_STANDING,
    executor_def=dg.in_process_executor,
)

monthly_churn_job = dg.define_asset_job(
    MONTHLY_CHURN_JOB,
    selection=MONTHLY_CHURN | WEEKLY | dg.AssetSelection.assets(asset_key(CAMPAIGN_SAVED), SERVING_KEY),
    description="Train the models of churn as of the end of a month, and tell who is likely to leave.",
    tags=LEAVE_STANDING,
    executor_def=dg.in_process_executor,
)

weekly_job = dg.define_asset_job(
    WEEKLY_JOB,
    selection=WEEKLY | dg.AssetSelection.assets(SERVING_KEY),
    description="Tell who is likely to leave now, by the models in force.",
    tags=LEAVE_STANDING,
    executor_def=dg.in_process_executor,
)

daily_job = dg.define_asset_job(
    DAILY_JOB,
    selection=DAILY
    | dg.AssetSelection.assets(
        *(asset_key(each) for each in (FACT_CAMPAIGN_ORDER, CAMPAIGN_RESULTS, CAMPAIGN_LIFT, DELIVERABILITY)),
        SERVING_KEY,
    ),
    description="Make days of events and of the facts of campaigns anew, as after a change of settings or keys.",
    executor_def=dg.in_process_executor,
)
