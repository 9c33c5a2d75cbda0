"""The seam to the matching engine: records in, the model's clusters and weighed pairs out.

Here: which records are matched, and what is kept of a run so that the next one matches only what has changed. Not here:
the matching (`match/engine.py`).
"""

import hashlib
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from crm_platform.scv.match.engine import Matched, comparable_records, match_new, match_people
from crm_platform.scv.match.trained import load_trained, save_trained
from crm_platform.scv.records.contracts import SOURCE_RECORD
from crm_platform.scv.standardise.people import USABLE_COLUMNS
from crm_platform.warehouse.files import temporary_beside

# Corrections name the customer they are about and hold but what has changed: they say nothing about who is whom.
UNMATCHED_FEEDS = ("customer_updates",)
KINDS = ("person", "company")
COMPARED_COLUMNS = tuple(name for name in SOURCE_RECORD.column_names if name in USABLE_COLUMNS)
# With more than this share of the records new, matching all of them costs hardly more, and learns anew.
MOST_CHANGED = 0.2
_TABLES = ("digests", "clusters", "pairs", "records")
_FINISHED = "finished"


@dataclass(frozen=True)
class ModelLinks:
    """What the model found.

    clusters: record_id, cluster_id, match_probability. pairs: record_id_l < record_id_r, match_weight (base-2 logarithm
    of the odds that the two are one). matched: what the engine gave, of people and of companies, to explain pairs by.
    number_matched: the records that were new to the model in this run.
    """

    clusters: pl.DataFrame
    pairs: pl.DataFrame
    matched: tuple[Matched, ...]
    number_matched: int


def model_links(records: pl.DataFrame, memory: Path | None = None) -> ModelLinks:
    """Match the records (`scv.source_record`) that describe somebody; people and companies apart.

    memory: a folder in which what was found is kept. With it, a run matches the records that are new or have changed
    since the one before, by the model that was learnt then, and gives what matching all of them by that model would.
    """
    found = [_links_of(_described(records, kind), memory / kind if memory is not None else None) for kind in KINDS]
    clusters = (each.clusters.select("record_id", "cluster_id", "match_probability") for each, _ in found)
    pairs = (
        each.pairs.select("record_id_l", "record_id_r", pl.col("match_weight").cast(pl.Float64)) for each, _ in found
    )
    return ModelLinks(
        pl.concat(clusters), pl.concat(pairs), tuple(each for each, _ in found), sum(number for _, number in found)
    )


def comparable_people(people: pl.DataFrame) -> pl.DataFrame:
    """record_id with names and address as they are compared: surname, house_number, unit, street_key, address_key,
    postcode, company and others; ordered by record_id."""
    rows, _ = comparable_records(people)
    return rows


@cache
def engine_version() -> str:
    """A digest of the engine's code and word lists: what another engine found is not continued."""
    folder = Path(__file__).parent.parent
    digest = hashlib.sha256(pl.__version__.encode())
    for path in sorted(
        path for name in ("match", "standardise") for path in (folder / name).iterdir() if path.is_file()
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _described(records: pl.DataFrame, kind: str) -> pl.DataFrame:
    """What the records of a kind say that the engine can compare: all of what they say would be twice the memory."""
    is_described = ~pl.col("feed_kind").is_in(UNMATCHED_FEEDS) & (pl.col("customer_type") == kind)
    return (
        records.lazy().filter(is_described).select("record_id", "source", *COMPARED_COLUMNS).sort("record_id").collect()
    )


def _links_of(records: pl.DataFrame, memory: Path | None) -> tuple[Matched, int]:
    """What the engine finds, and how many records it had to look at."""
    # A company has a tax number where a person has a national one.
    people = records.with_columns(
        national_id=pl.coalesce("national_id", "tax_id"), full_name=pl.coalesce("full_name", "company_name")
    )
    if memory is None:
        return match_people(people), people.height
    digests = people.select("record_id", digest=people.hash_rows(seed=1))
    before = _remembered(memory)
    if before is None:
        matched, number = match_people(people), people.height
    else:
        digests_before, known = before
        if digests.equals(digests_before):
            return known, 0
        matched, number = _continued(people, digests, digests_before, known)
    _remember(memory, digests, matched)
    return matched, number


def _continued(
    people: pl.DataFrame, digests: pl.DataFrame, digests_before: pl.DataFrame, known: Matched
) -> tuple[Matched, int]:
    """Match what is new or has changed; all of it anew where that is much."""
    untouched = digests_before.join(digests, on=["record_id", "digest"], how="semi")
    gone = known.records.join(untouched, on="record_id", how="anti")
    # The pairs of equal records stand under one of them: when that goes, the others have to be looked at again.
    content = [name for name in known.records.columns if name != "record_id"]
    copies = known.records.join(gone.select(content), on=content, how="semi", nulls_equal=True)
    kept = known.records.join(gone, on="record_id", how="anti").join(copies, on="record_id", how="anti")
    new = people.join(kept, on="record_id", how="anti")
    if new.height > MOST_CHANGED * people.height or known.trained.is_outgrown(people.height):
        return match_people(people), people.height
    return match_new(new, kept, known.pairs, known.trained, old_clusters=known.clusters), new.height


def _remembered(memory: Path) -> tuple[pl.DataFrame, Matched] | None:
    """What the run before has kept; None where it has not, was killed while it did, or matched by other rules."""
    finished = memory / _FINISHED
    if not finished.exists() or finished.read_text(encoding="ascii") != engine_version():
        return None
    tables = {name: pl.read_parquet(memory / f"{name}.parquet") for name in _TABLES}
    matched = Matched(tables["clusters"], tables["pairs"], tables["records"], load_trained(memory / "trained"))
    return tables["digests"], matched


def _remember(memory: Path, digests: pl.DataFrame, matched: Matched) -> None:
    """Keep what was found, in place of what the run before had kept."""
    prepared = temporary_beside(memory)
    (prepared / "trained").mkdir(parents=True)
    tables = (digests, matched.clusters, matched.pairs, matched.records)
    for name, table in zip(_TABLES, tables, strict=True):
        table.write_parquet(prepared / f"{name}.parquet")
    save_trained(matched.trained, prepared / "trained")
    (prepared / _FINISHED).write_text(engine_version(), encoding="ascii")
    # Between the two a killed run leaves no memory: the next one matches everything, with the same result.
    shutil.rmtree(memory, ignore_errors=True)
    prepared.replace(memory)
