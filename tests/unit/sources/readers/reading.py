"""What the tests of the readers share: a file read to its end, its rows and rejects as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from crm_platform.sources.readers.batch import SOURCE_LINE, FileForm, ReadLimits
from crm_platform.sources.readers.registry import read_file


@dataclass(frozen=True)
class Read:
    """All that was read of a file; rejects as (line, reason)."""

    columns: list[str]
    rows: pl.DataFrame
    rejects: list[tuple[int, str]]
    reject_texts: list[str]
    encoding: str | None
    delimiter: str | None
    content_lines: int | None

    @property
    def lines(self) -> list[int]:
        """The source lines of the rows."""
        return self.rows[SOURCE_LINE].to_list()

    def values(self) -> list[tuple[Any, ...]]:
        """The rows without their lines."""
        return self.rows.drop(SOURCE_LINE).rows()


def read_path(path: Path, form: FileForm, expected: Sequence[str] = (), limits: ReadLimits | None = None) -> Read:
    """Read a file to its end."""
    with read_file(path, form, path.parent / "workspace", limits or ReadLimits(), expected) as file:
        batches = list(file.batches())
        names = [column.name for column in file.columns]
        empty = pl.DataFrame(schema={**dict.fromkeys(names, pl.String), SOURCE_LINE: pl.Int64})
        rows = pl.concat([batch.rows for batch in batches], how="diagonal") if batches else empty
        rejects = [row for batch in batches for row in batch.rejects.rows()]
        return Read(
            columns=names,
            rows=rows,
            rejects=[(line, reason) for line, reason, *_ in rejects],
            reject_texts=[raw for _, _, _, raw, *_ in rejects],
            encoding=file.encoding,
            delimiter=file.delimiter,
            content_lines=file.content_lines,
        )


def read_bytes(
    folder: Path, data: bytes, form: FileForm, expected: Sequence[str] = (), limits: ReadLimits | None = None
) -> Read:
    """Write the bytes to a file and read it to its end."""
    path = folder / "delivered.dat"
    path.write_bytes(data)
    return read_path(path, form, expected, limits)
