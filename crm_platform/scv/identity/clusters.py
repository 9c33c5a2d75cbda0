"""Which records are one customer: what the model found, what sources declare, and what persons have decided.

A person's verdict stands above a declared id, and that above the model. Here: joining the three, and taking apart the
clusters that a verdict forbids, along their weakest evidence. Not here: the model (`links.py`), the keys (`keys.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from crm_platform.scv.match.clustering import connected_components

VERDICT_SCHEMA = {
    "record_id_a": pl.String,
    "record_id_b": pl.String,
    "verdict": pl.String,
    "decided_dt": pl.Datetime("us", "UTC"),
}
PAIR_SCHEMA = {"record_id_l": pl.String, "record_id_r": pl.String, "match_weight": pl.Float64}
# The order in which links are kept when not all can be: verdicts, declared ids, pairs of the model, its clusters.
_BY_VERDICT, _DECLARED, _WEIGHED, _CLUSTERED = range(4)
SMALL_GROUP = 200
_Link = tuple[int, float, str, str]


@dataclass(frozen=True)
class Linked:
    """record_id, cluster_id (Int64), match_probability, matched_by, is_taken_apart (whether a verdict took its cluster
    apart): every record once, sorted by record_id; and how many clusters a verdict took apart."""

    records: pl.DataFrame
    number_taken_apart: int


def linked_records(
    records: pl.DataFrame, model_clusters: pl.DataFrame, pairs: pl.DataFrame, verdicts: pl.DataFrame
) -> Linked:
    """Put records into clusters, one for each customer.

    Args:
        records: record_id, customer_ref (null: none).
        model_clusters: record_id, cluster_id (any type), match_probability; records not named stand alone.
        pairs: record_id_l, record_id_r, match_weight (bits) of the model.
        verdicts: record_id_a, record_id_b, verdict (same, different), decided_dt: the newest of each pair.
    """
    rows = records.select("record_id", "customer_ref").sort("record_id").with_row_index("place")
    known = _placed(verdicts, rows)
    rows = rows.join(model_clusters, on="record_id", how="left").sort("place")
    together = pl.concat(
        [_chained(rows, "cluster_id"), _chained(rows, "customer_ref"), known.filter(verdict="same").select("l", "r")]
    )
    label = connected_components(rows.height, together["l"].to_numpy(), together["r"].to_numpy())
    rows = rows.with_columns(component=pl.Series(label, dtype=pl.Int64))
    forbidden = known.filter(verdict="different")
    broken = _components_of(rows, forbidden)
    parts = [_part for component in broken for _part in _taken_apart(rows.filter(component=component), pairs, known)]
    apart = pl.DataFrame(parts, schema={"record_id": pl.String, "first_record": pl.String}, orient="row")
    rows = rows.join(apart, on="record_id", how="left").join(
        rows.select(first_record="record_id", first_place=pl.col("place").cast(pl.Int64)), on="first_record", how="left"
    )
    rows = rows.with_columns(final=pl.coalesce("first_place", "component"))
    return Linked(_explained(rows, known, broken), len(broken))


def newest_verdicts(verdicts: pl.DataFrame) -> pl.DataFrame:
    """One verdict per pair of records, the pair in order of its ids: the newest; of equally new ones the last row."""
    ordered = verdicts.select(
        record_id_a=pl.min_horizontal("record_id_a", "record_id_b"),
        record_id_b=pl.max_horizontal("record_id_a", "record_id_b"),
        verdict="verdict",
        decided_dt="decided_dt",
    ).filter(pl.col("record_id_a") != pl.col("record_id_b"))
    newest = ordered.sort("decided_dt", maintain_order=True).unique(
        ["record_id_a", "record_id_b"], keep="last", maintain_order=True
    )
    return newest.sort("record_id_a", "record_id_b")


def _placed(verdicts: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Verdicts on records that are there, with their row numbers `l` and `r`."""
    places = rows.select("record_id", pl.col("place").cast(pl.Int64))
    return (
        verdicts.join(places.rename({"record_id": "record_id_a", "place": "l"}), on="record_id_a")
        .join(places.rename({"record_id": "record_id_b", "place": "r"}), on="record_id_b")
        .sort("record_id_a", "record_id_b")
    )


