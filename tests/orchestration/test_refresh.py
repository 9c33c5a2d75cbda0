"""The refresh job on a small company: what it leaves alone, and what a broken contract stops and what not."""

import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tests.end_to_end.tables import half_written, stamps, table
from tests.orchestration.running import SOURCES, materialized, refreshed, row_count
from tests.orchestration.small_company import customers_csv, deliver, deliver_all, orders_csv, write_config

RECORDS = {"file_ledger", "quarantined_rows", "validation_results", "schema_drift"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of the small company."""
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, config: Path) -> Path:
    """A home with its first deliveries taken in; to be copied."""
    home = tmp_path_factory.mktemp("loaded") / "home"
    deliver_all(home)
    assert refreshed(home, config, SOURCES).success
    return home


@pytest.fixture
def home(loaded: Path, tmp_path: Path) -> Path:
    """A copy of the home with its first deliveries."""
    return Path(shutil.copytree(loaded, tmp_path / "home"))


def test_a_second_refresh_takes_nothing_in_and_changes_no_staging_table(home: Path, config: Path) -> None:
    before = {name: stamp for name, stamp in stamps(home).items() if "/stg_" in name}

    result = refreshed(home, config, SOURCES)

    assert result.success
    assert {name: stamp for name, stamp in stamps(home).items() if "/stg_" in name} == before
    assert row_count(result, "stg_shop_orders") == 10


def test_a_broken_contract_publishes_nothing_says_so_and_stops_only_what_hangs_on_the_table(
    home: Path, config: Path
) -> None:
    """A file of the lake that somebody changed by hand: the next delivery into its month finds it out."""
    month = home / "lake" / "sources" / "stg_shop_orders" / "order_dt=2020-02" / "data.parquet"
    sound = pl.read_parquet(month)
    sound.with_columns(currency=pl.lit("guilders")).write_parquet(month)
    before = stamps(home)
    landed = deliver(home, "shop/orders_2.csv", orders_csv([13]))
    deliver(home, "shop/customers_2.csv", customers_csv([13]))

    result = refreshed(home, config, SOURCES)

    assert not result.success
    failed = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert [(each.asset_key.path[-1], each.check_name) for each in failed] == [("stg_shop_orders", "contract_holds")]
    assert any("column currency" in str(value.value) for value in failed[0].metadata.values())
    [failure] = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    said = failure.step_failure_data.user_failure_data
    assert said is not None and said.description is not None
    assert "sources.stg_shop_orders breaks its contract, the published table is unchanged" in said.description
    assert "guilders" not in said.description
    changed = _changed_tables(before, stamps(home))
    assert "stg_shop_customers" in changed and "stg_shop_orders" not in changed
    assert landed.exists() and half_written(home) == []
    made = materialized(result)
    assert "stg_shop_orders" not in made and not made & RECORDS and "crm" not in made
    assert {"stg_shop_customers", "stg_stock_products", "dim_product"} <= made

    sound.write_parquet(month)
    assert refreshed(home, config, SOURCES).success
    assert table(home, "sources.stg_shop_orders").height == 11


def _changed_tables(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> set[str]:
    return {Path(name).parts[1] for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
