"""A load: nothing lost and nothing twice, whatever comes, in however many loads, and wherever one of them is cut short.

The oracle is the obvious way: every row in the order of arrival, compared with the one before it of the same thing.
What is said again counts as told by the file that was delivered first, though it be loaded last.
"""

import shutil
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.sources.ledger import QUARANTINED_ROWS, SCHEMA_DRIFT, VALIDATION_RESULTS
from crm_platform.warehouse.publish import ContractViolation
from tests.unit.sources.site import CUSTOMERS, LOAD_STEPS, ORDERS, Killed, Site, assert_same, killed_at

Row = tuple[str, str, str]
File = list[Row]

HEADER = "id,at,net\n"
NO_STATUS = {**ORDERS, "columns": {"order_id": "id", "order_dt": "at", "total_amount": "net"}}
MONTHS = ("2026-01-05 10:00:00", "2026-01-06 10:00:00", "2025-12-24 09:30:00")
UNREADABLE = "many"
DAYS = 3

BY_KEY = NO_STATUS
BY_KEY_AND_TIME = {**NO_STATUS, "key": ["order_id", "order_dt"]}
BY_WHOLE_ROW = {**NO_STATUS, "key": []}
BY_EVENT = {**NO_STATUS, "key": [], "repeats_are_events": True}
BY_VERSION = {
    **CUSTOMERS,
    "columns": {"customer_id": "id", "updated_dt": "at", "last_name": "net"},
    "rules": {},
}
KINDS: dict[str, dict[str, Any]] = {
    "a key that lies in any month": BY_KEY,
    "a key with its time": BY_KEY_AND_TIME,
    "the whole row": BY_WHOLE_ROW,
    "the whole row, repeats being events": BY_EVENT,
    "a key with a version": BY_VERSION,
}


def csv(rows: Sequence[Row]) -> str:
    return HEADER + "".join(",".join(row) + "\n" for row in rows)


def land_all(site: Site, files: Sequence[File], first: int = 0) -> None:
    prefix = site.feed.contract_name
    for number, rows in enumerate(files, start=first):
        site.land(f"{prefix}_{number}.csv", csv(rows), day=number % DAYS)


def expected_loads(
    kind: dict[str, Any], files: Sequence[File]
) -> tuple[list[list[Row]], list[tuple[int, int, int, int]]]:
    """The rows that a table should hold, and (received, loaded, quarantined, known), of each file that is taken."""
    has_version = "updated_dt" in kind["columns"]
    key_columns = kind.get("key", ["customer_id" if has_version else "order_id"])
    last: dict[Any, tuple[Row, int, int]] = {}
    seen_files: list[str] = []
    rows_of_files: list[list[Row]] = []
    counts = []
    for number, rows in enumerate(files):
        if csv(rows) in seen_files:
            continue
        taken, day = len(seen_files), number % DAYS
        seen_files.append(csv(rows))
        rows_of_files.append([])
        bad = 0
        for place, row in enumerate(rows):
            if row[2] == UNREADABLE and not has_version:
                bad += 1
                continue
            thing: tuple[Any, ...] = (row[0],) if key_columns else row
            if "order_dt" in key_columns or has_version:
                thing = row[:2]
            if kind.get("repeats_are_events"):
                thing = (*row, rows[:place].count(row))
            said, teller, told_on = last.get(thing, (None, taken, day))
            if said == row and told_on <= day:
                continue
            if said == row:
                rows_of_files[teller].remove(row)
            rows_of_files[taken].append(row)
            last[thing] = (row, taken, day)
        counts.append((len(rows), bad))
    told = zip(rows_of_files, counts, strict=True)
    return rows_of_files, [(many, len(rows), bad, many - len(rows) - bad) for rows, (many, bad) in told]


def as_rows(staged: pl.DataFrame, kind: dict[str, Any]) -> list[Row]:
    names = {source: name for name, source in kind["columns"].items()}
    amount = pl.col(names["net"])
    return sorted(
        staged.select(
            names["id"],
            pl.col(names["at"]).dt.strftime("%Y-%m-%d %H:%M:%S"),
            amount if staged.schema[names["net"]] == pl.String else amount.cast(pl.Int64).cast(pl.String),
        ).rows()
    )


