"""Sources that hold each person once, or nearly: two records of one such source are hardly one person.

Here: how much rarer one person's pairs are within a source than across sources, from the weighed pairs, and what
that is worth. Not here: the weights of the fields (`model.py`).
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.clustering import Once

LEAST_RECORDS = 100
LEAST_PAIRS_ACROSS = 50.0
# Below this the source is taken to be free of doubles; the number is of bits.
NEVER = -7.0
ROUNDS = 3
# A bit for each.
MOST_SOURCES = 64
Rows = NDArray[np.int64]


def within_source_weights(sources: pl.Series, left: Rows, right: Rows, weight: NDArray[np.float32]) -> dict[str, float]:
    """Per source the bits (0 or less) that a pair of two of its own records is worth less than one across sources.

    The base-2 logarithm of how much rarer one person's pairs are within the source, among all pairs it could have, than
    across. A register that was cleared of doubles gets -7 or less, a source that repeats people 0. Sources of fewer
    than 100 records, or hardly linked to others, get 0.
    """
    if sources.n_unique() - (sources.null_count() > 0) < 2:
        return {}
    names = sources.drop_nulls().unique().sort()
    codes = codes_of(sources, names.to_list())
    held = np.bincount(codes[codes >= 0], minlength=len(names)).astype(np.float64)
    one, other = codes[left], codes[right]
    shifts = np.zeros(len(names))
    is_within = (one == other) & (one >= 0)
    for _ in range(ROUNDS):
        shifted = weight + np.where(is_within, shifts[np.maximum(one, 0)], 0.0)
        share = 1.0 / (1.0 + 2.0 ** -np.clip(shifted, -50, 50))
        within = np.bincount(one[is_within], weights=share[is_within], minlength=len(names))
        apart = ~is_within & (one >= 0) & (other >= 0)
        across = np.bincount(one[apart], weights=share[apart], minlength=len(names))
        across += np.bincount(other[apart], weights=share[apart], minlength=len(names))
        could_within, could_across = held * (held - 1) / 2, held * (held.sum() - held)
        rate = (within + 0.5) / np.maximum(could_within, 1) * np.maximum(could_across, 1) / np.maximum(across, 1e-9)
        is_judged = (held >= LEAST_RECORDS) & (across >= LEAST_PAIRS_ACROSS)
        shifts = np.where(is_judged, np.minimum(np.log2(np.maximum(rate, 1e-6)), 0.0), 0.0)
    return {name: round(float(shift), 3) for name, shift in zip(names.to_list(), shifts, strict=True) if shift < -0.5}


def shift_of_pairs(sources: pl.Series, shifts: Mapping[str, float], left: Rows, right: Rows) -> NDArray[np.float64]:
    """What each pair is worth less for being of one source."""
    if not shifts:
        return np.zeros(len(left))
    codes = codes_of(sources, list(shifts))
    values = np.asarray(list(shifts.values()))
    one, other = codes[left], codes[right]
    result: NDArray[np.float64] = np.where((one == other) & (one >= 0), values[np.maximum(one, 0)], 0.0)
    return result


def once_of(sources: pl.Series, shifts: Mapping[str, float]) -> Once | None:
    """The sources that hold most people once, as the linkage reads them; None where there are none."""
    chosen = sorted(shifts, key=lambda name: (shifts[name], name))[:MOST_SOURCES]
    if not chosen:
        return None
    codes = codes_of(sources, chosen)
    held = np.where(codes >= 0, np.uint64(1) << np.maximum(codes, 0).astype(np.uint64), np.uint64(0))
    return Once(held, tuple(shifts[name] for name in chosen))


def codes_of(sources: pl.Series, names: list[str]) -> NDArray[np.int32]:
    """Per record the place of its source among the names; -1 where it is none of them."""
    places = sources.replace_strict(
        {name: place for place, name in enumerate(names)}, default=-1, return_dtype=pl.Int32
    )
    codes: NDArray[np.int32] = places.fill_null(-1).to_numpy()
    return codes
