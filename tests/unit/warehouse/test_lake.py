"""Files of the lake: their places, the durable replacement, and one writer at a time."""

import multiprocessing
import threading
from pathlib import Path

import pytest

from crm_platform.warehouse.contract import Contract, Partition
from crm_platform.warehouse.files import replace_durably, sweep_temporaries, temporary_beside, written_durably
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.lock import exclusive
from tests.unit.warehouse.conftest import DAILY, VISITS

BY_FEED = Contract(
    "demo", "by_feed", "By feed.", "one row", "record", ("visit_id",), Partition("feed", None), VISITS.frame_schema
)


@pytest.mark.parametrize("key", ["shop.orders", "a/b", "..", "ä b=c", "100%"])
def test_a_partition_lies_in_its_folder_whatever_its_key(lake: Lake, key: str) -> None:
    path = lake.data_file(BY_FEED, key)
    path.parent.mkdir(parents=True)
    path.touch()
    assert path.resolve().parent.parent == lake.folder(BY_FEED).resolve()
    assert lake.partition_keys(BY_FEED) == [key]
    assert lake.data_files(BY_FEED) == [path]


def test_a_key_is_given_exactly_for_a_partitioned_table(lake: Lake) -> None:
    for contract, key in ((VISITS, "2026-01-01"), (DAILY, None)):
        with pytest.raises(ValueError, match="exactly for a partitioned table"):
            lake.data_file(contract, key)


def test_a_half_written_file_is_no_data_and_is_swept_away(lake: Lake) -> None:
    temporary = lake.temporary_file(DAILY, "2026-01-01")
    temporary.write_bytes(b"half")
    assert lake.data_files(DAILY) == []
    assert sweep_temporaries(lake.root) == 1
    assert not temporary.exists()


def test_a_replacement_is_the_new_file_whole(tmp_path: Path) -> None:
    destination = tmp_path / "there" / "file"
    for content in ("old", "new"):
        prepared = temporary_beside(destination)
        prepared.write_text(content)
        replace_durably(prepared, destination)
    assert destination.read_text() == "new"
    assert [path.name for path in destination.parent.iterdir()] == ["file"]


def test_a_write_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    destination = tmp_path / "file"
    destination.write_text("old")
    with pytest.raises(RuntimeError), written_durably(destination) as prepared:
        prepared.write_text("half")
        raise RuntimeError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "old"}


def test_a_second_writer_waits_for_the_first_and_hears_that_it_waits(tmp_path: Path) -> None:
    lock, order, waits = tmp_path / "work" / "lock", [], threading.Event()

    def second() -> None:
        with exclusive(lock, waits.set):
            order.append("second")

    with exclusive(lock):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(lock, held))
    process.start()
    assert held.wait(60)
    process.kill()
    process.join()
    with exclusive(lock, lambda: pytest.fail("the lock of a dead process was still held")):
        pass


def _hold(lock: Path, held: "threading.Event") -> None:
    with exclusive(lock):
        held.set()
        threading.Event().wait(60)
