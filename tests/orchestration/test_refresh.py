"""The refresh job on a small company: what it makes and reports, and what a broken contract stops and what not."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tests.end_to_end.tables import assert_equal_tables, half_written, stamps, table
from tests.orchestration.running import SOURCES, materialized, refreshed, row_count
from tests.orchestration.small_company import customers_csv, deliver, deliver_all, orders_csv, write_config

RECORDS = {"file_ledger", "quarantined_rows", "validation_results", "schema_drift"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of the small company."""
    return write_config(tmp_path / "config")


def test_a_refresh_makes_every_table_and_reports_its_rows(tmp_path: Path, config: Path) -> None:
    home = tmp_path / "home"
    deliver_all(home)

    result = refreshed(home, config)

    assert result.success
    assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    counts = {name: row_count(result, name) for name in ("stg_shop_customers", "stg_shop_orders", "dim_product")}
    assert counts == {"stg_shop_customers": 10, "stg_shop_orders": 10, "dim_product": 11}
    [made] = result.asset_materializations_for_node("sources__stg_shop_customers")
    reported = {name: made.metadata[name].value for name in ("rows_received", "rows_loaded", "files_taken")}
    assert reported == {"rows_received": 10, "rows_loaded": 10, "files_taken": 1}


def test_a_second_refresh_takes_nothing_in_and_changes_no_staging_table(tmp_path: Path, config: Path) -> None:
    home = tmp_path / "home"
    deliver_all(home)
    refreshed(home, config, SOURCES)
    before = {name: stamp for name, stamp in stamps(home).items() if "/stg_" in name}

    result = refreshed(home, config, SOURCES)

    assert result.success
    assert {name: stamp for name, stamp in stamps(home).items() if "/stg_" in name} == before
    assert row_count(result, "stg_shop_orders") == 10


def test_a_broken_contract_publishes_nothing_and_stops_only_what_hangs_on_the_table(
    tmp_path: Path, config: Path
) -> None:
    """A file of the lake that somebody changed by hand: the next delivery into its month finds it out."""
    home = tmp_path / "home"
    deliver_all(home)
    assert refreshed(home, config, SOURCES).success
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
    changed = _changed_tables(before, stamps(home))
    assert "stg_shop_customers" in changed and "stg_shop_orders" not in changed
    assert landed.exists() and half_written(home) == []
    made = materialized(result)
    assert "stg_shop_orders" not in made and not made & RECORDS and "crm" not in made
    assert {"stg_shop_customers", "stg_stock_products", "dim_product"} <= made

    sound.write_parquet(month)
    assert refreshed(home, config, SOURCES).success
    assert table(home, "sources.stg_shop_orders").height == 11


def test_a_failed_step_says_which_check_failed_and_that_the_table_stands(tmp_path: Path, config: Path) -> None:
    home = tmp_path / "home"
    deliver(home, "shop/orders_1.csv", orders_csv(range(3)))
    refreshed(home, config, SOURCES)
    month = home / "lake" / "sources" / "stg_shop_orders" / "order_dt=2020-02" / "data.parquet"
    pl.read_parquet(month).with_columns(currency=pl.lit("guilders")).write_parquet(month)
    deliver(home, "shop/orders_2.csv", orders_csv([13]))

    result = refreshed(home, config, SOURCES)

    [failure] = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    said = failure.step_failure_data.user_failure_data
    assert said is not None and said.description is not None
    assert "sources.stg_shop_orders breaks its contract, the published table is unchanged" in said.description
    assert "guilders" not in said.description


def test_two_homes_with_the_same_deliveries_hold_the_same_tables(tmp_path: Path, config: Path) -> None:
    for name in ("one", "other"):
        deliver_all(tmp_path / name)
        assert refreshed(tmp_path / name, config).success
    assert_equal_tables(tmp_path / "one", tmp_path / "other")


def _changed_tables(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> set[str]:
    return {Path(name).parts[1] for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
