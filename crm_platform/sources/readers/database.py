"""Extracts a table, or what a query gives, of a PostgreSQL or SQLite database into a Parquet file, in a stream.

The extract is a delivered file from there on, read by `parquet.py`. When to extract, from which cursor on, and which
rows are known already is for the ingest. No message holds a user's name, a password or a value.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pa_compute
import pyarrow.parquet as pa_parquet
from adbc_driver_manager import Error as DriverError
from adbc_driver_postgresql import dbapi as postgresql
from adbc_driver_sqlite import dbapi as sqlite

from crm_platform.sources.readers.batch import RefusedFile, SourceColumn

CursorValue = str | int | float | datetime | date | Decimal
SQLITE_BATCH_ROWS = "adbc.sqlite.query.batch_rows"
SEEDS = {"integer": "0", "real": "0.0", "text": "''", "blob": "x''"}
SQLITE_CASTS = {"real": "CAST({} AS REAL)", "text": "CAST({} AS TEXT)"}


@dataclass(frozen=True)
class Extract:
    """What an extract holds: its rows, its columns, and the greatest cursor value in it (None: without rows)."""

    rows: int
    cursor_to: str | int | float | None
    columns: list[SourceColumn]


def extract_table(
    url: str,
    table_or_query: str,
    cursor: str | None,
    after: CursorValue | None,
    destination: Path,
    batch_rows: int = 250_000,
) -> Extract:
    """Stream a table or a query's rows into a Parquet file, which appears whole or not at all.

    url: `postgresql://...` or `sqlite:///path` (four slashes for an absolute path). table_or_query: a table's name,
    with its schema if need be, or a SELECT. With a cursor column the rows come in its order, and with `after` only
    those at or after it (inclusive, since several rows may share a value) and those whose cursor is null.
    A SQLite column that mixes types comes as text. Raises RefusedFile: unknown_database, database_not_found,
    database_error.
    """
    selection = _selection(table_or_query, cursor, after)
    scheme = urlsplit(url).scheme
    with ExitStack() as stack:
        try:
            batches = stack.enter_context(_OPENERS[scheme](url, selection, batch_rows))
            return _write(batches, cursor, destination, batch_rows)
        except KeyError:
            raise RefusedFile(
                "unknown_database", f"databases of kind {scheme!r} cannot be read: give a postgresql: or sqlite: url"
            ) from None
        except (DriverError, OSError) as error:
            raise _database_error(scheme, error) from None


def _database_error(scheme: str, error: Exception) -> RefusedFile:
    """An error without the driver's words, which may repeat the url or a value."""
    state = getattr(error, "sqlstate", None)
    return RefusedFile(
        "database_error",
        f"the {scheme} database did not give the rows ({type(error).__name__}{f', SQLSTATE {state}' if state else ''}):"
        " check its url, the names of table and columns, and that it is up",
    )


@dataclass(frozen=True)
class _Selection:
    """The rows wanted: `source` is a FROM item, `where` and `order` clauses or empty."""

    source: str
    where: str
    order: str


