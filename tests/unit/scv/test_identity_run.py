"""A run of the identity stage on a real lake: idempotent, killed and gone on, guarded, and heeding persons for good."""

import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crm_platform.scv.identity.guard import TooManyChanges
from crm_platform.scv.identity.key_log import OutOfOrderRun
from crm_platform.scv.identity.verdicts import VerdictError, refuse_unknown, verdicts_against_merge, write_verdicts
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.lake import Lake
from tests.unit.scv.company import Company, engine_on, on, weighed

TABLES = ("customer_xref", "customer_xref_change", "key_event", "customer_redirect", "customer_ref_key")
A, B, C, D = (f"shop.customers:{name}" for name in "ABCD")


def accounts(company: Company, *names: str) -> None:
    """Accounts of the shop, one a person."""
    rows = ({"customer_id": name, "customer_type": "person", "created_dt": on(1), "last_name": name} for name in names)
    company.state("shop.customers", *rows)


def decided(company: Company, a: str, b: str, verdict: str, moment: datetime) -> None:
    row = {"record_id_a": a, "record_id_b": b, "verdict": verdict, "decided_by": "anna", "decided_dt": moment}
    company.state("steward.match_verdicts", row, delivered=moment)


def test_a_rerun_with_the_same_inputs_adds_no_event_and_changes_no_key(company: Company) -> None:
    accounts(company, "A", "B", "C")
    company.groups = [[A, B], [C]]
    company.run_identity(on(2))
    before = [company.rows(table) for table in TABLES]
    run = company.run_identity(on(3))
    assert run.events.is_empty()
    for table, rows in zip(TABLES, before, strict=True):
        assert_frame_equal(company.rows(table), rows)


def test_numbers_of_the_sources_lead_to_their_customers(company: Company) -> None:
    accounts(company, "A", "B")
    company.state("bureau.enrichments", {"record_id": "X", "customer_id": "A", "as_of_date": on(1).date()})
    company.groups = [[A, B]]
    company.run_identity(on(2))
    assert company.rows("customer_ref_key", "1").rows() == [("shop:A", 1), ("shop:B", 1)]
    assert company.key_of("bureau.enrichments:X") == 1


def test_a_verdict_holds_over_any_number_of_reruns_and_model_runs(company: Company) -> None:
    accounts(company, "A", "B", "C", "D")
    company.groups = [[A, B], [C], [D]]
    company.run_identity(on(2))
    decided(company, A, B, "different", on(3))
    decided(company, C, D, "same", on(3))
    found = []
    for day, groups in enumerate(([[A, B], [C], [D]], [[A, B, C], [D]], [[A, B], [C], [D]]), start=4):
        company.groups = groups
        company.run_identity(on(day))
        found.append((company.key_of(A) != company.key_of(B), company.key_of(C) == company.key_of(D)))
    assert found == [(True, True)] * 3


def test_a_person_may_think_better_of_it(company: Company) -> None:
    accounts(company, "A", "B")
    decided(company, A, B, "same", on(2))
    company.run_identity(on(3))
    assert company.key_of(A) == company.key_of(B)
    decided(company, B, A, "different", on(4))
    company.run_identity(on(5))
    assert (company.key_of(A), company.key_of(B)) == (1, 2)


def test_a_merge_is_taken_back_for_good_and_the_old_key_is_borne_again(company: Company) -> None:
    accounts(company, "A", "B", "C", "D")
    company.groups = [[A, B], [C, D]]
    company.run_identity(on(2))
    company.groups = [[A, B, C, D]]
    company.run_identity(on(3))
    assert company.rows("customer_redirect").select("customer_key", "surviving_customer_key").rows() == [(2, 1)]

    taken_back = verdicts_against_merge(company.engine, 2, 1, "anna", "father and son", on(4))
    for verdict in taken_back:
        decided(company, verdict.record_id_a, verdict.record_id_b, verdict.verdict, on(4))
    for day in (5, 6):
        company.run_identity(on(day))
        assert [company.key_of(record) for record in (A, B, C, D)] == [1, 1, 2, 2]
    assert company.rows("customer_redirect").is_empty()
    events = company.rows("key_event", "run_number, event_type").filter(run_number=3)
    assert events.select("event_type", "customer_key", "cause").rows() == [
        ("revive", 2, "verdict"),
        ("split", 2, "verdict"),
    ]
    with pytest.raises(VerdictError, match="were not merged"):
        verdicts_against_merge(company.engine, 2, 1, "anna", None, on(7))


def test_a_record_that_is_withdrawn_leaves_those_whom_it_held_together(company: Company) -> None:
    accounts(company, "A", "B", "C")
    company.groups = [[A, B, C]]
    company.run_identity(on(2))
    withdrawn = Company(company.engine, groups=[[A], [C]])
    ledger = company.engine.lake.data_files(company.engine.contracts["sources.file_ledger"])[0]
    pl.read_parquet(ledger).with_columns(status=pl.lit("refused")).write_parquet(ledger)
    withdrawn._number = company._number
    accounts(withdrawn, "A", "C")
    withdrawn.run_identity(on(3))
    assert withdrawn.rows("customer_xref", "1").select("record_id", "customer_key").rows() == [(A, 1), (C, 2)]
    gone = withdrawn.rows("customer_xref_change").filter(record_id=B, run_number=2)
    assert gone.select("from_customer_key", "to_customer_key", "cause").rows() == [(1, None, "record_gone")]


