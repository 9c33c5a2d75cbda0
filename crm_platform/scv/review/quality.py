"""The publishing of the review list and of a run's figures.

Here: the figures, their limits, and the two tables. Not here: what is in doubt (`pairs.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from crm_platform.scv.identity.key_log import DAY
from crm_platform.scv.identity.links import ModelLinks
from crm_platform.scv.identity.run import IdentityRun
from crm_platform.scv.review.contracts import MATCH_QUALITY, SCV_REVIEW
from crm_platform.scv.review.evidence import evidence_of
from crm_platform.scv.review.pairs import pairs_in_doubt
from crm_platform.scv.settings import QualityLimits, ReviewSettings
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication, publish_frame

SIZES_SHOWN = 12
WEIGHT_STEP = 4


@dataclass(frozen=True)
class Quality:
    """A run's figures (a row of `scv.match_quality`), customers by their number of records, pairs by weight."""

    figures: Mapping[str, int]
    sizes: Mapping[str, int]
    weights: Mapping[str, int]


def publish_review(
    engine: Engine,
    links: ModelLinks,
    run: IdentityRun,
    verdicts: pl.DataFrame,
    settings: ReviewSettings,
    as_of: datetime,
) -> tuple[Quality, dict[str, Publication]]:
    """Publish what a person should look at after a run as of a time (UTC), and the run's figures.

    Raises:
        ContractViolation: the rows break a contract.
    """
    doubts = pairs_in_doubt(links.pairs, run.xref, verdicts, settings)
    shown = doubts.head(settings.largest_list).with_row_index("review_rank", offset=1)
    reasons = evidence_of(shown.select("record_id_a", "record_id_b"), links.matched)
    review = shown.join(reasons, on=["record_id_a", "record_id_b"], how="left").sort("review_rank")
    quality = _quality(links, run, doubts, verdicts)
    row = pl.DataFrame([{"as_of_dt": as_of, **quality.figures}], schema=MATCH_QUALITY.polars_schema)
    schema = SCV_REVIEW.polars_schema
    return quality, {
        "scv_review": publish_frame(engine, SCV_REVIEW, review.select(*schema).cast(schema)),  # type: ignore[arg-type]
        "match_quality": publish_frame(engine, MATCH_QUALITY, row, f"{as_of:{DAY}}"),
    }


def broken_limits(figures: Mapping[str, int], limits: QualityLimits) -> list[str]:
    """What of a run's figures lies beyond the limits, as sentences; none: all is well."""
    complaints = []
    if figures["largest_cluster"] > limits.largest_cluster:
        complaints.append(
            f"a customer has {figures['largest_cluster']:,} records, more than {limits.largest_cluster:,}: "
            "see scv.customer_xref"
        )
    if figures["number_of_grey_pairs"] > max(1.0, limits.largest_grey_share * figures["number_of_records"]):
        complaints.append(
            f"{figures['number_of_grey_pairs']:,} pairs are in doubt among {figures['number_of_records']:,} records: "
            "see scv.scv_review"
        )
    return complaints


def _quality(links: ModelLinks, run: IdentityRun, doubts: pl.DataFrame, verdicts: pl.DataFrame) -> Quality:
    sizes = run.xref.group_by("customer_key").len()["len"]
    events = dict(run.events.group_by("event_type").agg(pl.col("customer_key").n_unique()).iter_rows())
    kinds = dict(doubts.group_by("kind").len().iter_rows())
    figures = {
        "number_of_records": run.xref.height,
        "number_of_customers": len(sizes),
        "number_matched": links.number_matched,
        "number_of_singles": int((sizes == 1).sum()),
        "largest_cluster": int(sizes.max() or 0),  # type: ignore[arg-type]
        "number_of_grey_pairs": kinds.get("grey_pair", 0),
        "number_of_weak_bridges": kinds.get("weak_bridge", 0),
        "number_of_new_keys": events.get("new", 0),
        "number_merged": run.changes.merged,
        "number_split": run.changes.split,
        "number_revived": events.get("revive", 0),
        "number_retired": run.changes.retired,
        "number_of_verdicts": verdicts.height,
        "number_taken_apart": run.number_taken_apart,
    }
    return Quality(figures, _by_size(sizes), _by_weight(links.pairs))


def _by_size(sizes: pl.Series) -> dict[str, int]:
    capped = sizes.clip(upper_bound=SIZES_SHOWN).alias("size").to_frame().group_by("size").len().sort("size")
    return {f"{size}+" if size == SIZES_SHOWN else str(size): count for size, count in capped.iter_rows()}


def _by_weight(pairs: pl.DataFrame) -> dict[str, int]:
    steps = (pairs["match_weight"].clip(-20, 60) / WEIGHT_STEP).floor().cast(pl.Int64) * WEIGHT_STEP
    counted = steps.alias("weight").to_frame().group_by("weight").len().sort("weight")
    return {str(weight): count for weight, count in counted.iter_rows()}
