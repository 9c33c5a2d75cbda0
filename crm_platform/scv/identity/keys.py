"""Customer keys that last: which key each cluster of records bears, given who bore which before.

A key stays with the cluster that holds most of the records it was first given to, then of those that bear it; of two
keys in one cluster the older survives and the other redirects to it; a cluster that splits off takes back a key that
its records once had, or gets a new one. So a merge that is taken back leaves both customers with the keys they had.
Pure: frames in, frames out, the same whatever the order of rows. Not here: who is in which cluster (`links.py`).
"""

from dataclasses import dataclass

import polars as pl

XREF_SCHEMA = {"record_id": pl.String, "customer_key": pl.Int64}
EVENT_SCHEMA = {
    "event_type": pl.String,
    "customer_key": pl.Int64,
    "other_customer_key": pl.Int64,
    "number_of_records": pl.Int64,
}
CHANGE_SCHEMA = {"record_id": pl.String, "from_customer_key": pl.Int64, "to_customer_key": pl.Int64}


@dataclass(frozen=True)
class KeyAssignment:
    """What a run decides.

    xref: record_id, customer_key, every record once. events: event_type, customer_key, other_customer_key,
    number_of_records; the types are

    - `new`: the key was given for the first time;
    - `merge`: the key's customer is part of `other_customer_key` now, to which it redirects;
    - `split`: records of `other_customer_key` became this customer;
    - `revive`: this key, which redirected or was retired, is borne again;
    - `retire`: no record of the key is left.

    changes: record_id, from_customer_key, to_customer_key of records that are new (from null), changed their customer,
    or are gone (to null). Kept of every run, they say who bore which key at any time.
    """

    xref: pl.DataFrame
    events: pl.DataFrame
    changes: pl.DataFrame


def assign_keys(clusters: pl.DataFrame, xref_before: pl.DataFrame, changes_before: pl.DataFrame) -> KeyAssignment:
    """Give each cluster its key.

    Args:
        clusters: record_id, cluster_id (any type); a record stands in one cluster.
        xref_before: record_id, customer_key as the run before left them; empty at first.
        changes_before: record_id, from_customer_key, to_customer_key of all runs before, in their order: by them keys
            that nobody bears are taken back, and no key is given twice.
    """
    settled = _settled(clusters, xref_before)
    open_clusters = clusters.join(settled, on="cluster_id", how="anti")
    open_xref = xref_before.join(settled, on="customer_key", how="anti")
    open_changes = changes_before.join(
        pl.concat([open_clusters.select("record_id"), open_xref.select("record_id")]),
        on="record_id",
        how="semi",
        maintain_order="left",
    )
    first_keys = _first_keys(open_changes)
    borne = _oldest_of_inherited(open_clusters.join(open_xref, on="record_id"), first_keys)
    former = _former_keys(open_clusters, open_changes, first_keys, pl.concat([settled, borne]))
    given = pl.concat([borne, former])
    revived = former.join(open_xref, on="customer_key", how="anti")
    fresh = _new_keys(open_clusters, given, _highest_key(changes_before))
    xref = _borne_by(open_clusters, pl.concat([given, fresh]))
    changes = _changes(xref, open_xref)
    moves = changes.drop_nulls()
    events = pl.concat(
        [
            _events("new", fresh.join(open_clusters, on="cluster_id")),
            _events("revive", revived.join(open_clusters, on="cluster_id")),
            _merges_and_retirements(moves, xref, open_xref),
            _splits(moves, xref, open_xref),
        ]
    )
    whole = pl.concat([_borne_by(clusters, settled), xref]).sort("record_id")
    return KeyAssignment(whole, events.sort("event_type", "customer_key", "other_customer_key"), changes)


def _settled(clusters: pl.DataFrame, xref_before: pl.DataFrame) -> pl.DataFrame:
    """cluster_id, customer_key of the clusters whose records are those that bore one key before: they keep it.

    On most days that is nearly all of them, and what follows costs what the others are.
    """
    borne = xref_before.lazy().select("record_id", "customer_key", number=pl.len().over("customer_key"))
    held = clusters.lazy().join(borne, on="record_id", how="left").group_by("cluster_id")
    counted = held.agg(
        pl.col("customer_key").min(), pl.col("number").min(), highest=pl.col("customer_key").max(),
        known=pl.col("customer_key").count(), records=pl.len(),
    )  # fmt: skip
    is_settled = (
        (pl.col("customer_key") == pl.col("highest"))
        & (pl.col("known") == pl.col("records"))
        & (pl.col("number") == pl.col("records"))
    )
    return counted.filter(is_settled).select("cluster_id", "customer_key").collect()


