"""People as a match takes them in, and what it gives back.

Here: the records as they are compared, copies set apart; their pairs weighed. Not here: reading names and addresses
(`scv/standardise`), the order of the steps (`engine.py`, `increment.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.problem import Problem
from crm_platform.scv.match.compare import Comparer
from crm_platform.scv.match.fields import Field, columns_of, usable_fields
from crm_platform.scv.match.model import Weigher
from crm_platform.scv.match.settings import MatchSettings
from crm_platform.scv.match.trained import Frequencies, Trained, with_rarities
from crm_platform.scv.match.vetoes import vetoed
from crm_platform.scv.match.weighed import WeighedPairs
from crm_platform.scv.standardise.people import USABLE_COLUMNS, Standards, standardise

PAIR_SCHEMA = {"record_id_l": pl.String, "record_id_r": pl.String, "match_weight": pl.Float32, "is_vetoed": pl.Boolean}
# What two records have to have in common to be copies, besides the columns of the fields.
CONTENT = ("source", "recorded_days", "house_number", "surname_sound", "given_sound", "address_key")


class MatchError(Problem):
    """People that cannot be matched; the message says why and what to do."""


@dataclass(frozen=True)
class Prepared:
    """Records as they are compared, copies set apart.

    record_ids: ascending; distinct: record_id and the comparable columns of the rows to compare, the first of each
    set of copies; place: for each record its row in `distinct`.
    """

    record_ids: pl.Series
    distinct: pl.DataFrame
    place: NDArray[np.int64]
    fields: list[Field]

    def copies(self) -> NDArray[np.int64]:
        """How many records each row of `distinct` stands for."""
        return np.bincount(self.place, minlength=self.distinct.height)

    def records(self, chosen: pl.Series | None = None) -> pl.DataFrame:
        """All records with their comparable columns, or those that are chosen (by record, true or false)."""
        if chosen is None:
            return self.distinct[self.place].with_columns(self.record_ids)
        places = np.asarray(self.place[chosen.to_numpy()])
        return self.distinct[places].with_columns(self.record_ids.filter(chosen))


@dataclass(frozen=True)
class Matched:
    """What a match found.

    clusters: record_id, cluster_id (the smallest record_id of the cluster), match_probability (that the record belongs
    where it stands; for a record alone, that it is alone), ordered by record_id. pairs: record_id_l < record_id_r,
    match_weight (base-2 logarithm of the odds that the two are one person), is_vetoed; those above
    `MatchSettings.kept_weight`, each record standing for its copies, ordered. prepared: the records as they were
    compared. trained: what later records are matched by.
    """

    clusters: pl.DataFrame
    pairs: pl.DataFrame
    prepared: Prepared
    trained: Trained

    @property
    def records(self) -> pl.DataFrame:
        """record_id and the comparable columns of all, ordered by record_id."""
        return self.prepared.records()

    def records_of(self, record_ids: pl.Series) -> pl.DataFrame:
        """Of these records record_id and the comparable columns, ordered by record_id."""
        return self.prepared.records(self.prepared.record_ids.is_in(record_ids.implode()))


def comparable_records(people: pl.DataFrame, standards: Standards | None = None) -> tuple[pl.DataFrame, Standards]:
    """record_id and the comparable columns of people, ordered by record_id; with the standards they were read by.

    Raises:
        MatchError: no record_id, one that is null or not unique, or no usable column.
    """
    _refuse_unusable(people)
    ordered = people.with_columns(pl.col("record_id").cast(pl.String)).sort("record_id")
    comparable, found = standardise(ordered, standards)
    comparable = comparable.with_columns(
        address_key=pl.when(pl.col("street_key").is_not_null()).then(
            pl.concat_str("house_number", "street_key", separator=" ", ignore_nulls=True)
        )
    )
    return comparable.insert_column(0, ordered["record_id"]), found


def _refuse_unusable(people: pl.DataFrame) -> None:
    if "record_id" not in people.columns:
        raise MatchError(
            "There is no column record_id. Name the column that tells records apart by record_id=<column>."
        )
    if people["record_id"].null_count():
        raise MatchError(f"{people['record_id'].null_count():,} records have no record_id. Give each record one.")
    doubled = people.height - people["record_id"].n_unique()
    if doubled:
        raise MatchError(f"{doubled:,} records have a record_id that another one has. Give each record its own.")
    if people.height and not set(people.columns) & set(USABLE_COLUMNS):
        raise MatchError(
            f"No column can be compared. Known columns: {', '.join(USABLE_COLUMNS)}. Map yours by <known>=<column>."
        )


def prepare(records: pl.DataFrame, fields: Sequence[Field] | None) -> Prepared | None:
    """The records with copies set apart; None where there is nothing to compare."""
    usable = usable_fields(records) if fields is None else list(fields)
    if not usable or records.height < 2:
        return None
    content = list(dict.fromkeys([*columns_of(usable), *CONTENT]))
    groups = records.with_row_index("row").select(pl.col("row").min().over(content))["row"].to_numpy()
    firsts, place = np.unique(groups, return_inverse=True)
    return Prepared(records["record_id"], records[firsts], place.astype(np.int64), usable)


@contextmanager
def comparer_of(
    records: pl.DataFrame, fields: list[Field], frequencies: Frequencies, settings: MatchSettings
) -> Iterator[Comparer]:
    comparer = Comparer(with_rarities(records, fields, frequencies), fields, settings.memory_limit, settings.threads)
    try:
        yield comparer
    finally:
        comparer.close()


def weigh(
    comparer: Comparer,
    weigher: Weigher,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    settings: MatchSettings,
    on_pairs: Callable[[int, int], None] | None = None,
) -> WeighedPairs:
    """The pairs that weigh enough to be kept, vetoed ones at their own weight."""
    found, start = [], 0
    for states in comparer.compare(left, right):
        weight = weigher.weights(states)
        kept = np.flatnonzero(weight > settings.kept_weight)
        veto = vetoed(states, weigher.model)[kept]
        found.append((left[start + kept], right[start + kept], weight[kept], veto))
        start += len(weight)
        if on_pairs:
            on_pairs(start, len(left))
    return WeighedPairs.of(found)
