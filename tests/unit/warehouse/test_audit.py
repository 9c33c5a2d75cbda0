"""The audit finds a bad value wherever it stands, within its memory, and tells of it without showing it."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandera.errors
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.warehouse.audit import AuditFailure, audit_files, audit_rows
from crm_platform.warehouse.engine import Engine
from tests.unit.warehouse.conftest import FIRST_DAY, VISITS, visits

SECRET = "no address of anybody"
SOUND = {"visit_id": 1, "email": None, "score": 10.0, "spent_amount": None, "visited_dt": FIRST_DAY}


def written(path: Path, rows: pl.DataFrame) -> Path:
    rows.write_parquet(path)
    return path


@pytest.mark.parametrize("bad_row", [0, 6, 7, 20, 39])
def test_a_bad_value_in_any_batch_is_found(tmp_path: Path, engine: Engine, bad_row: int) -> None:
    rows = visits(*range(1, 41)).with_columns(
        email=pl.when(pl.col("visit_id") == bad_row + 1).then(pl.lit(SECRET)).otherwise("email")
    )
    prepared = [written(tmp_path / "1.parquet", rows[:25]), written(tmp_path / "2.parquet", rows[25:])]
    audit = audit_files(prepared, VISITS, engine, batch_rows=7)
    assert audit.number_of_rows == 40
    (failure,) = audit.failures
    assert (failure.column, failure.number_of_rows, len(failure.row_hashes)) == ("email", 1, 1)
    assert "str_matches" in failure.check


def test_pandera_on_a_lazy_frame_would_not_have_found_it() -> None:
    bad = visits(1, email=SECRET)
    VISITS.frame_schema.validate(bad.lazy(), lazy=True).collect()  # silently content: why rows are collected first
    with pytest.raises(pandera.errors.SchemaErrors):
        VISITS.frame_schema.validate(bad, lazy=True)
    assert audit_rows(bad, VISITS)


told = st.fixed_dictionaries(
    {
        "visit_id": st.none() | st.integers(-1, 3),
        "email": st.sampled_from([None, "a@b.example", "no address"]),
        "score": st.none() | st.floats(-1, 12) | st.just(math.nan),
        "visited_dt": st.none() | st.just(FIRST_DAY),
    }
)


@settings(max_examples=60)
@given(rows=st.lists(told, max_size=3) | st.lists(st.just(SOUND), max_size=3))
def test_a_frame_holds_exactly_when_pandera_says_so(rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema=VISITS.polars_schema)
    try:
        VISITS.frame_schema.validate(frame, lazy=True)
        is_sound = True
    except pandera.errors.SchemaErrors:
        is_sound = False
    assert (audit_rows(frame, VISITS) == []) == is_sound


@pytest.mark.parametrize(
    ("column", "wrong"), [("visit_id", None), ("visit_id", 0), ("email", SECRET), ("score", 10.5), ("visited_dt", None)]
)
def test_one_bad_value_among_sound_ones_is_never_overlooked(column: str, wrong: object) -> None:
    frame = pl.DataFrame([SOUND, {**SOUND, column: wrong}, SOUND], schema=VISITS.polars_schema)
    [failure] = audit_rows(frame, VISITS)
    assert (failure.column, failure.number_of_rows) == (column, 1)


def test_failures_hold_counts_names_and_hashes_and_never_a_value(tmp_path: Path, engine: Engine) -> None:
    secret_number = 987_654_321.0
    rows = visits(*range(1, 9), email=SECRET).with_columns(score=pl.lit(secret_number))
    failures = audit_files([written(tmp_path / "1.parquet", rows)], VISITS, engine, batch_rows=3).failures
    assert {(failure.column, failure.number_of_rows) for failure in failures} == {("email", 8), ("score", 8)}
    told = repr(failures) + "".join(map(str, failures))
    assert SECRET not in told and "987654321" not in told
    assert all(len(failure.row_hashes) == 5 for failure in failures)
    by_column = {failure.column: failure.row_hashes for failure in failures}
    assert by_column["email"] == by_column["score"]  # the hashes are those of the rows


def test_a_missing_value_is_counted(tmp_path: Path, engine: Engine) -> None:
    rows = visits(1, 2).with_columns(visited_dt=pl.lit(None, VISITS.polars_schema["visited_dt"]))
    (failure,) = audit_files([written(tmp_path / "1.parquet", rows)], VISITS, engine).failures
    assert (failure.column, failure.number_of_rows) == ("visited_dt", 2)


def test_a_key_repeated_across_batches_and_files_is_found(tmp_path: Path, engine: Engine) -> None:
    prepared = [written(tmp_path / "1.parquet", visits(1, 2, 3)), written(tmp_path / "2.parquet", visits(4, 1))]
    failures = audit_files(prepared, VISITS, engine, batch_rows=2).failures
    assert failures == (AuditFailure("unique key (visit_id)", None, 1),)


@pytest.mark.parametrize(
    "wrong",
    [
        visits(1).drop("score"),
        visits(1).with_columns(extra=pl.lit(1)),
        visits(1).select("email", pl.exclude("email")),
        visits(1).with_columns(pl.col("visit_id").cast(pl.Int32)),
        visits(1).with_columns(pl.col("visited_dt").dt.replace_time_zone(None)),
        visits(1).with_columns(pl.col("spent_amount").cast(pl.Decimal(18, 2))),
        visits().drop("score"),
    ],
    ids=["gone", "extra", "order", "narrower", "no zone", "scale", "empty and gone"],
)
def test_columns_that_are_not_the_contracts_fail(tmp_path: Path, engine: Engine, wrong: pl.DataFrame) -> None:
    prepared = [written(tmp_path / f"{number}.parquet", rows) for number, rows in enumerate([visits(5), wrong])]
    failures = audit_files(prepared, VISITS, engine).failures
    assert failures and all(failure.number_of_rows == 0 for failure in failures)


def test_a_table_without_rows_holds(tmp_path: Path, engine: Engine) -> None:
    audit = audit_files([written(tmp_path / "1.parquet", visits())], VISITS, engine)
    assert (audit.number_of_rows, audit.failures) == (0, ())


AUDIT_A_MILLION = """
import resource, sys
from pathlib import Path
import duckdb
from crm_platform.warehouse.audit import audit_files
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake
from tests.unit.warehouse.conftest import VISITS
folder = Path(sys.argv[1])
connection = duckdb.connect(config=engine_settings("100MB", 1, folder / "spill"))
engine = Engine(connection, Lake(folder), {VISITS.name: VISITS})
audit_files([folder / "small.parquet"], VISITS, engine)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
audit = audit_files([folder / "large.parquet"], VISITS, engine, batch_rows=50_000)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(audit.number_of_rows, len(audit.failures), (after - before) // 1024)
"""


def test_a_million_rows_are_audited_in_the_memory_of_a_batch_and_of_the_engine(tmp_path: Path) -> None:
    number_of_rows = 1_000_000
    large = visits(1).select(
        pl.int_range(1, number_of_rows + 1).alias("visit_id"),
        (pl.int_range(number_of_rows).cast(pl.String) + pl.lit("-" * 60 + "@b.example")).alias("email"),
        *(pl.col(name).first() for name in ("score", "spent_amount", "visited_dt")),
    )
    large.write_parquet(tmp_path / "large.parquet", row_group_size=50_000)
    visits(1).write_parquet(tmp_path / "small.parquet")
    assert large.estimated_size("mb") > 80
    script, root = [sys.executable, "-c", AUDIT_A_MILLION, str(tmp_path)], Path(__file__).parents[3]
    told = subprocess.run(script, capture_output=True, text=True, check=True, cwd=root).stdout.split()
    assert told[:2] == [str(number_of_rows), "0"]
    assert int(told[2]) < 200, "the audit of 1,000,000 rows took more memory (MB) than batches and engine may"
