"""What runs by the clock."""

from typing import Any

import dagster as dg

from assets.jobs import REFRESH_JOB, monthly_job


def nightly_schedule() -> dg.ScheduleDefinition:
    """The whole refresh at night, which also asks the databases that no sensor watches."""
    return dg.ScheduleDefinition(
        name="nightly_refresh",
        job_name=REFRESH_JOB,
        cron_schedule="15 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night at 02:15 UTC: take in what has arrived and bring every table up to date.",
    )


def monthly_schedule() -> Any:
    """The scores of the month before, once its last orders have been taken in (see `value/scores/months.py`)."""
    return dg.build_schedule_from_partitioned_job(
        monthly_job,
        name="monthly_scores",
        day_of_month=2,
        hour_of_day=3,
        minute_of_hour=45,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="On the 2nd of every month at 03:45 UTC: score every customer as of the end of the month before.",
    )
