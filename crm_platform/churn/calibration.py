"""Makes log-odds mean what they say: how far to trust them, and how the newest period differs from those before.

Here: a slope and an offset on log-odds. Not here: the learners.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from crm_platform.value.purchase_models.histories import Floats

NEWEST_SHARE = 0.35
"""How much of the newest period's difference is believed to go on: all of it follows the season round, none of it
misses a trend; a third was best on eighteen held-out splits."""

_BELIEVED = 1.0
_STEPS = 50


@dataclass(frozen=True)
class Calibration:
    """log-odds -> slope * log-odds + offset."""

    slope: float
    offset: float

    def applied(self, log_odds: Floats) -> Floats:
        """Calibrated log-odds."""
        return self.slope * log_odds + self.offset


UNCHANGED = Calibration(1.0, 0.0)


def calibrate(log_odds: Floats, has_left: Floats, period: NDArray[np.int64] | None = None) -> Calibration:
    """The likeliest slope, and the offset that makes the total right, with a slope of 1 and no offset believed as much
    as one customer says.

    The belief keeps both finite where everybody left, or nobody. Rows are of one period each, numbered from zero (None:
    all of one): the slope is that within periods. Were seasons mixed, customers would look more alike than they are.
    """
    own_period = np.zeros(len(log_odds), dtype=np.int64) if period is None else period
    believed = np.zeros(2 + int(own_period.max(initial=0)))
    believed[0] = 1.0

    def objective(parameters: Floats) -> tuple[float, Floats]:
        odds = parameters[0] * log_odds + parameters[1:][own_period]
        error = probability(odds) - has_left
        loss = np.logaddexp(0.0, odds) - has_left * odds
        belief = _BELIEVED * (parameters - believed)
        value = loss.sum() + 0.5 * float(belief @ belief)
        by_period = np.bincount(own_period, error, len(believed) - 1)
        return value / number, (np.array([error @ log_odds, *by_period]) + belief) / number

    number = max(len(log_odds), 1)
    bounds = [(0.0, 10.0), *[(-30.0, 30.0)] * (len(believed) - 1)]
    found = minimize(objective, believed, jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"ftol": 1e-15, "gtol": 1e-10})  # fmt: skip
    slope = float(found.x[0])
    return Calibration(slope, level_offset(slope * log_odds, has_left))


def level_offset(log_odds: Floats, has_left: Floats) -> float:
    """By how much a period's log-odds would have to be moved for its total to be right."""
    offset = 0.0
    for _ in range(_STEPS):
        p = probability(log_odds + offset)
        step = ((p - has_left).sum() + _BELIEVED * offset) / ((p * (1.0 - p)).sum() + _BELIEVED)
        offset -= float(np.clip(step, -2.0, 2.0))
    return offset


def probability(log_odds: Floats) -> Floats:
    """The probability of log-odds."""
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))


def log_odds_of(probabilities: Floats) -> Floats:
    """The log-odds of probabilities, kept from the ends by one in ten thousand."""
    kept = np.clip(probabilities, 1e-4, 1.0 - 1e-4)
    log_odds: Floats = np.log(kept) - np.log1p(-kept)
    return log_odds
