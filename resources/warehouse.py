"""The warehouse as a Dagster resource: an engine on the lake, for one writer at a time.

A shell of configuration; what it opens (`crm_platform.warehouse.engine.Engine`) knows nothing of Dagster.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from crm_platform.settings import Home
from crm_platform.tables import Tables, tables_of
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.files import sweep_temporaries
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.lock import exclusive
from crm_platform.warehouse.serving import publish_serving


class WarehouseResource(dg.ConfigurableResource[Any]):
    """The lake below `home` and DuckDB on it; `config_folder` holds the declared sources, whose tables it knows."""

    home: str
    config_folder: str
    memory_limit: str = "1GB"
    threads: int = 2
    _is_swept: bool = PrivateAttr(default=False)

    @property
    def paths(self) -> Home:
        """The folders of the platform."""
        return Home(Path(self.home))

    @property
    def tables(self) -> Tables:
        """Every table there is."""
        return tables_of(Path(self.config_folder))

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """An engine that may write. While it is open, no other process writes into this home."""
        home = self.paths
        with exclusive(home.lock_file, lambda: dg.get_dagster_logger().info("Waiting for another run to finish.")):
            self._sweep_once()
            home.spill.mkdir(parents=True, exist_ok=True)
            settings = engine_settings(self.memory_limit, self.threads, home.spill)
            with DuckDBResource(database=":memory:", connection_config=settings).get_connection() as connection:
                yield Engine(connection, Lake(home.lake), self.tables.by_name, self.tables.views)

    def publish_serving(self) -> int:
        """Have the published database show the lake as it is now; gives the number of tables."""
        with exclusive(self.paths.lock_file):
            self._sweep_once()
            lake = Lake(self.paths.lake)
            tables, home = self.tables, self.paths
            return publish_serving(lake, tables.contracts, tables.views, home.serving_file, home.reports / "serving")

    def _sweep_once(self) -> None:
        """Remove what a killed run left; only to be called by whoever holds the lock."""
        if self._is_swept:
            return
        for folder in (self.paths.lake, self.paths.serving_file.parent, self.paths.zone.extracts):
            sweep_temporaries(folder)
        for name in [*(feed.name for feed in self.tables.feeds), "events"]:
            for abandoned in self.paths.zone.work.glob(f"{name}-*"):
                rmtree(abandoned, ignore_errors=True)
        self._is_swept = True

    def now(self) -> datetime:
        """The clock: UTC. Below the assets nobody asks it."""
        return datetime.now(UTC)
