"""The landing zone as a Dagster resource: what has arrived, and how files are read."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.settings import Home
from crm_platform.sources.extract import extract_feed
from crm_platform.sources.landing import LandedFile, LandingZone, landed_files, without_unsettled
from crm_platform.sources.readers.batch import ReadLimits
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine


class LandingZoneResource(dg.ConfigurableResource[Any]):
    """The folders that files pass through, below `home`. Files that somebody wrote to in the last `quiet_seconds`
    are waited for once and left alone if they still change."""

    home: str
    quiet_seconds: float = 1.0
    batch_rows: int = 250_000

    @property
    def zone(self) -> LandingZone:
        """The folders."""
        return Home(Path(self.home)).zone

    @property
    def limits(self) -> ReadLimits:
        """What a file may cost."""
        return ReadLimits(batch_rows=self.batch_rows)

    def extract(self, feed: StagedFeed, engine: Engine, now: datetime) -> None:
        """Lay down what a database feed has that was not loaded yet."""
        extract_feed(feed, engine, self.zone, now, self.batch_rows, os.environ)

    def landed(self, feed: StagedFeed) -> list[LandedFile]:
        """The files of a feed that lie there, whole or not."""
        return landed_files(feed, self.zone)

    def arrived(self, feed: StagedFeed) -> list[LandedFile]:
        """The files of a feed that are whole."""
        files = landed_files(feed, self.zone)
        if feed.declaration.database is not None:
            return files  # extracts, which we have laid down whole
        settled = without_unsettled(files, datetime.now(UTC), self.quiet_seconds)
        if len(settled) < len(files):
            time.sleep(self.quiet_seconds)
            again = set(landed_files(feed, self.zone))
            unchanged = [file for file in files if file in again]
            settled = without_unsettled(unchanged, datetime.now(UTC), self.quiet_seconds)
        return settled
