"""A company of which tests say who said what and who was whom: staged events on a real lake, and the stage run on them.

Here: writing and running. Not here: what should come of it (`oracle.py` and the tests).
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from crm_platform.permission.consent.build import publish_consent
from crm_platform.permission.decision.decide import Moment, Question, decided
from crm_platform.permission.facts.build import publish_facts, publish_lists
from crm_platform.permission.settings import PermissionSettings, load_permission_settings
from crm_platform.permission.suppression.build import publish_suppression
from crm_platform.sources.company import load_company
from crm_platform.sources.dimensions.build import DIMENSIONS, publish_dimension
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.tables import tables_of
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from tests.unit.scv.company import CONFIG, Company

COMPANY = load_company(CONFIG / "company.yaml")
SETTINGS = load_permission_settings(CONFIG / "permission.yaml")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
Row = Mapping[str, Any]
Assignment = Mapping[str, int]
"""Party (`<source>:<customer_id>`) to the customer that it belongs to."""


def day(number: float) -> datetime:
    """So many days after the start."""
    return START + timedelta(days=number)


def engine_on(root: Path) -> Engine:
    """An engine that knows every table of the platform."""
    tables = tables_of(CONFIG)
    return Engine(duckdb.connect(), Lake(root), tables.by_name, tables.views)


def write_dimensions(root: Path) -> None:
    """The dimensions of the declared company."""
    engine = engine_on(root)
    for name in DIMENSIONS:
        publish_dimension(engine, name, COMPANY, {})


@dataclass
class World:
    """A lake with dimensions (copied from `template`), parties and their events."""

    root: Path
    template: Path
    settings: PermissionSettings = SETTINGS
    emails: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(self.template, self.root, dirs_exist_ok=True)
        self.engine = engine_on(self.root)
        self.company = Company(self.engine)

    def say(self, feed: str, *rows: Row, loaded: datetime = LATER) -> None:
        """Let a source deliver a file of a feed, which the platform takes in at `loaded`."""
        self.company.state(feed, *rows, delivered=loaded)
        [name] = [each.name for each in self.company.feeds if each.name == feed]
        path = self.engine.lake.data_file(FILE_LEDGER, name)
        ledger = pl.read_parquet(path)
        newest = pl.col("file_number") == ledger["file_number"].max()
        ledger.with_columns(loaded_dt=pl.when(newest).then(pl.lit(loaded)).otherwise("loaded_dt")).write_parquet(path)

    def events(self, source: str, *events: Row, loaded: datetime = LATER) -> None:
        """Let a source (web or crm) tell of consent: each event has an event_id, event_type and event_dt."""
        rows = [{"received_dt": event["event_dt"], **event} for event in events]
        self.say(f"{source}.permission_events", *rows, loaded=loaded)

    def who_is_who(self, runs: Sequence[tuple[datetime, Assignment]]) -> None:
        """Say to whom each party belonged after each run of the matching, the last of which holds now."""
        before: dict[str, int] = {}
        for number, (moment, assignment) in enumerate(runs, 1):
            moved = {party: key for party, key in assignment.items() if before.get(party) != key}
            changes = [
                (number, f"record:{party}", before.get(party), key, "model", moment) for party, key in moved.items()
            ]
            self._write("scv.customer_xref_change", changes, f"{moment:%Y-%m-%d}")
            before |= assignment
        self._write(
            "scv.customer_xref",
            [(f"record:{p}", key, p.split(":")[0], p, 1.0, "model") for p, key in before.items()],
        )
        self._write("scv.customer_ref_key", list(before.items()))
        records = {"record_id": [f"record:{party}" for party in before], "email": [self.emails.get(p) for p in before]}
        self._write_some("scv.source_record", pl.DataFrame(records, schema=dict.fromkeys(records, pl.String)))
        keys = sorted(set(before.values()))
        self._write_some("scv.golden_record", pl.DataFrame({"customer_key": keys}, schema={"customer_key": pl.Int64}))

    def know(self, table: str, rows: pl.DataFrame) -> None:
        """Let a table of the single customer view hold these rows; columns that are not given are empty."""
        self._write_some(table, rows)

    def run(self, as_of: datetime = LATER, consent: Sequence[str] = (), suppression: Sequence[str] = ()) -> None:
        """Run the stage, with what other stages add as queries."""
        publish_consent(self.engine, self.settings, COMPANY, self.company.feeds, as_of, "secret", consent)
        publish_suppression(self.engine, self.settings, suppression)
        publish_facts(self.engine, self.settings, as_of)

    def run_lists(self, as_of: datetime) -> None:
        """Make the history and the lists."""
        publish_lists(self.engine, self.settings, as_of)

    def decide(self, questions: Sequence[Question], keys: Iterable[int], moment: Moment) -> dict[tuple[int, int], str]:
        """The reason by customer and number of the question (from 0)."""
        values = ", ".join(f"({key}::BIGINT)" for key in keys)
        wanted = f"SELECT customer_key FROM (VALUES {values}) AS asked (customer_key)"
        with decided(self.engine, self.settings, wanted, questions, moment):
            rows = self.engine.query("SELECT customer_key, question_number, reason_code, is_permitted FROM decision")
        return {(key, number - 1): reason for key, number, reason, _ in rows.iter_rows()}

    def reason(self, key: int, question: Question, at: datetime = LATER, known_at: datetime | None = None) -> str:
        """The reason of one decision."""
        [reason] = self.decide([question], [key], Moment(at, known_at or at)).values()
        return reason

    def rows(self, table: str) -> pl.DataFrame:
        """A table of the stage."""
        return self.engine.query(f"SELECT * FROM permission.{table} ORDER BY ALL")

    def refusals(self) -> dict[str, str]:
        """Reason by event, of those that have no effect."""
        return dict(self.rows("refused_event").select("event_id", "reason").iter_rows())

    def _write(self, table: str, rows: Sequence[tuple[Any, ...]], partition: str | None = None) -> None:
        contract = self.engine.contracts[table]
        frame = pl.DataFrame(list(rows), schema=contract.polars_schema, orient="row")
        path = self.engine.lake.data_file(contract, partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path)

    def _write_some(self, table: str, rows: pl.DataFrame) -> None:
        path = self.engine.lake.data_file(self.engine.contracts[table])
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(path)
        self.engine.refresh_view(self.engine.contracts[table])