def test_a_run_that_would_change_too_many_customers_stops_before_it_publishes(company: Company) -> None:
    names = [f"{number:03d}" for number in range(120)]
    ids = [f"shop.customers:{name}" for name in names]
    accounts(company, *names)
    company.run_identity(on(2))
    before = [company.rows(table) for table in TABLES]
    company.groups = [[ids[number], ids[number + 1]] for number in range(0, 26, 2)]
    with pytest.raises(TooManyChanges, match=r"Of 120 customers this run would merge 13, split 0 .*10\.8%") as stopped:
        company.run_identity(on(3))
    assert stopped.value.figures == {"customers_before": 120, "merged": 13, "split": 0, "retired": 0}
    for table, rows in zip(TABLES, before, strict=True):
        assert_frame_equal(company.rows(table), rows)

    allowed = company.settings.guard.model_copy(update={"allow_on": on(3).date()})
    company.settings = company.settings.model_copy(update={"guard": allowed})
    assert company.run_identity(on(3, 12)).changes.merged == 13
    company.groups = []
    with pytest.raises(TooManyChanges):
        company.run_identity(on(4))


def test_few_customers_are_not_guarded(company: Company) -> None:
    accounts(company, "A", "B")
    company.run_identity(on(2))
    company.groups = [[A, B]]
    assert company.run_identity(on(3)).changes.merged == 1


def test_keys_are_given_in_the_order_of_time(company: Company) -> None:
    accounts(company, "A")
    company.run_identity(on(5))
    with pytest.raises(OutOfOrderRun, match="as of 2026-01-05"):
        company.run_identity(on(4))


class Killed(Exception):
    """The process ends here."""


@dataclass(frozen=True)
class FragileLake(Lake):
    """A lake whose process is killed at the n-th file that a table of the stage would have put in place."""

    kill_at: list[int] = field(default_factory=list)

    def replace(self, contract: Contract, prepared: Path, partition_key: str | None = None) -> None:
        """Put the file in place, or die."""
        if contract.schema == "scv" and self.kill_at:
            self.kill_at[0] -= 1
            if self.kill_at[0] < 0:
                self.kill_at.clear()
                raise Killed
        super().replace(contract, prepared, partition_key)


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of four accounts after their first run, to be copied."""
    lake = tmp_path_factory.mktemp("first_day") / "lake"
    company = Company(engine_on(lake), groups=[[A, B], [C], [D]])
    accounts(company, "A", "B", "C", "D")
    company.run_identity(on(2))
    return lake


def on_a_copy(first_day: Path, lake: Lake) -> Company:
    """Those accounts on another lake, of which the model finds other groups by now."""
    shutil.copytree(first_day, lake.root)
    return Company(engine_on(lake.root, lake), groups=[[A], [B, C], [D]], pairs=weighed((B, C, 4.0)))


def told(company: Company) -> list[pl.DataFrame]:
    """The tables of the stage but for the times of the runs."""
    return [company.rows(table).drop("changed_dt", "event_dt", "merged_dt", strict=False) for table in TABLES]


@pytest.fixture(scope="module")
def undisturbed(first_day: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[datetime, list[pl.DataFrame]]:
    """The tables after a second run that nobody disturbed, by its time."""
    tables = {}
    for moment in (on(3), on(4)):
        company = on_a_copy(first_day, Lake(tmp_path_factory.mktemp("undisturbed") / "lake"))
        company.run_identity(moment)
        tables[moment] = told(company)
    return tables


@pytest.mark.parametrize(
    ("kill_at", "next_day"),
    [(0, False), (1, True), (2, False), (3, False), (3, True), (4, True), (5, False), (6, True)],
)
def test_a_run_killed_between_two_tables_and_run_again_gives_what_an_undisturbed_one_gives(
    tmp_path: Path,
    first_day: Path,
    undisturbed: dict[datetime, list[pl.DataFrame]],
    kill_at: int,
    next_day: bool,
) -> None:
    company = on_a_copy(first_day, FragileLake(tmp_path / "lake", kill_at=[kill_at]))
    with pytest.raises(Killed):
        company.run_identity(on(3))
    again = on(4) if next_day else on(3)
    company.run_identity(again)
    for found, expected in zip(told(company), undisturbed[again], strict=True):
        assert_frame_equal(found, expected)
    assert company.run_identity(again).events.is_empty()


def test_verdicts_are_written_as_one_file_that_the_declared_source_reads(company: Company, tmp_path: Path) -> None:
    accounts(company, "A", "B", "C")
    company.groups = [[A], [B]]
    company.run_identity(on(2))
    company.groups = [[A, B]]
    company.run_identity(on(3))
    path = write_verdicts(tmp_path, verdicts_against_merge(company.engine, 1, 2, "anna", None, on(4)))
    [feed] = [feed for feed in company.feeds if feed.name == "steward.match_verdicts"]
    assert feed.declaration.files is not None and path.relative_to(tmp_path).match(feed.declaration.files)
    [row] = pl.read_ndjson(path).iter_rows(named=True)
    assert (row["record_id_a"], row["record_id_b"], row["verdict"], row["decided_by"]) == (A, B, "different", "anna")
    assert set(row) == set(feed.declaration.columns)


def test_a_verdict_on_an_unknown_record_is_refused(company: Company) -> None:
    accounts(company, "A")
    company.run_identity(on(2))
    refuse_unknown(company.engine, [A])
    with pytest.raises(VerdictError, match="There is no record shop.customers:Z"):
        refuse_unknown(company.engine, [A, "shop.customers:Z"])
