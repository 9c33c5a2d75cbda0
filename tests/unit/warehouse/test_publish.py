"""Write, audit, publish: what breaks its contract leaves no trace, what holds it appears whole."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import ContractViolation, publish, publish_frame, publish_sql_file
from tests.unit.warehouse.conftest import DAILY, VISITS, day_key, visits


def all_files(lake: Lake) -> dict[str, tuple[bytes, int]]:
    """Every file of the lake with its content and the time of its change."""
    paths = [path for path in lake.root.rglob("*") if path.is_file()]
    return {str(path.relative_to(lake.root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_a_table_is_replaced_whole(engine: Engine, lake: Lake) -> None:
    publish_frame(engine, VISITS, visits(1, 2))
    publication = publish_frame(engine, VISITS, visits(2, 3, 4))
    assert (publication.number_of_rows, publication.partition_keys) == (3, ())
    assert publication.number_of_bytes == lake.data_file(VISITS).stat().st_size
    assert engine.query("SELECT visit_id FROM demo.visits")["visit_id"].to_list() == [2, 3, 4]


@pytest.mark.parametrize("bad", [visits(1, email="nobody"), visits(1, 1), visits(1).drop("score")])
def test_a_broken_contract_leaves_yesterdays_table_byte_for_byte(engine: Engine, lake: Lake, bad: pl.DataFrame) -> None:
    publish_frame(engine, VISITS, visits(1, 2))
    before = all_files(lake)
    with pytest.raises(ContractViolation, match="the published table is unchanged") as violation:
        publish_frame(engine, VISITS, bad)
    assert violation.value.failures and "nobody" not in str(violation.value)
    assert all_files(lake) == before
    assert engine.scalar("SELECT count(*) FROM demo.visits") == 2


def test_one_bad_partition_keeps_all_of_them_back(engine: Engine, lake: Lake) -> None:
    publish_frame(engine, DAILY, visits(1), day_key(0))
    before = all_files(lake)
    writes = {
        day_key(day): lambda path, rows=rows: rows.write_parquet(path)
        for day, rows in ((0, visits(1, 2)), (1, visits(3, day=1, email="nobody")))
    }
    with pytest.raises(ContractViolation):
        publish(engine, DAILY, writes)
    assert all_files(lake) == before
    assert lake.partition_keys(DAILY) == [day_key(0)]


def test_partitions_that_are_not_written_are_not_touched(engine: Engine, lake: Lake) -> None:
    for day in range(3):
        publish_frame(engine, DAILY, visits(day + 1, day=day), day_key(day))
    before = all_files(lake)
    publication = publish_frame(engine, DAILY, visits(7, 8, day=1), day_key(1))
    after = all_files(lake)
    assert publication.partition_keys == (day_key(1),)
    assert [name for name in before if before[name] != after[name]] == [
        f"demo/daily_visits/visited_dt={day_key(1)}/data.parquet"
    ]
    assert lake.rows_by_partition(DAILY) == {day_key(0): 1, day_key(1): 2, day_key(2): 1}


def test_a_write_that_fails_leaves_no_temporary_file(engine: Engine, lake: Lake) -> None:
    def half_written(path: Path) -> None:
        path.write_bytes(b"PAR1")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        publish(engine, VISITS, {None: half_written})
    assert all_files(lake) == {}


def test_the_same_rows_are_the_same_bytes(engine: Engine, lake: Lake) -> None:
    publish_frame(engine, VISITS, visits(1, 2))
    first = lake.data_file(VISITS).read_bytes()
    publish_frame(engine, VISITS, visits(1, 2))
    assert lake.data_file(VISITS).read_bytes() == first


def test_a_sql_file_makes_a_table_from_tables(open_engine: Callable[..., Engine], tmp_path: Path) -> None:
    engine = open_engine()
    publish_frame(engine, DAILY, visits(1, 2), day_key(0))
    sql = tmp_path / "visits.sql"
    sql.write_text("-- demo.visits\nSELECT * FROM demo.daily_visits WHERE visit_id >= $least; -- the last word")
    with pytest.raises(KeyError):
        publish_sql_file(engine, VISITS, sql, {"most": 1})
    sql.write_text("-- demo.visits\nSELECT * FROM demo.daily_visits WHERE visit_id >= $least -- the last word")
    assert publish_sql_file(engine, VISITS, sql, {"least": 2}).number_of_rows == 1
    assert engine.scalar("SELECT max(visit_id) FROM demo.visits") == 2
