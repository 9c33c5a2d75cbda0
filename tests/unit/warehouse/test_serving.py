"""The published database: described, read while it is replaced, and carried away."""

import shutil
from pathlib import Path

import duckdb
import pytest

from crm_platform.warehouse.contract import View
from crm_platform.warehouse.dictionary import DataDictionary, dictionary_page, dictionary_rows
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import publish_frame
from crm_platform.warehouse.serving import export_copy, publish_serving
from tests.unit.warehouse.conftest import DAILY, VISITS, day_key, visits

LAST = View(
    VISITS, "visits_last", "Only the last visit.", 'SELECT * FROM "demo"."visits" ORDER BY visit_id DESC LIMIT 1'
)


@pytest.fixture
def serving_file(tmp_path: Path) -> Path:
    return tmp_path / "serving" / "crm.duckdb"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "serving"


def read(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as database:
        return database.execute(sql).fetchall()


def test_every_table_view_and_column_says_what_it_is(
    engine: Engine, lake: Lake, serving_file: Path, note: Path
) -> None:
    publish_frame(engine, VISITS, visits(1, 2))
    assert publish_serving(lake, [VISITS, DAILY], [LAST], serving_file, note) == 2
    said = dict(read(serving_file, "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'demo'"))
    assert said == {"visits": VISITS.summary, "daily_visits": DAILY.summary, "visits_last": "Only the last visit."}
    columns = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{}' ORDER BY column_index"
    for table in ("visits", "visits_last"):
        assert read(serving_file, columns.format(table)) == [
            (column.name, column.description) for column in VISITS.columns
        ]
    assert read(serving_file, "SELECT visit_id FROM demo.visits_last") == [(2,)]
    assert read(serving_file, "SELECT count(*) FROM demo.daily_visits") == [(0,)]


def test_the_dictionary_lies_in_the_file_and_describes_itself(lake: Lake, serving_file: Path, note: Path) -> None:
    publish_serving(lake, [VISITS], [], serving_file, note)
    rows = read(serving_file, "SELECT table_name, count(*) FROM warehouse.data_dictionary GROUP BY ALL ORDER BY ALL")
    assert rows == [("data_dictionary", 11), ("visits", 5)]


def test_a_reader_keeps_the_old_file_while_a_new_one_is_swapped_in(
    engine: Engine, lake: Lake, serving_file: Path, note: Path
) -> None:
    publish_serving(lake, [VISITS], [], serving_file, note)
    with duckdb.connect(str(serving_file), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'demo'").fetchall() == [(1,)]
        publish_serving(lake, [VISITS, DAILY], [], serving_file, note)
        assert reader.execute("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'demo'").fetchall() == [(1,)]
    assert read(serving_file, "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'demo'") == [(2,)]
    assert [path.name for path in serving_file.parent.iterdir()] == ["crm.duckdb"]


def test_the_file_stands_while_the_lake_is_made_of_the_same_files(
    engine: Engine, lake: Lake, serving_file: Path, note: Path
) -> None:
    publish_frame(engine, DAILY, visits(1), day_key(0))
    publish_serving(lake, [DAILY], [], serving_file, note)
    first = serving_file.stat().st_ino

    publish_frame(engine, DAILY, visits(1, 2), day_key(0))
    publish_serving(lake, [DAILY], [], serving_file, note)
    assert serving_file.stat().st_ino == first
    assert read(serving_file, "SELECT count(*) FROM demo.daily_visits") == [(2,)]

    publish_frame(engine, DAILY, visits(3, day=1), day_key(1))
    publish_serving(lake, [DAILY], [], serving_file, note)
    assert read(serving_file, "SELECT count(*) FROM demo.daily_visits") == [(3,)]

    publish_serving(lake, [DAILY, VISITS], [], serving_file, note)
    assert read(serving_file, "SELECT count(*) FROM demo.visits") == [(0,)]


def test_a_file_that_was_taken_away_or_put_there_by_another_is_made_anew(
    lake: Lake, serving_file: Path, note: Path
) -> None:
    publish_serving(lake, [VISITS], [], serving_file, note)
    for spoil in (Path.unlink, lambda path: path.write_bytes(b"another")):
        spoil(serving_file)
        publish_serving(lake, [VISITS], [], serving_file, note)
        assert read(serving_file, "SELECT count(*) FROM demo.visits") == [(0,)]


def test_the_file_is_read_from_any_folder(
    tmp_path: Path, serving_file: Path, note: Path, engine: Engine, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_frame(engine, VISITS, visits(1))
    monkeypatch.chdir(tmp_path)
    publish_serving(Lake(Path("lake")), [VISITS], [], serving_file, note)
    monkeypatch.chdir("/")
    assert read(serving_file, "SELECT count(*) FROM demo.visits") == [(1,)]


def test_a_view_that_cannot_be_made_leaves_the_published_file(lake: Lake, serving_file: Path, note: Path) -> None:
    publish_serving(lake, [VISITS], [], serving_file, note)
    before = serving_file.read_bytes()
    with pytest.raises(duckdb.Error):
        publish_serving(
            lake, [VISITS], [View(VISITS, "broken", "Broken.", "SELECT * FROM nowhere")], serving_file, note
        )
    assert serving_file.read_bytes() == before
    assert [path.name for path in serving_file.parent.iterdir()] == ["crm.duckdb"]


def test_a_copy_to_carry_away_holds_its_rows(engine: Engine, lake: Lake, tmp_path: Path) -> None:
    publish_frame(engine, VISITS, visits(1, 2))
    publish_frame(engine, DAILY, visits(1), day_key(0))
    copy = tmp_path / "away" / "copy.duckdb"
    assert export_copy(lake, [VISITS, DAILY], ["demo.visits"], copy) == 1
    shutil.rmtree(lake.root)
    assert read(copy, "SELECT visit_id FROM demo.visits ORDER BY visit_id") == [(1,), (2,)]
    assert read(copy, "SELECT comment FROM duckdb_tables() WHERE table_name = 'visits'") == [(VISITS.summary,)]
    with pytest.raises(KeyError, match=r"no table demo.visit; the tables are demo.daily_visits, demo.visits"):
        export_copy(lake, [VISITS, DAILY], ["demo.visit"], copy)


def test_dictionary_rows_keep_their_own_contract() -> None:
    rows = dictionary_rows([VISITS, DAILY])
    DataDictionary.validate(rows)
    first = rows.row(0, named=True)
    assert (first["table_name"], first["column_name"], first["is_key"], first["is_nullable"]) == (
        "visits",
        "visit_id",
        True,
        False,
    )
    assert (first["column_type"], first["column_checks"]) == ("BIGINT", "greater_than_or_equal_to(1)")
    assert rows.filter(table_name="visits")["column_position"].to_list() == [1, 2, 3, 4, 5]


def test_the_dictionarys_page_has_a_section_per_table_and_escapes_what_would_break_it() -> None:
    page = dictionary_page([VISITS, DAILY])
    assert page.index("## demo.daily_visits") < page.index("## demo.visits")
    assert "Partitioned by visited_dt by day." in page
    assert "Money \\| spent." in page
