"""One demo company for all the tests of this folder that only read it, and how its files are read."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crm_platform.demo.company import CompanySummary, write_company

AS_OF = date(2026, 11, 20)
CUSTOMERS = 2_000


def content_of(path: Path) -> bytes:
    """What a file holds, unpacked."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


@dataclass(frozen=True)
class WrittenCompany:
    """A demo company on disk."""

    landing: Path
    summary: CompanySummary

    def truth(self, name: str) -> pl.DataFrame:
        """A table of the truth."""
        return pl.read_parquet(self.landing / "_truth" / f"{name}.parquet")

    def csv(self, feed: str, separator: str = ",", encoding: str = "utf-8") -> pl.DataFrame:
        """All deliveries of a feed as text, rows with a field too many cut."""
        parts = [
            pl.read_csv(
                content_of(path).decode(encoding).encode(),
                separator=separator,
                infer_schema=False,
                truncate_ragged_lines=True,
            )
            for path in sorted(self.landing.glob(f"{feed}_2*.csv*"))
            if "again" not in path.name
        ]
        return pl.concat(parts)

    def shop(self, feed: str) -> pl.DataFrame:
        """All deliveries of a feed of the shop."""
        return self.csv(f"shop/{feed}", ";", "cp1252")


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> WrittenCompany:
    """A company of two thousand customers, to be read only."""
    landing = tmp_path_factory.mktemp("company")
    return WrittenCompany(landing, write_company(landing, CUSTOMERS, 7, AS_OF, None))


@pytest.fixture
def small_company(tmp_path: Path) -> Callable[[str, int], WrittenCompany]:
    """Write a company of three hundred customers into a folder of the given name."""

    def write(name: str, seed: int) -> WrittenCompany:
        return WrittenCompany(tmp_path / name, write_company(tmp_path / name, 300, seed, AS_OF, None))

    return write
