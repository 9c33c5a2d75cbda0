"""The single customer view in a refresh: its tables, its checks, a person's verdict, and the guard."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

from crm_platform.scv.tables import SCV_CONTRACTS
from crm_platform.settings import REPOSITORY
from tests.end_to_end.tables import table, table_names
from tests.orchestration.running import UP_TO_SCV, materialized, refreshed
from tests.orchestration.small_company import SHOP, customers_csv, deliver, write_config

PEOPLE = ("Anna", "Bruno", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas")
FAMILIES = ("Abbott", "Barlow", "Castle", "Denton", "Eriksen", "Fontana", "Gallo", "Hansen", "Iversen", "Jansen")


def accounts_csv(number: int, address: str = "{first}.{last}{number}@example.org") -> str:
    """A delivery of accounts of different people."""
    lines = ["CustNo;Forename;Surname;Email;LastMod"]
    for each in range(number):
        first, last = PEOPLE[each % 10], FAMILIES[each // 10 % 10] + FAMILIES[(each * 7 + each // 100) % 10].lower()
        email = address.format(first=first.lower(), last=last.lower(), number=each)
        lines.append(f"C{each};{first};{last};{email};2020-01-{each % 28 + 1:02d}T10:00:00Z")
    return "\n".join([*lines, ""])


@dataclass(frozen=True)
class Viewed:
    """A home of thirty people after its first refresh, and what the refresh said."""

    home: Path
    result: dg.ExecuteInProcessResult


def configured(folder: Path) -> Path:
    """A shop, and the stewards' verdicts."""
    shop = SHOP.replace("first_name: Forename\n", "first_name: Forename\n      last_name: Surname\n", 1)
    steward = (REPOSITORY / "config" / "sources" / "steward.yaml").read_text(encoding="utf-8")
    return write_config(folder, shop=shop, steward=steward)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of the shop."""
    return configured(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def viewed(tmp_path_factory: pytest.TempPathFactory, config: Path) -> Viewed:
    """Thirty people taken in, to be copied."""
    home = tmp_path_factory.mktemp("viewed") / "home"
    deliver(home, "shop/customers_1.csv", accounts_csv(30))
    result = refreshed(home, config, UP_TO_SCV)
    assert result.success, [event.message for event in result.all_events if event.is_step_failure]
    return Viewed(home, result)


@pytest.fixture
def home(viewed: Viewed, tmp_path: Path) -> Path:
    """A copy of the home of the thirty."""
    return Path(shutil.copytree(viewed.home, tmp_path / "home"))


def customer_of(home: Path, record_id: str) -> int:
    return int(table(home, "scv.customer_xref").filter(record_id=record_id)["customer_key"].item())


def test_a_refresh_makes_every_table_of_the_stage_and_a_second_one_changes_no_key(
    viewed: Viewed, home: Path, config: Path
) -> None:
    assert {contract.table for contract in SCV_CONTRACTS} <= materialized(viewed.result)
    assert all(check.passed for check in viewed.result.get_asset_check_evaluations())
    before = {name: table(home, name) for name in ("scv.customer_xref", "scv.key_event", "scv.dim_customer")}
    assert before["scv.dim_customer"].height == 30

    assert refreshed(home, config, UP_TO_SCV).success
    for name, rows in before.items():
        assert table(home, name).equals(rows), name


def test_metadata_of_the_stage_holds_pictures_and_nothing_personal(viewed: Viewed) -> None:
    [made] = [
        event.step_materialization_data.materialization
        for event in viewed.result.all_events
        if event.is_step_materialization and event.asset_key == dg.AssetKey(["scv", "match_quality"])
    ]
    assert "data:image/png" in str(made.metadata["records_of_a_customer"].value)
    everything = " ".join(
        str(value.value)
        for event in viewed.result.all_events
        if event.is_step_materialization and event.asset_key and event.asset_key.path[0] == "scv"
        for value in event.step_materialization_data.materialization.metadata.values()
    )
    assert "Anna" not in everything and "example.org" not in everything and "shop.customers:" not in everything


def test_a_verdict_in_the_landing_folder_is_heeded_by_the_next_refresh(home: Path, config: Path) -> None:
    one, other = "shop.customers:C1", "shop.customers:C2"
    assert customer_of(home, one) != customer_of(home, other)
    verdict = {"record_id_a": one, "record_id_b": other, "verdict": "same", "decided_by": "anna"}
    deliver(home, "steward/verdicts_1.jsonl", json.dumps({**verdict, "decided_dt": "2020-06-01T10:00:00Z"}) + "\n")
    assert refreshed(home, config, UP_TO_SCV).success
    assert customer_of(home, one) == customer_of(home, other)
    [merged] = table(home, "scv.key_event").filter(event_type="merge").iter_rows(named=True)
    assert merged["cause"] == "verdict"


def test_a_night_that_would_merge_too_many_stops_and_says_so(home: Path, tmp_path: Path) -> None:
    config = configured(tmp_path / "config")
    settings = yaml.safe_load((config / "scv.yaml").read_text(encoding="utf-8"))
    settings["guard"] = {"largest_changed_share": 0.1, "from_customers": 10}
    (config / "scv.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    before = table(home, "scv.customer_xref")
    verdicts = [
        {"record_id_a": f"shop.customers:C{number}", "record_id_b": f"shop.customers:C{number + 1}", "verdict": "same"}
        for number in range(0, 12, 2)
    ]
    lines = (json.dumps({**each, "decided_by": "anna", "decided_dt": "2020-06-01T10:00:00Z"}) for each in verdicts)
    deliver(home, "steward/verdicts_1.jsonl", "\n".join([*lines, ""]))

    result = refreshed(home, config, UP_TO_SCV)

    assert not result.success
    [failed] = [event for event in result.all_events if event.is_step_failure]
    said = failed.step_failure_data.user_failure_data
    assert said is not None and said.description is not None
    assert "Of 30 customers this run would merge 6" in said.description
    assert said.metadata["merged"].value == 6
    assert table(home, "scv.customer_xref").equals(before)
    assert "golden_record" not in materialized(result)


def test_a_company_without_customers_has_empty_tables(tmp_path: Path) -> None:
    home = tmp_path / "home"
    config = write_config(tmp_path / "config", shop=SHOP)
    deliver(home, "shop/customers_1.csv", customers_csv([]))
    assert refreshed(home, config, UP_TO_SCV).success
    assert "scv.dim_customer" in table_names(home)
    assert isinstance(table(home, "scv.dim_customer"), pl.DataFrame)
