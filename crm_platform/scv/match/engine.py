"""Matching from end to end: people in, clusters and weighed pairs out.

Here: the order of the steps of a full run. Not here: the steps (the modules beside), a day's new records
(`increment.py`), keys that outlive a run (`scv/identity`), files and progress bars (`cli/match.py`).

A match is the same for any order of the input's rows, and a run on all records with an earlier run's `Trained` gives
the same clusters as the earlier run followed by `match_new`.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from crm_platform.scv.match.blocking import candidate_pairs, usable_rules
from crm_platform.scv.match.fields import columns_of
from crm_platform.scv.match.grouping import Groups, group_records
from crm_platform.scv.match.listed import listed_weights, with_listed
from crm_platform.scv.match.model import Weigher
from crm_platform.scv.match.prepared import (
    PAIR_SCHEMA,
    Matched,
    Prepared,
    comparable_records,
    comparer_of,
    prepare,
    weigh,
)
from crm_platform.scv.match.settings import MatchSettings
from crm_platform.scv.match.sources import within_source_weights
from crm_platform.scv.match.trained import Trained, count_values
from crm_platform.scv.match.training import train, untrained
from crm_platform.scv.match.weighed import WeighedPairs
from crm_platform.scv.standardise.people import Standards

Step = Callable[[str, int, int], None]


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
    prepared = prepare(records, trained.model.fields if trained else None)
    if prepared is None:
        return _without_evidence(records, standards)
    number = records.height
    del records
    told("Finding pairs worth comparing", 1, 5)
    rules = usable_rules(prepared.distinct, columns_of(prepared.fields))
    candidates = candidate_pairs(prepared.distinct, rules, chosen.blocking, trained.guards if trained else None)
    left, right = candidates.left, candidates.right
    frequencies = trained.frequencies if trained else count_values(prepared.distinct, prepared.fields)
    with comparer_of(prepared.distinct, prepared.fields, frequencies, chosen) as comparer:
        told("Learning what agreement is worth", 2, 5)
        model = trained.model if trained else train(comparer, prepared.distinct, candidates)
        weigher = Weigher(model)
        told("Comparing pairs", 3, 5)
        pairs = weigh(comparer, weigher, left, right, chosen, lambda done, total: told("Comparing pairs", done, total))
        if trained is None:
            once = within_source_weights(prepared.distinct["source"], pairs.left, pairs.right, pairs.weight)
            listed = listed_weights(prepared.distinct, model, pairs)
            trained = Trained(standards, model, frequencies, candidates.guards, number, once, listed)
        told("Grouping people", 4, 5)
        raised = with_listed(prepared.distinct, trained, pairs)
        groups = group_records(prepared.distinct, prepared.copies(), raised, comparer, weigher, trained, chosen)
    told("Grouping people", 5, 5)
    return Matched(_clusters(prepared, groups), _pairs(prepared, pairs), prepared, trained)


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
    prepared = Prepared(records["record_id"], records, np.arange(records.height), [])
    return Matched(clusters, pl.DataFrame(schema=PAIR_SCHEMA), prepared, untrained(standards, records.height))


def _silent(step: str, done: int, total: int) -> None:
    """Nobody watches."""
