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

from crm_platform.scv.identity.contacts import contact_statements
from crm_platform.scv.identity.homes import household_statements
from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.increment import match_new
from crm_platform.scv.match.known import Known, known_from, load_known, save_known
from crm_platform.scv.match.prepared import Matched, comparable_records
from crm_platform.scv.records.contracts import SOURCE_STATEMENT
from crm_platform.scv.standardise.people import USABLE_COLUMNS
from crm_platform.warehouse.files import temporary_beside

# Corrections name the customer they are about and hold but what has changed: they say nothing about who is whom.
UNMATCHED_FEEDS = ("customer_updates",)
KINDS = ("person", "company")
COMPARED_COLUMNS = tuple(name for name in SOURCE_STATEMENT.column_names if name in USABLE_COLUMNS)
# With more than this share of the records new, matching all of them costs hardly more, and learns anew.
MOST_CHANGED = 0.2
_DIGESTS, _KNOWN, _FINISHED = "digests.parquet", "known", "finished"
_STANDS = pl.col("superseded_dt").is_null()
Found = Matched | Known


@dataclass(frozen=True)
class ModelLinks:
    """What the model found.

    clusters: record_id, cluster_id, match_probability. pairs: record_id_l < record_id_r, match_weight (base-2 logarithm
    of the odds that the two are one). matched: what the engine gave, of people and of companies, to explain pairs by.
    number_matched: the records that were new to the model in this run.
    """

    clusters: pl.DataFrame
    pairs: pl.DataFrame
    matched: tuple[Found, ...]
    number_matched: int


def model_links(
    statements: pl.DataFrame | pl.LazyFrame, memory: Path | None = None, contacts: pl.DataFrame | None = None
) -> ModelLinks:
    """Match the records that describe somebody by all they ever stated (`scv.source_statement`); people and companies
    apart.

    memory: a folder in which what was found is kept. With it, a run matches the records that are new or have changed
    since the one before, by the model that was learnt then, and gives what matching all of them by that model would.
    Of lazy statements, only those are read whole. contacts: by what else customers were reached, as of
    `contacts.stated_contacts`: the records that bear their numbers are compared by that too.
    """
    found = [
        _links_of(_described(statements.lazy(), contacts, kind), memory / kind if memory is not None else None)
        for kind in KINDS
    ]
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


def _described(statements: pl.LazyFrame, contacts: pl.DataFrame | None, kind: str) -> pl.LazyFrame:
    """What the records of a kind say that the engine can compare: all of what they say would be twice the memory."""
    is_described = ~pl.col("feed_kind").is_in(UNMATCHED_FEEDS) & (pl.col("customer_type") == kind)
    described = statements.filter(is_described)
    columns = ["record_id", "source", *COMPARED_COLUMNS, "superseded_dt"]
    parts = [described, household_statements(described)]
    if contacts is not None and not contacts.is_empty():
        parts.append(contact_statements(described, contacts))
    return pl.concat([part.select(columns) for part in parts])


def _links_of(statements: pl.LazyFrame, memory: Path | None) -> tuple[Found, int]:
    """What the engine finds, and how many records it had to look at."""
    # A company has a tax number where a person has a national one.
    people = statements.with_columns(
        national_id=pl.coalesce("national_id", "tax_id"), full_name=pl.coalesce("full_name", "company_name")
    )
    if memory is None:
        return _anew(people)
    digests = _digests(people)
    before = _remembered(memory)
    if before is None:
        found, number = _anew(people)
    else:
        digests_before, known = before
        new = digests.join(digests_before, on=["record_id", "digest"], how="anti")["record_id"]
        gone = digests_before.join(digests, on="record_id", how="anti")["record_id"]
        if not len(new) and not len(gone):
            return known, 0
        if len(new) > MOST_CHANGED * digests.height or known.trained.is_outgrown(digests.height):
            found, number = _anew(people)
        else:
            said = people.filter(pl.col("record_id").is_in(new.implode())).collect()
            number = len(new)
            found = match_new(said.filter(_STANDS), known, forgotten=gone, earlier=said.filter(~_STANDS))
    if isinstance(found, Known):
        _remember(memory, digests, found)
    else:
        shutil.rmtree(memory, ignore_errors=True)
    return found, number


def _anew(people: pl.LazyFrame) -> tuple[Found, int]:
    """Everybody matched; where nothing can be compared, nothing is kept of it."""
    everybody = people.filter(_STANDS).collect()
    matched = match_people(everybody)
    if not matched.trained.model.fields:
        return matched, everybody.height
    earlier = people.filter(~_STANDS).collect()
    known = known_from(matched)
    return (match_new(everybody.clear(), known, earlier=earlier) if earlier.height else known), everybody.height


def _digests(people: pl.LazyFrame) -> pl.DataFrame:
    """record_id, digest of all that a record ever stated."""
    stated = pl.struct(pl.exclude("superseded_dt"), stands=_STANDS).hash(seed=1)
    hashed = people.select("record_id", digest=stated)
    return hashed.group_by("record_id").agg(pl.col("digest").sum()).sort("record_id").collect()


def _remembered(memory: Path) -> tuple[pl.DataFrame, Known] | None:
    """What the run before has kept; None where it has not, was killed while it did, or matched by other rules."""
    finished = memory / _FINISHED
    if not finished.exists() or finished.read_text(encoding="ascii") != engine_version():
        return None
    return pl.read_parquet(memory / _DIGESTS), load_known(memory / _KNOWN)


def _remember(memory: Path, digests: pl.DataFrame, known: Known) -> None:
    """Keep what was found, in place of what the run before had kept."""
    prepared = temporary_beside(memory)
    prepared.mkdir(parents=True)
    digests.write_parquet(prepared / _DIGESTS)
    save_known(known, prepared / _KNOWN)
    (prepared / _FINISHED).write_text(engine_version(), encoding="ascii")
    # Between the two a killed run leaves no memory: the next one matches everything, with the same result.
    shutil.rmtree(memory, ignore_errors=True)
    prepared.replace(memory)
