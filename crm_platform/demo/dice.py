"""Seeded draws: one generator for each chunk and purpose, and the draws that numpy does not have.

Only how to draw belongs here; what is drawn, and with what odds, stands with the thing it makes.
A purpose has its own generator, so that a new draw in one part leaves every other part as it was.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

EPOCH = date(1970, 1, 1)
SECONDS_A_DAY = 86_400
# Those that every country's codes and postcodes allow.
LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


def dice(seed: int, chunk: int, purpose: str) -> np.random.Generator:
    """A generator that depends on nothing but its three arguments."""
    return np.random.default_rng([seed, chunk, zlib.crc32(purpose.encode())])


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def chance(rng: np.random.Generator, count: int, odds: float | Floats) -> Booleans:
    """True for each of `count` with the given odds (one figure, or one for each)."""
    return rng.random(count) < odds


def choose(
    rng: np.random.Generator, values: Sequence[str], count: int, weights: Sequence[float] | None = None
) -> pl.Series:
    """Draw `count` of the values with replacement; weights need not add up to one."""
    return pl.Series(values, dtype=pl.String).gather(choose_index(rng, len(values), count, weights))


def choose_index(
    rng: np.random.Generator, options: int, count: int, weights: Sequence[float] | Floats | None = None
) -> Integers:
    """Draw `count` positions below `options` with replacement."""
    if weights is None:
        return rng.integers(0, options, count)
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn: Integers = np.searchsorted(edges, rng.random(count) * edges[-1], side="right").astype(np.int64)
    return drawn


def rank_weights(options: int) -> Floats:
    """Weights that fall with the rank, as the frequencies of names do."""
    weights: Floats = 1.0 / (np.arange(options, dtype=np.float64) + 6.0)
    return weights


def fill_patterns(rng: np.random.Generator, patterns: pl.Series) -> pl.Series:
    """Replace each # by a digit and each @ by a capital letter, in every pattern of the series."""
    filled = np.empty(len(patterns), dtype=object)
    codes = patterns.to_numpy()
    for pattern in patterns.unique().sort().drop_nulls():
        where = np.flatnonzero(codes == pattern)
        filled[where] = _fill(rng, pattern, len(where))
    return pl.Series(filled.tolist(), dtype=pl.String)


def _fill(rng: np.random.Generator, pattern: str, count: int) -> npt.NDArray[np.str_]:
    letters = np.tile(np.array(list(pattern), dtype="U1"), (count, 1))
    for position, sign in enumerate(pattern):
        if sign == "#":
            letters[:, position] = (rng.integers(0, 10, count) + ord("0")).astype(np.uint32).view("U1")
        elif sign == "@":
            letters[:, position] = np.array(list(LETTERS), dtype="U1")[rng.integers(0, len(LETTERS), count)]
    return letters.view(f"U{len(pattern)}").ravel()


def seasonal_days(rng: np.random.Generator, first: Integers, last: Integers) -> Integers:
    """A day for each pair of day numbers, inclusive: more before Christmas and at weekends.

    `last` before `first` gives `first`.
    """
    if len(first) == 0:
        return first.astype(np.int64)
    low, high = int(first.min()), int(max(last.max(), first.max()))
    days = np.arange(low, high + 1)
    year_day = (days % 365.25) / 365.25 * 12
    weights = 1.0 + 0.9 * np.exp(-((year_day - 11.4) ** 2) / 0.5) + 0.25 * ((days + 3) % 7 >= 5)
    edges = np.concatenate([[0.0], np.cumsum(weights)])
    start, end = edges[first - low], edges[np.maximum(last, first) - low + 1]
    drawn = np.searchsorted(edges, start + rng.random(len(first)) * (end - start), side="right") - 1 + low
    within: Integers = np.clip(drawn, first, np.maximum(last, first)).astype(np.int64)
    return within


def waking_seconds(rng: np.random.Generator, count: int) -> Integers:
    """A second of the day (UTC) when people are up, mostly in the evening."""
    hours = np.clip(rng.normal(15.5, 3.8, count), 5.0, 22.9)
    return (hours * 3600).astype(np.int64) + rng.integers(0, 60, count)


def dates(days: Integers) -> pl.Series:
    """Day numbers as dates."""
    return pl.Series(days.astype(np.int32), dtype=pl.Int32).cast(pl.Date)


def timestamps(seconds: Integers) -> pl.Series:
    """Seconds since 1970 as timestamps in UTC."""
    return (pl.Series(seconds) * 1_000_000).cast(pl.Datetime("us", "UTC"))


def span_of(seconds: Floats | Integers) -> pl.Expr:
    """A span of time for each row, of seconds in the order of the rows."""
    return pl.duration(microseconds=pl.lit(pl.Series((seconds * 1_000_000).astype(np.int64))))
