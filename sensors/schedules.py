"""What runs by the clock."""

from typing import Any

import dagster as dg

from assets.jobs import MADE_AGAIN, REFRESH_JOB, WEEKLY_JOB, monthly_churn_job, monthly_job


def nightly_schedule() -> dg.ScheduleDefinition:
    """The whole refresh at night, which also asks the databases that no sensor watches."""
    return dg.ScheduleDefinition(
        name="nightly_refresh",
        job_name=REFRESH_JOB,
        cron_schedule="15 2 * * *",
        tags=MADE_AGAIN,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night at 02:15 UTC: take in what has arrived and bring every table up to date.",
    )


def weekly_schedule() -> dg.ScheduleDefinition:
    """The chances of today by the models in force; these are trained by the month."""
    return dg.ScheduleDefinition(
        name="weekly_churn",
        job_name=WEEKLY_JOB,
        cron_schedule="30 4 * * 1",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every Monday at 04:30 UTC: tell who is likely to leave now.",
    )


def monthly_schedule() -> Any:
    """The scores of the month before, once its last orders have been taken in (see `value/scores/months.py`)."""
    return _on_the_second(
        monthly_job,
        "monthly_scores",
        "03:45",
        "score every customer as of the end of the month before",
    )


def monthly_churn_schedule() -> Any:
    """The models of churn of the month before, after its scores."""
    return _on_the_second(
        monthly_churn_job,
        "monthly_churn",
        "05:15",
        "train the models of churn as of the end of last month",
    )


def _on_the_second(job: Any, name: str, at: str, purpose: str) -> Any:
    """A schedule of a monthly job: the month before, on the 2nd at a time of day (`hh:mm`, UTC)."""
    hour, minute = at.split(":")
    return dg.build_schedule_from_partitioned_job(
        job,
        name=name,
        day_of_month=2,
        hour_of_day=int(hour),
        minute_of_hour=int(minute),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"On the 2nd of every month at {at} UTC: {purpose}.",
    )
