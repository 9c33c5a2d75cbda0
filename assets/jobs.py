"""Jobs: what is run together."""

import dagster as dg

REFRESH_JOB = "refresh"


refresh_job = dg.define_asset_job(
    REFRESH_JOB,
    selection=dg.AssetSelection.all(),
    description="Take in what has arrived and bring every table up to date.",
    executor_def=dg.in_process_executor,
)