def _selection(table_or_query: str, cursor: str | None, after: CursorValue | None) -> _Selection:
    if table_or_query.lstrip().lower().startswith(("select ", "select\n", "with ", "with\n")):
        source = f"({table_or_query.strip().rstrip(';')}) AS query_rows"
    else:
        source = ".".join(_identifier(part) for part in table_or_query.split("."))
    if cursor is None:
        return _Selection(source, "", "")
    name = _identifier(cursor)
    where = "" if after is None else f" WHERE ({name} >= {_literal(after)} OR {name} IS NULL)"
    return _Selection(source, where, f" ORDER BY {name}")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: CursorValue) -> str:
    """A literal the database coerces to the type of the column it is compared with."""
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _postgresql_batches(url: str, selection: _Selection, batch_rows: int) -> Iterator[pa.RecordBatchReader]:
    with closing(postgresql.connect(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(f"SELECT * FROM {selection.source} LIMIT 0")
        columns = ", ".join(_as_readable(field) for field in cursor.fetch_record_batch().schema)
        cursor.execute(f"SELECT {columns} FROM {selection.source}{selection.where}{selection.order}")
        yield cursor.fetch_record_batch()


def _as_readable(field: Any) -> str:
    """The column, as text when its type is one that Arrow does not know (numeric, uuid, jsonb, an enumeration)."""
    name = _identifier(field.name)
    return f"CAST({name} AS text) AS {name}" if isinstance(field.type, pa.BaseExtensionType) else name


@contextmanager
def _sqlite_batches(url: str, selection: _Selection, batch_rows: int) -> Iterator[pa.RecordBatchReader]:
    path = Path(unquote(url.removeprefix("sqlite:///")))
    if not path.is_file():
        raise RefusedFile("database_not_found", f"there is no SQLite database {path.name}: check the url's path")
    with (
        closing(sqlite.connect(f"file:{quote(str(path))}?mode=ro")) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.adbc_statement.set_options(**{SQLITE_BATCH_ROWS: str(batch_rows)})
        types = _sqlite_types(cursor, selection)
        seeds = ", ".join(f"{SEEDS[kind]} AS {_identifier(name)}" for name, kind in types.items())
        columns = ", ".join(
            f"{SQLITE_CASTS.get(kind, '{}').format(_identifier(name))} AS {_identifier(name)}"
            for name, kind in types.items()
        )
        rows = f"SELECT {columns} FROM {selection.source}{selection.where}{selection.order}"
        cursor.execute(f"SELECT * FROM (SELECT {seeds}) UNION ALL SELECT * FROM ({rows})")
        yield _without_first_row(cursor.fetch_record_batch())


def _sqlite_types(cursor: Any, selection: _Selection) -> dict[str, str]:
    """Each column's storage class over all its rows: real for integers and reals, text for any other mix or none.

    The driver takes a column's type from its first rows and fails on a later one that differs; so the types are
    found first, and a seed row of these types is put before the others.
    """
    cursor.execute(f"SELECT * FROM {selection.source} LIMIT 0")
    names = [field.name for field in cursor.fetch_record_batch().schema]
    found = ", ".join(f"group_concat(DISTINCT typeof({_identifier(name)}))" for name in names)
    cursor.execute(f"SELECT {found} FROM {selection.source}{selection.where}")
    row = cursor.fetchone()
    classes = [set((value or "").split(",")) - {"", "null"} for value in row]
    return {name: _one_class(found_classes) for name, found_classes in zip(names, classes, strict=True)}


def _one_class(classes: set[str]) -> str:
    if len(classes) == 1:
        return next(iter(classes))
    return "real" if classes == {"integer", "real"} else "text"


def _without_first_row(batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
    def rest() -> Iterator[pa.RecordBatch]:
        skip = 1
        for batch in batches:
            yield batch.slice(skip)
            skip = 0

    return pa.RecordBatchReader.from_batches(batches.schema, rest())


_OPENERS = {"postgresql": _postgresql_batches, "postgres": _postgresql_batches, "sqlite": _sqlite_batches}


def _write(batches: pa.RecordBatchReader, cursor: str | None, destination: Path, batch_rows: int) -> Extract:
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    rows, cursor_to = 0, None
    try:
        with pa_parquet.ParquetWriter(temporary, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=batch_rows)
                rows += batch.num_rows
                cursor_to = _greater(cursor_to, batch, cursor)
        _flush_to_disk(temporary)
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)
    columns = [SourceColumn(field.name, str(field.type)) for field in batches.schema]
    return Extract(rows, _plain(cursor_to), columns)


def _greater(so_far: Any, batch: pa.RecordBatch, cursor: str | None) -> Any:
    if cursor is None or batch.num_rows == 0:
        return so_far
    greatest = pa_compute.max(batch.column(cursor)).as_py()
    return greatest if so_far is None or (greatest is not None and greatest > so_far) else so_far


def _plain(value: Any) -> str | int | float | None:
    """A cursor value that a ledger can keep as text and a later call can give back."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
