"""What runs by the clock."""

import dagster as dg

from assets.jobs import REFRESH_JOB


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
