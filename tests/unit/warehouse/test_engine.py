"""The engine: tables by name, spilling within its memory, values written as SQL."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.warehouse.engine import Engine, Parameter, bound, literal
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import publish_frame
from tests.unit.warehouse.conftest import DAILY, VISITS, day_key, visits


def test_a_table_that_was_never_made_is_empty_with_its_columns(engine: Engine) -> None:
    rows = engine.query("SELECT * FROM demo.visits")
    assert rows.is_empty() and dict(rows.schema) == VISITS.polars_schema


def test_a_column_that_older_files_lack_is_null_in_them(engine: Engine, lake: Lake) -> None:
    old = lake.data_file(DAILY, day_key(0))
    old.parent.mkdir(parents=True)
    visits(1).drop("score").write_parquet(old)
    publish_frame(engine, DAILY, visits(2, day=1), day_key(1))
    assert engine.query("SELECT visit_id, score FROM demo.daily_visits ORDER BY visit_id").rows() == [
        (1, None),
        (2, 5.0),
    ]


def test_a_table_read_before_it_was_published_shows_its_rows_after(engine: Engine) -> None:
    assert engine.scalar("SELECT count(*) FROM demo.visits") == 0
    publish_frame(engine, VISITS, visits(1))
    assert engine.scalar("SELECT count(*) FROM demo.visits") == 1


def test_frames_are_named_for_the_time_of_a_block(engine: Engine) -> None:
    with engine.registered(wanted=pl.DataFrame({"visit_id": [1, 2]})):
        assert engine.scalar("SELECT sum(visit_id) FROM wanted") == 3
    with pytest.raises(Exception, match="wanted"):
        engine.scalar("SELECT sum(visit_id) FROM wanted")


def test_far_more_than_its_memory_is_sorted_and_joined_by_spilling(
    open_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    """100 MB for an engine that sorts and joins twice of that: it writes to the spill folder and gives every row."""
    engine = open_engine(memory_limit="100MB")
    rows = 2_000_000
    wide = f"SELECT hash(range) // 2 AS key, repeat(hash(range)::VARCHAR, 3) AS filling FROM range({rows})"
    engine.execute(f"CREATE TEMP TABLE wide AS {wide}")
    assert sum(path.stat().st_size for path in (tmp_path / "spill").iterdir()) > 20 * 1024**2
    destination = tmp_path / "sorted.parquet"
    engine.write_query("SELECT * FROM wide ORDER BY key", destination)
    keys = pl.read_parquet(destination, columns=["key"])["key"]
    assert (len(keys), keys.is_sorted()) == (rows, True)
    joined = "SELECT count(*) FROM wide JOIN wide AS other USING (key) WHERE wide.filling = other.filling"
    assert engine.scalar(joined) == rows


values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=8)
    | st.dates(date(1, 1, 1))
    | st.datetimes(
        datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone(timedelta(hours=5, minutes=30)))
    )
)


@settings(max_examples=40, derandomize=True, database=None)
@given(value=values)
def test_a_value_bound_into_sql_comes_back_as_it_was(value: Parameter) -> None:
    assert scalar(f"SELECT {literal(value)}") == value


def scalar(sql: str) -> object:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        (row,) = connection.execute(sql).fetchall()
    return row[0]


def test_parameters_are_bound_once_and_a_missing_one_is_said() -> None:
    assert bound("SELECT $a, $b", {"a": "$b", "b": 1}) == "SELECT '$b', 1"
    assert bound("SELECT $a", None) == "SELECT $a"
    with pytest.raises(KeyError):
        bound("SELECT $a", {})


def test_times_are_utc_whatever_the_machine_says(engine: Engine) -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert engine.scalar("SELECT CAST($moment AS VARCHAR)", {"moment": moment}) == "2026-07-01 12:00:00+00"
