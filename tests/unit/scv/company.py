"""A company whose sources say what a test lets them say: staged rows on a real lake, and the stage run on them.

Here: staging, running, reading. Not here: how files become staged rows (`tests/unit/sources`).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from crm_platform.scv.customers.dim_customer import publish_dim_customer
from crm_platform.scv.golden.build import ENDING_FEEDS, publish_ended_identifiers, publish_golden_record
from crm_platform.scv.groups.households import publish_households
from crm_platform.scv.groups.organisations import publish_organisations
from crm_platform.scv.identity.run import IdentityRun, run_identity
from crm_platform.scv.identity.verdicts import standing_verdicts
from crm_platform.scv.records.build import publish_records
from crm_platform.scv.roles.build import publish_roles
from crm_platform.scv.settings import ScvSettings, load_scv_settings
from crm_platform.settings import REPOSITORY
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.tables import tables_of
from crm_platform.warehouse.contract import PARTITION_FORMATS, Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake

CONFIG = REPOSITORY / "config"
SETTINGS = load_scv_settings(CONFIG / "scv.yaml")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
CLUSTER_SCHEMA = {"record_id": pl.String, "cluster_id": pl.String, "match_probability": pl.Float64}
PAIR_SCHEMA = {"record_id_l": pl.String, "record_id_r": pl.String, "match_weight": pl.Float64}
Row = Mapping[str, Any]


def on(day: int, hour: int = 0) -> datetime:
    """A day of January 2026, UTC."""
    return NEW_YEAR.replace(day=day, hour=hour)


def clusters_of(groups: Iterable[Sequence[str]], probability: float = 0.9) -> pl.DataFrame:
    """What the model would say if it found these groups."""
    rows = [(record, str(number), probability) for number, group in enumerate(groups) for record in group]
    return pl.DataFrame(rows, schema=CLUSTER_SCHEMA, orient="row")


def weighed(*pairs: tuple[str, str, float]) -> pl.DataFrame:
    """Pairs as the model would weigh them."""
    rows = [(min(a, b), max(a, b), weight) for a, b, weight in pairs]
    return pl.DataFrame(rows, schema=PAIR_SCHEMA, orient="row")


def engine_on(root: Path, lake: Lake | None = None) -> Engine:
    """An engine that knows every table of the platform."""
    tables = tables_of(CONFIG)
    return Engine(duckdb.connect(), lake or Lake(root), tables.by_name, tables.views)


@dataclass
class Company:
    """The sources declared in `config/sources` and a lake. `groups` is what the model finds, by record ids."""

    engine: Engine
    settings: ScvSettings = SETTINGS
    groups: list[list[str]] = field(default_factory=list)
    pairs: pl.DataFrame = field(default_factory=weighed)
    _number: int = 0

    @property
    def feeds(self) -> Sequence[StagedFeed]:
        """The declared feeds."""
        return tables_of(CONFIG).feeds

    def state(self, feed_name: str, *rows: Row, delivered: datetime = NEW_YEAR) -> None:
        """Let a source deliver a file with these rows (canonical columns; the rest is empty)."""
        [feed] = [feed for feed in self.feeds if feed.name == feed_name]
        self._number += 1
        file_id = hashlib.sha256(f"{self._number}".encode()).hexdigest()
        lineage = [
            {
                "file_id": file_id,
                "file_part": "",
                "file_line": line,
                "content_hash": hashlib.md5(f"{self._number}/{line}".encode()).hexdigest(),
                "file_dt": delivered,
                "loaded_dt": delivered,
            }
            for line in range(1, len(rows) + 1)
        ]
        schema = feed.contract.polars_schema
        staged = pl.DataFrame([{**row, **place} for row, place in zip(rows, lineage, strict=True)], schema=schema)
        partition = feed.contract.partition
        assert partition is not None and partition.unit is not None
        key = pl.col(partition.column).dt.strftime(PARTITION_FORMATS[partition.unit])
        for [name], part in staged.group_by(key.alias("key")):
            self._append(feed, str(name), part)
        self._commit(feed, file_id)

    def run_identity(self, as_of: datetime) -> IdentityRun:
        """Say who is who; the model finds `groups` and weighs `pairs`."""
        publish_records(self.engine, self.feeds, as_of)
        records = self.engine.query("SELECT * FROM scv.source_record ORDER BY record_id")
        verdicts = standing_verdicts(self.engine, self.feeds, as_of)
        clusters = clusters_of(self.groups)
        return run_identity(self.engine, records, clusters, self.pairs, verdicts, self.settings.guard, as_of)

    def run_golden(self, as_of: datetime) -> None:
        """Run the stage up to the golden record."""
        self.run_identity(as_of)
        ending = staging_refs(feed for feed in self.feeds if feed.contract_name in ENDING_FEEDS)
        publish_ended_identifiers(self.engine, self.settings.ended_identifiers, ending, as_of)
        publish_golden_record(self.engine, self.settings, as_of)

    def run(self, as_of: datetime) -> None:
        """Run the whole stage but for the model."""
        self.run_golden(as_of)
        publish_roles(self.engine, self.settings.roles, self.feeds, as_of)
        publish_households(self.engine, as_of)
        publish_organisations(self.engine, as_of)
        publish_dim_customer(self.engine)

    def rows(self, table: str, order: str = "ALL") -> pl.DataFrame:
        """A table of the stage."""
        return self.engine.query(f"SELECT * FROM scv.{table} ORDER BY {order}")

    def key_of(self, record_id: str) -> int:
        """The customer that a record belongs to."""
        key = self.engine.scalar("SELECT customer_key FROM scv.customer_xref WHERE record_id = $id", {"id": record_id})
        return int(key)

    def customer(self, record_id: str, table: str = "golden_record") -> dict[str, Any]:
        """The row of the customer that a record belongs to."""
        [row] = self.rows(table).filter(customer_key=self.key_of(record_id)).iter_rows(named=True)
        return row

    def _append(self, feed: StagedFeed, key: str, rows: pl.DataFrame) -> None:
        self._add(feed.contract, key, rows)

    def _commit(self, feed: StagedFeed, file_id: str) -> None:
        row = dict.fromkeys(FILE_LEDGER.column_names)
        known = {
            "feed_name": feed.name,
            "file_id": file_id,
            "file_number": self._number,
            "file_name": f"{self._number}.csv",
            "file_size": 1,
            "file_form": "csv",
            "status": "loaded",
            "rows_received": 0,
            "rows_loaded": 0,
            "rows_quarantined": 0,
            "rows_known": 0,
            "columns_read": "[]",
            "deliveries": 1,
            "file_dt": NEW_YEAR,
            "loaded_dt": NEW_YEAR,
        }
        ledger = pl.DataFrame(
            [{**row, **{name: value for name, value in known.items() if name in row}}], schema=FILE_LEDGER.polars_schema
        )
        self._add(FILE_LEDGER, feed.name, ledger)

    def _add(self, contract: Contract, key: str, rows: pl.DataFrame) -> None:
        path = self.engine.lake.data_file(contract, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        present = [pl.read_parquet(path)] if path.exists() else []
        pl.concat([*present, rows]).write_parquet(path)
        self.engine.refresh_view(contract)