def _borne_by(clusters: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    return clusters.join(keys, on="cluster_id").select("record_id", "customer_key")


def _first_keys(changes_before: pl.DataFrame) -> pl.DataFrame:
    """record_id, customer_key: the key that each record was given first (the rows are in the order of the runs)."""
    given = changes_before.filter(pl.col("from_customer_key").is_null(), pl.col("to_customer_key").is_not_null())
    first = given.unique("record_id", keep="first", maintain_order=True)
    return first.select("record_id", pl.col("to_customer_key").alias("customer_key"), pl.lit(True).alias("is_first"))


def _former_keys(
    clusters: pl.DataFrame, changes_before: pl.DataFrame, first_keys: pl.DataFrame, borne: pl.DataFrame
) -> pl.DataFrame:
    """cluster_id, customer_key for clusters without a key whose records once had one that nobody bears now."""
    keyless = clusters.join(borne, on="cluster_id", how="anti")
    once = changes_before.select("record_id", pl.col("to_customer_key").alias("customer_key")).drop_nulls().unique()
    held = keyless.join(once, on="record_id").join(borne, on="customer_key", how="anti")
    return _oldest_of_inherited(held, first_keys)


def _oldest_of_inherited(held: pl.DataFrame, first_keys: pl.DataFrame) -> pl.DataFrame:
    """From record_id, cluster_id, customer_key: the heir of each key, then the oldest key of each heir."""
    shares = (
        held.join(first_keys, on=["record_id", "customer_key"], how="left")
        .group_by("customer_key", "cluster_id")
        .agg(
            pl.col("is_first").count().alias("number_of_first"),
            pl.len().alias("number_of_records"),
            pl.col("record_id").min().alias("first_record"),
        )
    )
    heirs = shares.sort(
        "customer_key",
        "number_of_first",
        "number_of_records",
        "first_record",
        descending=[False, True, True, False],
    ).unique("customer_key", keep="first", maintain_order=True)
    return heirs.group_by("cluster_id").agg(pl.col("customer_key").min())


def _new_keys(clusters: pl.DataFrame, given: pl.DataFrame, highest: int) -> pl.DataFrame:
    """cluster_id, customer_key for the clusters without one, in the order of their first records."""
    keyless = clusters.join(given, on="cluster_id", how="anti")
    first = keyless.group_by("cluster_id").agg(pl.col("record_id").min().alias("first_record")).sort("first_record")
    return first.with_row_index("customer_key", offset=highest + 1).select(
        "cluster_id", pl.col("customer_key").cast(pl.Int64)
    )


def _changes(xref: pl.DataFrame, xref_before: pl.DataFrame) -> pl.DataFrame:
    both = xref_before.join(xref, on="record_id", how="full", suffix="_now", coalesce=True)
    return (
        both.filter(pl.col("customer_key").ne_missing(pl.col("customer_key_now")))
        .select(
            "record_id",
            pl.col("customer_key").alias("from_customer_key"),
            pl.col("customer_key_now").alias("to_customer_key"),
        )
        .sort("record_id")
    )


def _merges_and_retirements(moves: pl.DataFrame, xref: pl.DataFrame, xref_before: pl.DataFrame) -> pl.DataFrame:
    """A key that nobody bears any more: merged into where most of its records went, or without any record left."""
    gone = xref_before.select("customer_key").unique().join(xref, on="customer_key", how="anti")
    went = moves.join(gone, left_on="from_customer_key", right_on="customer_key")
    merged = (
        went.group_by("from_customer_key", "to_customer_key")
        .len("number_of_records")
        .sort("from_customer_key", "number_of_records", "to_customer_key", descending=[False, True, False])
        .unique("from_customer_key", keep="first", maintain_order=True)
    )
    retired = gone.join(merged, left_on="customer_key", right_on="from_customer_key", how="anti")
    return pl.concat(
        [
            merged.select(
                pl.lit("merge").alias("event_type"),
                pl.col("from_customer_key").alias("customer_key"),
                pl.col("to_customer_key").alias("other_customer_key"),
                pl.col("number_of_records").cast(pl.Int64),
            ),
            _events("retire", retired.join(xref_before, on="customer_key")),
        ]
    )


def _splits(moves: pl.DataFrame, xref: pl.DataFrame, xref_before: pl.DataFrame) -> pl.DataFrame:
    """Records that left a key which others still bear."""
    left = moves.join(xref.select("customer_key").unique(), left_on="from_customer_key", right_on="customer_key")
    return (
        left.group_by("to_customer_key", "from_customer_key")
        .len("number_of_records")
        .select(
            pl.lit("split").alias("event_type"),
            pl.col("to_customer_key").alias("customer_key"),
            pl.col("from_customer_key").alias("other_customer_key"),
            pl.col("number_of_records").cast(pl.Int64),
        )
    )


def _events(event_type: str, records: pl.DataFrame) -> pl.DataFrame:
    counted = records.group_by("customer_key").len("number_of_records")
    return counted.select(
        pl.lit(event_type).alias("event_type"),
        "customer_key",
        pl.lit(None, dtype=pl.Int64).alias("other_customer_key"),
        pl.col("number_of_records").cast(pl.Int64),
    )


def _highest_key(changes: pl.DataFrame) -> int:
    highest = changes["to_customer_key"].max()
    return highest if isinstance(highest, int) else 0
