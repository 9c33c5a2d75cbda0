"""Whether a new model takes the place of the one in use.

Here: the comparison on customers that neither was trained on, and the verdict. Not here: scoring (`model.py`).
"""

from dataclasses import dataclass

import numpy as np

from crm_platform.churn.metrics import Interval, Metrics, measure, paired_auc_difference
from crm_platform.value.purchase_models.histories import Floats

TOLERATED_ECE = 0.005
TOLERATED_TOTAL = 0.01
"""At least; of few customers what chance moves a total by, one standard error of it, is tolerated."""


@dataclass(frozen=True)
class Succession:
    """champion, challenger: figures on the same customers; auc_gain: of the challenger, with its 95 % interval;
    is_replaced and reason: the verdict."""

    champion: Metrics
    challenger: Metrics
    auc_gain: Interval | None
    is_replaced: bool
    reason: str


def compare_models(champion: Floats, challenger: Floats, has_left: Floats, seed: int) -> Succession:
    """The challenger replaces the champion where it ranks better beyond chance, and is not worse calibrated nor
    further off in total. The probabilities are of the same customers of a period after both were trained."""
    old, new = measure(champion, has_left), measure(challenger, has_left)
    if old.auc is None or new.auc is None or old.total_error is None or new.total_error is None:
        return Succession(old, new, None, False, "Nobody left, or everybody: nothing to compare by.")
    gain = paired_auc_difference(challenger, champion, has_left, seed)
    if gain.low <= 0.0:
        reason = f"AUC {gain.value:+.4f} may be chance: its interval begins at {gain.low:+.4f}."
    elif new.ece > old.ece + TOLERATED_ECE:
        reason = f"Calibration is worse: {new.ece:.4f} after {old.ece:.4f}."
    elif abs(new.total_error) > abs(old.total_error) + max(TOLERATED_TOTAL, _chance(challenger, has_left)):
        reason = f"The total is further off: {new.total_error:+.1%} after {old.total_error:+.1%}."
    else:
        return Succession(old, new, gain, True, f"AUC {gain.value:+.4f}, from {gain.low:+.4f} on.")
    return Succession(old, new, gain, False, reason)


def _chance(probabilities: Floats, has_left: Floats) -> float:
    """One standard error of the number of leavers, were the probabilities right, as a share of those who left."""
    return float(np.sqrt(np.sum(probabilities * (1.0 - probabilities))) / has_left.sum())
