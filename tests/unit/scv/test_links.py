"""The seam to the engine: what was found is kept, and a day's new records give what matching all of them would."""

import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crm_platform.scv.identity import links
from crm_platform.scv.identity.links import model_links
from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.trained import load_trained
from crm_platform.scv.records.contracts import SOURCE_RECORD
from tests.unit.scv.company import on

GIVEN = ("Ann", "Bob", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Irene", "Jack")
FAMILY = (
    "Bell",
    "Cooper",
    "Dixon",
    "Ellis",
    "Foster",
    "Grant",
    "Hughes",
    "Irving",
    "Jarvis",
    "Keller",
    "Lowe",
    "Mason",
)


def people(number: int, seed: int = 1) -> pl.DataFrame:
    """Records of the shop and the till, every other person in both."""
    dice = random.Random(seed)
    rows = []
    for person in range(number):
        first, last = dice.choice(GIVEN), dice.choice(FAMILY) + dice.choice(FAMILY).lower()
        said = {"first_name": first, "last_name": last, "email": f"{first}.{last}{person}@x.example".lower()}
        for source in ("shop", "till")[: 1 + person % 2]:
            rows.append({"record_id": f"{source}.customers:{person:04d}", "source": source, **said})
    known = {
        "feed": "customers",
        "feed_kind": "customers",
        "customer_type": "person",
        "statement_number": 1,
        "stated_dt": on(1),
        "is_deleted": False,
    }
    return pl.DataFrame([{**known, **row} for row in rows], schema=SOURCE_RECORD.polars_schema)


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on 200 people has kept."""
    memory = tmp_path_factory.mktemp("memory") / "scv"
    model_links(people(200), memory)
    return memory


def test_nothing_new_costs_nothing_and_gives_the_same(tmp_path: Path, remembered: Path) -> None:
    memory = tmp_path / "scv"
    shutil.copytree(remembered, memory)
    again = model_links(people(200).reverse(), memory)
    assert again.number_matched == 0
    first = model_links(people(200))
    assert_frame_equal(again.clusters, first.clusters)
    assert_frame_equal(again.pairs, first.pairs)


@pytest.mark.parametrize("seed", range(3))
def test_random_deliveries_give_what_matching_all_by_the_same_model_gives(
    tmp_path: Path, remembered: Path, seed: int
) -> None:
    """Records come, change and go, some of them copies of each other."""
    memory = tmp_path / "scv"
    shutil.copytree(remembered, memory)
    dice = random.Random(seed)
    records = people(200)
    newcomers = people(230).join(records, on="record_id", how="anti")
    for part in range(2):
        gone = dice.sample(records["record_id"].to_list(), 3)
        copied = records.sample(3, seed=seed).with_columns(record_id=pl.format("copy{}.{}", pl.lit(part), "record_id"))
        moved = dice.sample(records["record_id"].to_list(), 4)
        records = pl.concat(
            [records.filter(~pl.col("record_id").is_in(gone)), newcomers[part * 20 : part * 20 + 20], copied]
        ).with_columns(
            email=pl.when(pl.col("record_id").is_in(moved))
            .then(pl.lit(f"new{part}.{seed}@y.example"))
            .otherwise("email")
        )
        found = model_links(records, memory)
        assert 0 < found.number_matched < records.height / 4
        alike = match_people(records, trained=load_trained(memory / "person" / "known" / "trained"))
        assert_frame_equal(found.clusters.drop("match_probability"), alike.clusters.drop("match_probability"))
        assert_frame_equal(found.pairs.drop("match_weight"), alike.pairs.select("record_id_l", "record_id_r"))


def test_what_another_engine_found_is_not_continued(
    tmp_path: Path, remembered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "scv"
    shutil.copytree(remembered, memory)
    monkeypatch.setattr(links, "engine_version", lambda: "another")
    assert model_links(people(200), memory).number_matched == people(200).height


def test_corrections_are_not_matched_and_companies_apart_from_people() -> None:
    records = people(20).with_columns(
        feed_kind=pl.when(pl.col("source") == "till").then(pl.lit("customer_updates")).otherwise("feed_kind"),
        customer_type=pl.when(pl.col("record_id") == "shop.customers:0000")
        .then(pl.lit("company"))
        .otherwise("customer_type"),
    )
    found = model_links(records)
    assert set(found.clusters["record_id"]) == set(records.filter(source="shop")["record_id"])
    assert [each.clusters.height for each in found.matched] == [19, 1]
