"""A day's new records on many that are known: seconds and memory from files to files, keys included.

`python -m benchmarks matching increment_1000000` (or another number of records). Everybody but the day's records is
matched and given keys first, which does not count; then a fresh process reads what was kept, matches the day's records,
gives the keys and writes all of it down; last, everybody is matched by the same model, and the clusters and pairs have
to be the same.
"""

from pathlib import Path

import polars as pl

from benchmarks.synthetic_people import synthetic_people
from crm_platform.scv.identity.keys import CHANGE_SCHEMA, XREF_SCHEMA, KeyAssignment, assign_keys
from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.increment import match_new
from crm_platform.scv.match.known import known_from, load_known, save_known

PREFIX = "increment_"
NEW_RECORDS = 1_000
GOAL_SECONDS = 5.0


def write_people(number_of_records: int, folder: Path) -> Path:
    """Made-up people, the day's first; gives their file."""
    people, _ = synthetic_people(number_of_records)
    people.write_parquet(folder / "people.parquet")
    return folder / "people.parquet"


def match_those_before(people: Path, folder: Path) -> None:
    """Match everybody but the day's records, give keys, and keep it all."""
    before = known_from(match_people(pl.read_parquet(people).slice(NEW_RECORDS)))
    save_known(before, folder / "before")
    nobody, nothing = pl.DataFrame(schema=XREF_SCHEMA), pl.DataFrame(schema=CHANGE_SCHEMA)
    _write_keys(assign_keys(before.clusters.select("record_id", "cluster_id"), nobody, nothing), folder / "before")


def match_a_day(people: Path, folder: Path) -> None:
    """Match the day's records with what is kept, give keys, and keep it all."""
    known = match_new(pl.read_parquet(people, n_rows=NEW_RECORDS), load_known(folder / "before"))
    save_known(known, folder / "after")
    xref, changes = (pl.read_parquet(folder / "before" / name) for name in ("xref.parquet", "changes.parquet"))
    _write_keys(assign_keys(known.members.select("record_id", "cluster_id"), xref, changes), folder / "after")


def is_that_of_a_full_run(people: Path, folder: Path) -> bool:
    """Whether clusters and pairs are those of matching everybody by the same model."""
    known = load_known(folder / "after")
    full = match_people(pl.read_parquet(people), trained=known.trained)
    tied = [frame.select("record_id", "cluster_id") for frame in (known.clusters, full.clusters)]
    return tied[0].equals(tied[1]) and known.pairs.equals(full.pairs)


def _write_keys(assigned: KeyAssignment, folder: Path) -> None:
    assigned.xref.write_parquet(folder / "xref.parquet")
    assigned.changes.write_parquet(folder / "changes.parquet")
