"""The monthly scores in Dagster: by the month, as a range in one run, and what a refresh leaves to them."""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.jobs import MONTHLY_JOB
from crm_platform.cli.months import month_to_score
from crm_platform.settings import Home
from crm_platform.value.scores.contracts import CUSTOMER_RFM, MONTHLY_CONTRACTS
from crm_platform.warehouse.lake import Lake
from tests.end_to_end.tables import table
from tests.orchestration.running import QUIET, definitions_of, materialized, refreshed, up_to
from tests.orchestration.small_company import deliver_all, write_config

MONTHS = ("2020-01", "2020-02", "2020-03", "2020-04")


def scored(home: Path, config: Path, first: str, last: str) -> dg.ExecuteInProcessResult:
    """Run the job of a month, or of a range of months in one run, as a backfill does."""
    job = definitions_of(home, config).resolve_job_def(MONTHLY_JOB)
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False, tags=span)


def contents(home: Path) -> dict[str, bytes]:
    """The bytes of every month of the monthly tables."""
    files = (path for contract in MONTHLY_CONTRACTS for path in Lake(home / "lake").data_files(contract))
    return {str(path): path.read_bytes() for path in files}


@dataclass(frozen=True)
class Company:
    """A home of ten customers after its first refresh, its configuration, and the tables that the refresh made."""

    home: Path
    config: Path
    made: frozenset[str]


@pytest.fixture(scope="module")
def refreshed_company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The small company with all that value hangs on, to be copied."""
    folder = tmp_path_factory.mktemp("refreshed")
    config, home = write_config(folder / "config"), folder / "home"
    deliver_all(home)
    result = refreshed(home, config, up_to("value"))
    assert result.success
    return Company(home, config, frozenset(materialized(result)))


@pytest.fixture
def company(refreshed_company: Company, tmp_path: Path) -> Company:
    """A copy of the refreshed company."""
    return replace(refreshed_company, home=Path(shutil.copytree(refreshed_company.home, tmp_path / "home")))


def test_months_are_left_to_their_own_job_which_makes_a_range_in_one_run_as_one_by_one(company: Company) -> None:
    home, config = company.home, company.config
    assert "customer_score" in company.made and "customer_rfm" not in company.made
    assert table(home, "value.customer_score")["rfm"].null_count() == 10

    at_once = scored(home, config, MONTHS[0], MONTHS[-1])
    assert at_once.success, [event.message for event in at_once.all_events if event.is_step_failure]
    assert Lake(home / "lake").partition_keys(CUSTOMER_RFM) == list(MONTHS)
    made = [event.partition for event in at_once.all_events if event.is_step_materialization]
    assert [made.count(month) for month in MONTHS] == [len(MONTHLY_CONTRACTS)] * len(MONTHS)
    assert table(home, "value.customer_score")["rfm"].null_count() == 0
    before = contents(home)
    assert len(before) == len(MONTHLY_CONTRACTS) * len(MONTHS)

    for month in reversed(MONTHS):
        assert scored(home, config, month, month).success
    assert contents(home) == before


def test_a_refresh_scores_the_newest_month_that_is_over_once_and_only_where_something_was_sold(
    company: Company, tmp_path: Path
) -> None:
    home, config = company.home, company.config
    second_of_may = datetime(2020, 5, 2, tzinfo=UTC)
    assert month_to_score(Home(tmp_path / "nothing_sold"), config, second_of_may) is None
    assert month_to_score(Home(home), config, second_of_may) == "2020-04"
    assert month_to_score(Home(home), config, datetime(2020, 5, 1, 23, tzinfo=UTC)) == "2020-03"
    assert month_to_score(Home(home), config, datetime(2020, 6, 2, tzinfo=UTC)) is None
    assert scored(home, config, "2020-04", "2020-04").success
    assert month_to_score(Home(home), config, second_of_may) is None
