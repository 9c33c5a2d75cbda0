"""What an earlier file says too is told by that file, though it is loaded last; nothing is lost or twice at any cut."""

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.unit.sources.site import CUSTOMERS, LOAD_STEPS, LOADED_DT, ORDERS, REPLAY_STEPS, Killed, Site, killed_at

BY_KEY: dict[str, Any] = {**ORDERS, "columns": {"order_id": "id", "order_dt": "at", "total_amount": "net"}}
BY_DELIVERY = {**CUSTOMERS, "columns": {"customer_id": "id", "updated_dt": "at", "last_name": "net"}}
KINDS = {"key": BY_KEY, "whole row": {**BY_KEY, "key": []}, "cut by delivery": BY_DELIVERY}
EITHER = {**BY_KEY, "columns": {**BY_KEY["columns"], "order_dt": {"from": "at", "format": ["%Y-%m-%d", "%d.%m.%Y"]}}}
A, B, C = (f"{name},2026-01-05 10:00:00,1\n" for name in "ABC")
ONE_DAY = timedelta(days=1)


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """The declaration of a feed."""
    declaration: Mapping[str, Any] = request.param
    return declaration


def late_site(root: Path, kind: Mapping[str, Any]) -> Site:
    """A home in which a file of the third day is loaded, and one of the second day lies that says A too."""
    site = Site(root, kind)
    land(site, 1, A + B, day=2)
    site.load()
    land(site, 2, A + C, day=1)
    return site


def land(site: Site, number: int, rows: str, day: int) -> None:
    site.land(f"{site.feed.contract_name}_{number}.csv", "id,at,net\n" + rows, day)


def tellers(site: Site) -> dict[str, int]:
    """The number of the file that tells of each thing; each is told once."""
    told = site.staged().join(site.ledger().select("file_id", "file_number"), on="file_id")
    names = told[site.feed.canonical_columns[0]]
    assert names.is_unique().all()
    return dict(zip(names, told["file_number"], strict=True))


def assert_counted(site: Site) -> None:
    """The ledger counts what the table holds."""
    staged = dict(site.staged().group_by("file_id").len().iter_rows())
    ledger = site.ledger()
    assert ledger["rows_loaded"].to_list() == [staged.get(file_id, 0) for file_id in ledger["file_id"]]
    assert all(received == sum(rest) for received, *rest in site.counts())


def test_the_earlier_file_tells_it_and_the_later_one_knew_it(tmp_path: Path, kind: Mapping[str, Any]) -> None:
    site = late_site(tmp_path, kind)
    site.load(LOADED_DT + ONE_DAY)
    assert tellers(site) == {"A": 2, "B": 1, "C": 2}
    assert site.counts() == [(2, 1, 0, 1), (2, 2, 0, 0)]
    rows = pl.concat([pl.read_parquet(path) for path in site.lake.data_files(site.feed.contract)])
    times = dict(rows.select(site.feed.canonical_columns[0], "loaded_dt").iter_rows())
    assert times == {"A": LOADED_DT, "B": LOADED_DT, "C": LOADED_DT + ONE_DAY}, "A was there before"
    land(site, 3, A, day=0)
    site.load()
    assert tellers(site) == {"A": 3, "B": 1, "C": 2}
    assert site.counts() == [(2, 1, 0, 1), (2, 1, 0, 1), (1, 1, 0, 0)]
    assert list(site.zone.work.iterdir()) == []


def test_a_file_delivered_later_or_at_the_same_time_changes_nothing(tmp_path: Path, kind: Mapping[str, Any]) -> None:
    site = late_site(tmp_path, kind)
    site.load()
    before = site.staged()
    for number, day in enumerate((1, 2, 9), start=3):
        land(site, number, A * number, day)
    site.load()
    assert site.staged().to_dicts() == before.to_dicts()


def test_a_load_killed_at_any_step_loses_nothing_even_if_its_file_is_withdrawn(tmp_path: Path) -> None:
    """Run again with the file it is the same; without, what was committed stands."""
    late_site(tmp_path / "late", BY_DELIVERY)
    shutil.copytree(tmp_path / "late", tmp_path / "straight")
    with killed_at(-1, LOAD_STEPS) as steps:
        Site(tmp_path / "straight", BY_DELIVERY).load()
    outcomes = []
    for step in range(len(steps)):
        for is_withdrawn in (False, True):
            site = Site(shutil.copytree(tmp_path / "late", tmp_path / f"{step}{is_withdrawn}"), BY_DELIVERY)
            with killed_at(step, LOAD_STEPS), pytest.raises(Killed):
                site.load()
            if is_withdrawn:
                for name in site.landed():
                    (site.zone.landing / name).unlink()
                land(site, 3, B, day=5)
            site.load()
            assert_counted(site)
            assert list(site.zone.work.iterdir()) == []
            outcomes.append((is_withdrawn, tellers(site)))
    assert {told["A"] for is_withdrawn, told in outcomes if is_withdrawn} == {1, 2}, "before the commit, and after it"
    for is_withdrawn, told in outcomes:
        assert told == {"A": 2, "B": 1, "C": 2} or (is_withdrawn and told == {"A": 1, "B": 1})


def test_a_row_out_of_quarantine_says_it_before_a_later_file(tmp_path: Path) -> None:
    held = Site(tmp_path / "held", BY_KEY)
    land(held, 1, "A,05.01.2026,1\n", day=0)
    land(held, 2, "A,2026-01-05,1\nB,2026-01-05,1\n", day=1)
    held.load()
    shutil.copytree(tmp_path / "held", tmp_path / "straight")
    with killed_at(-1, REPLAY_STEPS) as steps:
        Site(tmp_path / "straight", EITHER).replay()
    for step in range(len(steps)):
        site = Site(shutil.copytree(tmp_path / "held", tmp_path / str(step)), EITHER)
        with killed_at(step, REPLAY_STEPS), pytest.raises(Killed):
            site.replay()
        site.replay()
        assert tellers(site) == {"A": 1, "B": 2}
        assert site.counts() == [(1, 1, 0, 0), (2, 1, 0, 1)]
