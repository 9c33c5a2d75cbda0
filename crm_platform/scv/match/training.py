"""Learning the model from the data alone: no labels, no settings per file.

Here: how strangers compare, from random pairs; how one person's records compare, by expectation and maximisation over
the pairs that blocking gives, with what is believed beforehand counted as so many pairs seen. Not here: the model
(`model.py`).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.blocking import Guards
from crm_platform.scv.match.compare import GAP_STATES, Comparer, States
from crm_platform.scv.match.fields import Field
from crm_platform.scv.match.model import (
    NAME_CONTEXTS,
    SAME,
    STRANGERS,
    Model,
    Weigher,
    crossed_level,
    level_of_state,
    name_context,
)
from crm_platform.scv.match.trained import Frequencies, Trained
from crm_platform.scv.standardise.people import Standards

Rows = NDArray[np.int32]
RANDOM_PAIRS = 200_000
NAMESAKE_PAIRS = 40_000
TRAINING_PAIRS = 150_000
ROUNDS = 40
CONVERGED = 1e-3
# What is believed beforehand counts as so many pairs seen.
BELIEVED_SAME = 60.0
BELIEVED_STRANGERS = 2.0
BELIEVED_EMAIL = 20.0
# The kinds for each record of the file, before anything is seen.
KINDS_PER_RECORD = (1.0, 0.2, 1.0, 0.02)
# E-mail levels of strangers (agreement, other provider, typing error, like, different), by the context of names.
EMAIL_BY_NAMES = (
    (0.0001, 0.0001, 0.0001, 0.0010, 0.9987),
    (0.0003, 0.0010, 0.0010, 0.0200, 0.9777),
    (0.0003, 0.0010, 0.0010, 0.0200, 0.9777),
    (0.0050, 0.0200, 0.0200, 0.4000, 0.5550),
)


def random_pairs(number_of_records: int, wanted: int = RANDOM_PAIRS) -> tuple[Rows, Rows]:
    """About `wanted` distinct pairs of row numbers, the same for every call; all pairs where there are no more."""
    count = number_of_records
    if count * (count - 1) // 2 <= wanted:
        left, right = np.triu_indices(count, k=1)
        return left.astype(np.int32), right.astype(np.int32)
    generator = np.random.default_rng(20_240_601)
    left, right = generator.integers(0, count, wanted), generator.integers(0, count, wanted)
    is_pair = left != right
    low, high = np.minimum(left, right)[is_pair], np.maximum(left, right)[is_pair]
    packed = np.unique((low.astype(np.int64) << 32) | high)
    return (packed >> 32).astype(np.int32), (packed & 0xFFFFFFFF).astype(np.int32)


def namesakes(records: pl.DataFrame, wanted: int = NAMESAKE_PAIRS) -> tuple[Rows, Rows]:
    """Pairs of records of like names, whatever else they hold: neighbours in an order by name, else arbitrary."""
    ordered = (
        records.lazy().select("given_sound", "surname_sound", row=pl.int_range(pl.len(), dtype=pl.Int32))
        .filter(pl.col("given_sound").is_not_null() & pl.col("surname_sound").is_not_null())
        .sort("given_sound", "surname_sound", (pl.col("row").cast(pl.UInt64) * 2_654_435_761) % 4_294_967_291)
        .with_columns(next=pl.col("row").shift(-1).over("given_sound", "surname_sound"))
        .filter(pl.col("next").is_not_null()).select("row", "next").sort("row").collect()
    )  # fmt: skip
    chosen = ordered.gather_every(max(1, ordered.height // wanted))
    return chosen["row"].to_numpy(), chosen["next"].to_numpy()


def believed(fields: Sequence[Field], number_of_records: int) -> Model:
    """What is believed before any data is seen."""
    same = {f.name: np.tile([level.same for level in f.levels], (GAP_STATES, 1)) for f in fields}
    for field in fields:
        if field.is_volatile:
            same[field.name][2] = _drifted(same[field.name][2])
    strangers = {f.name: np.full(len(f.levels), 1.0 / len(f.levels)) for f in fields}
    per_record = 2.0 / max(number_of_records, 2)
    kinds = np.asarray([*(share * per_record for share in KINDS_PER_RECORD), 1.0])
    return Model(list(fields), same, strangers, np.asarray(EMAIL_BY_NAMES), kinds)


def _drifted(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares over a year apart: one in seven of the agreements has become a disagreement."""
    drifted = shares * 0.85
    drifted[-1] += 0.15
    return drifted


