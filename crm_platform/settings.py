"""Where a platform keeps its files and its configuration.

Here: the folders below one home and the tuning of engine and readers. Not here: the environment, which only the
command line and the composition root read (`crm_platform/environment.py`).
"""

from dataclasses import dataclass, field
from pathlib import Path

from crm_platform.sources.landing import LandingZone

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """The folders of one platform below its home (`CRM_HOME`)."""

    root: Path

    @property
    def lake(self) -> Path:
        """The tables, as Parquet."""
        return self.root / "lake"

    @property
    def serving_file(self) -> Path:
        """The published database."""
        return self.root / "serving" / "crm.duckdb"

    @property
    def dagster(self) -> Path:
        """Dagster's own storage."""
        return self.root / "dagster"

    @property
    def models(self) -> Path:
        """What models have learnt, by stage."""
        return self.root / "models"

    @property
    def tracking_keys(self) -> Path:
        """The keys of opaque identifiers, where the environment gives none."""
        return self.root / "tracking.keys"

    @property
    def spill(self) -> Path:
        """What the engine writes when memory does not suffice."""
        return self.root / "work" / "spill"

    @property
    def reports(self) -> Path:
        """What each step last reported and what its tables were made of; where it is gone they are made anew."""
        return self.root / "work" / "reports"

    @property
    def lock_file(self) -> Path:
        """Held by whoever changes the lake."""
        return self.root / "work" / "lock"

    @property
    def zone(self) -> LandingZone:
        """The folders that files pass through."""
        return LandingZone(
            landing=self.root / "landing",
            archive=self.root / "archive",
            quarantine=self.root / "quarantine",
            extracts=self.root / "extracts",
            work=self.root / "work",
        )


@dataclass(frozen=True)
class Tuning:
    """What the platform may use of the machine, and the secret by which it hashes addresses (empty: none is kept)."""

    memory_limit: str = "800MB"
    threads: int = 2
    quiet_seconds: float = 1.0
    hash_key: str = field(default="", repr=False)
