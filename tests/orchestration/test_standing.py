"""What a refresh leaves standing: tables of which nothing has changed are told of again, and not made anew."""

from pathlib import Path

import dagster as dg
import pytest

from assets.publishing import asset_key
from assets.standing import MAKE_ANEW, STANDS_SINCE
from crm_platform.sources.dimensions.build import DIMENSIONS
from tests.end_to_end.tables import stamps, table
from tests.orchestration.running import QUIET, SOURCES, definitions_of, refreshed
from tests.orchestration.small_company import deliver, deliver_all, products_csv, write_config

DIM_PRODUCT = DIMENSIONS["dim_product"].contract


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of the small company."""
    return write_config(tmp_path / "config")


@pytest.fixture
def home(tmp_path: Path, config: Path) -> Path:
    """The small company's home after a refresh of its sources and dimensions."""
    deliver_all(tmp_path / "home")
    assert refreshed(tmp_path / "home", config, SOURCES).success
    return tmp_path / "home"


def test_what_nothing_has_changed_of_stands_and_is_told_again(home: Path, config: Path) -> None:
    before = stamps(home)
    first = _told(refreshed(home, config, SOURCES))
    second = _told(refreshed(home, config, SOURCES))

    assert stamps(home) == before
    assert set(second) == {dimension.contract.table for dimension in DIMENSIONS.values()}
    assert all(STANDS_SINCE in metadata for metadata in second.values())
    assert first == second
    assert second["dim_product"]["dagster/row_count"] == 11 and second["dim_product"]["rows_written"] == 0


def test_what_arrives_is_made_of_and_the_rest_stands(home: Path, config: Path) -> None:
    deliver(home, "stock/products_2.csv", products_csv([77]))

    told = _told(refreshed(home, config, SOURCES))

    assert {name for name, metadata in told.items() if STANDS_SINCE not in metadata} == {"dim_product"}
    assert table(home, "sources.dim_product").height == 12


def test_a_file_of_a_table_that_is_gone_or_a_setting_that_is_another_makes_it_anew(home: Path, config: Path) -> None:
    (home / "lake" / "sources" / "dim_product" / "data.parquet").unlink()
    told = _told(refreshed(home, config, SOURCES))
    assert {name for name, metadata in told.items() if STANDS_SINCE not in metadata} == {"dim_product"}
    assert table(home, "sources.dim_product").height == 11

    with (config / "company.yaml").open("a", encoding="utf-8") as settings:
        settings.write("\n")
    assert not any(STANDS_SINCE in metadata for metadata in _told(refreshed(home, config, SOURCES)).values())


def test_a_table_that_a_person_asks_for_is_made_anew(home: Path, config: Path) -> None:
    """In the UI by itself, or all of them by `crm refresh --anew`."""
    definitions = definitions_of(home, config)
    with dg.DagsterInstance.ephemeral() as instance:
        asked = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, run_config=QUIET, asset_selection=[asset_key(DIM_PRODUCT)]
        )
    assert STANDS_SINCE not in _told(asked)["dim_product"]
    assert not any(STANDS_SINCE in metadata for metadata in _told(refreshed(home, config, SOURCES, MAKE_ANEW)).values())


def test_a_report_that_cannot_be_read_is_as_good_as_none(home: Path, config: Path) -> None:
    for report in (home / "work" / "reports").glob("sources__*"):
        report.write_text('{"basis": ')
    result = refreshed(home, config, SOURCES)
    assert result.success
    assert not any(STANDS_SINCE in metadata for metadata in _told(result).values())


def _told(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
    """What was told of each dimension, but for pictures and columns."""
    tables = {dimension.contract.table for dimension in DIMENSIONS.values()}
    events = [event for event in result.all_events if event.is_step_materialization]
    made = [event.step_materialization_data.materialization for event in events]
    return {
        each.asset_key.path[-1]: {name: value.value for name, value in each.metadata.items()}
        for each in made
        if each.asset_key.path[-1] in tables
    }