def train(comparer: Comparer, records: pl.DataFrame, candidates: tuple[Rows, Rows]) -> Model:
    """The model of the records of a comparer, from random pairs, namesakes and a sample of the candidates."""
    number = records.height
    model = believed(comparer.fields, number)
    left, right = candidates
    strangers = _collected(comparer, *random_pairs(number))
    _learn_strangers(model, strangers, None)
    has_names_and_email = {"given", "surname", "email"} <= {field.name for field in model.fields}
    alike = _collected(comparer, *namesakes(records)) if has_names_and_email else None
    chosen = _spread(len(left), max(1, -(-len(left) // TRAINING_PAIRS)))
    states = _collected(comparer, left[chosen], right[chosen])
    scale = len(left) / max(1, len(chosen))
    for repeat in range(2):
        _maximise(model, states, alike, scale, number * (number - 1) / 2)
        if repeat == 0:
            # In a small file one person's records are a fair part of the random pairs: they are no strangers.
            _learn_strangers(model, strangers, 1.0 - _posterior(Weigher(model), strangers)[:, SAME])
    return model


def _spread(count: int, step: int) -> NDArray[np.int64]:
    """One in `step` of the numbers below `count`, by a fixed multiplier so that no block is favoured."""
    numbers = np.arange(count, dtype=np.int64)
    if step <= 1:
        return numbers
    mixed = (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    chosen: NDArray[np.int64] = numbers[mixed % np.uint64(step) == 0]
    return chosen


def _collected(comparer: Comparer, left: Rows, right: Rows) -> States:
    batches = list(comparer.compare(left, right))
    if not batches:
        return {name: np.empty(0, np.uint8) for name in (*(f.name for f in comparer.fields), "gap")}
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _learn_strangers(model: Model, states: States, shares: NDArray[np.float64] | None) -> None:
    """Count the levels of random pairs, each pair by its share of being two people."""
    for field in model.fields:
        level = level_of_state(states[field.name])
        known = level >= 0
        weights = None if shares is None else shares[known]
        seen = np.bincount(level[known], weights=weights, minlength=len(field.levels)).astype(np.float64)
        expected = np.full(len(field.levels), 0.02)
        expected[-1] = 1.0
        counted = seen + BELIEVED_STRANGERS * expected / expected.sum()
        learnt = counted / counted.sum()
        crossed = crossed_level(field)
        if crossed is not None:
            # Too rare among strangers to be counted; a name crosses by chance about as often as it agrees.
            learnt[crossed] = max(learnt[crossed], 0.3 * learnt[0])
        model.strangers[field.name] = learnt
    if "email" in model.strangers:
        model.strangers_email[0] = model.strangers["email"]


def _posterior(weigher: Weigher, states: States) -> NDArray[np.float64]:
    kinds = weigher.by_kind(states).astype(np.float64)
    kinds -= kinds.max(axis=1, keepdims=True)
    shares = np.exp(kinds)
    result: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return result


def _maximise(model: Model, states: States, alike: States | None, scale: float, total_pairs: float) -> None:
    """Expectation and maximisation: the kinds of pairs and one person's levels, until they change no more."""
    levels = {field.name: level_of_state(states[field.name]) for field in model.fields}
    gap = states["gap"].astype(np.int64)
    if not len(gap):
        return
    prior = believed(model.fields, 2)
    for _ in range(ROUNDS):
        weigher = Weigher(model)
        posterior = _posterior(weigher, states)
        before = model.kinds.copy()
        counts = posterior.sum(axis=0) * scale
        model.kinds[:STRANGERS] = (counts[:STRANGERS] + 1.0) / total_pairs
        model.kinds[STRANGERS] = max(1.0 - model.kinds[:STRANGERS].sum(), 1e-6)
        if alike is not None:
            _learn_email_of_namesakes(model, alike, _posterior(weigher, alike)[:, SAME])
        change = max(
            _update(model, prior, field, levels[field.name], gap, posterior[:, SAME]) for field in model.fields
        )
        if change < CONVERGED and np.allclose(before, model.kinds, rtol=1e-2):
            break


def _learn_email_of_namesakes(model: Model, alike: States, same: NDArray[np.float64]) -> None:
    level, context = level_of_state(alike["email"]), name_context(alike)
    width = model.strangers_email.shape[1]
    known = level >= 0
    seen = np.bincount(
        context[known] * width + level[known], weights=1.0 - same[known], minlength=len(NAME_CONTEXTS) * width
    ).reshape(len(NAME_CONTEXTS), width)
    counted = seen + BELIEVED_EMAIL * np.asarray(EMAIL_BY_NAMES)
    model.strangers_email[1:] = (counted / counted.sum(axis=1, keepdims=True))[1:]


def _update(
    model: Model,
    prior: Model,
    field: Field,
    level: NDArray[np.int64],
    gap: NDArray[np.int64],
    same: NDArray[np.float64],
) -> float:
    """One person's levels of a field, from the pairs' shares of being one person; gives the greatest change."""
    known = level >= 0
    width = len(field.levels)
    old = model.same[field.name]
    if field.is_volatile:
        place = gap[known] * width + level[known]
        seen = np.bincount(place, weights=same[known], minlength=GAP_STATES * width).reshape(GAP_STATES, width)
    else:
        seen = np.tile(np.bincount(level[known], weights=same[known], minlength=width), (GAP_STATES, 1))
    counted = seen + BELIEVED_SAME * prior.same[field.name]
    model.same[field.name] = counted / counted.sum(axis=1, keepdims=True)
    return float(np.abs(model.same[field.name] - old).max())


def untrained(standards: Standards, number_of_records: int) -> Trained:
    """What is left behind where there was nothing to learn from: no field can be compared."""
    empty = pl.DataFrame(schema={"field": pl.String, "value": pl.UInt64, "count": pl.UInt32})
    model = believed([], number_of_records)
    return Trained(standards, model, Frequencies(empty, {}), Guards(), number_of_records)
