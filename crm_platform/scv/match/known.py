"""What a run has found, kept so that the next one reads and changes no more of it than its new records touch.

Records that say the same are one row here, as they are when they are compared. Here: the rows, their pairs and groups
by number, and their files. Not here: how a day's records change them (`increment.py`), what was learnt (`trained.py`).

Rows are never taken away: one that no record stands for any more is passed over, and there if a record says it again.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from crm_platform.scv.match.blocking import RULES, Rule
from crm_platform.scv.match.clustering import connected_components
from crm_platform.scv.match.fields import Field, columns_of
from crm_platform.scv.match.key_index import KeyIndex, keys_of_rows, load_keys, save_keys
from crm_platform.scv.match.listed import with_listed
from crm_platform.scv.match.prepared import CONTENT, PAIR_SCHEMA, Matched
from crm_platform.scv.match.settings import MatchSettings
from crm_platform.scv.match.trained import Trained, load_trained, save_trained, with_rarities
from crm_platform.scv.match.weighed import WeighedPairs

# The rows that came later are put with the first when they are more than this share of them.
MOST_LATER = 0.1
_MEMBERS, _EARLIER, _PAIRS = "members.arrow", "earlier.arrow", "pairs.npz"
_FIRST, _LATER = "rows_first.arrow", "rows_later.arrow"
_FIRST_KEYS, _LATER_KEYS, _TRAINED = "keys_first", "keys_later", "trained"


@dataclass(frozen=True)
class Known:
    """What a match has found, by row.

    members: record_id, row, cluster_id, match_probability of every record that stands; earlier: record_id, row of what
    they said before. rows: the comparable columns and
    rarities by which a row is compared; first_rows: how many of them were there first; digests: a hash of each row;
    component: by row a number that rows which hang together share; weighed: pairs of rows. folder: where the first rows
    and keys lie in files already, if they do.
    """

    members: pl.DataFrame
    earlier: pl.DataFrame
    rows: pl.DataFrame
    first_rows: int
    digests: NDArray[np.uint64]
    component: NDArray[np.int32]
    weighed: WeighedPairs
    keys: KeyIndex
    trained: Trained
    folder: Path | None = None

    @property
    def clusters(self) -> pl.DataFrame:
        """As `Matched.clusters`."""
        return self.members.select("record_id", "cluster_id", "match_probability").sort("record_id")

    @property
    def pairs(self) -> pl.DataFrame:
        """As `Matched.pairs`: each row under the smallest of its records."""
        names, between = names_of_rows(self.members, self.rows.height), self.between_members()
        one, other = names.gather(between.left), names.gather(between.right)
        named = pl.DataFrame({"one": one, "other": other, "match_weight": between.weight, "is_vetoed": between.veto})
        return named.select(
            pl.min_horizontal("one", "other").alias("record_id_l"),
            pl.max_horizontal("one", "other").alias("record_id_r"),
            "match_weight", "is_vetoed",
        ).cast(PAIR_SCHEMA).sort("record_id_l", "record_id_r")  # type: ignore[arg-type]  # fmt: skip

    def speaking(self) -> pl.DataFrame:
        """row, main: rows that records said before, and the rows that these records say now, where they differ."""
        now = self.members.select("record_id", main="row")
        said = self.earlier.join(now, on="record_id").filter(pl.col("row") != pl.col("main"))
        return said.select("row", "main").unique().sort("row", "main")

    def between_members(self) -> WeighedPairs:
        """The pairs between rows that records say now: each the likest of what its records ever said."""
        number = self.rows.height
        stands = np.zeros(number, dtype=np.bool_)
        stands[self.members["row"].to_numpy()] = True
        left, right = self.weighed.left, self.weighed.right
        direct = self.weighed.only(stands[left] & stands[right] & (left != right))
        speaking = self.speaking()
        if speaking.is_empty():
            return direct
        has_spoken = np.zeros(number, dtype=np.bool_)
        has_spoken[speaking["row"].to_numpy()] = True
        said_before = self.weighed.only(has_spoken[left] | has_spoken[right])
        itself = self.members.select("row", main="row").unique()
        mains = pl.concat([speaking, itself]).lazy()
        expanded = (
            said_before.frame().join(mains, left_on="left", right_on="row")
            .join(mains, left_on="right", right_on="row", suffix="_r").filter(pl.col("main") != pl.col("main_r"))
            .select(
                left=pl.min_horizontal("main", "main_r"), right=pl.max_horizontal("main", "main_r"),
                weight="weight", veto="veto",
            )
        )  # fmt: skip
        likest = (
            pl.concat([direct.frame(), expanded]).group_by("left", "right")
            .agg(pl.col("weight").max(), pl.col("veto").all()).sort("left", "right").collect()
        )  # fmt: skip
        return WeighedPairs(*(likest[name].to_numpy() for name in ("left", "right", "weight", "veto")))

    def records_of(self, record_ids: pl.Series) -> pl.DataFrame:
        """As `Matched.records_of`."""
        chosen = self.members.filter(pl.col("record_id").is_in(record_ids.implode())).sort("record_id")
        return self.rows[chosen["row"].to_numpy()].with_columns(chosen["record_id"])


def rules_of(fields: Sequence[Field]) -> list[Rule]:
    """The rules of blocking that the columns of these fields allow."""
    columns = set(columns_of(fields))
    return [rule for rule in RULES if set(rule.needs) <= columns]


def content_columns(fields: Sequence[Field]) -> list[str]:
    """The columns that make two records say the same; nicknames follow from the given name."""
    return [name for name in dict.fromkeys([*columns_of(fields), *CONTENT]) if name != "nicknames"]


def digests_of(records: pl.DataFrame, fields: Sequence[Field]) -> NDArray[np.uint64]:
    """A hash of what each record says."""
    hashed = records.select(pl.struct(content_columns(fields)).hash(seed=3)).to_series()
    return hashed.to_numpy()


def names_of_rows(members: pl.DataFrame, number_of_rows: int) -> pl.Series:
    """By row its smallest record_id; null where no record stands for it."""
    first = members.lazy().group_by("row").agg(pl.col("record_id").min()).collect()
    names = pl.LazyFrame({"row": np.arange(number_of_rows, dtype=np.int32)}).join(
        first.lazy(), on="row", how="left", maintain_order="left"
    )
    return names.collect()["record_id"]


def known_from(matched: Matched, settings: MatchSettings | None = None) -> Known:
    """What a full run has found, by row.

    Raises:
        ValueError: no field was compared, so there is nothing to go on with.
    """
    chosen, fields, prepared = settings or MatchSettings(), matched.trained.model.fields, matched.prepared
    if not fields:
        raise ValueError("Nothing was compared.")
    rows = with_rarities(prepared.distinct, fields, matched.trained.frequencies).drop("record_id")
    first = prepared.distinct.select("record_id").with_row_index("row").with_columns(pl.col("row").cast(pl.Int32))
    numbered = (
        matched.pairs.lazy().join(first.lazy(), left_on="record_id_l", right_on="record_id", maintain_order="left")
        .join(first.lazy(), left_on="record_id_r", right_on="record_id", suffix="_r", maintain_order="left")
        .select("row", "row_r", "match_weight", "is_vetoed").collect()
    )  # fmt: skip
    pairs = WeighedPairs(*(numbered[name].to_numpy() for name in numbered.columns))
    linking = with_listed(rows, matched.trained, pairs).above(chosen.linked_weight)
    members = matched.clusters.with_columns(row=pl.Series(prepared.place.astype(np.int32)))
    return Known(
        members.select("record_id", "row", "cluster_id", "match_probability"),
        members.select("record_id", "row").clear(),
        rows,
        rows.height,
        digests_of(rows, fields),
        connected_components(rows.height, pairs.left[linking], pairs.right[linking]).astype(np.int32),
        pairs,
        KeyIndex(keys_of_rows(rows, rules_of(fields), matched.trained.guards), {}),
        matched.trained,
    )


def save_known(known: Known, folder: Path) -> None:
    """Write everything into a new folder; what lies in files already is linked, not copied."""
    folder.mkdir(parents=True)
    later = known.rows[known.first_rows :]
    are_apart = later.height <= MOST_LATER * known.first_rows
    is_linked = are_apart and known.folder is not None
    if is_linked and known.folder is not None:
        (folder / _FIRST_KEYS).mkdir()
        for path in (known.folder / _FIRST, *(known.folder / _FIRST_KEYS).iterdir()):
            os.link(path, folder / path.relative_to(known.folder))
    elif are_apart:
        save_keys(known.keys.first, folder / _FIRST_KEYS)
        _write(known.rows[: known.first_rows], folder / _FIRST)
    else:
        fields = known.trained.model.fields
        save_keys(keys_of_rows(known.rows, rules_of(fields), known.trained.guards), folder / _FIRST_KEYS)
        _write(known.rows, folder / _FIRST)
    save_keys(known.keys.later if are_apart else {}, folder / _LATER_KEYS)
    _write(later if are_apart else known.rows.clear(), folder / _LATER)
    _write(known.members, folder / _MEMBERS)
    _write(known.earlier, folder / _EARLIER)
    with (folder / _PAIRS).open("wb") as file:
        np.savez(
            file, digests=known.digests, component=known.component, left=known.weighed.left.astype(np.int32),
            right=known.weighed.right.astype(np.int32), weight=known.weighed.weight, veto=known.weighed.veto,
        )  # fmt: skip
    if is_linked and known.folder is not None:
        (folder / _TRAINED).mkdir()
        for path in (known.folder / _TRAINED).iterdir():
            os.link(path, folder / path.relative_to(known.folder))
    else:
        save_trained(known.trained, folder / _TRAINED)


def load_known(folder: Path) -> Known:
    """Read what `save_known` wrote; rows and keys stay in their files, and what is touched is read."""
    trained = load_trained(folder / _TRAINED)
    rules = rules_of(trained.model.fields)
    first, later = _mapped(folder / _FIRST), _mapped(folder / _LATER)
    arrays = np.load(folder / _PAIRS)
    return Known(
        _mapped(folder / _MEMBERS),
        _mapped(folder / _EARLIER),
        pl.concat([first, later], rechunk=False) if later.height else first,
        first.height,
        arrays["digests"],
        arrays["component"],
        WeighedPairs(arrays["left"], arrays["right"], arrays["weight"], arrays["veto"]),
        KeyIndex(load_keys(folder / _FIRST_KEYS, rules), load_keys(folder / _LATER_KEYS, rules)),
        trained,
        folder,
    )


def _write(frame: pl.DataFrame, path: Path) -> None:
    frame.write_ipc(path, compression="uncompressed")


def _mapped(path: Path) -> pl.DataFrame:
    """A frame whose values stay in the file until they are asked for."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame
