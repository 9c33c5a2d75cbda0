"""Which pairs of records are worth comparing: those that share a key of one of several rules.

Here: the rules, the guard against giant blocks, pairs from blocks. Not here: comparing them (`compare.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

WIDE = "wide_pairs_per_record"
SAMPLED_PAIRS = 150_000
# The parts that keys are made of.
PARTS: Mapping[str, pl.Expr] = {
    "year": pl.col("birth_date").str.slice(0, 4),
    "day": pl.when(pl.col("birth_date").str.slice(4) != "0101").then(pl.col("birth_date")),
    "initial": pl.col("given_first").str.slice(0, 1),
    "long_mailbox": pl.when(pl.col("mailbox").str.len_bytes() >= 5).then(pl.col("mailbox")),
    "email_start": pl.col("email").str.slice(0, 8),
    "email_letters": pl.col("email").str.slice(0, 4),
    "mobile": pl.coalesce("mobile_phone", pl.when("is_mobile").then("phone")),
    "one_sound": pl.min_horizontal("given_sound", "surname_sound"),
    "other_sound": pl.max_horizontal("given_sound", "surname_sound"),
}


@dataclass(frozen=True)
class Rule:
    """Records that agree on all parts of a rule are compared.

    needs: the columns it reads; is_wide: it finds what the others miss, at many pairs for each, and gets fewer of them.
    """

    name: str
    needs: tuple[str, ...]
    parts: tuple[str, ...]
    budget: str = "pairs_per_record"


def _rule(name: str, needs: str, parts: str) -> Rule:
    return Rule(name, tuple(needs.split()), tuple(parts.split()))


def _identifier(name: str, part: str = "") -> Rule:
    return Rule(name, (name,), (part or name,), "identifier_pairs_per_record")


def _wide(name: str, needs: str, parts: str) -> Rule:
    return Rule(name, tuple(needs.split()), tuple(parts.split()), WIDE)


RULES: tuple[Rule, ...] = (
    _identifier("national_id"),
    _identifier("email"),
    _identifier("phone"),
    Rule("mobile phone", ("phone", "mobile_phone"), ("mobile",), "identifier_pairs_per_record"),
    _rule("mailbox", "email", "long_mailbox"),
    _rule("name", "given_first surname", "given_first surname"),
    _rule("name, year", "given_first surname birth_date", "given_first surname year"),
    _rule("name, postcode", "given_first surname postcode", "given_first surname postcode"),
    _rule("sounds of names", "given_first surname", "given_sound surname_sound"),
    _rule("crossed names", "given_first surname", "one_sound other_sound"),
    _rule("surname, birth date", "surname birth_date", "surname_sound birth_date"),
    _rule("given name, birth date", "given_first birth_date", "given_sound birth_date"),
    _rule("address", "street_key house_number", "street_key house_number"),
    _rule("street, surname", "street_key surname", "street_key surname_sound"),
    _rule("street, given name", "street_key given_first", "street_key given_first"),
    _rule("surname, postcode", "surname postcode", "surname_sound postcode"),
    _rule("initial, surname, place of birth", "given_first surname birth_place", "initial surname_sound birth_place"),
    _rule("given name, place of birth, year", "given_first birth_place birth_date", "given_first birth_place year"),
    _wide("birth date", "birth_date", "day"),
    _wide("initial, surname, year", "given_first surname birth_date", "initial surname_sound year"),
    _wide("given name, postcode", "given_first postcode", "given_first postcode"),
    _wide("number, postcode", "house_number postcode", "house_number postcode"),
    _wide("postcode, year", "postcode birth_date", "postcode year"),
    _wide("initial, surname, town", "given_first surname city", "initial surname_sound city"),
    _wide("given name, town, year", "given_first city birth_date", "given_first city year"),
    _wide("initial, surname, postal area", "given_first surname postcode", "initial surname_sound postal_area"),
    _wide("initial, surname, occupation", "given_first surname occupation", "initial surname occupation"),
    _wide("start of mailbox", "email", "email_start"),
    _wide("letters of mailbox, year", "email birth_date", "email_letters year"),
    _wide("surname", "surname", "surname_sound"),
    _wide("given name, place of birth", "given_first birth_place", "given_sound birth_place"),
    _wide("given name, town", "given_first city", "given_sound city"),
    _wide("given name, year", "given_first birth_date", "given_sound year"),
    _wide("postcode", "postcode", "postcode"),
    _wide("town, year", "city birth_date", "city year"),
    _wide("place of birth, year", "birth_place birth_date", "birth_place year"),
    _wide(
        "initial, occupation, place of birth", "given_first occupation birth_place", "initial occupation birth_place"
    ),
)


@dataclass(frozen=True)
class Guards:
    """Per rule the keys whose blocks are too large to be compared (64-bit hashes, sorted).

    all_pairs: there were so few records that every pair was compared.
    """

    oversized: Mapping[str, NDArray[np.uint64]] = field(default_factory=dict)
    all_pairs: bool = False


@dataclass(frozen=True)
class Blocking:
    """How many pairs blocking may give. A rule gives at most `pairs_per_record` for each record (one by an identifier
    `identifier_pairs_per_record`; a wide one, that finds what the others miss at many pairs for each,
    `wide_pairs_per_record`) or `least_pairs`, its largest blocks left out first; a block of `always` records or
    fewer is never left out; files of more than `least_pairs_up_to` records get fewer `least_pairs` by as much; with
    no more than `all_pairs_up_to` pairs in all, all are compared."""

    pairs_per_record: float = 1.0
    identifier_pairs_per_record: float = 6.0
    wide_pairs_per_record: float = 0.1
    least_pairs: int = 400_000
    least_pairs_up_to: int = 50_000
    always: int = 3
    all_pairs_up_to: int = 1_000_000


@dataclass(frozen=True)
class Sample:
    """Some of the pairs (row numbers left < right), each of which stands for `step`."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    step: int


