"""The query engine: DuckDB on the lake's Parquet files, every table a view under its own name.

Here: views, running SQL text and `.sql` files, writing results to Parquet. Nothing outside `crm_platform/warehouse`
runs SQL. Not here: checking (`audit.py`) and publishing (`publish.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from crm_platform.warehouse.contract import Contract, View
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.memory import release_memory

ROW_GROUP_ROWS = 122_880
PARQUET_FORM = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
"""How tables are written. Level 1 takes two thirds to four fifths of the time of zstd's own level, 3, and no more room:
staged hits, provider events and events of both became 8, 4, 3 and 0 % smaller."""
_PARAMETER = re.compile(r"\$([a-z_][a-z0-9_]*)")

Parameter = str | int | float | bool | date | datetime | None


def engine_settings(memory_limit: str, threads: int, spill_folder: Path) -> dict[str, Any]:
    """DuckDB's configuration for an engine that stays under `memory_limit` (such as `1GB`) by spilling to disk."""
    return {"memory_limit": memory_limit, "threads": threads, "temp_directory": str(spill_folder)}


class Engine:
    """A DuckDB connection that sees each table of the lake as the view `<schema>.<table>`.

    A table that has no file yet is an empty view of the contract's columns, so that SQL can be written against it.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lake: Lake,
        contracts: Mapping[str, Contract],
        views: Sequence[View] = (),
    ) -> None:
        self._connection = connection
        self.lake = lake
        self.contracts = contracts
        self._views = {f"{view.schema}.{view.table}": view for view in views}
        relations = [*contracts.values(), *views]
        schemas, tables = ({getattr(each, part) for each in relations} for part in ("schema", "table"))
        self._names = re.compile(rf'\b({_any_of(schemas)})"?\."?({_any_of(tables)})\b')
        self._created: set[str] = set()
        self._connection.execute("SET TimeZone = 'UTC'").fetchall()
        self._connection.execute("SET enable_progress_bar = false").fetchall()
        self._memory_limit = self.scalar("SELECT current_setting('memory_limit')")

    def refresh_view(self, contract: Contract) -> None:
        """Let the view of a table show the files that the table has now: at once, or when SQL first names it."""
        if contract.name in self._created or contract.name not in self.contracts:
            self._create_view(contract)

    def execute(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> None:
        """Run a statement for its effect on this connection."""
        self._create_views_named_in(sql)
        self._run(bound(sql, parameters))

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> pl.DataFrame:
        """The rows of a query as a frame: for results that fit into memory."""
        self._create_views_named_in(sql)
        with _interruptible():
            rows: pl.DataFrame = self._connection.sql(bound(sql, parameters)).pl()
        return rows

    def scalar(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> Any:
        """The first value of a query's only row."""
        self._create_views_named_in(sql)
        with _interruptible():
            rows = self._connection.sql(bound(sql, parameters)).fetchall()
        return rows[0][0] if rows else None

    def release_memory(self) -> None:
        """See `memory.release_memory`."""
        release_memory(self._connection, self._memory_limit)

    @contextmanager
    def registered(self, **frames: pl.DataFrame) -> Iterator[None]:
        """Let SQL name these frames for the time of the block."""
        for name, frame in frames.items():
            self._connection.register(name, frame.to_arrow())
        try:
            yield
        finally:
            for name in frames:
                self._connection.unregister(name)

    @contextmanager
    def temporary_view(self, name: str, sql: str) -> Iterator[None]:
        """Let SQL name this query for the time of the block."""
        self.execute(f"CREATE OR REPLACE TEMPORARY VIEW {quoted(name)} AS {sql}")
        try:
            yield
        finally:
            self.execute(f"DROP VIEW {quoted(name)}")

    def write_query(self, sql: str, destination: Path, parameters: Mapping[str, Parameter] | None = None) -> None:
        """Stream the rows of a query, in its order, to a Parquet file."""
        query = bound(sql, parameters).rstrip().rstrip(";")
        # On lines of its own: a query may end in a comment.
        self.execute(f"COPY (\n{query}\n) TO {literal(str(destination))} ({PARQUET_FORM})")

    def write_sql_file(
        self, sql_file: Path, destination: Path, parameters: Mapping[str, Parameter] | None = None
    ) -> None:
        """Stream the rows of a `.sql` file's query to a Parquet file."""
        self.write_query(sql_file.read_text(encoding="utf-8"), destination, parameters)

    def _create_views_named_in(self, sql: str) -> None:
        """Create the views that SQL speaks of when it first does: making all of them would read every file's footer."""
        for name in {".".join(found) for found in self._names.findall(sql)} - self._created:
            self._created.add(name)
            if view := self._views.get(name):
                self.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(view.schema)}")
                self.execute(f"CREATE OR REPLACE VIEW {relation_name(view)} AS {view.sql}")
            if contract := self.contracts.get(name):
                self._create_view(contract)

    def _create_view(self, contract: Contract) -> None:
        self._created.add(contract.name)
        query = view_query(contract, self.lake.data_files(contract))
        self._run(f"CREATE SCHEMA IF NOT EXISTS {quoted(contract.schema)}")
        self._run(f"CREATE OR REPLACE VIEW {relation_name(contract)} AS {query}")

    def _run(self, sql: str) -> None:
        # Fetching ends the result: an unread one makes the connection refuse its next statement.
        with _interruptible():
            self._connection.execute(sql).fetchall()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C during a statement ends the program as it does anywhere else; DuckDB makes an error of its own of it."""
    try:
        yield
    except duckdb.InterruptException as interrupt:
        raise KeyboardInterrupt from interrupt


def _any_of(names: Iterable[str]) -> str:
    """A pattern of names, the longest first; of no name at all, one that is never found."""
    return "|".join(sorted(names, key=len, reverse=True)) or "$^"


def view_query(contract: Contract, data_files: Sequence[Path]) -> str:
    """SQL that reads a table's files as the contract's columns; columns that older files lack are null."""
    typed_nulls = ", ".join(
        f"CAST(NULL AS {column.duckdb_type}) AS {quoted(column.name)}" for column in contract.columns
    )
    empty = f"SELECT {typed_nulls} WHERE false"
    if not data_files:
        return empty
    names = ", ".join(quoted(name) for name in contract.column_names)
    return f"SELECT {names} FROM ({empty} UNION ALL BY NAME SELECT * FROM {parquet_relation(data_files)})"


def parquet_relation(data_files: Sequence[Path], with_file_name: bool = False) -> str:
    """SQL's table function over Parquet files, without columns from folder names; `filename` on request."""
    paths = ", ".join(literal(str(path)) for path in data_files)
    file_name = ", filename = true" if with_file_name else ""
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false{file_name})"


def relation_name(relation: Contract | View) -> str:
    """The quoted name of a table's view, or of a view on tables."""
    return f"{quoted(relation.schema)}.{quoted(relation.table)}"


def quoted(identifier: str) -> str:
    """An identifier, quoted for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: Parameter) -> str:
    """A value, written as an SQL literal (timestamps with their zone)."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return repr(value)
        case datetime():
            return f"TIMESTAMPTZ '{value.isoformat()}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"


def bound(sql: str, parameters: Mapping[str, Parameter] | None) -> str:
    """SQL with each `$name` replaced by its value (COPY takes no prepared parameters).

    Raises:
        KeyError: the SQL names a parameter that is not given.
    """
    if parameters is None:
        return sql
    return _PARAMETER.sub(lambda match: literal(parameters[match.group(1)]), sql)
