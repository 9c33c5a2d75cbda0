"""Where the lake's tables lie: `<root>/<schema>/<table>/[<partition column>=<key>/]data.parquet`.

Here: paths, partitions and their replacement. Not here: what the tables promise (`contract.py`), nor reading them
with SQL (`engine.py`).
"""

import filecmp
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow.parquet as pq

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.files import replace_durably, temporary_beside

DATA_FILE = "data.parquet"


@dataclass(frozen=True)
class Lake:
    """The Parquet files of all tables below one folder. `looked_at` are the tables that were asked for by whoever has
    this lake, to read or to write, by name."""

    root: Path
    looked_at: set[str] = field(default_factory=set, compare=False, repr=False)

    def folder(self, contract: Contract) -> Path:
        """The table's folder."""
        self.looked_at.add(contract.name)
        return self.root / contract.schema / contract.table

    def data_file(self, contract: Contract, partition_key: str | None = None) -> Path:
        """The file of a table, or of one of its partitions.

        Raises:
            ValueError: a key for a table without partitions, or none for a table with them.
        """
        if (contract.partition is None) != (partition_key is None):
            raise ValueError(f"{contract.name}: a partition key is given exactly for a partitioned table.")
        if contract.partition is None or partition_key is None:
            return self.folder(contract) / DATA_FILE
        return self.folder(contract) / f"{contract.partition.column}={quote(partition_key, safe='')}" / DATA_FILE

    def data_files(self, contract: Contract) -> list[Path]:
        """The files that the table has now, in the order of their partitions."""
        pattern = DATA_FILE if contract.partition is None else f"*/{DATA_FILE}"
        return sorted(self.folder(contract).glob(pattern))

    def partition_keys(self, contract: Contract) -> list[str]:
        """The keys of the partitions that the table has now, in order."""
        if contract.partition is None:
            return []
        return [unquote(path.parent.name.partition("=")[2]) for path in self.data_files(contract)]

    def rows_by_partition(self, contract: Contract) -> dict[str, int]:
        """Rows per partition key, read from the files' footers; of a table that is not cut, one entry named `all`."""
        keys = self.partition_keys(contract) or ["all"]
        return {
            key: pq.read_metadata(path).num_rows for key, path in zip(keys, self.data_files(contract), strict=False)
        }

    def temporary_file(self, contract: Contract, partition_key: str | None = None) -> Path:
        """A name to prepare the table's or partition's next content under."""
        return temporary_beside(self.data_file(contract, partition_key))

    def replace(self, contract: Contract, prepared: Path, partition_key: str | None = None) -> None:
        """Put a prepared file in the place of the table's or the partition's content; one that is the same to the byte
        leaves it untouched, so that what hangs on the table can tell that it stands."""
        published = self.data_file(contract, partition_key)
        if not (published.exists() and filecmp.cmp(prepared, published, shallow=False)):
            replace_durably(prepared, published)
