"""The tables of a home as frames, to be compared with those of another."""

from collections.abc import Collection
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

CLOCKS = ("loaded_dt", "quarantined_dt", "changed_dt", "merged_dt", "as_of_dt")
RUN_CLOCKS = {"scv.key_event": ("event_dt",)}
"""Tables whose events are the runs themselves: elsewhere `event_dt` is what the source says, and has to be equal."""


OF_THE_RUN = {"scv.match_quality", "loyalty.ledger_input"}
"""What a run says of itself: how much it had to do depends on what runs before it did, and what it read on when."""


def table_names(home: Path) -> set[str]:
    """Every `<schema>.<table>` that has a file."""
    lake = home / "lake"
    return {".".join(path.relative_to(lake).parts[:2]) for path in lake.rglob("data.parquet")}


def table(home: Path, name: str) -> pl.DataFrame:
    """The rows of a table but for the times at which we took them in, in one order; nothing where it has no file."""
    files = sorted((home / "lake" / Path(*name.split("."))).rglob("data.parquet"))
    if not files:
        return pl.DataFrame()
    rows = pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in files])
    return rows.drop(*CLOCKS, *RUN_CLOCKS.get(name, ()), strict=False).sort(pl.all())


def assert_equal_tables(left: Path, right: Path, but: Collection[str] = ()) -> None:
    """Two homes have the same tables with the same rows, but for the times at which those were taken in, the figures
    that a run writes about itself, and the tables named."""
    assert table_names(left) == table_names(right)
    for name in sorted(table_names(left) - OF_THE_RUN - set(but)):
        assert_frame_equal(table(left, name), table(right, name), check_row_order=True)


def half_written(home: Path) -> list[Path]:
    """What a run that is not running any more may not have left."""
    return sorted([*home.rglob(".writing-*"), *(path for path in (home / "work").glob("*-*") if path.is_dir())])


def stamps(home: Path) -> dict[str, tuple[int, int]]:
    """Every file of the lake with its inode and the time of its last change: equal when nobody rewrote it."""
    lake = home / "lake"
    return {
        str(path.relative_to(lake)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in lake.rglob("*.parquet")
    }
