"""`crm demo` and `crm refresh` as a person runs them: what they say, what they leave, and how they end when ended.

What they leave is held to the tables that the refresh job makes when nobody disturbs it.
"""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from tests.end_to_end.commands import Platform, finished
from tests.end_to_end.tables import assert_equal_tables, half_written, table, table_names
from tests.orchestration.running import refreshed, row_count
from tests.orchestration.small_company import deliver_all, write_config

NOT_READ_YET = ("mail/bounces", "mail/events")


@pytest.fixture
def small(tmp_path: Path) -> Platform:
    """The small company with its first delivery."""
    platform = Platform(tmp_path / "home", write_config(tmp_path / "config"))
    deliver_all(platform.home)
    return platform


@dataclass(frozen=True)
class Undisturbed:
    """A home after one refresh that nobody disturbed, and what Dagster heard of it."""

    home: Path
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The same company, refreshed by the job itself in this process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    deliver_all(folder / "home")
    return Undisturbed(folder / "home", refreshed(folder / "home", write_config(folder / "config")))


def test_a_refresh_makes_every_table_and_reports_its_rows(undisturbed: Undisturbed) -> None:
    result = undisturbed.result
    assert result.success
    assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    counts = {name: row_count(result, name) for name in ("stg_shop_customers", "stg_shop_orders", "dim_product")}
    assert counts == {"stg_shop_customers": 10, "stg_shop_orders": 10, "dim_product": 11}
    [made] = result.asset_materializations_for_node("sources__stg_shop_customers")
    reported = {name: made.metadata[name].value for name in ("rows_received", "rows_loaded", "files_taken")}
    assert reported == {"rows_received": 10, "rows_loaded": 10, "files_taken": 1}


def test_every_file_of_the_demo_is_accounted_for(refreshed_demo: Platform) -> None:
    home = refreshed_demo.home
    ledger = table(home, "sources.file_ledger")
    unreconciled = ledger.filter(
        pl.col("rows_received") != pl.col("rows_loaded") + pl.col("rows_quarantined") + pl.col("rows_known")
    )
    assert ledger.height > 50 and set(ledger["status"]) == {"loaded"}
    assert unreconciled.is_empty()
    left = {path.relative_to(home / "landing").as_posix() for path in (home / "landing").rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith(("_truth", "till/till.db", *NOT_READ_YET))} == set()


def test_every_staging_table_of_the_demo_holds_the_rows_that_the_ledger_says(refreshed_demo: Platform) -> None:
    ledger = table(refreshed_demo.home, "sources.file_ledger")
    loaded: dict[str, int] = dict(ledger.group_by("feed_name").agg(pl.col("rows_loaded").sum()).iter_rows())
    held = {name: table(refreshed_demo.home, f"sources.stg_{name.replace('.', '_')}").height for name in loaded}
    assert held == loaded


def test_the_published_database_of_the_demo_opens_read_only_and_holds_every_table(refreshed_demo: Platform) -> None:
    home = refreshed_demo.home
    with duckdb.connect(str(home / "serving" / "crm.duckdb"), read_only=True) as database:
        rows = {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in sorted(table_names(home))
        }
    assert rows == {name: table(home, name).height for name in rows}
    assert rows["sources.stg_shop_orders"] > 100


def test_a_second_refresh_of_the_demo_takes_nothing_in_and_changes_no_table(
    refreshed_demo: Platform, tmp_path: Path
) -> None:
    home = refreshed_demo.copied(tmp_path / "home").home

    result = refreshed(home, refreshed_demo.config)

    assert result.success
    events = (event for event in result.all_events if event.is_step_materialization)
    metadata = [event.step_materialization_data.materialization.metadata for event in events]
    assert {each["rows_loaded"].value for each in metadata if "rows_loaded" in each} == {0}
    checks = result.get_asset_check_evaluations()
    assert [each for each in checks if not each.passed and each.severity == dg.AssetCheckSeverity.ERROR] == []
    # A database is asked again for the rows at its cursor: an extract of known rows more in the ledger.
    assert_equal_tables(home, refreshed_demo.home, but=["sources.file_ledger"])


def test_two_refreshes_started_together_give_the_tables_of_one(small: Platform, undisturbed: Undisturbed) -> None:
    ended = [finished(process) for process in [small.started("refresh"), small.started("refresh")]]
    assert [(each.code, each.errors) for each in ended] == [(0, ""), (0, "")]
    assert_equal_tables(small.home, undisturbed.home)


def test_an_interrupted_and_a_killed_refresh_leave_nothing_half_written_and_the_next_one_goes_on(
    small: Platform, undisturbed: Undisturbed
) -> None:
    process = small.started("refresh")
    _wait_for_a_table(small.home, process)
    process.send_signal(signal.SIGINT)
    ended = finished(process)
    assert ended.code == 130
    assert ended.errors.strip() == "crm: stopped; nothing is half-written. Run the command again to go on."
    assert half_written(small.home) == []
    assert set(_run_statuses(small.home)) <= {dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE}

    process = small.started("refresh")
    _wait_for_a_run(small.home, process)
    process.kill()
    finished(process)
    assert _run_statuses(small.home)[0] == dg.DagsterRunStatus.STARTED

    small.crm("refresh")
    # The queue lets one run go at a time: it would wait for the killed one until the end of days.
    assert _run_statuses(small.home)[:2] == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    assert half_written(small.home) == []
    assert_equal_tables(small.home, undisturbed.home)


def test_a_declaration_that_cannot_be_used_is_one_line_and_an_error_code(small: Platform) -> None:
    declaration = small.config / "sources" / "shop.yaml"
    declaration.write_text(declaration.read_text().replace("order_id:", "order_number:"))
    done = small.run("refresh")
    assert done.code == 1 and done.output == ""
    assert done.errors.startswith("crm: shop.yaml") and "order_number" in done.errors
    assert len(done.errors.strip().splitlines()) == 1


def _wait_for_a_table(home: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not list((home / "lake").rglob("data.parquet")):
        assert process.poll() is None, "the refresh ended before it made a table"
        assert time.monotonic() < until, "the refresh makes no table"
        time.sleep(0.01)


def _wait_for_a_run(home: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while _run_statuses(home)[0] != dg.DagsterRunStatus.STARTED:
        assert process.poll() is None, "the refresh ended before its run began"
        assert time.monotonic() < until, "the refresh begins no run"
        time.sleep(0.2)


def _run_statuses(home: Path) -> list[dg.DagsterRunStatus]:
    """Of every run, the newest first."""
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        return [run.status for run in instance.get_runs()]