rows_of_a_file = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from(MONTHS), st.sampled_from(["1", "2", UNREADABLE])),
    min_size=1,
    max_size=5,
)


@st.composite
def deliveries(draw: st.DrawFn) -> list[File]:
    """Files of new, repeated, changed and reverted rows; some are delivered again under another name."""
    files = draw(st.lists(rows_of_a_file, min_size=1, max_size=4))
    again = draw(st.lists(st.sampled_from(files), max_size=2))
    return draw(st.permutations([*files, *again]))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@settings(max_examples=4, derandomize=True, database=None)
@given(files=deliveries(), data=st.data())
def test_what_is_delivered_is_there_once_however_it_comes(
    kind: dict[str, Any], files: list[File], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        straight, disturbed = Site(Path(folder) / "straight", kind), Site(Path(folder) / "disturbed", kind)
        land_all(straight, files)
        straight.load()
        expected_rows, expected_counts = expected_loads(kind, files)
        assert straight.counts() == expected_counts
        staged = straight.staged().join(straight.ledger().select("file_id", "file_number"), on="file_id")
        for number, rows in enumerate(expected_rows, start=1):
            assert as_rows(staged.filter(pl.col("file_number") == number), kind) == sorted(rows)

        cuts = sorted(data.draw(st.sets(st.integers(1, len(files)), max_size=2), label="cuts") | {len(files)})
        for start, end in pairwise([0, *cuts]):
            land_all(disturbed, files[start:end], start)
            with killed_at(data.draw(st.integers(0, 10), label="killed at"), LOAD_STEPS):
                try_to_load(disturbed)
            disturbed.load()
        assert_same(disturbed.everything(), straight.everything())
        assert disturbed.landed() == straight.landed() == []


def try_to_load(site: Site) -> bool:
    try:
        site.load()
    except Killed:
        return False
    return True


FILES: list[File] = [
    [("A", MONTHS[0], "1"), ("B", MONTHS[2], "1"), ("C", MONTHS[0], UNREADABLE)],
    [("A", MONTHS[0], "2"), ("B", MONTHS[2], "1")],
]


def test_a_load_killed_at_any_step_and_run_again_is_the_load(tmp_path: Path) -> None:
    straight = Site(tmp_path / "straight", NO_STATUS)
    land_all(straight, FILES)
    with killed_at(-1, LOAD_STEPS) as steps:
        straight.load()
    assert len(steps) >= 8
    for step in range(len(steps)):
        site = Site(tmp_path / str(step), NO_STATUS)
        land_all(site, FILES)
        with killed_at(step, LOAD_STEPS):
            assert not try_to_load(site)
        site.load()
        assert_same(site.everything(), straight.everything())
        assert site.landed() == []
        assert len(list((site.zone.archive / "shop" / "orders").iterdir())) == 2
        assert list(site.zone.work.iterdir()) == []
        assert not list(site.lake.root.rglob(".writing-*"))


def test_a_load_killed_again_and_again_at_another_step_each_time_is_the_load(tmp_path: Path) -> None:
    straight, site = Site(tmp_path / "straight", NO_STATUS), Site(tmp_path / "site", NO_STATUS)
    land_all(straight, FILES)
    straight.load()
    land_all(site, FILES)
    for step in range(20):
        with killed_at(step, LOAD_STEPS):
            if try_to_load(site):
                break
    site.load()
    assert_same(site.everything(), straight.everything())


def test_a_file_withdrawn_after_its_load_was_killed_leaves_nothing(site_of: Callable[..., Site]) -> None:
    """Rows published by a load that never came to its ledger belong to no file: the next load takes them out, from
    whatever partition, even when the mapping puts the file's rows elsewhere now."""
    site = site_of(BY_KEY_AND_TIME)
    with killed_at(1, LOAD_STEPS):
        withdrawn = site.land("orders_1.csv", csv([("A", MONTHS[2], "1")]))
        assert not try_to_load(site)
    assert site.staged().height == 1
    assert site.latest().is_empty()
    withdrawn.unlink()
    site.land("orders_2.csv", csv([("B", MONTHS[0], "1")]))
    site.load()
    assert site.staged()["order_id"].to_list() == ["B"]


def test_an_order_whose_date_was_corrected_and_set_back_has_three_versions(site: Site) -> None:
    """The version before lies in another month: looking only at the month that arrives, the third row was taken for
    the first and lost."""
    site.redeclare(NO_STATUS)
    for number, month in enumerate((MONTHS[0], MONTHS[2], MONTHS[0])):
        site.land(f"orders_{number}.csv", csv([("A", month, "1"), ("Z", MONTHS[0], str(number))]))
        site.load()
    assert site.counts() == [(2, 2, 0, 0)] * 3
    newest = site.latest().filter(pl.col("order_id") == "A")
    assert newest["order_dt"].dt.month().to_list() == [1]


def test_a_full_dump_that_brings_one_changed_order_rewrites_one_month(site: Site) -> None:
    site.redeclare(NO_STATUS)
    dump = [("A", MONTHS[0], "1"), ("B", MONTHS[2], "1")]
    site.land("orders_1.csv", csv(dump))
    site.load()
    before = {path.parent.name: path.stat().st_mtime_ns for path in site.lake.data_files(site.feed.contract)}
    site.land("orders_2.csv", csv([("A", MONTHS[0], "2"), dump[1]]))
    load = site.load()
    after = {path.parent.name: path.stat().st_mtime_ns for path in site.lake.data_files(site.feed.contract)}
    assert load.publication is not None and load.publication.partition_keys == ("2026-01",)
    assert after["order_dt=2025-12"] == before["order_dt=2025-12"]
    assert after["order_dt=2026-01"] > before["order_dt=2026-01"]


def test_a_content_delivered_again_is_counted_and_not_loaded(site: Site) -> None:
    site.redeclare(NO_STATUS)
    site.land("orders_1.csv", csv(FILES[0]))
    site.load()
    site.land("orders_copy.csv", csv(FILES[0]), day=2)
    load = site.load()
    assert (load.known_deliveries, load.taken) == (1, ())
    assert site.counts() == [(3, 2, 1, 0)]
    assert "orders_copy.csv@2026-02-03" in site.ledger()["deliveries"].item()
    assert site.landed() == []


def test_two_copies_of_one_content_in_one_load_are_one_file_and_two_deliveries(site: Site) -> None:
    site.redeclare(NO_STATUS)
    site.land("orders_1.csv", csv(FILES[0]))
    site.land("orders_2.csv", csv(FILES[0]))
    assert site.load().known_deliveries == 1
    assert site.counts() == [(3, 2, 1, 0)]
    assert site.ledger()["deliveries"].item().count("orders_") == 2
    assert [path.name[17:] for path in (site.zone.archive / "shop" / "orders").iterdir()] == ["orders_1.csv"]


def test_a_refused_file_is_put_aside_with_its_copies_and_the_others_are_loaded(site: Site) -> None:
    site.land("orders_1.csv", "something,else\n1,2\n")
    site.land("orders_2.csv", "something,else\n1,2\n")
    site.land("orders_3.csv", "id,at,net,status\nA,2026-01-05,1,paid\n")
    load = site.load()
    assert [file.file.name for file in load.refused] == ["orders_1.csv"]
    assert site.ledger().sort("file_number")["status"].to_list() == ["refused", "loaded"]
    kept = list((site.zone.quarantine / "shop" / "orders" / "files").iterdir())
    assert [path.name[17:] for path in kept] == ["orders_1.csv"]
    assert len(list((site.zone.archive / "shop" / "orders").iterdir())) == 1
    assert site.landed() == []


def test_a_file_that_grows_while_it_is_loaded_stays_and_its_rest_is_loaded_next(site: Site) -> None:
    """What had been read is loaded; the file itself must not be archived under the digest of half of it."""
    site.redeclare(NO_STATUS)
    path = site.land("orders_1.csv", csv(FILES[0]))
    with killed_at(-1, LOAD_STEPS), pytest.MonkeyPatch.context() as patch:
        grow = lambda *_: site.land("orders_1.csv", csv([*FILES[0], ("D", MONTHS[0], "1")]), day=1)  # noqa: E731
        patch.setattr("crm_platform.sources.load._keep_quarantined", grow)
        site.load()
    assert path.exists()
    site.load()
    assert site.counts() == [(3, 2, 1, 0), (4, 1, 1, 2)]


def test_a_known_file_that_grows_before_it_is_dropped_is_kept(site: Site) -> None:
    site.redeclare(NO_STATUS)
    site.land("orders_1.csv", csv(FILES[0]))
    site.load()
    path = site.land("orders_1.csv", csv(FILES[0]), day=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "crm_platform.sources.load._put_away",
            lambda *_: site.land("orders_1.csv", csv([*FILES[0], ("D", MONTHS[0], "1")]), day=2),
        )
        site.load()
    assert path.exists()


def test_the_home_may_be_moved_between_two_loads(tmp_path: Path) -> None:
    site = Site(tmp_path / "here", NO_STATUS)
    land_all(site, FILES[:1])
    site.load()
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = Site(tmp_path / "there", NO_STATUS)
    land_all(moved, FILES[1:], 1)
    moved.load()
    assert moved.counts() == [(3, 2, 1, 0), (2, 1, 0, 1)]


def test_rows_that_break_the_contract_publish_and_move_nothing(site: Site) -> None:
    site.redeclare(NO_STATUS)
    site.land("orders_1.csv", csv(FILES[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crm_platform.sources.parse._broken_rules", lambda *_: [])
        with pytest.raises(ContractViolation, match="unchanged"):
            site.redeclare({**ORDERS, "columns": {**NO_STATUS["columns"], "currency": {"value": "pounds"}}})
            site.load()
    assert site.landed() == ["orders_1.csv"]
    assert site.staged().is_empty() and site.ledger().is_empty()
    assert not list(site.root.rglob("data.parquet")) and not list(site.root.rglob(".writing-*"))


def test_what_is_quarantined_is_told_without_its_content(site: Site) -> None:
    site.redeclare(NO_STATUS)
    site.land("orders_1.csv", csv(FILES[0]))
    site.load()
    assert site.table(QUARANTINED_ROWS).select("file_line", "reason").rows() == [(4, "wrong_type:total_amount")]
    assert site.table(VALIDATION_RESULTS).select("rule", "column_name", "number_of_rows", "first_lines").rows() == [
        ("wrong_type", "total_amount", 1, "4")
    ]
    kept = pl.read_parquet(site.zone.quarantine / "shop" / "orders" / "*.parquet")
    assert kept["raw"].to_list() == ['{"id":"C","at":"2026-01-05 10:00:00","net":"many"}']


def test_columns_that_come_and_go_are_drift(site: Site) -> None:
    site.land("orders_1.csv", "id,at,net,status\nA,2026-01-05,1,paid\n")
    site.load()
    site.land("orders_2.csv", "id,at,net,note\nA,2026-01-05,1,x\n")
    site.load()
    assert site.table(SCHEMA_DRIFT).select("column_name", "kind", "is_mapped").rows() == [
        ("note", "column_new", False),
        ("status", "column_gone", False),
    ]


def test_a_key_of_several_archive_members_is_told_apart_by_the_member(site_of: Callable[..., Site]) -> None:
    site = site_of(NO_STATUS, files="orders*.zip")
    folder = site.root / "packing"
    folder.mkdir()
    for number, rows in enumerate(FILES):
        (folder / f"part_{number}.csv").write_text(csv(rows))
    site.zone.landing.mkdir(exist_ok=True)
    shutil.make_archive(str(site.zone.landing / "orders_1"), "zip", folder)
    site.load()
    assert site.counts() == [(5, 3, 1, 1)]
    assert site.staged()["file_part"].unique().sort().to_list() == ["part_0.csv", "part_1.csv"]


def test_unreadable_lines_of_two_archive_members_are_two_rows_in_quarantine(site_of: Callable[..., Site]) -> None:
    """Both stand in line 2: without the member they were one row twice, and the load could never succeed."""
    site = site_of(NO_STATUS, files="orders*.zip")
    folder = site.root / "packing"
    folder.mkdir()
    for number in range(2):
        (folder / f"part_{number}.csv").write_text(HEADER + f"too,few\nA,{MONTHS[0]},{number}\n")
    shutil.make_archive(str(site.zone.landing / "orders_1"), "zip", folder)
    site.load()
    assert site.counts() == [(4, 2, 2, 0)]
    assert site.table(QUARANTINED_ROWS).select("file_part", "file_line").rows() == [
        ("part_0.csv", 2),
        ("part_1.csv", 2),
    ]
