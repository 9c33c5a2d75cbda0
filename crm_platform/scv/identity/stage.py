"""The identity stage from end to end: published records to xref, keys, review list and figures.

Here: the order of the steps. Not here: the steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.identity.contacts import stated_contacts
from crm_platform.scv.identity.links import model_links
from crm_platform.scv.identity.run import run_identity
from crm_platform.scv.identity.verdicts import standing_verdicts
from crm_platform.scv.records.contracts import SOURCE_RECORD, SOURCE_STATEMENT
from crm_platform.scv.review.quality import Quality, publish_review
from crm_platform.scv.settings import ScvSettings
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, relation_name
from crm_platform.warehouse.publish import Publication

SHOWN_IN_DOUBT = 10


@dataclass(frozen=True)
class IdentityResult:
    """What the stage did: publications by table, its figures, the records there were, and the first of the review list
    without anything personal (kind, match_probability, risk, evidence)."""

    publications: dict[str, Publication]
    quality: Quality
    number_of_records: int
    most_in_doubt: pl.DataFrame


def publish_identity(
    engine: Engine, feeds: Sequence[StagedFeed], settings: ScvSettings, memory: Path, as_of: datetime
) -> IdentityResult:
    """Match the published records, give keys, and publish who is who as of a time (UTC).

    memory: the folder in which the matching keeps what it has found.

    Raises:
        TooManyChanges: the guard stopped the run; nothing was published.
        OutOfOrderRun: keys were given as of a later time already.
        ContractViolation: a table breaks its contract.
    """
    engine.refresh_view(SOURCE_RECORD)
    engine.refresh_view(SOURCE_STATEMENT)
    records = engine.query(
        "SELECT record_id, source, feed_kind, customer_ref, stated_dt "
        f"FROM {relation_name(SOURCE_RECORD)} ORDER BY record_id"
    )
    verdicts = standing_verdicts(engine, feeds, as_of)
    contacts = stated_contacts(engine, feeds, as_of)
    # Lazily: of the statements of a million records a day needs those that are new.
    links = model_links(pl.scan_parquet(engine.lake.data_files(SOURCE_STATEMENT)), memory, contacts)
    run = run_identity(engine, records, links.clusters, links.pairs, verdicts, settings.guard, as_of)
    quality, publications = publish_review(engine, links, run, verdicts, settings.review, as_of)
    in_doubt = engine.query(
        "SELECT kind, round(match_probability, 3) AS probability, round(risk, 2) AS risk, evidence "
        f"FROM scv.scv_review ORDER BY review_rank LIMIT {SHOWN_IN_DOUBT}"
    )
    return IdentityResult({**run.publications, **publications}, quality, records.height, in_doubt)
