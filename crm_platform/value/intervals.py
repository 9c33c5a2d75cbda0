"""How far from what was expected customers came out in earlier snapshots: the intervals around a forecast.

Here: lower and upper bounds as factors on the expectation, by its size. Not here: the expectation.
"""

from dataclasses import dataclass

import numpy as np

from crm_platform.value.purchase_models.histories import Floats

COVERED = 0.8
"""The share of customers who come out within their interval, the bounds included."""

_GROUPS = 20
_FEWEST_IN_GROUP = 50


@dataclass(frozen=True)
class Spread:
    """Bounds as factors on the expectation, at the middles of groups of customers of like expectation."""

    expected: Floats
    low: Floats
    high: Floats

    def bounds(self, expected: Floats) -> tuple[Floats, Floats]:
        """Lower and upper bound of each expectation."""
        low, high = (np.interp(expected, self.expected, factor) for factor in (self.low, self.high))
        return expected * low, np.maximum(expected * high, expected * low)


def spread_of(expected: Floats, actual: Floats) -> Spread:
    """The spread of what came around what was expected; expectations must be above zero."""
    order = np.argsort(expected, kind="stable")
    groups = np.array_split(order, max(1, min(_GROUPS, len(order) // _FEWEST_IN_GROUP)))
    tail = (1.0 - COVERED) / 2.0
    factors = [np.quantile(actual[group] / expected[group], [tail, 1.0 - tail]) for group in groups]
    middles = np.array([np.median(expected[group]) for group in groups])
    low, high = np.array(factors).T
    return Spread(middles, low, high)
