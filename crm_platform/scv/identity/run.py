"""A run of the identity stage: clusters to keys, guarded, and published in an order that survives being killed.

Events first, then the log of changes, which is the commit, then what follows from it (xref, redirects, numbers). Here:
that order. Not here: the clusters (`clusters.py`), the keys (`keys.py`), the matching (`links.py`).
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from crm_platform.scv.identity.clusters import linked_records
from crm_platform.scv.identity.contracts import (
    CUSTOMER_REDIRECT,
    CUSTOMER_REF_KEY,
    CUSTOMER_XREF,
    CUSTOMER_XREF_CHANGE,
    KEY_EVENT,
)
from crm_platform.scv.identity.guard import KeyChanges, count_changes, guard
from crm_platform.scv.identity.key_log import (
    DAY,
    KeyLog,
    KeyState,
    commit_changes,
    key_state,
    publish_day,
    refuse_going_back,
)
from crm_platform.scv.identity.keys import KeyAssignment, assign_keys
from crm_platform.scv.identity.redirects import redirects
from crm_platform.scv.settings import GuardSettings
from crm_platform.warehouse.engine import Engine, relation_name
from crm_platform.warehouse.publish import Publication, publish_frame

CUSTOMER_LOG = KeyLog(CUSTOMER_XREF_CHANGE)


@dataclass(frozen=True)
class IdentityRun:
    """What a run did: the xref, the events of this run, what changed, the publications by table, and how many clusters
    a verdict took apart."""

    xref: pl.DataFrame
    events: pl.DataFrame
    changes: KeyChanges
    publications: dict[str, Publication]
    number_taken_apart: int


def run_identity(
    engine: Engine,
    records: pl.DataFrame,
    model_clusters: pl.DataFrame,
    pairs: pl.DataFrame,
    verdicts: pl.DataFrame,
    settings: GuardSettings,
    as_of: datetime,
) -> IdentityRun:
    """Say which customer every record belongs to, and publish it.

    Args:
        records: record_id, source, feed_kind, customer_ref, stated_dt.
        model_clusters, pairs, verdicts: as in `linked_records`.
        as_of: the time of the run, UTC; not before that of the run before.

    Raises:
        TooManyChanges: the guard stopped it; nothing was published.
        OutOfOrderRun: keys were given as of a later time already.
        ContractViolation: a table breaks its contract.
    """
    state = key_state(engine, CUSTOMER_LOG)
    refuse_going_back(state, as_of)
    linked = linked_records(records, model_clusters, pairs, verdicts)
    assigned = assign_keys(linked.records.select("record_id", "cluster_id"), state.xref, state.changes)
    changes = count_changes(state.number_of_keys, assigned.events)
    guard(changes, settings, as_of.date())
    caused = _caused_changes(assigned, linked.records, verdicts)
    events = _caused_events(assigned.events, caused, state, as_of)
    publications = _publish_events(engine, events, state, as_of)
    commit_changes(engine, CUSTOMER_LOG, state, caused, as_of)
    xref = (
        assigned.xref.join(linked.records, on="record_id")
        .join(records.select("record_id", "source", "customer_ref"), on="record_id")
        .select(CUSTOMER_XREF.column_names).sort("record_id")
    )  # fmt: skip
    all_events = engine.query(f"SELECT * FROM {relation_name(KEY_EVENT)}")
    publications |= {
        "customer_xref": publish_frame(engine, CUSTOMER_XREF, xref),
        "customer_redirect": publish_frame(engine, CUSTOMER_REDIRECT, redirects(all_events, xref)),
        "customer_ref_key": publish_frame(engine, CUSTOMER_REF_KEY, customer_numbers(xref, records)),
    }
    return IdentityRun(xref, events, changes, publications, linked.number_taken_apart)


def customer_numbers(xref: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """customer_ref, customer_key: each number once. Where a verdict has put records of one number to two customers, the
    number stands for the one that the numbering source's own record belongs to, then the one told of first."""
    numbered = xref.filter(pl.col("customer_ref").is_not_null()).join(
        records.select("record_id", "feed_kind", "stated_dt"), on="record_id"
    )
    is_owner = pl.col("customer_ref").str.starts_with(pl.col("source") + ":")
    ranked = numbered.with_columns(
        rank=pl.when(is_owner & (pl.col("feed_kind") == "customers")).then(0).when(is_owner).then(1).otherwise(2)
    ).sort("customer_ref", "rank", "stated_dt", "record_id")
    return ranked.unique("customer_ref", keep="first", maintain_order=True).select("customer_ref", "customer_key")


def _caused_changes(assigned: KeyAssignment, linked: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """The run's changes with their cause: what the record's place rests on now."""
    told_apart = verdicts.filter(verdict="different")
    named = pl.concat([told_apart["record_id_a"], told_apart["record_id_b"]]).unique()
    is_decided = pl.col("is_taken_apart") | pl.col("record_id").is_in(named.implode())
    cause = pl.when(is_decided).then(pl.lit("verdict")).otherwise("matched_by")
    return assigned.changes.join(linked.select("record_id", cause=cause), on="record_id", how="left").with_columns(
        pl.col("cause").fill_null("record_gone")
    )


def _caused_events(events: pl.DataFrame, changes: pl.DataFrame, state: KeyState, as_of: datetime) -> pl.DataFrame:
    """The run's events with number, time and cause: a verdict where any record concerned was moved by one."""
    ranks = {"verdict": 0, "declared_id": 1, "model": 2, "single": 3, "record_gone": 4}
    ranked = changes.with_columns(rank=pl.col("cause").replace_strict(ranks, return_dtype=pl.Int64))
    moved = pl.concat(
        [
            ranked.select(customer_key=column, rank="rank").drop_nulls()
            for column in ("from_customer_key", "to_customer_key")
        ]
    )
    causes = moved.group_by("customer_key").agg(pl.col("rank").min())
    names = {rank: name for name, rank in ranks.items()}
    return (
        events.join(causes, on="customer_key", how="left")
        .with_columns(
            run_number=pl.lit(state.last_run + 1, dtype=pl.Int64),
            cause=pl.col("rank").fill_null(ranks["single"]).replace_strict(names, return_dtype=pl.String),
            event_dt=pl.lit(as_of, dtype=pl.Datetime("us", "UTC")),
        )
        .select(KEY_EVENT.column_names)
    )


def _publish_events(engine: Engine, events: pl.DataFrame, state: KeyState, as_of: datetime) -> dict[str, Publication]:
    """Write the run's events, and take away those of a run that never came to its commit."""
    engine.refresh_view(KEY_EVENT)
    left_over = engine.query(
        f"SELECT DISTINCT strftime(event_dt, '{DAY}') AS day FROM {relation_name(KEY_EVENT)} "
        "WHERE run_number > $last_run",
        {"last_run": state.last_run},
    )["day"].to_list()
    today = f"{as_of:{DAY}}"
    for day in left_over:
        committed = engine.query(
            f"SELECT * FROM {relation_name(KEY_EVENT)} "
            f"WHERE strftime(event_dt, '{DAY}') = $day AND run_number <= $last_run",
            {"day": day, "last_run": state.last_run},
        )
        if day != today or events.is_empty():
            publish_frame(engine, KEY_EVENT, committed.cast(KEY_EVENT.polars_schema), day)  # type: ignore[arg-type]
    if not events.is_empty():
        publish_day(engine, KEY_EVENT, "event_dt", events, as_of)
    return {}
