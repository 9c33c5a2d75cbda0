"""The seam to the matching engine: records in, the model's clusters and weighed pairs out.

Here: which records are matched, and what of an earlier run is used. Not here: the matching (`match/engine.py`).
"""

from dataclasses import dataclass

import polars as pl

from crm_platform.scv.match.engine import comparable_records, match_people

# Corrections name the customer they are about and hold but what has changed: they say nothing about who is whom.
UNMATCHED_FEEDS = ("customer_updates",)


@dataclass(frozen=True)
class ModelLinks:
    """What the model found.

    clusters: record_id, cluster_id, match_probability. pairs: record_id_l < record_id_r, match_weight (base-2 logarithm
    of the odds that the two are one).
    """

    clusters: pl.DataFrame
    pairs: pl.DataFrame


def model_links(records: pl.DataFrame) -> ModelLinks:
    """Match the records (`scv.source_record`) that describe somebody; people and companies apart."""
    described = records.filter(~pl.col("feed_kind").is_in(UNMATCHED_FEEDS))
    found = [_links_of(described.filter(customer_type=kind)) for kind in ("person", "company")]
    return ModelLinks(pl.concat(each.clusters for each in found), pl.concat(each.pairs for each in found))


def _links_of(records: pl.DataFrame) -> ModelLinks:
    # A company has a tax number where a person has a national one.
    people = records.with_columns(
        national_id=pl.coalesce("national_id", "tax_id"), full_name=pl.coalesce("full_name", "company_name")
    )
    matched = match_people(people)
    clusters = matched.clusters.select(
        pl.col("record_id").cast(pl.String), pl.col("cluster_id").cast(pl.String), pl.col("match_probability").cast(pl.Float64)
    )
    pairs = matched.pairs.select("record_id_l", "record_id_r", pl.col("match_weight").cast(pl.Float64))
    return ModelLinks(clusters, pairs)


def comparable_people(people: pl.DataFrame) -> pl.DataFrame:
    """record_id with names and address as they are compared: surname, house_number, unit, street_key, address_key,
    postcode, company and others; ordered by record_id."""
    rows, _ = comparable_records(people)
    return rows
