"""What the tests of the ingest share: one declared feed with its landing folder, lake and engine, in a temporary home.

Here: landing files, loading them, and reading back what the platform then says. Not here: the expectations.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from crm_platform.sources.declaration import SourceDeclaration
from crm_platform.sources.landing import LandingZone, landed_files
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import FILE_LEDGER, QUARANTINED_ROWS, RECORDS, VALIDATION_RESULTS
from crm_platform.sources.load import FeedLoad, load_feed
from crm_platform.sources.readers.batch import ReadLimits
from crm_platform.sources.replay import replay_rows
from crm_platform.sources.staging import StagedFeed, staged_feeds
from crm_platform.warehouse.contract import Contract, contracts_by_name
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake

LOADED_DT = datetime(2026, 3, 1, tzinfo=UTC)
DELIVERED = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0
SOURCE = "shop"

ORDERS: dict[str, Any] = {
    "contract": "orders",
    "files": "orders*.csv",
    "form": {"kind": "csv", "delimiter": ","},
    "columns": {"order_id": "id", "order_dt": "at", "total_amount": "net", "status": "status"},
}
CUSTOMERS: dict[str, Any] = {
    "contract": "customers",
    "files": "customers*.csv",
    "form": {"kind": "csv", "delimiter": ","},
    "columns": {"customer_id": "id", "updated_dt": "at", "last_name": "name", "email": "mail", "birth_date": "born"},
}


def staged_feed(declaration: Mapping[str, Any], name: str | None = None) -> StagedFeed:
    """The feed of a declaration as it stands in YAML."""
    feed = name or declaration["contract"]
    declared = {"source": SOURCE, "description": "The web shop.", "feeds": {feed: declaration}}
    return staged_feeds([SourceDeclaration.model_validate(declared)])[0]


class Killed(Exception):
    """Raised in the middle of a load, as if the process had died there."""


class Site:
    """A home below `root` with one feed."""

    def __init__(self, root: Path, declaration: Mapping[str, Any] = ORDERS, limits: ReadLimits | None = None) -> None:
        self.root = root
        self.feed = staged_feed(declaration)
        self.limits = limits or ReadLimits(threads=1)
        folders = ("landing", "archive", "quarantine", "extracts", "work")
        self.zone = LandingZone(*(root / name for name in folders))
        self.lake = Lake(root / "lake")
        self.zone.landing.mkdir(parents=True, exist_ok=True)

    def redeclare(self, declaration: Mapping[str, Any]) -> None:
        """Mend the declaration."""
        self.feed = staged_feed(declaration)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """A new engine on the lake, as a new run has it."""
        with duckdb.connect(config=engine_settings("1GB", 1, self.root / "spill")) as connection:
            contracts = contracts_by_name([self.feed.contract, *RECORDS])
            yield Engine(connection, self.lake, contracts, [latest_view(self.feed)])

    def land(self, name: str, content: str | bytes, day: int = 0) -> Path:
        """Lay a file into the landing folder, delivered `day` days after the first of February 2026."""
        path = self.zone.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (DELIVERED + day * DAY, DELIVERED + day * DAY))
        return path

    def load(self, loaded_dt: datetime = LOADED_DT) -> FeedLoad:
        """Load what lies there."""
        with self.engine() as engine:
            files = landed_files(self.feed, self.zone)
            return load_feed(self.feed, files, engine, self.zone, loaded_dt, self.limits)

    def replay(self, now: datetime = LOADED_DT) -> FeedLoad:
        """Try the quarantined rows again."""
        with self.engine() as engine:
            return replay_rows(self.feed, engine, self.zone, now, self.limits)

    def table(self, contract: Contract) -> pl.DataFrame:
        """The rows of a table by their key, without the time of the load."""
        files = self.lake.data_files(contract)
        rows = pl.concat([pl.read_parquet(path) for path in files]) if files else contract.empty()
        return rows.sort(contract.key).drop("loaded_dt", "quarantined_dt", strict=False)

    def staged(self) -> pl.DataFrame:
        """The staging table."""
        return self.table(self.feed.contract)

    def latest(self) -> pl.DataFrame:
        """The newest version of each thing."""
        with self.engine() as engine:
            return engine.query(f"SELECT * FROM sources.{latest_view(self.feed).table}").sort("file_id", "file_line")

    def ledger(self) -> pl.DataFrame:
        """The ledger."""
        return self.table(FILE_LEDGER)

    def everything(self) -> dict[str, pl.DataFrame]:
        """All that the platform says, by table."""
        return {
            contract.table: self.table(contract)
            for contract in (self.feed.contract, FILE_LEDGER, QUARANTINED_ROWS, VALIDATION_RESULTS)
        }

    def counts(self) -> list[tuple[int, int, int, int]]:
        """Received, loaded, quarantined, known per file, in the order in which the files were taken."""
        counts = ("rows_received", "rows_loaded", "rows_quarantined", "rows_known")
        return self.ledger().sort("file_number").select(counts).rows()

    def landed(self) -> list[str]:
        """The names of the files that still lie in the landing folder."""
        return sorted(path.name for path in self.zone.landing.rglob("*") if path.is_file())


def assert_same(left: Mapping[str, pl.DataFrame], right: Mapping[str, pl.DataFrame]) -> None:
    """Compare all tables of two homes, row by row."""
    assert left.keys() == right.keys()
    for name, rows in left.items():
        assert rows.to_dicts() == right[name].to_dicts(), name


@contextmanager
def killed_at(step: int, steps: Sequence[str]) -> Iterator[list[str]]:
    """Raise `Killed` in place of the call number `step` (from 0) of any of these functions (`module.function`).

    Gives the calls that were let through.
    """
    done: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for place in steps:
            patch.setattr(place, _counted(place, done, step))
        yield done


def _counted(place: str, done: list[str], step: int) -> Any:
    module, _, name = place.rpartition(".")
    original = getattr(__import__(module, fromlist=[name]), name)

    def call(*arguments: Any, **named: Any) -> Any:
        if len(done) == step:
            raise Killed(place)
        done.append(place)
        return original(*arguments, **named)

    return call


LOAD_STEPS = (
    "crm_platform.warehouse.files.replace_durably",
    "crm_platform.warehouse.lake.replace_durably",
    "crm_platform.sources.load.replace_durably",
    "crm_platform.sources.load._move",
)
REPLAY_STEPS = (
    "crm_platform.warehouse.files.replace_durably",
    "crm_platform.warehouse.lake.replace_durably",
    "crm_platform.sources.replay.replace_durably",
)
