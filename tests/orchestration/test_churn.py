"""Churn in Dagster: months and ranges of them, what is made by the week, and a company with next to no history."""

from pathlib import Path

import dagster as dg

from assets.churn import A_MODEL_IS_IN_FORCE, HISTORY_IS_LONG_ENOUGH
from assets.jobs import MONTHLY_CHURN_JOB, WEEKLY_JOB
from crm_platform.churn.contracts import CHURN_DECISION, CHURN_SCORE
from crm_platform.churn.tables import MONTHLY_CONTRACTS
from crm_platform.warehouse.lake import Lake
from tests.end_to_end.tables import table
from tests.orchestration.running import QUIET, definitions_of, materialized, refreshed, up_to
from tests.orchestration.small_company import deliver, deliver_all, write_config

FIRST, LAST = "2020-03", "2020-04"


def ran(
    home: Path, config: Path, job: str, first: str | None = None, last: str | None = None
) -> dg.ExecuteInProcessResult:
    """Run a job, of a range of months where one is given, as a backfill does."""
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    with dg.DagsterInstance.ephemeral() as instance:
        return (
            definitions_of(home, config)
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                run_config=QUIET,
                raise_on_error=False,
                tags={name: month for name, month in span.items() if month},
            )
        )


def failed_checks(result: dg.ExecuteInProcessResult) -> dict[str, set[str]]:
    """The checks that did not hold, with what they say."""
    evaluations = result.get_asset_check_evaluations()
    return {each.check_name: {str(value.value) for value in each.metadata.values()} for each in evaluations
            if not each.passed}  # fmt: skip


def contents(home: Path) -> dict[str, bytes]:
    """The bytes of every month of the monthly tables, and of the models."""
    files = [path for contract in MONTHLY_CONTRACTS for path in Lake(home / "lake").data_files(contract)]
    return {str(path): path.read_bytes() for path in [*files, *sorted((home / "models").rglob("*.json"))]}


def test_months_say_what_is_missing_and_stay_as_they_were_one_by_one_and_whatever_comes_later(
    tmp_path: Path,
) -> None:
    """A company of one order each: models, scores and features are the same to the byte after orders of later days, and
    one of an earlier day that was told of later."""
    config, home = write_config(tmp_path / "config"), tmp_path / "home"
    deliver_all(home)
    nightly = refreshed(home, config, up_to("churn"))
    assert nightly.success, [event.message for event in nightly.all_events if event.is_step_failure]
    assert {"attrition_week", "attrition_month", "campaign_saved"} <= materialized(nightly)
    assert not {"churn_score", "customer_churn"} & materialized(nightly)

    before_training = ran(home, config, WEEKLY_JOB)
    assert before_training.success and A_MODEL_IS_IN_FORCE in failed_checks(before_training)
    assert table(home, "churn.customer_churn").is_empty()

    at_once = ran(home, config, MONTHLY_CHURN_JOB, FIRST, LAST)
    assert at_once.success, [event.message for event in at_once.all_events if event.is_step_failure]
    assert any("too few days" in said for said in failed_checks(at_once)[HISTORY_IS_LONG_ENOUGH])
    assert Lake(home / "lake").partition_keys(CHURN_SCORE) == [FIRST, LAST]
    assert table(home, "churn.churn_decision")["is_replaced"].to_list() == [True, True, True, False, False, False]
    assert table(home, "churn.customer_churn").height == 10
    before = contents(home)

    late = ("F1;C1;2020-04-02", "F2;C2;2020-05-02", "F3;C3;2020-05-03")
    rows = "".join(f"{order}T08:00:00Z;99999.00;EUR\n" for order in late)
    deliver(home, "shop/orders_late.csv", f"OrderNo;CustNo;OrderDate;Net;Curr\n{rows}")
    assert refreshed(home, config, up_to("churn")).success
    for month in (FIRST, LAST):
        assert ran(home, config, MONTHLY_CHURN_JOB, month, month).success
    assert contents(home) == before
    assert len(Lake(home / "lake").data_files(CHURN_DECISION)) == 2
