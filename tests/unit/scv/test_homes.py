"""Households that have moved: the homes of one of a family are its others' too."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crm_platform.scv.identity.homes import household_statements
from crm_platform.scv.identity.links import model_links
from crm_platform.scv.records.contracts import SOURCE_STATEMENT
from tests.unit.scv.company import on
from tests.unit.scv.test_links import people

OLD = {"address_line": "4 Larch Walk", "city": "Leeds", "postcode": "LS8 9WQ", "country": "GB"}
NEW = {"address_line": "17 Mill Row", "city": "Bath", "postcode": "BA1 1WP", "country": "GB"}


def said(record_id: str, name: str, home: dict[str, str], **more: object) -> dict[str, Any]:
    first_name, last_name = name.split(" ")
    return {
        "record_id": record_id, "statement_number": 1, "source": record_id[:4], "feed": "customers",
        "feed_kind": "customers", "customer_type": "person", "first_name": first_name, "last_name": last_name,
        "stated_dt": on(1), "is_deleted": False, **home, **more,
    }  # fmt: skip


def statements(*rows: dict[str, Any]) -> pl.LazyFrame:
    return pl.LazyFrame(list(rows), schema=SOURCE_STATEMENT.polars_schema)


def told(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    """Of whom another home is told, and which."""
    return sorted(household_statements(statements(*rows)).select("record_id", "address_line").collect().rows())


MOVER = (
    said("shop1", "Ben Varga", OLD, email="ben@v.example"),
    said("web.1", "Ben Varga", NEW, email="Ben@v.example"),
)
ANNA = (said("buro1", "Anna Varga", OLD), said("shop2", "Anna Varga", NEW, email="anna@v.example"))


def test_who_shares_a_home_and_a_surname_with_somebody_who_moved_moved_too() -> None:
    assert told(*MOVER, *ANNA) == [("buro1", "17 Mill Row"), ("shop2", "4 Larch Walk")]


@pytest.mark.parametrize(
    "mover",
    [
        pytest.param({"customer_ref": "shop:1"}, id="by number"),
        pytest.param({"mobile_phone": "+447700900001"}, id="by telephone"),
    ],
)
def test_a_mover_is_known_by_number_and_telephone_too(mover: dict[str, str]) -> None:
    moved = [said("shop1", "Ben Varga", OLD, **mover), said("web.1", "Ben Varga", NEW, **mover)]
    assert len(told(*moved, *ANNA)) == 2


def test_a_move_that_the_record_itself_has_told_counts() -> None:
    before = said("shop1", "Ben Varga", OLD, superseded_dt=on(5))
    assert len(told(before, said("shop1", "Ben Varga", NEW, statement_number=2), *ANNA)) == 2


def test_nobodys_move_but_ones_own_tells_nothing() -> None:
    assert told(*ANNA, said("shop3", "Ben Varga", NEW, email="ben@v.example")) == []
    assert told(*MOVER, said("buro1", "Bella Varga", OLD), said("shop2", "Bella Varga", NEW)) == []


def test_strangers_and_who_is_known_at_no_other_home_are_told_no_home() -> None:
    assert told(*MOVER, said("shop2", "Anna Varga", NEW)) == []
    assert told(*MOVER, said("buro1", "Anna Moss", OLD), said("shop2", "Anna Moss", NEW)) == []


def test_a_home_in_two_spellings_is_no_move() -> None:
    spelt = {**OLD, "address_line": "4 Larch Wlk"}
    moved = [
        said("shop1", "Ben Varga", OLD, email="b@v.example"),
        said("web.1", "Ben Varga", spelt, email="b@v.example"),
    ]
    assert told(*moved, said("buro1", "Anna Varga", OLD), said("shop2", "Anna Varga", spelt)) == []


def test_a_mailbox_of_many_homes_is_no_familys() -> None:
    desk = [said(f"shop{n}", "Ben Varga", {**OLD, "postcode": f"LS8 {n}WQ"}, email="ben@v.example") for n in range(3)]
    assert told(*MOVER, *desk, *ANNA) == []


def test_the_result_does_not_depend_on_the_order_of_statements() -> None:
    rows = [*MOVER, *ANNA, said("till1", "Anna Varga", {**OLD, "address_line": "4, LARCH WALK"})]
    found, turned = (household_statements(statements(*each)).collect() for each in (rows, rows[::-1]))
    assert found.height == 3
    assert_frame_equal(found.sort("record_id"), turned.sort("record_id"))


def test_a_bare_record_of_the_old_home_is_found_on_the_day_that_the_familys_move_is_told(tmp_path: Path) -> None:
    crowd = people(120).with_columns(superseded_dt=None).select(SOURCE_STATEMENT.column_names)
    crowd = crowd.cast(SOURCE_STATEMENT.polars_schema)  # type: ignore[arg-type]
    namesakes = [
        said(
            f"crm.{n}", "Anna Varga",
            {"address_line": f"{n + 3} Alder Lane", "city": "York", "postcode": f"YO{n} {n}AB", "country": "GB"},
            email=f"varga.a{n}@w.example",
        )
        for n in range(1, 10)
    ]  # fmt: skip

    def are_one(*more: dict[str, Any]) -> bool:
        stated = pl.concat([crowd, statements(*namesakes, *ANNA, *more).collect()])
        found = dict(model_links(stated, tmp_path / "memory").clusters.select("record_id", "cluster_id").iter_rows())
        return bool(found["buro1"] == found["shop2"])

    assert not are_one()
    assert are_one(*MOVER)
