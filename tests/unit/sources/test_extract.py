"""Feeds that are database tables: each load asks for what is newer, and nothing is lost at the cursor."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from crm_platform.configuration import ConfigurationError
from crm_platform.sources.extract import database_url, extract_feed
from tests.unit.sources.site import LOADED_DT, ORDERS, Killed, Site, killed_at

TILL = {
    "contract": "orders",
    "database": {"url": "sqlite:///{landing}/till.db", "table": "orders", "cursor": "changed"},
    "columns": ORDERS["columns"],
}


@pytest.fixture
def till(tmp_path: Path) -> Site:
    site = Site(tmp_path, TILL)
    write(site, "CREATE TABLE orders (id TEXT, at TEXT, net REAL, status TEXT, changed INTEGER)")
    return site


def write(site: Site, *statements: str) -> None:
    with closing(sqlite3.connect(site.zone.landing / "till.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def order(key: str, changed: int, status: str = "paid") -> str:
    return f"INSERT INTO orders VALUES ('{key}', '2026-01-05 10:00:00', 1.5, '{status}', {changed})"


def refresh(site: Site, minute: int, environment: Mapping[str, str] | None = None) -> None:
    now = LOADED_DT + timedelta(minutes=minute)
    with site.engine() as engine:
        extract_feed(site.feed, engine, site.zone, now, 1_000, environment or {})
    site.load(now)


def test_each_load_takes_what_is_newer_and_knows_the_rows_at_the_cursor(till: Site) -> None:
    write(till, order("A", 1), order("B", 2))
    refresh(till, 0)
    write(till, order("C", 2), order("A", 3, "returned"))
    refresh(till, 1)
    refresh(till, 2)
    assert [loaded for _, loaded, _, _ in till.counts()] == [2, 2, 0]
    assert till.latest().sort("order_id")["status"].to_list() == ["returned", "paid", "paid"]
    assert till.ledger().sort("file_number")["cursor_until"].to_list() == ["2", "3", "3"]


def test_the_same_rows_asked_for_again_leave_nothing_behind(till: Site) -> None:
    write(till, order("A", 1))
    for minute in range(4):
        refresh(till, minute)
    assert till.counts() == [(1, 1, 0, 0)]
    assert till.ledger()["deliveries"].item().count("@") == 1
    assert [path for path in till.zone.extracts.rglob("*") if path.is_file()] == []


def test_an_empty_table_leaves_no_extract(till: Site) -> None:
    refresh(till, 0)
    assert till.ledger().is_empty()
    assert [path for path in till.zone.extracts.rglob("*") if path.is_file()] == []


def test_an_extract_whose_load_was_killed_is_loaded_before_another_is_made(till: Site) -> None:
    write(till, order("A", 1))
    with pytest.raises(Killed), killed_at(2, ["crm_platform.warehouse.lake.replace_durably"]):
        refresh(till, 0)
    write(till, order("B", 2))
    refresh(till, 1)
    assert till.staged()["order_id"].to_list() == ["A"]
    refresh(till, 2)
    assert till.latest().sort("order_id")["order_id"].to_list() == ["A", "B"]


def test_a_url_may_come_from_the_environment_and_its_absence_is_said(till: Site) -> None:
    till.redeclare({**TILL, "database": {"url_env": "TILL_URL", "table": "orders"}})
    table = till.feed.declaration.database
    assert table is not None
    assert database_url(till.feed, table, till.zone, {"TILL_URL": "sqlite:///x"}) == "sqlite:///x"
    with pytest.raises(ConfigurationError, match=r"shop.orders: set the environment variable TILL_URL"):
        database_url(till.feed, table, till.zone, {})


def test_a_feed_of_files_is_not_extracted(site: Site) -> None:
    with site.engine() as engine:
        extract_feed(site.feed, engine, site.zone, LOADED_DT, 1_000, {})
    assert not site.zone.extracts.exists()
