"""Matching from end to end: people in, clusters and weighed pairs out.

Here: the order of the steps, for a full run, for a day's new records and for one pair. Not here: the steps (the modules
beside), keys that outlive a run (`scv/identity`), files and progress bars (`cli/match.py`).

A match is the same for any order of the input's rows, and a run on all records with an earlier run's `Trained` gives
the same clusters as the earlier run followed by `match_new`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.problem import Problem
from crm_platform.scv.match.blocking import candidate_pairs, usable_rules
from crm_platform.scv.match.clustering import connected_components
from crm_platform.scv.match.compare import Comparer
from crm_platform.scv.match.fields import Field, columns_of, usable_fields
from crm_platform.scv.match.grouping import Groups, WeighedPairs, group_records
from crm_platform.scv.match.model import Weigher
from crm_platform.scv.match.settings import MatchSettings
from crm_platform.scv.match.sources import within_source_weights
from crm_platform.scv.match.trained import Frequencies, Trained, count_values, with_rarities
from crm_platform.scv.match.training import train, untrained
from crm_platform.scv.match.vetoes import vetoed
from crm_platform.scv.standardise.people import USABLE_COLUMNS, Standards, standardise

Step = Callable[[str, int, int], None]
PAIR_SCHEMA = {"record_id_l": pl.String, "record_id_r": pl.String, "match_weight": pl.Float32, "is_vetoed": pl.Boolean}
_CONTENT = ("source", "recorded_days", "house_number", "surname_sound", "given_sound", "address_key")


class MatchError(Problem):
    """People that cannot be matched; the message says why and what to do."""


@dataclass(frozen=True)
class Matched:
    """What a match found.

    clusters: record_id, cluster_id (the smallest record_id of the cluster), match_probability (that the record belongs
    where it stands; for a record alone, that it is alone), ordered by record_id. pairs: record_id_l < record_id_r,
    match_weight (base-2 logarithm of the odds that the two are one person), is_vetoed; those above
    `MatchSettings.kept_weight`, each record standing for its copies, ordered. records: record_id and the comparable
    columns, ordered by record_id. trained: what later records are matched by.
    """

    clusters: pl.DataFrame
    pairs: pl.DataFrame
    records: pl.DataFrame
    trained: Trained


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

    def records(self) -> pl.DataFrame:
        """All records with their comparable columns."""
        return self.distinct[self.place].with_columns(self.record_ids)


@dataclass(frozen=True)
class LookedAt(Groups):
    """Groups of which only some were looked at."""

    is_looked_at: NDArray[np.bool_]


def match_people(
    people: pl.DataFrame,
    settings: MatchSettings | None = None,
    trained: Trained | None = None,
    on_step: Step | None = None,
) -> Matched:
    """Find out which records are one person's.

    people: record_id (unique, text) and any of `USABLE_COLUMNS` and source; other columns are ignored. With `trained`,
    nothing is learnt from these people.

    Raises:
        MatchError: no record_id, one that is null or not unique, or no usable column.
    """
    chosen, told = settings or MatchSettings(), on_step or _silent
    told("Reading names, addresses and identifiers", 0, 5)
    records, standards = comparable_records(people, trained.standards if trained else None)
    prepared = _prepare(records, trained.model.fields if trained else None)
    if prepared is None:
        return _without_evidence(records, standards)
    number = records.height
    del records
    told("Finding pairs worth comparing", 1, 5)
    rules = usable_rules(prepared.distinct, columns_of(prepared.fields))
    candidates = candidate_pairs(prepared.distinct, rules, chosen.blocking, trained.guards if trained else None)
    left, right = candidates.left, candidates.right
    frequencies = trained.frequencies if trained else count_values(prepared.distinct, prepared.fields)
    with _comparer(prepared.distinct, prepared.fields, frequencies, chosen) as comparer:
        told("Learning what agreement is worth", 2, 5)
        model = trained.model if trained else train(comparer, prepared.distinct, candidates)
        weigher = Weigher(model)
        told("Comparing pairs", 3, 5)
        pairs = _weigh(comparer, weigher, left, right, chosen, lambda done, total: told("Comparing pairs", done, total))
        if trained is None:
            once = within_source_weights(prepared.distinct["source"], pairs.left, pairs.right, pairs.weight)
            trained = Trained(standards, model, frequencies, candidates.guards, number, once)
        told("Grouping people", 4, 5)
        groups = group_records(prepared.distinct, prepared.copies(), pairs, comparer, weigher, trained, chosen)
    told("Grouping people", 5, 5)
    return Matched(_clusters(prepared, groups), _pairs(prepared, pairs), prepared.records(), trained)


def match_new(
    new_people: pl.DataFrame,
    old_records: pl.DataFrame,
    old_pairs: pl.DataFrame,
    trained: Trained,
    settings: MatchSettings | None = None,
    old_clusters: pl.DataFrame | None = None,
) -> Matched:
    """Match a day's new records with all there are, at the cost of the new ones' pairs.

    new_people: as for `match_people`; a record_id of `old_records` replaces that record. old_records, old_pairs,
    old_clusters: of the `Matched` before; records left out of `old_records` are forgotten, and then `old_clusters`
    is needed. With it, only the groups that a new or a forgotten record touches are looked at again. The result is
    that of `match_people` on all people with the same `trained`, but for the probability of records whose group was
    not looked at again.

    Raises:
        MatchError: as `match_people`.
    """
    chosen = settings or MatchSettings()
    new_records, _ = comparable_records(new_people, trained.standards)
    kept = old_records.join(new_records.select("record_id"), on="record_id", how="anti")
    records = pl.concat([kept, new_records.select(kept.columns)]).sort("record_id")
    prepared = _prepare(records, trained.model.fields)
    if prepared is None:
        return _without_evidence(records, trained.standards)
    del records
    is_new = _new_rows(prepared, old_records, kept)
    if old_clusters is not None:
        is_new |= _partners_of_forgotten(prepared, kept, old_clusters)
    known = _known_pairs(prepared, kept, old_pairs, is_new)
    rules = usable_rules(prepared.distinct, columns_of(prepared.fields))
    candidates = candidate_pairs(prepared.distinct, rules, chosen.blocking, trained.guards, is_new)
    left, right = candidates.left, candidates.right
    ends = np.unique(np.r_[left, right])
    with _comparer(prepared.distinct[ends], prepared.fields, trained.frequencies, chosen) as comparer:
        one, other = (np.searchsorted(ends, side).astype(np.int32) for side in (left, right))
        found = _weigh(comparer, Weigher(trained.model), one, other, chosen)
    found = WeighedPairs(
        ends[found.left].astype(np.int64), ends[found.right].astype(np.int64), found.weight, found.veto
    )
    pairs = known.joined(found)
    touched = is_new | _touched(prepared, kept, found) if old_clusters is not None else np.ones_like(is_new)
    groups = _group_touched(prepared, pairs, touched, trained, chosen)
    clusters = _clusters(prepared, groups)
    if old_clusters is not None:
        clusters = _kept_clusters(clusters, old_clusters, touched=groups.is_looked_at[prepared.place])
    return Matched(clusters, _pairs(prepared, pairs), prepared.records(), trained)


def _new_rows(prepared: Prepared, old_records: pl.DataFrame, kept: pl.DataFrame) -> NDArray[np.bool_]:
    """Rows that no old pair speaks of: of new records, and of the copies of a replaced one, which spoke for them."""
    is_kept = prepared.record_ids.is_in(kept["record_id"].implode()).to_numpy()
    is_new = np.ones(prepared.distinct.height, dtype=np.bool_)
    is_new[prepared.place[is_kept]] = False
    replaced = old_records.join(kept.select("record_id"), on="record_id", how="anti")
    if replaced.height:
        content = list(dict.fromkeys([*columns_of(prepared.fields), *_CONTENT]))
        rows = prepared.distinct.with_row_index("row")
        copies = rows.join(replaced.select(content).unique(), on=content, how="semi", nulls_equal=True)
        is_new[copies["row"].to_numpy()] = True
    return is_new


def _touched(prepared: Prepared, kept: pl.DataFrame, found: WeighedPairs) -> NDArray[np.bool_]:
    """Rows of new records, and rows that a new pair reaches."""
    touched = np.zeros(prepared.distinct.height, dtype=np.bool_)
    touched[found.left] = touched[found.right] = True
    # A new record may be a copy of an old one, and have no pair of its own.
    touched[prepared.place[~prepared.record_ids.is_in(kept["record_id"].implode()).to_numpy()]] = True
    return touched


def _partners_of_forgotten(prepared: Prepared, kept: pl.DataFrame, old_clusters: pl.DataFrame) -> NDArray[np.bool_]:
    """Rows that stood in a cluster with a record that is forgotten or replaced: it may have spoken for its copies."""
    partners = np.zeros(prepared.distinct.height, dtype=np.bool_)
    forgotten = old_clusters.join(kept.select("record_id"), on="record_id", how="anti").select("cluster_id").unique()
    ids = old_clusters.join(forgotten, on="cluster_id", how="semi")["record_id"]
    partners[prepared.place[prepared.record_ids.is_in(ids.implode()).to_numpy()]] = True
    return partners


def _group_touched(
    prepared: Prepared, pairs: WeighedPairs, touched: NDArray[np.bool_], trained: Trained, settings: MatchSettings
) -> LookedAt:
    """The groups with a touched row, looked at with all the pairs that reach into them."""
    number = prepared.distinct.height
    linking = np.flatnonzero((pairs.weight > settings.linked_weight) & ~pairs.veto)
    label = connected_components(number, pairs.left[linking], pairs.right[linking])
    has_touched = np.zeros(number, dtype=np.bool_)
    has_touched[label[touched]] = True
    is_looked_at = has_touched[label]
    reaches = is_looked_at[pairs.left] | is_looked_at[pairs.right]
    rows = np.flatnonzero(is_looked_at)
    rows = np.unique(np.r_[rows, pairs.left[reaches], pairs.right[reaches]])
    inside = pairs.only(reaches)
    local = WeighedPairs(
        np.searchsorted(rows, inside.left), np.searchsorted(rows, inside.right), inside.weight, inside.veto
    )
    part = prepared.distinct[rows]
    with _comparer(part, prepared.fields, trained.frequencies, settings) as comparer:
        groups = group_records(
            part, prepared.copies()[rows], local, comparer, Weigher(trained.model), trained, settings
        )
    cluster, probability = np.arange(number), np.ones(number)
    is_weak = np.zeros(number, dtype=np.bool_)
    cluster[rows], probability[rows], is_weak[rows] = rows[groups.cluster], groups.probability, groups.is_weak
    return LookedAt(cluster, probability, is_weak, is_looked_at)


def _kept_clusters(clusters: pl.DataFrame, old_clusters: pl.DataFrame, touched: NDArray[np.bool_]) -> pl.DataFrame:
    """Clusters as they are now where they were looked at, as they were before elsewhere."""
    before = old_clusters.select("record_id", before="cluster_id", probability_before="match_probability")
    joined = clusters.with_columns(touched=pl.Series(touched)).join(
        before, on="record_id", how="left", maintain_order="left"
    )
    is_now = pl.col("touched") | pl.col("before").is_null()
    return joined.select(
        "record_id",
        cluster_id=pl.when(is_now).then("cluster_id").otherwise("before"),
        match_probability=pl.when(is_now).then("match_probability").otherwise("probability_before"),
    )


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


def read_mapped(people: pl.DataFrame, columns: Mapping[str, str] | None) -> pl.DataFrame:
    """People with their columns named canonically: `columns` gives canonical name: name in the file."""
    return people.rename({theirs: ours for ours, theirs in (columns or {}).items()}, strict=True)


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


def _prepare(records: pl.DataFrame, fields: list[Field] | None) -> Prepared | None:
    """The records with copies set apart; None where there is nothing to compare."""
    usable = usable_fields(records) if fields is None else fields
    if not usable or records.height < 2:
        return None
    content = list(dict.fromkeys([*columns_of(usable), *_CONTENT]))
    groups = records.with_row_index("row").select(pl.col("row").min().over(content))["row"].to_numpy()
    firsts, place = np.unique(groups, return_inverse=True)
    return Prepared(records["record_id"], records[firsts], place.astype(np.int64), usable)


@contextmanager
def _comparer(
    records: pl.DataFrame, fields: list[Field], frequencies: Frequencies, settings: MatchSettings
) -> Iterator[Comparer]:
    comparer = Comparer(with_rarities(records, fields, frequencies), fields, settings.memory_limit, settings.threads)
    try:
        yield comparer
    finally:
        comparer.close()


def _weigh(
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


def _known_pairs(
    prepared: Prepared, kept: pl.DataFrame, old_pairs: pl.DataFrame, is_new: NDArray[np.bool_]
) -> WeighedPairs:
    """The pairs of an earlier run between records that still stand, as rows of the distinct records of this run."""
    place = pl.DataFrame({"record_id": prepared.record_ids, "place": prepared.place})
    place = place.join(kept.select("record_id"), on="record_id", how="semi")
    place = place.filter(~pl.Series(is_new[place["place"].to_numpy()]))
    looked = (
        old_pairs.lazy().join(place.lazy(), left_on="record_id_l", right_on="record_id")
        .join(place.lazy(), left_on="record_id_r", right_on="record_id", suffix="_r")
        .filter(pl.col("place") != pl.col("place_r"))
        .select(
            left=pl.min_horizontal("place", "place_r"), right=pl.max_horizontal("place", "place_r"),
            weight="match_weight", veto="is_vetoed",
        ).unique(subset=["left", "right"]).sort("left", "right").collect()
    )  # fmt: skip
    return WeighedPairs(*(looked[name].to_numpy() for name in ("left", "right", "weight", "veto")))


def _pairs(prepared: Prepared, pairs: WeighedPairs) -> pl.DataFrame:
    ids = prepared.distinct["record_id"]
    return pl.DataFrame(
        {
            "record_id_l": ids.gather(pairs.left), "record_id_r": ids.gather(pairs.right),
            "match_weight": pairs.weight, "is_vetoed": pairs.veto,
        },
        schema=PAIR_SCHEMA,
    ).sort("record_id_l", "record_id_r")  # fmt: skip


def _clusters(prepared: Prepared, groups: Groups) -> pl.DataFrame:
    """Per record its cluster, named by the smallest record_id, and its probability."""
    rows = pl.DataFrame(
        {
            "record_id": prepared.record_ids,
            "number": groups.cluster[prepared.place],
            "match_probability": groups.probability[prepared.place],
            "is_weak": groups.is_weak[prepared.place],
        }
    )
    named = pl.when("is_weak").then("record_id").otherwise(pl.col("record_id").min().over("number"))
    return rows.select("record_id", named.alias("cluster_id"), pl.col("match_probability").round(6))


def _without_evidence(records: pl.DataFrame, standards: Standards) -> Matched:
    """Where nothing tells records apart: those that say the same and enough are one person, the others stand alone."""
    content = [name for name in records.columns if name not in ("record_id", "recorded_days")]
    has_identifier = pl.any_horizontal(pl.col(name).is_not_null() for name in ("email", "phone", "national_id"))
    has_name = pl.col("given_first").is_not_null() & pl.col("surname").is_not_null()
    has_more = pl.any_horizontal(pl.col(name).is_not_null() for name in ("birth_date", "street_key"))
    says_enough = (has_identifier & has_name) | (has_name & has_more)
    clusters = records.select(
        "record_id",
        cluster_id=pl.when(says_enough).then(pl.col("record_id").min().over(content)).otherwise("record_id"),
        match_probability=pl.lit(1.0, dtype=pl.Float64),
    )
    return Matched(clusters, pl.DataFrame(schema=PAIR_SCHEMA), records, untrained(standards, records.height))


def _silent(step: str, done: int, total: int) -> None:
    """Nobody watches."""
