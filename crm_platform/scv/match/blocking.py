"""Which pairs of records are worth comparing: those that share a key of one of several rules.

Here: the rules, the guard against giant blocks, pairs from blocks. Not here: comparing them (`compare.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

_YEAR = pl.col("birth_date").str.slice(0, 4)
_DAY = pl.when(pl.col("birth_date").str.slice(4) != "0101").then(pl.col("birth_date"))
_INITIAL = pl.col("given_first").str.slice(0, 1)
_PERSON_NAME = pl.col("given_first")
_LOCAL = pl.when(pl.col("email").str.contains("@")).then(pl.col("email").str.extract(r"^(.{5,})@"))


@dataclass(frozen=True)
class Rule:
    """Records that agree on all parts of a rule are compared.

    needs: the columns it reads; is_wide: it finds what the others miss, at many pairs for each, and gets fewer of them.
    """

    name: str
    parts: tuple[pl.Expr, ...]
    needs: tuple[str, ...]
    is_wide: bool = False


def _rule(name: str, needs: Iterable[str], *parts: pl.Expr) -> Rule:
    return Rule(name, parts, tuple(needs))


def _wide(name: str, needs: Iterable[str], *parts: pl.Expr) -> Rule:
    return Rule(name, parts, tuple(needs), is_wide=True)


_SOUND, _GIVEN_SOUND = pl.col("surname_sound"), pl.col("given_sound")
RULES: tuple[Rule, ...] = (
    _rule("national_id", ["national_id"], pl.col("national_id")),
    _rule("email", ["email"], pl.col("email")),
    _rule("phone", ["phone"], pl.col("phone")),
    _rule("mobile", ["mobile_phone"], pl.col("mobile_phone")),
    _rule("mailbox", ["email"], _LOCAL),
    _rule("name", ["given_first", "surname"], _PERSON_NAME, pl.col("surname")),
    _rule("name+year", ["given_first", "surname", "birth_date"], _PERSON_NAME, pl.col("surname"), _YEAR),
    _rule("name+postcode", ["given_first", "surname", "postcode"], _PERSON_NAME, pl.col("surname"), pl.col("postcode")),
    _rule("sounds", ["given_first", "surname"], _GIVEN_SOUND, _SOUND),
    _rule("surname+birth_date", ["surname", "birth_date"], _SOUND, pl.col("birth_date")),
    _rule("given+birth_date", ["given_first", "birth_date"], _GIVEN_SOUND, pl.col("birth_date")),
    _wide("birth_date", ["birth_date"], _DAY),
    _wide("initial+surname+year", ["given_first", "surname", "birth_date"], _INITIAL, _SOUND, _YEAR),
    _rule("address", ["street_key", "house_number"], pl.col("street_key"), pl.col("house_number")),
    _rule("street+surname", ["street_key", "surname"], pl.col("street_key"), _SOUND),
    _rule("street+given", ["street_key", "given_first"], pl.col("street_key"), pl.col("given_first")),
    _rule("surname+postcode", ["surname", "postcode"], _SOUND, pl.col("postcode")),
    _wide("given+postcode", ["given_first", "postcode"], pl.col("given_first"), pl.col("postcode")),
    _wide("number+postcode", ["house_number", "postcode"], pl.col("house_number"), pl.col("postcode")),
    _wide("postcode+year", ["postcode", "birth_date"], pl.col("postcode"), _YEAR),
    _wide("initial+surname+city", ["given_first", "surname", "city"], _INITIAL, _SOUND, pl.col("city")),
    _wide("given+city+year", ["given_first", "city", "birth_date"], pl.col("given_first"), pl.col("city"), _YEAR),
    _rule("initial+surname+birth_place", ["given_first", "surname", "birth_place"], _INITIAL, _SOUND,
          pl.col("birth_place")),
    _rule("given+birth_place+year", ["given_first", "birth_place", "birth_date"], pl.col("given_first"),
          pl.col("birth_place"), _YEAR),
    _wide("surname+postal_area", ["surname", "postcode"], _SOUND, pl.col("postal_area"), _INITIAL),
    _wide("surname+occupation", ["surname", "occupation"], pl.col("surname"), pl.col("occupation"), _INITIAL),
    _wide("email_start", ["email"], pl.col("email").str.slice(0, 8)),
    _rule("crossed", ["given_first", "surname"], pl.min_horizontal(_GIVEN_SOUND, _SOUND), pl.max_horizontal(_GIVEN_SOUND, _SOUND)),
    _wide("surname", ["surname"], _SOUND),
    _wide("given+birth_place", ["given_first", "birth_place"], _GIVEN_SOUND, pl.col("birth_place")),
    _wide("given+city", ["given_first", "city"], _GIVEN_SOUND, pl.col("city")),
    _wide("given+year", ["given_first", "birth_date"], _GIVEN_SOUND, _YEAR),
    _wide("postcode", ["postcode"], pl.col("postcode")),
    _wide("city+year", ["city", "birth_date"], pl.col("city"), _YEAR),
    _wide("birth_place+year", ["birth_place", "birth_date"], pl.col("birth_place"), _YEAR),
    _wide("occupation+birth_place", ["occupation", "birth_place"], pl.col("occupation"), pl.col("birth_place"), _INITIAL),
    _wide("email+year", ["email", "birth_date"], pl.col("email").str.slice(0, 4), _YEAR),
)  # fmt: skip


@dataclass(frozen=True)
class Guards:
    """Per rule the keys whose blocks are too large to be compared (64-bit hashes, sorted).

    all_pairs: there were so few records that every pair was compared.
    """

    oversized: Mapping[str, NDArray[np.uint64]] = field(default_factory=dict)
    all_pairs: bool = False


@dataclass(frozen=True)
class Blocking:
    """How many pairs blocking may give. A rule gives at most `pairs_per_record` for each record (a wide one
    `wide_pairs_per_record`) or `least_pairs`, its largest blocks left out first; a block of `always` records or fewer is
    never left out, and with no more than `all_pairs_up_to` pairs in all, all are compared."""

    pairs_per_record: float = 1.5
    wide_pairs_per_record: float = 0.2
    least_pairs: int = 400_000
    always: int = 3
    all_pairs_up_to: int = 1_000_000


def usable_rules(records: pl.DataFrame, columns: Iterable[str]) -> list[Rule]:
    """The rules whose columns are among those compared."""
    present = {column for column in columns if records[column].null_count() < records.height}
    return [rule for rule in RULES if set(rule.needs) <= present]


def candidate_pairs(
    records: pl.DataFrame,
    rules: Sequence[Rule],
    limits: Blocking,
    guards: Guards | None = None,
    is_new: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.int32], Guards]:
    """Row numbers left < right of the pairs to compare, each pair once and in order; and the guards they came by.

    With `guards` from an earlier run the same pairs come out as then; with `is_new` only pairs with a new record.
    """
    number = records.height
    is_small = number * (number - 1) // 2 <= limits.all_pairs_up_to
    if is_small if guards is None else guards.all_pairs:
        return (*_all_pairs(number, is_new), Guards(all_pairs=True))
    found: dict[str, NDArray[np.uint64]] = {}
    pairs = np.empty(0, dtype=np.int64)
    for rule in rules:
        rows, keys = _keys(records, rule)
        if guards is None:
            found[rule.name] = _oversized(keys, limits, records.height, rule.is_wide)
        oversized = (found if guards is None else guards.oversized).get(rule.name, np.empty(0, np.uint64))
        if len(oversized):
            is_kept = ~np.isin(keys, oversized)
            rows, keys = rows[is_kept], keys[is_kept]
        pairs = _union(pairs, _pairs_of_blocks(rows, keys, is_new))
    left, right = (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)
    return left, right, guards or Guards(found)


def _all_pairs(number: int, is_new: NDArray[np.bool_] | None) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    if is_new is None:
        left, right = np.triu_indices(number, k=1)
        return left.astype(np.int32), right.astype(np.int32)
    new = np.flatnonzero(is_new)
    one, other = np.repeat(new, number), np.tile(np.arange(number), len(new))
    is_pair = one != other
    one, other = one[is_pair], other[is_pair]
    packed = np.unique((np.minimum(one, other).astype(np.int64) << 32) | np.maximum(one, other))
    return (packed >> 32).astype(np.int32), (packed & 0xFFFFFFFF).astype(np.int32)


def _keys(records: pl.DataFrame, rule: Rule) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The rows that have a key, and their keys, ordered by key and row."""
    key = pl.concat_str(*rule.parts, separator="\x1f").alias("text")
    keyed = (
        records.lazy().select(pl.int_range(pl.len(), dtype=pl.Int64).alias("row"), key).filter(pl.col("text").is_not_null())
        .select("row", key=pl.col("text").hash(seed=1)).sort("key", "row").collect()
    )  # fmt: skip
    return keyed["row"].to_numpy(), keyed["key"].to_numpy()


