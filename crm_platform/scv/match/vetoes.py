"""What no evidence outweighs: pairs that must not be one person, whatever else they have in common.

Here: vetoes. Not here: weights (`model.py`), sources that hold each person once (`sources.py`).
"""

import numpy as np
from numpy.typing import NDArray

from crm_platform.scv.match.compare import States, number_of_states
from crm_platform.scv.match.fields import FIELD_OF
from crm_platform.scv.match.model import Model

# An identity number is trusted to tell people apart when one person's records hardly ever disagree on it.
TRUSTED_DISAGREEMENT = 0.004
# The same for birth date and given name together; old registers get both wrong too often for a veto.
TRUSTED_DISAGREEMENT_OF_TWO = 0.001


def vetoed(states: States, model: Model) -> NDArray[np.bool_]:
    """Pairs with two trusted identity numbers, or two birth dates and two given names and no identifier in common."""
    names = {field.name for field in model.fields}
    result = np.zeros(len(states["gap"]), dtype=np.bool_)
    if "national_id" in names and _share_of_different(model, "national_id") < TRUSTED_DISAGREEMENT:
        result |= _differs(states, "national_id")
    if {"given", "birth_date"} <= names and _share_of_different(model, "given") * _share_of_different(
        model, "birth_date"
    ) < TRUSTED_DISAGREEMENT_OF_TWO:
        two_people = _differs(states, "given") & _differs(states, "birth_date")
        for identifier in names & {"national_id", "email"}:
            two_people &= (states[identifier] == 0) | _differs(states, identifier)
        result |= two_people
    if "generation" in names:
        result |= _differs(states, "generation")
    return result


def _share_of_different(model: Model, name: str) -> float:
    return float(model.same[name][0][-1])


def _differs(states: States, name: str) -> NDArray[np.bool_]:
    differs: NDArray[np.bool_] = states[name] == number_of_states(FIELD_OF[name]) - 1
    return differs
