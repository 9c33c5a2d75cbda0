"""A declared feed as a staging table: the canonical columns of its contract, and where each row came from.

Here: a feed's identity, its contract as a table of the lake, its lineage columns. Not here: filling it (`load.py`).
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandera.polars as pa

from crm_platform.sources.declaration import FeedDeclaration, SourceDeclaration
from crm_platform.sources.feeds.fields import FeedModel
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.warehouse.contract import Contract, TableModel, Timestamp, contract_from_schema


class Lineage(TableModel):
    """Where a staged row came from."""

    file_id: str = pa.Field(str_length={"min_value": 64, "max_value": 64}, description="SHA-256 of the file's bytes.")
    file_part: str = pa.Field(description="Sheet of a workbook, member of an archive; empty where a file has one part.")
    file_line: int = pa.Field(ge=0, description="Line of the file, row of the sheet or number of the record, from 1.")
    content_hash: str = pa.Field(str_length={"min_value": 32, "max_value": 32}, description="MD5 of the row's values.")
    file_dt: Timestamp = pa.Field(description="When the outer system delivered the file (UTC).")
    loaded_dt: Timestamp = pa.Field(description="When the platform took the row in (UTC).")


@dataclass(frozen=True)
class StagedFeed:
    """One feed of one source with the staging table that it fills."""

    source: str
    feed: str
    owner: str
    declaration: FeedDeclaration

    @property
    def name(self) -> str:
        """`<source>.<feed>`: how ledger, quarantine and messages call it."""
        return f"{self.source}.{self.feed}"

    @property
    def contract_name(self) -> str:
        """The canonical feed's name."""
        return self.declaration.contract or self.feed

    @property
    def customer_source(self) -> str:
        """The source whose numbers the feed's `customer_id` holds."""
        return self.declaration.customers_of or self.source

    @property
    def model(self) -> type[FeedModel]:
        """The canonical feed's contract."""
        return FEEDS[self.contract_name]

    @property
    def natural_key(self) -> tuple[str, ...]:
        """The columns that name one thing in the source; empty where the whole row does."""
        declared = self.declaration.key
        return declared if declared is not None else tuple(self._metadata.get("natural_key", ()))

    @property
    def version_column(self) -> str | None:
        """The column that orders the versions of one thing, where the feed has one."""
        version = self._metadata.get("version")
        return str(version) if version else None

    @property
    def repeats_are_events(self) -> bool:
        """Whether two equal rows of one file are two events."""
        declared = self.declaration.repeats_are_events
        return declared if declared is not None else bool(self._metadata.get("repeats_are_events", False))

    @property
    def is_event_feed(self) -> bool:
        """Whether the table is cut by the time of its events rather than by the day of delivery."""
        return "partition" in self._metadata

    @property
    def indispensable_columns(self) -> tuple[str, ...]:
        """The columns without which a row cannot be placed: those of its key, and the one the table is cut by."""
        partition = self._metadata.get("partition")
        return (*self.natural_key, partition[0]) if isinstance(partition, tuple) else self.natural_key

    @cached_property
    def canonical_columns(self) -> list[str]:
        """The canonical feed's columns, those of the natural key first."""
        names = list(self.model.to_schema().columns)
        return [*self.natural_key, *(name for name in names if name not in self.natural_key)]

    @cached_property
    def contract(self) -> Contract:
        """The staging table's contract: the canonical columns and `Lineage`, each row one version of one thing."""
        schema = deepcopy(self.model.to_schema())
        clash = sorted(schema.columns.keys() & Lineage.to_schema().columns.keys())
        if clash:
            raise ValueError(f"The feed {self.contract_name} has columns that lineage has too: {', '.join(clash)}.")
        columns = schema.columns | Lineage.to_schema().columns
        order = [*self.canonical_columns, *Lineage.to_schema().columns]
        schema.columns = {name: columns[name] for name in order}
        schema.name = f"sources.stg_{self.source}_{self.feed}"
        schema.unique = ["file_id", "file_part", "file_line"]
        for name, severity in self.declaration.rules.items():
            if severity != "error":
                _loosen(schema.columns[name.split(".")[0]])
        metadata = {"partition": ("file_dt", "day"), **self._metadata, "kind": "staging"}
        for name in self.indispensable_columns:
            schema.columns[name].nullable = False
        description = self.declaration.description or (self.model.__doc__ or "")
        return contract_from_schema(schema, description, metadata)

    @property
    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = getattr(self.model.Config, "metadata", {})
        return metadata


def _loosen(column: Any) -> None:
    # The rule is counted on the way in and no longer a reason to refuse: the contract must let the value pass.
    column.checks = []
    column.nullable = True


def staged_feeds(sources: Iterable[SourceDeclaration]) -> list[StagedFeed]:
    """Every feed of every declared source."""
    return [
        StagedFeed(source.source, name, source.owner, feed) for source in sources for name, feed in source.feeds.items()
    ]
