"""Files written safely: under a dot-name beside their place, and put there whole when they are done.

How bytes get to disk belongs here (CSV, JSON Lines, Parquet, SQLite, plain text, gzip or not); what they say does not.
"""

from __future__ import annotations

import gzip
import io
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

GZIP_LEVEL = 4


@dataclass(frozen=True)
class TextForm:
    """How a text file is written. `kind` is `csv` or `json_lines`; the rest holds for CSV alone."""

    kind: str = "csv"
    separator: str = ","
    encoding: str = "utf-8"
    decimal_comma: bool = False
    float_precision: int | None = 2
    is_gzip: bool = False

    def suffix(self) -> str:
        """Ending of the file's name."""
        return {"csv": ".csv", "json_lines": ".jsonl"}[self.kind] + (".gz" if self.is_gzip else "")

    def render(self, rows: pl.DataFrame, header: bool = False) -> bytes:
        """The rows as bytes of the file, each ended by a line feed."""
        buffer = io.BytesIO()
        if self.kind == "json_lines":
            rows.write_ndjson(buffer)
        else:
            rows.write_csv(
                buffer,
                include_header=header,
                separator=self.separator,
                decimal_comma=self.decimal_comma,
                float_precision=self.float_precision,
            )
        return (
            buffer.getvalue()
            if self.encoding == "utf-8"
            else buffer.getvalue().decode().encode(self.encoding, "replace")
        )


def staged_name(place: Path) -> Path:
    """Where a file is written until it is whole: a dot-name that no glob of a feed finds."""
    return place.with_name(f".{place.name}.part")


@dataclass
class StagedFile:
    """A file being written; `close` puts it in its place.

    Gzip carries no time and no name, so that equal content is equal bytes.
    """

    place: Path
    is_gzip: bool = False
    lines: int = 0
    _raw: IO[bytes] = field(init=False, repr=False)
    _stream: IO[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self._raw = staged_name(self.place).open("wb")
        if self.is_gzip:
            packed = gzip.GzipFile(filename="", fileobj=self._raw, mode="wb", compresslevel=GZIP_LEVEL, mtime=0)
            self._stream = cast(IO[bytes], packed)
        else:
            self._stream = self._raw

    def write(self, content: bytes, lines: int) -> None:
        """Append content that holds the given number of lines."""
        self._stream.write(content)
        self.lines += lines

    def close(self) -> None:
        """Finish the file and put it in its place."""
        if self._stream is not self._raw:
            self._stream.close()
        self._raw.close()
        staged_name(self.place).replace(self.place)


def write_file(place: Path, content: bytes) -> None:
    """Write a small file in one go."""
    staged = StagedFile(place)
    staged.write(content, 0)
    staged.close()


def copy_file(source: Path, place: Path) -> None:
    """Deliver a file once more under another name."""
    shutil.copyfile(source, staged_name(place))
    staged_name(place).replace(place)


class StagedParquet:
    """A Parquet file that grows by row groups; nothing is written when no row came."""

    def __init__(self, place: Path) -> None:
        """Open nothing yet: the schema is that of the first rows."""
        self.place = place
        self.rows = 0
        self._writer: pq.ParquetWriter | None = None

    def append(self, rows: pl.DataFrame) -> None:
        """Add the rows as a row group; their columns must be those of the first."""
        table = cast(pa.Table, rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
        if self._writer is None:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(staged_name(self.place), table.schema, compression="zstd")
        self._writer.write_table(table)
        self.rows += rows.height

    def close(self) -> None:
        """Finish the file and put it in its place."""
        if self._writer is not None:
            self._writer.close()
            staged_name(self.place).replace(self.place)


class StagedDatabase:
    """A SQLite database of a system, made from nothing; tables are created by their first rows."""

    def __init__(self, place: Path) -> None:
        """Start an empty database beside its place."""
        self.place = place
        self.place.parent.mkdir(parents=True, exist_ok=True)
        staged_name(place).unlink(missing_ok=True)
        self._connection = sqlite3.connect(staged_name(place))
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self.rows: dict[str, int] = {}

    def append(self, table: str, rows: pl.DataFrame) -> None:
        """Add rows to a table; types are SQLite's own by the column's, timestamps and dates must be text already."""
        if table not in self.rows:
            self._create(table, rows)
        marks = ", ".join("?" * rows.width)
        self._connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows.iter_rows())
        self.rows[table] += rows.height

    def _create(self, table: str, rows: pl.DataFrame) -> None:
        kinds = {
            name: "INTEGER" if kind.is_integer() else "REAL" if kind.is_float() else "TEXT"
            for name, kind in rows.schema.items()
        }
        columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
        self._connection.execute(f'CREATE TABLE "{table}" ({columns})')
        self.rows[table] = 0

    def close(self) -> None:
        """Commit and put the database in its place."""
        self._connection.commit()
        self._connection.close()
        staged_name(self.place).replace(self.place)
