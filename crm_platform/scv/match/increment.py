"""A day's new records against all that is known, at the cost of what they touch.

Here: finding their pairs by the index of keys, and looking again at the groups that a new, a changed or a forgotten
record touches. Not here: what is known and its files (`known.py`), the steps of a full run (`engine.py`).
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.clustering import connected_components
from crm_platform.scv.match.compare import Comparer
from crm_platform.scv.match.grouping import Groups, group_records
from crm_platform.scv.match.key_index import keys_of_rows
from crm_platform.scv.match.known import Known, content_columns, digests_of, rules_of
from crm_platform.scv.match.listed import with_listed
from crm_platform.scv.match.model import Weigher
from crm_platform.scv.match.prepared import comparable_records, weigh
from crm_platform.scv.match.settings import MatchSettings
from crm_platform.scv.match.trained import with_rarities
from crm_platform.scv.match.weighed import WeighedPairs

Rows = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Placed:
    """Where records stand: what is known, with the rows that were not there in it, and the row of each record."""

    known: Known
    rows: Rows


def match_new(
    new_people: pl.DataFrame,
    known: Known,
    settings: MatchSettings | None = None,
    forgotten: pl.Series | None = None,
    earlier: pl.DataFrame | None = None,
) -> Known:
    """Match a day's new records with all there are.

    new_people: as for `match_people`; a record_id that is known replaces that record. forgotten: record_ids to leave
    out from now on. earlier: what these records said before, any number of rows for a record_id: two records are as
    alike as the likest of what they ever said. Clusters and pairs are those of `match_people` on all people with the
    same `trained`, and of all they said before; so is the probability of records whose group was looked at again.

    Raises:
        MatchError: as `match_people`.
    """
    chosen = settings or MatchSettings()
    new_records, _ = comparable_records(new_people, known.trained.standards)
    gone = new_records["record_id"] if forgotten is None else pl.concat([new_records["record_id"], forgotten])
    is_gone = pl.col("record_id").is_in(gone.implode())
    left_rows = known.members.filter(is_gone)["row"].to_numpy()
    standing = replace(known, members=known.members.filter(~is_gone), earlier=known.earlier.filter(~is_gone))
    first_new = standing.rows.height
    placed = _with_rows(standing, new_records)
    members = new_records.select(
        "record_id", row=pl.Series(placed.rows), cluster_id="record_id", match_probability=pl.lit(1.0)
    )
    grown = replace(placed.known, members=pl.concat([placed.known.members, members], rechunk=False))
    said_before = np.empty(0, np.int32)
    if earlier is not None and earlier.height:
        grown, said_before = _with_earlier(grown, earlier)
    found = _pairs_of_new(grown, first_new, said_before, chosen)
    pairs = WeighedPairs(
        *(np.concatenate([old, new]) for old, new in zip(known.weighed.arrays(), found.arrays(), strict=True))
    )
    grown = replace(grown, weighed=pairs)
    between = with_listed(grown.rows, grown.trained, grown.between_members())
    reached = np.concatenate([left_rows, placed.rows, said_before])
    return _regrouped(grown, between, _in_touched_groups(grown, between, reached, chosen.linked_weight), chosen)


def _with_earlier(known: Known, earlier: pl.DataFrame) -> tuple[Known, Rows]:
    """What records said before, at the rows that say it; the rows."""
    numbered = earlier.with_row_index("place").with_columns(
        statement_of="record_id", record_id=pl.col("place").cast(pl.String).str.zfill(12)
    )
    records, _ = comparable_records(numbered, known.trained.standards)
    placed = _with_rows(known, records)
    stated = pl.DataFrame({"record_id": numbered["statement_of"], "row": placed.rows}).unique().sort("record_id", "row")
    return replace(placed.known, earlier=pl.concat([placed.known.earlier, stated], rechunk=False)), placed.rows


def _with_rows(known: Known, records: pl.DataFrame) -> _Placed:
    """Each record at the row that says the same, or at a row of its own."""
    fields, number = known.trained.model.fields, known.rows.height
    content = content_columns(fields)
    new_digests = digests_of(records, fields)
    alike = np.flatnonzero(np.isin(known.digests, new_digests))
    there = known.rows[alike].select(content).with_columns(row=pl.Series(alike.astype(np.int32)))
    said = records.with_columns(pl.Series("digest", new_digests)).join(
        there, on=content, how="left", nulls_equal=True, maintain_order="left"
    )
    unseen = said.filter(pl.col("row").is_null()).unique(content, keep="first", maintain_order=True)
    numbered = unseen.select(*content, new_row=pl.int_range(number, number + pl.len(), dtype=pl.Int32))
    placed = said.join(numbered, on=content, how="left", nulls_equal=True, maintain_order="left")
    added = with_rarities(unseen, fields, known.trained.frequencies).select(known.rows.columns)
    keys = keys_of_rows(added, rules_of(fields), known.trained.guards, number)
    grown = replace(
        known,
        rows=pl.concat([known.rows, added.cast(known.rows.schema)], rechunk=False),
        digests=np.concatenate([known.digests, unseen["digest"].to_numpy()]),
        component=np.concatenate([known.component, np.arange(number, number + added.height, dtype=np.int32)]),
        keys=known.keys.with_rows(keys),
    )
    return _Placed(grown, placed.select(pl.coalesce("row", "new_row")).to_series().to_numpy())


def _pairs_of_new(known: Known, first_new: int, said_before: Rows, settings: MatchSettings) -> WeighedPairs:
    """The weighed pairs of the rows from `first_new` on, with each other and with all there were; and of what was said
    before with itself, for another record may say just that now."""
    number = known.rows.height
    new = np.arange(first_new, number, dtype=np.int32)
    if known.trained.guards.all_pairs:
        one, other = np.repeat(new, number), np.tile(np.arange(number, dtype=np.int32), len(new))
    else:
        fields = known.trained.model.fields
        keys = keys_of_rows(known.rows[new], rules_of(fields), known.trained.guards, first_new)
        one, other = known.keys.rows_sharing(keys)
    packed = (np.minimum(one, other).astype(np.int64) << 32) | np.maximum(one, other)
    packed = np.unique(np.concatenate([packed[one != other], said_before.astype(np.int64) * ((1 << 32) + 1)]))
    left, right = packed >> 32, packed & 0xFFFFFFFF
    rows = _by_name(known, np.unique(np.concatenate([left, right])))
    unweighed = WeighedPairs(left, right, np.zeros(len(left), np.float32), np.zeros(len(left), np.bool_))
    with_new = _local(rows, number, unweighed)
    comparer = _comparer(known, rows, settings)
    try:
        weighed = weigh(
            comparer,
            Weigher(known.trained.model),
            with_new.left.astype(np.int32),
            with_new.right.astype(np.int32),
            settings,
        )
    finally:
        comparer.close()
    of_all = rows.astype(np.int64)
    return WeighedPairs(of_all[weighed.left], of_all[weighed.right], weighed.weight, weighed.veto)


def _in_touched_groups(known: Known, between: WeighedPairs, reached: NDArray[np.int64], linked_weight: float) -> Flags:
    """Rows of groups with a row that was reached, or whose record has said it before."""
    number = known.rows.height
    touched = np.zeros(number, dtype=np.bool_)
    touched[reached] = True
    speaking = known.speaking()
    touched[speaking["main"].to_numpy()[touched[speaking["row"].to_numpy()]]] = True
    # Who says again what nobody said for a time, or said before what others say, brings its partners with it.
    tied = between.only(between.above(linked_weight))
    partners = [tied.right[touched[tied.left]], tied.left[touched[tied.right]]]
    touched[np.concatenate(partners)] = True
    has_touched = np.zeros(number, dtype=np.bool_)
    has_touched[known.component[touched]] = True
    is_looked_at: Flags = has_touched[known.component]
    while True:
        # Who is tied to nobody any more is raised by what its source says, and is tied to others then.
        reaches = is_looked_at[tied.left] != is_looked_at[tied.right]
        if not reaches.any():
            return is_looked_at
        has_touched[known.component[np.r_[tied.left[reaches], tied.right[reaches]]]] = True
        is_looked_at = has_touched[known.component]


def _regrouped(known: Known, between: WeighedPairs, is_looked_at: Flags, settings: MatchSettings) -> Known:
    """Look at these groups with all the pairs that reach into them."""
    number = known.rows.height
    copies = np.bincount(known.members["row"].to_numpy(), minlength=number)
    stands = copies > 0
    inside = between.only(is_looked_at[between.left] | is_looked_at[between.right])
    rows = np.unique(np.concatenate([np.flatnonzero(is_looked_at & stands), inside.left, inside.right]))
    rows = _by_name(known, rows)
    local = _local(rows, number, inside)
    comparer = _comparer(known, rows, settings)
    try:
        groups = group_records(
            known.rows[rows], copies[rows], local, comparer, Weigher(known.trained.model), known.trained, settings
        )
    finally:
        comparer.close()
    linking = local.above(settings.linked_weight)
    component = known.component.copy()
    component[is_looked_at] = np.flatnonzero(is_looked_at)
    chosen = is_looked_at[rows]
    component[rows[chosen]] = rows[connected_components(len(rows), local.left[linking], local.right[linking])][chosen]
    return replace(known, members=_members(known.members, rows, chosen, groups, is_looked_at), component=component)


def _members(members: pl.DataFrame, rows: Rows, chosen: Flags, groups: Groups, is_looked_at: Flags) -> pl.DataFrame:
    """The members with the clusters of the groups that were looked at."""
    is_concerned = pl.Series(is_looked_at[members["row"].to_numpy()])
    found = pl.DataFrame(
        {
            "row": rows.astype(np.int32),
            "number": groups.cluster,
            "probability": groups.probability,
            "is_weak": groups.is_weak,
        }
    ).filter(pl.Series(chosen))
    concerned = members.filter(is_concerned).select("record_id", "row").join(found, on="row")
    named = pl.when("is_weak").then("record_id").otherwise(pl.col("record_id").min().over("number"))
    renewed = concerned.select("record_id", "row", cluster_id=named, match_probability=pl.col("probability").round(6))
    return pl.concat([members.filter(~is_concerned), renewed], rechunk=False)


def _by_name(known: Known, rows: NDArray[np.int64]) -> Rows:
    """Rows in the order of their smallest record_ids, as a full run has them; those that nobody states last."""
    wanted = np.zeros(known.rows.height, dtype=np.bool_)
    wanted[rows] = True
    members = known.members.filter(pl.Series(wanted[known.members["row"].to_numpy()]))
    first = members.group_by("row").agg(pl.col("record_id").min())
    ordered = pl.DataFrame({"row": rows.astype(np.int32)}).join(first, on="row", how="left")
    return ordered.sort("record_id", "row", nulls_last=True)["row"].to_numpy()


def _local(rows: Rows, number: int, pairs: WeighedPairs) -> WeighedPairs:
    """Pairs as places in `rows`, left < right, ordered."""
    place = np.full(number, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    one, other = place[pairs.left], place[pairs.right]
    left, right = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((right, left))
    return WeighedPairs(left[order], right[order], pairs.weight[order], pairs.veto[order])


def _comparer(known: Known, rows: Rows, settings: MatchSettings) -> Comparer:
    return Comparer(known.rows[rows], known.trained.model.fields, settings.memory_limit, settings.threads)
