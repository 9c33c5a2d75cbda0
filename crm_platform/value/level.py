"""How busy the coming period will be, beside what the purchase models expect of steady customers.

Here: one factor for all purchases, one for all spend, from the same factor of earlier snapshots. Not here: who buys
more than others (`correction.py`).
"""

from collections.abc import Sequence
from datetime import date

import numpy as np

from crm_platform.value.purchase_models.histories import Floats
from crm_platform.value.snapshots import YEAR_DAYS

EXTREME = 20.0
"""Customers with more than so many times what the hundredth largest in a hundred has tell nothing of all others."""

STEADY = 10
"""Without a year of history, mean log error of total purchases and of spend on fourteen splits: .126 and .167; with 2
instead .127 and .172, without any level .128 and .170."""


def ratio(actual: Floats, expected: Floats) -> float:
    """What came by what was expected, of all customers but the extreme; 1 where either is nothing."""
    usual = _is_usual(actual) & _is_usual(expected)
    came, should = float(actual[usual].sum()), float(expected[usual].sum())
    return came / should if came > 0 and should > 0 else 1.0


def _is_usual(figures: Floats) -> np.ndarray:
    above = figures[figures > 0]
    return figures <= EXTREME * np.quantile(above, 0.99) if above.size else np.ones(len(figures), dtype=np.bool_)


def expected_level(as_of: date, dates: Sequence[date], ratios: Sequence[float], learnt: int, horizon: int) -> float:
    """The ratio to expect after as-of: the one of a year ago where there is one, else a mean of the earlier ones.

    In the mean a snapshot counts half as much as one that is a horizon newer. Its logarithm is drawn towards none as if
    `STEADY` more snapshots had come out as expected: few of them tell a season rather than what lasts. Ratios of
    `learnt` days, fewer than the horizon, say nothing of the days beyond: the logarithm holds for so much of it.
    """
    if not dates:
        return 1.0
    year_ago = [each for day, each in zip(dates, ratios, strict=True) if (as_of - day).days == YEAR_DAYS]
    if year_ago:
        return year_ago[0]
    age = np.array([(max(dates) - day).days for day in dates]) / learnt
    lasting = len(dates) / (len(dates) + STEADY) * min(1.0, learnt / horizon)
    return float(np.exp(np.average(np.log(ratios), weights=0.5**age) * lasting))