def _oversized(keys: NDArray[np.uint64], limits: Blocking, records: int, is_wide: bool) -> NDArray[np.uint64]:
    """The keys of the largest blocks, as many as it takes to stay within the limit."""
    distinct, sizes = np.unique(keys, return_counts=True)
    pairs_of_size = np.bincount(sizes).astype(np.float64) * np.arange(sizes.max(initial=0) + 1) ** 2 / 2
    per_record = limits.wide_pairs_per_record if is_wide else limits.pairs_per_record
    budget = max(limits.least_pairs, per_record * records)
    within = np.flatnonzero(np.cumsum(pairs_of_size) <= budget)
    largest = max(limits.always, int(within[-1]) if len(within) else 0)
    oversized: NDArray[np.uint64] = distinct[sizes > largest]
    return oversized


def _pairs_of_blocks(
    rows: NDArray[np.int64], keys: NDArray[np.uint64], is_new: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """All pairs inside each run of equal keys, as `left << 32 | right`."""
    if not len(keys):
        return np.empty(0, np.int64)
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    sizes = np.diff(np.r_[starts, len(keys)])
    if is_new is not None:
        has_new = np.add.reduceat(is_new[rows].astype(np.int64), starts) > 0
        starts, sizes = starts[has_new], sizes[has_new]
    starts, sizes = starts[sizes > 1], sizes[sizes > 1]
    positions = _ranges(starts, sizes)
    ends = np.repeat(starts + sizes, sizes)
    followers = ends - positions - 1
    left = np.repeat(positions, followers)
    right = _ranges(positions + 1, followers)
    one, other = rows[left], rows[right]
    if is_new is not None:
        chosen = is_new[one] | is_new[other]
        one, other = one[chosen], other[chosen]
    packed: NDArray[np.int64] = (np.minimum(one, other) << 32) | np.maximum(one, other)
    return packed


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers start, start + 1, ... of each length, one after the other."""
    if not len(lengths) or not lengths.sum():
        return np.empty(0, np.int64)
    offsets = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(starts, lengths) + np.arange(lengths.sum()) - offsets


def _union(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The distinct numbers of both, ascending."""
    return pl.concat([pl.Series("pair", one), pl.Series("pair", other)]).unique().sort().to_numpy()
