"""Learning the model from the data alone: no labels, no settings per file.

Here: how strangers compare, from random pairs; how one person's records and households compare, by expectation and
maximisation over the pairs that blocking gives, with what is believed beforehand counted as so many pairs seen. Not
here: the model (`model.py`).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.compare import GAP_STATES, Comparer, States
from crm_platform.scv.match.fields import CROSSED, Field
from crm_platform.scv.match.blocking import Guards
from crm_platform.scv.match.model import HOUSEHOLD, MAILBOX, SAME, STRANGERS, Model, Weigher, level_of_state
from crm_platform.scv.match.trained import Frequencies, Trained
from crm_platform.scv.standardise.people import Standards

RANDOM_PAIRS = 200_000
TRAINING_PAIRS = 150_000
ROUNDS = 40
CONVERGED = 1e-3
BELIEVED_SAME = 60.0
BELIEVED_HOUSEHOLD = 300.0
BELIEVED_STRANGERS = 2.0


def random_pairs(number_of_records: int, wanted: int = RANDOM_PAIRS) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """About `wanted` distinct pairs of row numbers, the same for every call; all pairs where there are no more."""
    count = number_of_records
    if count * (count - 1) // 2 <= wanted:
        left, right = np.triu_indices(count, k=1)
        return left.astype(np.int32), right.astype(np.int32)
    generator = np.random.default_rng(20_240_601)
    left = generator.integers(0, count, wanted)
    right = generator.integers(0, count, wanted)
    is_pair = left != right
    low, high = np.minimum(left, right)[is_pair], np.maximum(left, right)[is_pair]
    packed = np.unique((low.astype(np.int64) << 32) | high)
    return (packed >> 32).astype(np.int32), (packed & 0xFFFFFFFF).astype(np.int32)


def believed(fields: Sequence[Field], number_of_records: int) -> Model:
    """What is believed before any data is seen."""
    same = {f.name: np.tile([level.same for level in f.levels], (GAP_STATES, 1)) for f in fields}
    for field in fields:
        if field.is_volatile:
            same[field.name][2] = _drifted(same[field.name][2])
    household = {f.name: np.asarray([level.household or level.same for level in f.levels]) for f in fields}
    strangers = {f.name: np.full(len(f.levels), 1.0 / len(f.levels)) for f in fields}
    per_record = 2.0 / max(number_of_records, 2)
    kinds = np.asarray([per_record, 0.2 * per_record, 0.02 * per_record, 1.0])
    return Model(list(fields), same, household, strangers, kinds)


def _drifted(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares over a year apart: one in seven of the agreements has become a disagreement."""
    drifted = shares * 0.85
    drifted[-1] += 0.15
    return drifted


