"""What counts as a file that has arrived, in which order, and where it goes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm_platform.sources.landing import (
    archive_path,
    archived_file,
    is_open_for_writing,
    is_unchanged,
    landed_files,
    refused_file,
    refused_path,
    without_unsettled,
)
from tests.unit.sources.site import DELIVERED, Site

NOW = datetime.fromtimestamp(DELIVERED, UTC)


def names(site: Site) -> list[str]:
    return [file.name for file in landed_files(site.feed, site.zone)]


def test_files_come_in_the_natural_order_of_their_names(site: Site) -> None:
    for name in ("orders_10.csv", "orders_9.csv", "orders_09.csv", "orders_1².csv", "orders_1.csv"):
        site.land(name, "x")
    assert names(site) == ["orders_1.csv", "orders_1².csv", "orders_09.csv", "orders_9.csv", "orders_10.csv"]


def test_unfinished_hidden_and_linked_files_are_left_alone(site_of: Callable[..., Site]) -> None:
    site = site_of(files="**/orders*")
    for name in (
        "orders.csv.part",
        "orders.TMP",
        ".orders.csv",
        "_truth/orders.csv",
        ".hidden/orders.csv",
        "in/orders.csv",
    ):
        site.land(name, "x")
    (site.zone.landing / "orders_link.csv").symlink_to(site.zone.landing / "in" / "orders.csv")
    assert names(site) == ["in/orders.csv"]


def test_a_file_taken_back_while_the_folder_is_read_is_not_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.land("orders_1.csv", "x")
    gone = site.land("orders_2.csv", "x")
    listed = list(site.zone.landing.glob("*"))
    gone.unlink()
    monkeypatch.setattr(Path, "glob", lambda *_: iter(listed))
    assert names(site) == ["orders_1.csv"]


def test_a_file_counts_as_received_when_it_was_last_changed(site: Site) -> None:
    path = site.land("orders_1.csv", "abc", day=3)
    (file,) = landed_files(site.feed, site.zone)
    assert (file.path, file.size, file.file_dt) == (path, 3, NOW + timedelta(days=3))
    assert is_unchanged(file)
    site.land("orders_1.csv", "abcd", day=4)
    assert not is_unchanged(file)


def test_a_file_changed_a_moment_ago_waits_and_one_of_another_clock_does_not(site: Site) -> None:
    site.land("orders_1.csv", "x")
    files = landed_files(site.feed, site.zone)
    assert without_unsettled(files, NOW + timedelta(seconds=1), 2.0) == []
    assert without_unsettled(files, NOW + timedelta(seconds=2), 2.0) == files
    assert without_unsettled(files, NOW - timedelta(days=1), 2.0) == files


@pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux tells")
def test_a_file_that_somebody_holds_open_for_writing_waits(site: Site) -> None:
    path = site.land("orders_1.csv", "x")
    with path.open("a"):
        assert is_open_for_writing(path)
        assert without_unsettled(landed_files(site.feed, site.zone), NOW + timedelta(days=1), 2.0) == []
    with path.open():
        assert not is_open_for_writing(path)
    assert not is_open_for_writing(path.parent) and not is_open_for_writing(path / "none")


def test_kept_files_are_found_by_their_content_under_any_name(site: Site) -> None:
    for place, find in ((archive_path, archived_file), (refused_path, refused_file)):
        kept = place(site.feed, site.zone, "ab" * 32, "in/orders.csv")
        assert find(site.feed, site.zone, "ab" * 32) is None
        kept.parent.mkdir(parents=True)
        kept.touch()
        assert find(site.feed, site.zone, "ab" * 32) == kept
        assert find(site.feed, site.zone, "cd" * 32) is None
        kept.rename(kept.with_name("ab" * 8 + "-other.csv"))
        assert find(site.feed, site.zone, "ab" * 32) is not None
