"""How many will leave in the coming season, from how many left in the same season a year ago.

Here: the share to expect, where a year of history tells it. Not here: who is likelier to leave than others.
The measure is the purchase model's, fitted anew at each date: learners that saw all dates take the season for a trait
of the customers of the time.
"""

from datetime import timedelta

import numpy as np
import polars as pl

from crm_platform.churn.calibration import NEWEST_SHARE, Calibration, level_offset, probability
from crm_platform.churn.model import SILENCE
from crm_platform.churn.snapshots import Memory, Snapshot, labelled_silence
from crm_platform.value.purchase_models.histories import Floats

YEAR_DAYS = 364
"""Weekdays and most seasons stand where they stood 52 weeks ago."""

LEAST_HISTORY = 180
"""With fewer days before it, the season of a year ago was measured on new customers alone, and misleads."""

_STEPS = 60


def expected_share(lines: pl.DataFrame, now: Snapshot, horizon: int, memory: Memory | None = None) -> float | None:
    """The share of customers to expect to leave; None where no year of history tells.

    By how much a year ago was off the purchase model, and to a third by how much the newest period was.
    """
    year_ago = now.as_of - timedelta(days=YEAR_DAYS)
    has_history = bool((lines["purchase_date"] <= year_ago - timedelta(days=LEAST_HISTORY)).any())
    if now.purchases is None or horizon > YEAR_DAYS or not has_history:
        return None
    then = labelled_silence(lines, year_ago, horizon, now.as_of, memory)
    newest = labelled_silence(lines, now.as_of - timedelta(days=horizon), horizon, now.as_of, memory)
    if then.purchases is None or newest.purchases is None:
        return None
    offset = (1.0 - NEWEST_SHARE) * _offset(then) + NEWEST_SHARE * _offset(newest)
    return float(probability(now.rows[SILENCE].to_numpy() + offset).mean())


def with_total(calibration: Calibration, blended: Floats, share: float) -> Calibration:
    """The calibration moved so that the chances' mean is the share, by bisection."""
    log_odds = calibration.slope * blended
    low, high = -30.0, 30.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(np.mean(probability(log_odds + middle))) < share else (low, middle)
    return Calibration(calibration.slope, (low + high) / 2.0)


def _offset(snapshot: Snapshot) -> float:
    return level_offset(snapshot.rows[SILENCE].to_numpy(), snapshot.rows["has_left"].cast(pl.Float64).to_numpy())
