"""Which rows share a key of blocking, without reading all rows: the keys of every rule, sorted.

Here: making, searching, adding to and keeping the index. Not here: what the keys are made of (`blocking.py`). Keys are
hashes of the installed polars, as those that `Trained` keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.blocking import Guards, Rule, keys_by_rule, ranges

Keys = NDArray[np.uint64]
Rows = NDArray[np.int32]
Sorted = tuple[Keys, Rows]
_EMPTY: Sorted = (np.empty(0, np.uint64), np.empty(0, np.int32))


@dataclass(frozen=True)
class KeyIndex:
    """By rule the keys, ascending, and the rows that have them: of the rows that were there first, and of later ones.

    The later ones stand apart, so that adding a day's rows costs what the later rows are, not all of them.
    """

    first: Mapping[str, Sorted]
    later: Mapping[str, Sorted]

    def with_rows(self, keys: Mapping[str, Sorted]) -> "KeyIndex":
        """The index with the keys of more rows."""
        return KeyIndex(
            self.first, {rule: _merged(self.later.get(rule, _EMPTY), added) for rule, added in keys.items()}
        )

    def rows_sharing(self, keys: Mapping[str, Sorted]) -> tuple[Rows, Rows]:
        """Pairs of a row of `keys` and a row of the index with the same key of a rule; a pair may come twice."""
        found = [
            _sharing(searched, part[rule])
            for rule, searched in keys.items()
            for part in (self.first, self.later)
            if rule in part
        ]
        if not found:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        one, other = zip(*found, strict=True)
        return np.concatenate(one), np.concatenate(other)


def keys_of_rows(records: pl.DataFrame, rules: Sequence[Rule], guards: Guards, offset: int = 0) -> dict[str, Sorted]:
    """By rule the keys of records whose blocks are compared, ascending, and their row numbers counted from `offset`."""
    result = {}
    for rule, rows, keys in keys_by_rule(records, rules):
        oversized = guards.oversized.get(rule.name, np.empty(0, np.uint64))
        kept = ~np.isin(keys, oversized)
        result[rule.name] = (keys[kept], (rows[kept] + offset).astype(np.int32))
    return result


def save_keys(keys: Mapping[str, Sorted], folder: Path) -> None:
    """Write keys into a folder, a pair of files per rule."""
    folder.mkdir(parents=True)
    for place, (rule, (values, rows)) in enumerate(sorted(keys.items())):
        np.save(folder / f"{place:02d}_{rule.replace(' ', '_')}.keys.npy", values)
        np.save(folder / f"{place:02d}_{rule.replace(' ', '_')}.rows.npy", rows)


def load_keys(folder: Path, rules: Sequence[Rule]) -> dict[str, Sorted]:
    """The keys of a folder; they stay in their files, and what is searched is read."""
    by_name = {path.name.split(".")[0][3:]: path for path in sorted(folder.glob("*.keys.npy"))}
    result: dict[str, Sorted] = {}
    for rule in rules:
        path = by_name.get(rule.name.replace(" ", "_"))
        if path is not None:
            rows = path.with_name(path.name.replace(".keys.", ".rows."))
            result[rule.name] = (np.load(path, mmap_mode="r"), np.load(rows, mmap_mode="r"))
    return result


def _sharing(searched: Sorted, indexed: Sorted) -> tuple[Rows, Rows]:
    keys, rows = searched
    low = np.searchsorted(indexed[0], keys, "left")
    number = np.searchsorted(indexed[0], keys, "right") - low
    return np.repeat(rows, number), np.asarray(indexed[1][ranges(low, number)])


def _merged(one: Sorted, other: Sorted) -> Sorted:
    keys, rows = np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])
    order = np.argsort(keys, kind="stable")
    return keys[order], rows[order]
