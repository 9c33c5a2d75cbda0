"""Who left: the labels of both kinds of churn, of windows that have passed.

Here: what counts as leaving. Not here: what is known of a customer at the as-of date (`snapshots.py`).
A label asked for before its window has passed is an error and never reads as "stayed" or "left".
"""

from datetime import date, timedelta

import polars as pl

from crm_platform.problem import Problem
from crm_platform.value.features import purchases_between

SILENCE_KIND, SUBSCRIPTION_KIND = "silence", "subscription"
KINDS = (SILENCE_KIND, SUBSCRIPTION_KIND)
"""The kinds of leaving: buying nothing, and ending the last subscription."""


class LabelNotMatured(Problem):
    """The window of a label has not passed yet; the message says when it will have."""


def silence_labels(
    lines: pl.DataFrame | pl.LazyFrame, customers: pl.Series, as_of: date, horizon: int, known_until: date
) -> pl.Series:
    """Whether each customer has no day with a positive amount in (as_of, as_of + horizon days]; named `has_left`.

    `known_until` is the last day whose purchases are all known.

    Raises:
        LabelNotMatured: the window ends after it.
    """
    _refuse_early(as_of, horizon, known_until)
    buyers = purchases_between(lines, as_of, horizon)["customer_id"]
    return (~customers.is_in(buyers.implode())).alias("has_left")


def ended_labels(periods: pl.DataFrame, as_of: date, horizon: int, known_until: date) -> pl.DataFrame:
    """customer_id, has_left: of those under contract at as_of, whose contract ends in (as_of, as_of + horizon days].

    periods: customer_id, started_date, ended_date (null while it runs), one row per contract; a customer is at risk
    while at least one runs, and has left when the last of those ended and no other began by the end of the window.

    Raises:
        LabelNotMatured: the window ends after `known_until`.
    """
    _refuse_early(as_of, horizon, known_until)
    end = as_of + timedelta(days=horizon)
    runs_now = _runs(as_of)
    return (
        periods.group_by("customer_id")
        .agg(is_at_risk=runs_now.any(), has_left=~_runs(end).any())
        .filter("is_at_risk")
        .select("customer_id", "has_left")
        .sort("customer_id")
    )


def _runs(day: date) -> pl.Expr:
    """Whether a contract runs at the end of the day."""
    has_begun = pl.col("started_date") <= day
    return has_begun & (pl.col("ended_date").is_null() | (pl.col("ended_date") > day))


def _refuse_early(as_of: date, horizon: int, known_until: date) -> None:
    end = as_of + timedelta(days=horizon)
    if end > known_until:
        raise LabelNotMatured(
            f"Who left in the {horizon} days after {as_of} is known from {end} on; what is known ends {known_until}."
        )
