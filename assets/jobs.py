"""Jobs: what is run together."""

import dagster as dg

from assets.publishing import asset_key
from assets.serving import SERVING_KEY
from crm_platform.value.scores.contracts import CUSTOMER_SCORE, MONTHLY_CONTRACTS

REFRESH_JOB = "refresh"
MONTHLY_JOB = "monthly_scores"

MONTHLY = dg.AssetSelection.assets(*(asset_key(contract) for contract in MONTHLY_CONTRACTS))
"""What is made of a month that is over, and not of what arrives."""

REFRESHED = dg.AssetSelection.all() - MONTHLY


refresh_job = dg.define_asset_job(
    REFRESH_JOB,
    selection=REFRESHED,
    description="Take in what has arrived and bring every table up to date.",
    executor_def=dg.in_process_executor,
)

monthly_job = dg.define_asset_job(
    MONTHLY_JOB,
    selection=MONTHLY | dg.AssetSelection.assets(asset_key(CUSTOMER_SCORE), SERVING_KEY),
    description="Score every customer as of the end of a month.",
    executor_def=dg.in_process_executor,
)