def train(
    comparer: Comparer, candidates: tuple[NDArray[np.int32], NDArray[np.int32]], number_of_records: int
) -> Model:
    """The model of the records of a comparer, from its random pairs and a sample of the candidates."""
    model = believed(comparer.fields, number_of_records)
    left, right = candidates
    total_pairs = number_of_records * (number_of_records - 1) / 2
    random_states = _collected(comparer, *random_pairs(number_of_records))
    _learn_strangers(model, random_states, None)
    step = max(1, -(-len(left) // TRAINING_PAIRS))
    chosen = _spread(len(left), step)
    states = _collected(comparer, left[chosen], right[chosen])
    scale = len(left) / max(1, len(chosen))
    for repeat in range(2):
        _maximise(model, states, scale, total_pairs)
        if repeat == 0:
            # In a small file one person's records are a fair part of the random pairs: they are no strangers.
            posterior = _posterior(Weigher(model), random_states)
            _learn_strangers(model, random_states, 1.0 - posterior[:, SAME])
    return model


def _spread(count: int, step: int) -> NDArray[np.int64]:
    """Every `step`-th of the numbers below `count`, shuffled by a fixed multiplier so that no block is favoured."""
    numbers = np.arange(count, dtype=np.int64)
    if step <= 1:
        return numbers
    mixed = (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    chosen: NDArray[np.int64] = numbers[mixed % np.uint64(step) == 0]
    return chosen


def _collected(comparer: Comparer, left: NDArray[np.int32], right: NDArray[np.int32]) -> States:
    batches = list(comparer.compare(left, right))
    if not batches:
        return {name: np.empty(0, np.uint8) for name in (*(f.name for f in comparer.fields), "gap")}
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _learn_strangers(model: Model, states: States, shares: NDArray[np.float64] | None) -> None:
    for field in model.fields:
        level = level_of_state(states[field.name])
        known = level >= 0
        weights = None if shares is None else shares[known]
        seen = np.bincount(level[known], weights=weights, minlength=len(field.levels)).astype(np.float64)
        expected = np.full(len(field.levels), 0.02)
        expected[-1] = 1.0
        counted = seen + BELIEVED_STRANGERS * expected / expected.sum()
        learnt = counted / counted.sum()
        for place, believed_level in enumerate(field.levels):
            if believed_level.label == CROSSED:
                # Too rare among strangers to be counted; a name crosses by chance about as often as it agrees.
                learnt[place] = max(learnt[place], 0.3 * learnt[0])
        model.strangers[field.name] = learnt


def _posterior(weigher: Weigher, states: States) -> NDArray[np.float64]:
    kinds = weigher.by_kind(states).astype(np.float64)
    kinds -= kinds.max(axis=1, keepdims=True)
    shares = np.exp(kinds)
    result: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return result


def _maximise(model: Model, states: States, scale: float, total_pairs: float) -> None:
    prior = believed(model.fields, 2)
    levels = {field.name: level_of_state(states[field.name]) for field in model.fields}
    gap = states["gap"].astype(np.int64)
    if not len(gap):
        return
    for _ in range(ROUNDS):
        posterior = _posterior(Weigher(model), states)
        before = model.kinds.copy()
        counts = posterior.sum(axis=0) * scale
        for kind in (SAME, HOUSEHOLD, MAILBOX):
            model.kinds[kind] = (counts[kind] + 1.0) / total_pairs
        model.kinds[STRANGERS] = max(1.0 - model.kinds[:STRANGERS].sum(), 1e-6)
        change = 0.0
        for field in model.fields:
            change = max(change, _update(model, prior, field, levels[field.name], gap, posterior))
        if change < CONVERGED and np.allclose(before, model.kinds, rtol=1e-3):
            break


def _update(
    model: Model, prior: Model, field: Field, level: NDArray[np.int64], gap: NDArray[np.int64], posterior: NDArray[np.float64]
) -> float:
    known = level >= 0
    width = len(field.levels)
    same = posterior[known, SAME]
    believed_same = prior.same[field.name]
    old = model.same[field.name].copy()
    if field.is_volatile:
        place = gap[known] * width + level[known]
        seen = np.bincount(place, weights=same, minlength=GAP_STATES * width).reshape(GAP_STATES, width)
    else:
        seen = np.tile(np.bincount(level[known], weights=same, minlength=width), (GAP_STATES, 1))
    counted = seen + BELIEVED_SAME * believed_same
    model.same[field.name] = counted / counted.sum(axis=1, keepdims=True)
    if field.levels[0].household is not None:
        household = np.bincount(level[known], weights=posterior[known, HOUSEHOLD], minlength=width)
        counted_household = household + BELIEVED_HOUSEHOLD * prior.household[field.name]
        model.household[field.name] = counted_household / counted_household.sum()
    return float(np.abs(model.same[field.name] - old).max())


def untrained(standards: Standards, number_of_records: int) -> Trained:
    """What is left behind where there was nothing to learn from: no field can be compared."""
    model = believed([], number_of_records)
    empty = pl.DataFrame(schema={"field": pl.String, "value": pl.UInt64, "count": pl.UInt32})
    return Trained(standards, model, Frequencies(empty, {}), Guards(), number_of_records)
