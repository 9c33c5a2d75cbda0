"""What a table promises: name, grain, key, columns, types, checks and descriptions, written once as a pandera model.

Here: reading a pandera model as the contract of a lake table. Not here: the models themselves (each stands next to
its stage) and the checking of data against them (`audit.py`).
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pandera.polars as pa
import polars as pl
from pandera.api.polars.container import DataFrameSchema

Amount = Annotated[pl.Decimal, 18, 4]
Timestamp = Annotated[pl.Datetime, "us", "UTC"]

PartitionUnit = Literal["day", "month", "year"]
PARTITION_FORMATS: dict[PartitionUnit, str] = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}

_DUCKDB_TYPES: dict[str, str] = {
    "String": "VARCHAR",
    "Int64": "BIGINT",
    "Float64": "DOUBLE",
    "Boolean": "BOOLEAN",
    "Date": "DATE",
    "Datetime(time_unit='us', time_zone='UTC')": "TIMESTAMP WITH TIME ZONE",
    "Decimal(precision=18, scale=4)": "DECIMAL(18,4)",
}


@dataclass(frozen=True)
class Partition:
    """How a table is cut into files: by the day, month or year (UTC) of one of its date or timestamp columns,
    or by the value of a text column (`unit` None)."""

    column: str
    unit: PartitionUnit | None


@dataclass(frozen=True)
class Column:
    """One column as the contract describes it; `duckdb_type` is what the engine calls its type."""

    name: str
    duckdb_type: str
    description: str
    is_nullable: bool
    checks: tuple[str, ...]


class TableModel(pa.DataFrameModel):
    """Base of every contract: exactly the declared columns, in the declared order, of the declared types.

    `Config.name` is `<schema>.<table>`, `Config.unique` the key, `Config.metadata` holds `grain`, `kind`
    (`dimension`, `fact`, `staging`, `mart`, `record`) and, for a partitioned table, `partition` (column, unit).
    """

    class Config:
        strict = True
        ordered = True
        coerce = False


@dataclass(frozen=True)
class Contract:
    """A table's promise, in the form that the warehouse, the checks and the dictionary read."""

    schema: str
    table: str
    description: str
    grain: str
    kind: str
    key: tuple[str, ...]
    partition: Partition | None
    frame_schema: DataFrameSchema = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """`<schema>.<table>`."""
        return f"{self.schema}.{self.table}"

    @property
    def summary(self) -> str:
        """The description with grain and key, as a sentence each."""
        return f"{self.description} Grain: {self.grain}. Key: {', '.join(self.key)}."

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in their order."""
        return tuple(_column(name, column) for name, column in self.frame_schema.columns.items())

    @property
    def column_names(self) -> list[str]:
        """The columns' names in their order."""
        return list(self.frame_schema.columns)

    @property
    def polars_schema(self) -> dict[str, pl.DataType]:
        """Column name to polars type, in order: what a frame of this table looks like."""
        return dict(pl.Schema({name: column.dtype.type for name, column in self.frame_schema.columns.items()}))

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return pl.DataFrame(schema=self.polars_schema)


@dataclass(frozen=True)
class View:
    """A query on tables, under a name of its own beside the table whose columns it has."""

    of: Contract
    table: str
    description: str
    sql: str

    @property
    def schema(self) -> str:
        """The schema of the table that the view is of."""
        return self.of.schema


def contract_of(model: type[TableModel]) -> Contract:
    """Read a pandera model as a contract.

    Raises:
        ValueError: the model lacks its name, its key, its grain or a column's description.
    """
    schema = model.to_schema()
    return contract_from_schema(schema, model.__doc__ or "", getattr(model.Config, "metadata", {}))


def contract_from_schema(schema: DataFrameSchema, description: str, metadata: Mapping[str, Any]) -> Contract:
    """Read a pandera schema, its description and metadata, as those of `TableModel`, as a contract.

    Raises:
        ValueError: name, key, grain or a column's description is missing.
    """
    schema_name, _, table = (schema.name or "").partition(".")
    if not table or not schema.unique or "grain" not in metadata or not description.strip():
        raise ValueError(f"The contract {schema.name!r} needs a docstring, Config.name, Config.unique and a grain.")
    undescribed = [name for name, column in schema.columns.items() if not column.description]
    if undescribed:
        raise ValueError(f"The contract {schema.name!r} has columns without a description: {undescribed}.")
    partition = metadata.get("partition")
    key = tuple(schema.unique)
    row_checks = copy(schema)
    row_checks.unique = None  # a batch cannot tell what is unique in the table: the audit asks the engine
    return Contract(
        schema=schema_name,
        table=table,
        description=" ".join(description.split()),
        grain=metadata["grain"],
        kind=metadata.get("kind", "record"),
        key=key,
        partition=Partition(*partition) if partition else None,
        frame_schema=row_checks,
    )


def duckdb_types(schema: DataFrameSchema) -> dict[str, str]:
    """Column name to what the engine calls its type, of any pandera schema."""
    return {name: _column(name, column).duckdb_type for name, column in schema.columns.items()}


def contracts_by_name(contracts: Sequence[Contract]) -> dict[str, Contract]:
    """Contracts by `<schema>.<table>`.

    Raises:
        ValueError: two contracts name one table.
    """
    by_name: dict[str, Contract] = {}
    for contract in contracts:
        if contract.name in by_name:
            raise ValueError(f"Two contracts are named {contract.name}; a table has one.")
        by_name[contract.name] = contract
    return by_name


def _column(name: str, column: Any) -> Column:
    return Column(
        name=name,
        duckdb_type=_DUCKDB_TYPES[str(column.dtype)],
        description=column.description or "",
        is_nullable=column.nullable,
        checks=tuple(str(check.error or check.name) for check in column.checks),
    )
