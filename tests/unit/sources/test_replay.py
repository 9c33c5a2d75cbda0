"""The way back from quarantine: what a mended declaration can read comes in, and nothing else changes."""

from pathlib import Path

import pytest

from crm_platform.sources.ledger import QUARANTINED_ROWS
from crm_platform.sources.replay import return_refused_files
from tests.unit.sources.site import ORDERS, REPLAY_STEPS, Killed, Site, assert_same, killed_at

HEADER = "id,at,net,status\n"
FIRST = HEADER + "A,2026-01-05,1,paid\nB,05.12.2025,2,paid\nC,05.12.2025,many,paid\nD,2026-01-05,4,paid\n"
SECOND = HEADER + "B,2026-01-05,3,paid\n"
MENDED = {**ORDERS, "columns": {**ORDERS["columns"], "order_dt": {"from": "at", "format": ["%Y-%m-%d", "%d.%m.%Y"]}}}
STRICTER = {**MENDED, "columns": {**MENDED["columns"], "total_amount": {"from": "net", "map": {"1": "much", "4": "x"}}}}


@pytest.fixture
def loaded(tmp_path: Path) -> Site:
    """A home with two quarantined rows of the first of two files."""
    return loaded_site(tmp_path / "loaded")


def loaded_site(root: Path) -> Site:
    site = Site(root)
    site.land("orders_1.csv", FIRST)
    site.land("orders_2.csv", SECOND)
    site.load()
    assert site.counts() == [(4, 2, 2, 0), (1, 1, 0, 0)]
    return site


def test_after_the_mending_only_quarantined_rows_come_in(loaded: Site) -> None:
    before = loaded.staged()
    loaded.redeclare(MENDED)
    replay = loaded.replay()
    assert (replay.total("rows_loaded"), replay.total("rows_quarantined")) == (1, 1)
    assert loaded.counts() == [(4, 3, 1, 0), (1, 1, 0, 0)]
    after = loaded.staged()
    assert after.join(before, on=before.columns, nulls_equal=True).height == before.height
    (new,) = after.join(before, on=["file_id", "file_line"], how="anti").rows(named=True)
    assert (new["order_id"], new["order_dt"].month, new["file_line"]) == ("B", 12, 3)
    assert loaded.table(QUARANTINED_ROWS)["reason"].to_list() == ["wrong_type:total_amount"]


def test_a_replayed_row_stands_in_the_order_of_its_file(loaded: Site) -> None:
    """The second file told later of B: the row from quarantine is the older version."""
    loaded.redeclare(MENDED)
    loaded.replay()
    assert loaded.latest().filter(order_id="B")["total_amount"].to_list() == [3]


def test_twice_is_once(loaded: Site) -> None:
    loaded.redeclare(MENDED)
    loaded.replay()
    once = loaded.everything()
    assert loaded.replay().total("rows_loaded") == 0
    assert_same(loaded.everything(), once)


def test_without_a_mending_nothing_changes(loaded: Site) -> None:
    before = loaded.everything()
    assert loaded.replay().total("rows_loaded") == 0
    assert_same(loaded.everything(), before)


def test_interrupted_at_any_step_and_run_again_it_is_the_same(tmp_path: Path) -> None:
    straight = loaded_site(tmp_path / "straight")
    straight.redeclare(MENDED)
    with killed_at(-1, REPLAY_STEPS) as steps:
        straight.replay()
    assert len(steps) >= 5
    for step in range(len(steps)):
        site = loaded_site(tmp_path / str(step))
        site.redeclare(MENDED)
        with killed_at(step, REPLAY_STEPS), pytest.raises(Killed):
            site.replay()
        site.replay()
        assert_same(site.everything(), straight.everything())


def test_a_stricter_rule_sends_nothing_loaded_back_to_quarantine(loaded: Site) -> None:
    """Rows that were good and are bad by the new declaration were counted as quarantined once more: the ledger then
    had more rows quarantined than there were left, and broke its contract."""
    loaded.redeclare(STRICTER)
    loaded.replay()
    assert loaded.counts() == [(4, 3, 1, 0), (1, 1, 0, 0)]
    assert loaded.table(QUARANTINED_ROWS)["file_line"].to_list() == [4]


def test_rows_that_the_mended_reading_no_longer_sees_stay_in_quarantine(loaded: Site) -> None:
    shorter = {
        "kind": "csv",
        "delimiter": ",",
        "header": False,
        "columns": ["id", "at", "net", "status"],
        "skip_rows": 4,
    }
    loaded.redeclare({**MENDED, "form": shorter})
    before = loaded.everything()
    loaded.replay()
    after = loaded.everything()
    for name in (loaded.feed.contract.table, "file_ledger", "quarantined_rows"):
        assert_same({name: after[name]}, {name: before[name]})


def test_a_file_purged_from_the_archive_keeps_its_rows_in_quarantine(loaded: Site) -> None:
    for path in (loaded.zone.archive / "shop" / "orders").iterdir():
        path.unlink()
    before = loaded.everything()
    loaded.redeclare(MENDED)
    assert loaded.replay().taken == ()
    assert_same(loaded.everything(), before)


def test_a_copy_archived_under_another_name_is_found(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    for path in (site.zone.archive / "shop" / "orders").iterdir():
        path.rename(path.with_name(path.name[:17] + "renamed.csv"))
    site.redeclare(MENDED)
    assert site.replay().total("rows_loaded") == 1


def test_refused_files_are_laid_back_and_loaded(site: Site) -> None:
    site.land("orders_1.csv", HEADER.replace("id", "number") + "A,2026-01-05,1,paid\n")
    assert [file.refusal.reason for file in site.load().refused if file.refusal] == ["missing_column"]
    site.redeclare({**ORDERS, "columns": {**ORDERS["columns"], "order_id": ["id", "number"]}})
    with site.engine() as engine:
        assert return_refused_files(site.feed, engine, site.zone) == ["orders_1.csv"]
        assert return_refused_files(site.feed, engine, site.zone) == []
    site.load()
    ledger = site.ledger()
    assert ledger.select("file_number", "status", "rows_loaded").rows() == [(1, "loaded", 1)]
    assert site.staged()["order_id"].to_list() == ["A"]


def test_a_refused_file_waits_while_a_newer_one_has_its_name(site: Site) -> None:
    site.land("orders_1.csv", "nothing,known\n1,2\n")
    site.load()
    newer = site.land("orders_1.csv", HEADER + "A,2026-01-05,1,paid\n")
    with site.engine() as engine:
        assert return_refused_files(site.feed, engine, site.zone) == []
    assert newer.read_text().startswith(HEADER)
    assert site.staged().is_empty()