def _chained(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Each row that shares a value tied to the row before that has it."""
    tied = rows.filter(pl.col(column).is_not_null()).select(
        l=pl.col("place").cast(pl.Int64).shift(1).over(column), r=pl.col("place").cast(pl.Int64)
    )
    return tied.drop_nulls()


def _components_of(rows: pl.DataFrame, forbidden: pl.DataFrame) -> list[int]:
    """The components that hold both records of a forbidden pair."""
    component = rows["component"]
    inside = component.gather(forbidden["l"]) == component.gather(forbidden["r"])
    return sorted(component.gather(forbidden["l"]).filter(inside).unique().to_list())


def _taken_apart(members: pl.DataFrame, pairs: pl.DataFrame, verdicts: pl.DataFrame) -> list[tuple[str, str]]:
    """record_id and the first record of its part: links kept from the strongest on, but for those that would put a
    forbidden pair together. A maximum spanning forest under constraints (Kruskal)."""
    ids = members["record_id"].to_list()
    inside = verdicts.filter(pl.col("record_id_a").is_in(ids), pl.col("record_id_b").is_in(ids))
    parts = _Parts(ids)
    for a, b, verdict in inside.sort("decided_dt", descending=True, maintain_order=True).select(
        "record_id_a", "record_id_b", "verdict"
    ).iter_rows():  # fmt: skip
        # Where verdicts contradict each other through a third record, the newer ones are kept.
        if verdict == "different":
            parts.forbid(a, b)
        else:
            parts.join(a, b)
    for _, _, a, b in sorted(_links(members, pairs)):
        parts.join(a, b)
    return [(record, parts.first(record)) for record in ids]


def _links(members: pl.DataFrame, pairs: pl.DataFrame) -> Iterable[_Link]:
    """What else ties the members together: rank, weight (the strongest lowest), the two records."""
    ids = members["record_id"].to_list()
    weighed = pairs.filter(pl.col("record_id_l").is_in(ids), pl.col("record_id_r").is_in(ids))
    for a, b, weight in weighed.select("record_id_l", "record_id_r", "match_weight").iter_rows():
        if weight > 0:
            yield _WEIGHED, -weight, min(a, b), max(a, b)
    for rank, column in ((_DECLARED, "customer_ref"), (_CLUSTERED, "cluster_id")):
        for group in members.filter(pl.col(column).is_not_null()).group_by(column).agg("record_id")["record_id"]:
            named = sorted(group)
            # Each to the next and to all of a small group: when the first must go, the others still hang together.
            near = len(named) if len(named) <= SMALL_GROUP else 2
            yield from ((rank, 0.0, a, b) for place, a in enumerate(named) for b in named[place + 1 : place + near])


class _Parts:
    """Disjoint sets of records with pairs of sets that must stay apart."""

    def __init__(self, records: Iterable[str]) -> None:
        self._parent = {record: record for record in records}
        self._apart: dict[str, set[str]] = {record: set() for record in self._parent}

    def first(self, record: str) -> str:
        while self._parent[record] != record:
            self._parent[record] = record = self._parent[self._parent[record]]
        return record

    def forbid(self, one: str, other: str) -> None:
        first, second = self.first(one), self.first(other)
        if first != second:
            self._apart[first].add(second)
            self._apart[second].add(first)

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.first(one), self.first(other)))
        if first == second or second in self._apart[first]:
            return
        self._parent[second] = first
        for enemy in self._apart.pop(second):
            self._apart[enemy].discard(second)
            self._apart[enemy].add(first)
            self._apart[first].add(enemy)


def _explained(rows: pl.DataFrame, verdicts: pl.DataFrame, broken: list[int]) -> pl.DataFrame:
    """What ties each record to its cluster, and how sure it is."""
    decided = verdicts.filter(verdict="same")
    places = rows.select(l=pl.col("place").cast(pl.Int64), final="final")
    held = (
        decided.join(places, on="l")
        .join(places.rename({"l": "r", "final": "final_r"}), on="r")
        .filter(pl.col("final") == pl.col("final_r"))
    )
    by_verdict = pl.concat([held["record_id_a"], held["record_id_b"]]).unique()
    alone = pl.len().over("final") == 1
    by_model = pl.col("cluster_id").is_not_null() & (pl.len().over("final", "cluster_id") > 1)
    by_id = pl.col("customer_ref").is_not_null() & (pl.len().over("final", "customer_ref") > 1)
    explained = rows.with_columns(
        matched_by=pl.when(pl.col("record_id").is_in(by_verdict.implode()))
        .then(pl.lit("verdict"))
        .when(alone)
        .then(pl.when(pl.col("component").is_in(broken)).then(pl.lit("verdict")).otherwise(pl.lit("single")))
        .when(by_model)
        .then(pl.lit("model"))
        .when(by_id)
        .then(pl.lit("declared_id"))
        .otherwise(pl.lit("verdict"))
    )
    return explained.select(
        "record_id",
        pl.col("final").alias("cluster_id"),
        pl.when(pl.col("matched_by") == "model")
        .then(pl.col("match_probability").fill_null(1.0))
        .otherwise(1.0)
        .alias("match_probability"),
        "matched_by",
        is_taken_apart=pl.col("component").is_in(broken),
    ).sort("record_id")
