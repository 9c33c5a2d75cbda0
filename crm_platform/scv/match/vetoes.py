"""What no evidence outweighs: pairs that must not be one person, whatever else they have in common.

Here: vetoes, and which sources hold each person once. Not here: weights (`model.py`).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.compare import States, number_of_states
from crm_platform.scv.match.fields import FIELD_OF
from crm_platform.scv.match.model import Model

# An identity number is trusted to tell people apart when one person's records hardly ever disagree on it.
TRUSTED_DISAGREEMENT = 0.004
# The same for birth date and given name together; old registers get both wrong too often for a veto.
TRUSTED_DISAGREEMENT_OF_TWO = 0.001
LEAST_RECORDS_OF_SOURCE = 100
GREATEST_SHARE_WITHIN = 0.01
LEAST_SHARE_ACROSS = 0.10


def vetoed(states: States, model: Model) -> NDArray[np.bool_]:
    """Pairs with two trusted identity numbers, or with two birth dates and two given names and no identifier in common."""
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


def deduplicated_sources(
    sources: pl.Series, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[str, ...]:
    """Sources that hold each person once: hardly a record is linked within, many are linked to other sources.

    left, right: row numbers of the linked pairs.
    """
    if sources.null_count() == len(sources) or sources.n_unique() < 2:
        return ()
    one, other = sources.gather(left), sources.gather(right)
    ends = pl.DataFrame(
        {"source": pl.concat([one, other]), "row": np.r_[left, right], "within": pl.concat([one == other] * 2)}
    )
    linked = ends.group_by("source", "within").agg(records=pl.col("row").n_unique())
    held = pl.DataFrame({"source": sources}).drop_nulls().group_by("source").len("total")
    within = linked.filter("within").select("source", within_records="records")
    across = linked.filter(~pl.col("within")).select("source", across_records="records")
    judged = held.join(within, on="source", how="left").join(across, on="source", how="left").fill_null(0)
    once = judged.filter(
        (pl.col("total") >= LEAST_RECORDS_OF_SOURCE)
        & (pl.col("within_records") <= GREATEST_SHARE_WITHIN * pl.col("total"))
        & (pl.col("across_records") >= LEAST_SHARE_ACROSS * pl.col("total"))
    )
    return tuple(sorted(once["source"].to_list()))


def of_one_source(
    sources: pl.Series, once: tuple[str, ...], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Pairs of records of one and the same of the sources that hold each person once."""
    if not once:
        return np.zeros(len(left), dtype=np.bool_)
    number = sources.replace_strict({name: place for place, name in enumerate(once)}, default=-1, return_dtype=pl.Int32)
    codes = number.fill_null(-1).to_numpy()
    same: NDArray[np.bool_] = (codes[left] == codes[right]) & (codes[left] >= 0)
    return same
