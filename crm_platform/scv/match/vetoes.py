"""What no evidence outweighs: pairs that must not be one person, whatever else they have in common.

Here: vetoes. Not here: weights (`model.py`), sources that hold each person once (`sources.py`).
"""

import numpy as np
from numpy.typing import NDArray

from crm_platform.scv.match.compare import RARITY_STATES, States, number_of_states
from crm_platform.scv.match.fields import FIELD_OF, GENERATION_APART
from crm_platform.scv.match.model import Model

# An identity number is trusted to tell people apart when one person's records hardly ever disagree on it.
TRUSTED_DISAGREEMENT = 0.004
# The same for birth date and given name together; old registers get both wrong too often for a veto.
TRUSTED_DISAGREEMENT_OF_TWO = 0.001
# The same for birth dates a generation apart.
TRUSTED_GENERATION = 0.01
_GENERATION_APART = next(
    place for place, level in enumerate(FIELD_OF["birth_date"].levels) if level.label == GENERATION_APART
)


def vetoed(states: States, model: Model) -> NDArray[np.bool_]:
    """Pairs with two trusted identity numbers, or two birth dates and two given names and no identifier in common, or
    birth dates a generation apart, as father and son have them, and no identifier in common."""
    names = {field.name for field in model.fields}
    result = np.zeros(len(states["gap"]), dtype=np.bool_)
    if "national_id" in names and _share_of_different(model, "national_id") < TRUSTED_DISAGREEMENT:
        result |= _differs(states, "national_id")
    if {"given", "birth_date"} <= names and _share_of_different(model, "given") * _share_of_different(
        model, "birth_date"
    ) < TRUSTED_DISAGREEMENT_OF_TWO:
        two_people = _differs(states, "given") & (_differs(states, "birth_date") | _is_generation_apart(states))
        result |= two_people & ~_shares_identifier(states, names)
    if "birth_date" in names and model.same["birth_date"][0][_GENERATION_APART] < TRUSTED_GENERATION:
        result |= _is_generation_apart(states) & ~_shares_identifier(states, names)
    if "generation" in names:
        result |= _differs(states, "generation")
    return result


def _is_generation_apart(states: States) -> NDArray[np.bool_]:
    apart: NDArray[np.bool_] = states["birth_date"] == RARITY_STATES + _GENERATION_APART
    return apart


def _shares_identifier(states: States, names: set[str]) -> NDArray[np.bool_]:
    shares = np.zeros(len(states["gap"]), dtype=np.bool_)
    for identifier in names & {"national_id", "email"}:
        shares |= (states[identifier] != 0) & ~_differs(states, identifier)
    return shares


def _share_of_different(model: Model, name: str) -> float:
    return float(model.same[name][0][-1])


def _differs(states: States, name: str) -> NDArray[np.bool_]:
    differs: NDArray[np.bool_] = states[name] == number_of_states(FIELD_OF[name]) - 1
    return differs
