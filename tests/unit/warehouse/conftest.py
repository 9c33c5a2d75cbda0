"""A small table, its contract, and an engine on an empty lake."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pandera.polars as pa
import polars as pl
import pytest

from crm_platform.warehouse.contract import Amount, Contract, TableModel, Timestamp, contract_of
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake


class Visits(TableModel):
    """One row is a visit."""

    visit_id: int = pa.Field(ge=1, description="Key of the visit.")
    email: str = pa.Field(nullable=True, str_matches=r"^\S+@\S+$", description="Address; it's free text.")
    score: float = pa.Field(nullable=True, ge=0, le=10, description="Score.")
    spent_amount: Amount = pa.Field(nullable=True, description="Money | spent.")
    visited_dt: Timestamp = pa.Field(description="When, UTC.")

    class Config(TableModel.Config):
        name = "demo.visits"
        unique = ["visit_id"]
        metadata = {"grain": "one row per visit", "kind": "fact"}


class DailyVisits(Visits):
    """One row is a visit, cut by day."""

    class Config(Visits.Config):
        name = "demo.daily_visits"
        metadata = {"grain": "one row per visit", "kind": "fact", "partition": ("visited_dt", "day")}


VISITS = contract_of(Visits)
DAILY = contract_of(DailyVisits)
FIRST_DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)


def visits(*ids: int, day: int = 0, email: str | None = "a@b.example") -> pl.DataFrame:
    """Rows of `Visits`."""
    rows = [(key, email, 5.0, Decimal("1.5"), FIRST_DAY + timedelta(days=day)) for key in ids]
    return pl.DataFrame(rows, schema=VISITS.polars_schema, orient="row")


def day_key(day: int) -> str:
    """The partition of a day."""
    return (date(2026, 1, 1) + timedelta(days=day)).isoformat()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def open_engine(lake: Lake, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Open engines on the lake."""
    connections: list[duckdb.DuckDBPyConnection] = []

    def open_one(*contracts: Contract, memory_limit: str = "1GB") -> Engine:
        connections.append(duckdb.connect(config=engine_settings(memory_limit, 2, tmp_path / "spill")))
        return Engine(connections[-1], lake, {contract.name: contract for contract in contracts or (VISITS, DAILY)})

    yield open_one
    for connection in connections:
        connection.close()


@pytest.fixture
def engine(open_engine: Callable[..., Engine]) -> Engine:
    """An engine on an empty lake."""
    return open_engine()
