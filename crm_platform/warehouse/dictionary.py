"""The data dictionary: what every table and column means, read from the contracts.

Here: the dictionary as a frame and as a page of `docs/`. Not here: the contracts.
"""

from collections.abc import Iterable

import pandera.polars as pa
import polars as pl

from crm_platform.warehouse.contract import Column, Contract, TableModel


class DataDictionary(TableModel):
    """Every column of every table: its type, its meaning and what is checked of it."""

    table_schema: str = pa.Field(description="Schema of the table; the stage that makes it.")
    table_name: str = pa.Field(description="Name of the table.")
    column_name: str = pa.Field(description="Name of the column.")
    column_position: int = pa.Field(ge=1, description="Place of the column in its table, from 1.")
    column_type: str = pa.Field(description="Type as the engine names it.")
    is_key: bool = pa.Field(description="Whether the column belongs to the table's key.")
    is_nullable: bool = pa.Field(description="Whether the column may be empty.")
    column_description: str = pa.Field(description="What the column holds.")
    column_checks: str = pa.Field(description="What is checked of every value, separated by semicolons.")
    table_description: str = pa.Field(description="What the table holds.")
    table_grain: str = pa.Field(description="What one row of the table stands for.")

    class Config(TableModel.Config):
        name = "warehouse.data_dictionary"
        unique = ["table_schema", "table_name", "column_name"]
        metadata = {"grain": "one row per column of a table", "kind": "record"}


def dictionary_rows(contracts: Iterable[Contract]) -> pl.DataFrame:
    """The dictionary of these contracts as rows of `DataDictionary`."""
    rows = [
        {
            "table_schema": contract.schema,
            "table_name": contract.table,
            "column_name": column.name,
            "column_position": position,
            "column_type": column.duckdb_type,
            "is_key": column.name in contract.key,
            "is_nullable": column.is_nullable,
            "column_description": column.description,
            "column_checks": "; ".join(column.checks),
            "table_description": contract.description,
            "table_grain": contract.grain,
        }
        for contract in contracts
        for position, column in enumerate(contract.columns, start=1)
    ]
    return pl.DataFrame(
        rows,
        schema=dict.fromkeys(DataDictionary.to_schema().columns, pl.String)
        | {"column_position": pl.Int64, "is_key": pl.Boolean, "is_nullable": pl.Boolean},
    )


def dictionary_page(contracts: Iterable[Contract]) -> str:
    """The dictionary as a Markdown page, a section per table."""
    sections = [_section(contract) for contract in sorted(contracts, key=lambda contract: contract.name)]
    head = "# Data dictionary\n\nMade from the contracts by `make docs`; change a contract, not this page.\n"
    return "\n".join([head, *sections])


def _section(contract: Contract) -> str:
    lines = [
        f"## {contract.name}",
        "",
        f"{contract.summary}{_partition_sentence(contract)}",
        "",
        "| column | type | empty | meaning | checks |",
        "|---|---|---|---|---|",
        *(_line(column) for column in contract.columns),
        "",
    ]
    return "\n".join(lines)


def _partition_sentence(contract: Contract) -> str:
    if contract.partition is None:
        return ""
    unit = f" by {contract.partition.unit}" if contract.partition.unit else ""
    return f" Partitioned by {contract.partition.column}{unit}."


def _line(column: Column) -> str:
    cells = [
        f"`{column.name}`",
        column.duckdb_type.lower(),
        "yes" if column.is_nullable else "no",
        column.description,
        "; ".join(f"`{check}`" for check in column.checks),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
