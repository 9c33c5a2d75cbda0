"""Contractual churn in the warehouse: who is about to end the last subscription.

Here: what is known of a subscriber on a date, and the fit. Not here: who left (`labels.py`), tables of contracts that a
person brings (`labelled_tables.py`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from crm_platform.churn.calibration import Calibration, log_odds_of
from crm_platform.churn.families import EventFamily, with_families
from crm_platform.churn.labels import ended_labels
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.snapshots import ROUNDED, Snapshot, of_customers, one_in, some_of, training_dates
from crm_platform.churn.training import MOST_ROWS, OnStep, fit_model, stacked
from crm_platform.value.features import features_as_of


def subscribers_as_of(
    periods: pl.DataFrame, lines: pl.DataFrame, as_of: date, families: Sequence[EventFamily] = ()
) -> Snapshot:
    """Who has a subscription at the end of the day, by customer_id: `subscriptions` that run, days since the oldest and
    the newest of them began, `subscriptions_ended`, days since the last of those ended, and the features of purchases
    (null: none) and of other events."""
    runs = pl.col("ended_date").is_null() | (pl.col("ended_date") > as_of)
    age = (pl.lit(as_of) - pl.col("started_date")).dt.total_days().cast(pl.Float64)
    ended = (pl.lit(as_of) - pl.col("ended_date")).dt.total_days().cast(pl.Float64)
    subscribers = (
        periods.filter(pl.col("started_date") <= as_of)
        .group_by("customer_id")
        .agg(
            subscriptions=runs.sum().cast(pl.Int32),
            subscription_days=age.filter(runs).max(),
            newest_subscription_days=age.filter(runs).min(),
            subscriptions_ended=(~runs).sum().cast(pl.Int32),
            ended_days_since=ended.filter(~runs).min(),
        )
        .filter(pl.col("subscriptions") > 0)
        .sort("customer_id")
    )
    bought = features_as_of(lines, as_of)
    rows = subscribers.join(bought, on="customer_id", how="left", maintain_order="left")
    return Snapshot(as_of, with_families(rows, families, as_of).with_columns(ROUNDED), None)


def fit_subscription_model(
    periods: pl.DataFrame,
    lines: pl.DataFrame,
    as_of: date,
    horizon: int,
    families: Sequence[EventFamily] = (),
    on_step: OnStep = lambda step, done, total: None,
    most_rows: int = MOST_ROWS,
) -> tuple[ChurnModel, Snapshot]:
    """The model of ending the last subscription within `horizon` days, and the subscribers as of the date.

    Trained on snapshots whose window had passed by `as_of`, of those at risk alone; nothing after it is looked at. With
    too few who left or stayed everybody is given the share who left.
    """
    now = subscribers_as_of(periods, lines, as_of, families)
    first = periods["started_date"].min()
    dates = training_dates(first, as_of, horizon) if first is not None else []  # type: ignore[arg-type]
    labels = {day: ended_labels(periods, day, horizon, as_of) for day in dates}
    every = one_in(sum(each.height for each in labels.values()), most_rows)
    snapshots = []
    for number, day in enumerate(dates):
        on_step(f"Looking at {day}", number, len(dates) + 1)
        some = some_of(labels[day]["customer_id"], every, number)
        rows = subscribers_as_of(of_customers(periods, some), of_customers(lines, some), day, families).rows
        snapshots.append(Snapshot(day, rows.join(labels[day], on="customer_id", maintain_order="left"), None))
    on_step("Learning", len(dates), len(dates) + 1)
    model = fit_model(stacked(snapshots), None, as_of, horizon, tuple(dates)).model
    return (model if model.terms else _share_alone(model)), now


def _share_alone(model: ChurnModel) -> ChurnModel:
    """Everybody's chance is the share who left, as if one more had and one more had not."""
    number, left = model.card.number_of_rows, model.card.left_share * model.card.number_of_rows
    share = np.array([(left + 1.0) / (number + 2.0)])
    return replace(model, calibration=Calibration(1.0, float(log_odds_of(share)[0])))