@dataclass(frozen=True)
class Candidates:
    """Row numbers left < right of the pairs to compare, each pair once and in order; the guards they came by; samples
    to learn from, of what narrow rules found and of all.

    What wide rules find agrees on little but what it was found by, town and year say. By its number it would teach
    that this is what one person's records have in common.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    guards: Guards
    narrow: Sample
    every: Sample


def usable_rules(records: pl.DataFrame, columns: Iterable[str]) -> list[Rule]:
    """The rules whose columns are among those compared."""
    present = {column for column in columns if records[column].null_count() < records.height}
    return [rule for rule in RULES if set(rule.needs) <= present]


def candidate_pairs(
    records: pl.DataFrame, rules: Sequence[Rule], limits: Blocking, guards: Guards | None = None
) -> Candidates:
    """The pairs to compare. With `guards` from an earlier run the same pairs come out as then."""
    number = records.height
    is_small = number * (number - 1) // 2 <= limits.all_pairs_up_to
    if is_small if guards is None else guards.all_pairs:
        one, other = np.triu_indices(number, k=1)
        left, right = one.astype(np.int32), other.astype(np.int32)
        packed = (left.astype(np.int64) << 32) | right
        some = _sample([packed])
        return Candidates(left, right, Guards(all_pairs=True), some, some)
    found: dict[str, NDArray[np.uint64]] = {}
    batches: list[NDArray[np.int64]] = []
    for rule, rows, keys in keys_by_rule(records, rules):
        if guards is None:
            found[rule.name] = _oversized(keys, limits, records.height, rule)
        oversized = (found if guards is None else guards.oversized).get(rule.name, np.empty(0, np.uint64))
        if len(oversized):
            is_kept = ~np.isin(keys, oversized)
            rows, keys = rows[is_kept], keys[is_kept]
        batches.append(_pairs_of_blocks(rows, keys))
    narrow = _sample([batch for rule, batch in zip(rules, batches, strict=True) if rule.budget != WIDE])
    every = _sample(batches)
    left, right = _unpacked(_distinct(batches))
    return Candidates(left, right, guards or Guards(found), narrow, every)


def _distinct(batches: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    pairs = np.concatenate(batches) if batches else np.empty(0, np.int64)
    return pl.Series("pair", pairs).unique().sort().to_numpy()


def _unpacked(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)


def _sample(batches: Sequence[NDArray[np.int64]]) -> Sample:
    """One in so many of the distinct pairs, by a fixed multiplier so that no block is favoured."""
    step = max(1, -(-sum(map(len, batches)) // SAMPLED_PAIRS))
    if step == 1:
        return Sample(*_unpacked(_distinct(batches)), step)
    chosen = []
    for batch in batches:
        mixed = (batch.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
        chosen.append(batch[mixed % np.uint64(step) == 0])
    return Sample(*_unpacked(_distinct(chosen)), step)


def keys_by_rule(
    records: pl.DataFrame, rules: Sequence[Rule]
) -> Iterator[tuple[Rule, NDArray[np.int64], NDArray[np.uint64]]]:
    """Per rule the rows that have a key, and their keys (64-bit hashes), ordered by key and row."""
    parts = _hashed_parts(records, {part for rule in rules for part in rule.parts})
    for rule in rules:
        yield rule, *_keys(parts, rule)


def _hashed_parts(records: pl.DataFrame, names: set[str]) -> dict[str, tuple[NDArray[np.uint64], NDArray[np.bool_]]]:
    """Each part hashed, and where it is known."""
    parts = {}
    for name in sorted(names):
        values = records.select(PARTS.get(name, pl.col(name)).alias(name))[name]
        parts[name] = (values.hash(seed=1).to_numpy(), values.is_not_null().to_numpy())
    return parts


def _keys(
    parts: Mapping[str, tuple[NDArray[np.uint64], NDArray[np.bool_]]], rule: Rule
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    known = np.logical_and.reduce([parts[part][1] for part in rule.parts])
    rows = np.flatnonzero(known)
    key = np.zeros(len(rows), dtype=np.uint64)
    for part in rule.parts:
        key = (key ^ (key >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + parts[part][0][rows]
    ordered = pl.DataFrame({"row": rows, "key": key}).sort("key", "row")
    return ordered["row"].to_numpy(), ordered["key"].to_numpy()


def _oversized(keys: NDArray[np.uint64], limits: Blocking, records: int, rule: Rule) -> NDArray[np.uint64]:
    """The keys of the largest blocks, as many as it takes to stay within the limit."""
    distinct, sizes = np.unique(keys, return_counts=True)
    pairs_of_size = (
        np.bincount(sizes).astype(np.float64)
        * np.arange(sizes.max(initial=0) + 1)
        * np.arange(-1, sizes.max(initial=0))
        / 2
    )
    least = limits.least_pairs * min(1.0, limits.least_pairs_up_to / max(records, 1))
    budget = max(least, getattr(limits, rule.budget) * records)
    within = np.flatnonzero(np.cumsum(pairs_of_size) <= budget)
    largest = max(limits.always, int(within[-1]) if len(within) else 0)
    oversized: NDArray[np.uint64] = distinct[sizes > largest]
    return oversized


def _pairs_of_blocks(rows: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """All pairs inside each run of equal keys, as `left << 32 | right`."""
    if not len(keys):
        return np.empty(0, np.int64)
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    sizes = np.diff(np.r_[starts, len(keys)])
    starts, sizes = starts[sizes > 1], sizes[sizes > 1]
    positions = ranges(starts, sizes)
    ends = np.repeat(starts + sizes, sizes)
    followers = ends - positions - 1
    left = np.repeat(positions, followers)
    right = ranges(positions + 1, followers)
    one, other = rows[left], rows[right]
    packed: NDArray[np.int64] = (np.minimum(one, other) << 32) | np.maximum(one, other)
    return packed


def ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers start, start + 1, ... of each length, one after the other."""
    if not len(lengths) or not lengths.sum():
        return np.empty(0, np.int64)
    offsets = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(starts, lengths) + np.arange(lengths.sum()) - offsets
