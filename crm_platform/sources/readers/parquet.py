"""Reads Parquet: columns with their own types, nested ones flattened with dots, in batches.

`source_line` is the number of the record. Casting is for the ingest.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from crm_platform.sources.readers.batch import (
    SOURCE_LINE,
    RawBatch,
    ReadFile,
    RefusedFile,
    SourceColumn,
    reject_frame,
    sliced,
    unique_names,
)
from crm_platform.sources.readers.opening import Request

MAGIC = b"PAR1"
TAIL_BYTES = 8
BATCH_BYTES = 64 * 1024**2
LARGE_GROUP_BYTES = 128 * 1024**2
LARGE_GROUP_BATCHES = 4


def open_parquet(request: Request) -> ReadFile:
    """Open a Parquet content; raises RefusedFile: not_a_parquet_file, truncated_file, damaged_file."""
    with ExitStack() as stack:
        path = stack.enter_context(request.content.on_disk(request.workspace))
        _check_ends(path, request.content.name)
        file = _open(path, request.content.name)
        stack.callback(file.close)
        sample = _flattened(pl.DataFrame(pl.from_arrow(file.schema_arrow.empty_table())))
        return ReadFile(
            columns=[SourceColumn(name, str(dtype)) for name, dtype in sample.schema.items()],
            read=lambda: _batches(path, file, request),
            content_lines=file.metadata.num_rows,
            resources=stack.pop_all(),
        )


def _check_ends(path: Path, name: str) -> None:
    """A Parquet file begins and ends with its magic; one that only begins with it was cut off."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    if head != MAGIC:
        raise RefusedFile("not_a_parquet_file", f"{name} is not Parquet by its first bytes: check its declared form")
    if not tail.endswith(MAGIC) or size < 2 * TAIL_BYTES:
        raise RefusedFile("truncated_file", f"{name} is Parquet without its end, cut off perhaps: ask for it again")


def _open(path: Path, name: str) -> pa_parquet.ParquetFile:
    try:
        return pa_parquet.ParquetFile(path, pre_buffer=False)  # buffered ahead, row groups pile up
    except (pa.ArrowException, OSError):
        raise _damaged(name) from None


def _damaged(name: str) -> RefusedFile:
    return RefusedFile("damaged_file", f"{name} is Parquet that cannot be read: ask for it again")


def _batches(path: Path, file: pa_parquet.ParquetFile, request: Request) -> Iterator[RawBatch]:
    next_record = 1
    rejects = reject_frame([])
    batch_rows = request.limits.batch_rows
    try:
        is_large = _has_large_groups(file, batch_rows)
        for rows in _by_part(file, batch_rows) if is_large else _by_group(path, file, batch_rows):
            numbers = pl.int_range(next_record, next_record + rows.height, dtype=pl.Int64, eager=True)
            next_record += rows.height
            numbered = _flattened(rows).with_columns(numbers.alias(SOURCE_LINE))
            yield from sliced(numbered, rejects, batch_rows)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError):
        raise _damaged(request.content.name) from None


def _has_large_groups(file: pa_parquet.ParquetFile, batch_rows: int) -> bool:
    """Whether a row group is so large that it must not be held whole."""
    groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
    return any(
        group.total_byte_size > LARGE_GROUP_BYTES or group.num_rows > LARGE_GROUP_BATCHES * batch_rows
        for group in groups
    )


def _by_group(path: Path, file: pa_parquet.ParquetFile, batch_rows: int) -> Iterator[pl.DataFrame]:
    """Whole row groups at a time, as many as make a batch: all columns of a group are decoded at once, by all cores."""
    rows = pl.scan_parquet(path, glob=False)
    for first_row, number_of_rows in _windows(file, batch_rows):
        yield rows.slice(first_row, number_of_rows).collect()


def _windows(file: pa_parquet.ParquetFile, batch_rows: int) -> Iterator[tuple[int, int]]:
    """First row and number of rows of each run of row groups that are read together."""
    first_row, number_of_rows, size = 0, 0, 0
    for index in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(index)
        if number_of_rows and (
            number_of_rows + group.num_rows > batch_rows or size + group.total_byte_size > BATCH_BYTES
        ):
            yield first_row, number_of_rows
            first_row, number_of_rows, size = first_row + number_of_rows, 0, 0
        number_of_rows, size = number_of_rows + group.num_rows, size + group.total_byte_size
    if number_of_rows:
        yield first_row, number_of_rows


def _by_part(file: pa_parquet.ParquetFile, batch_rows: int) -> Iterator[pl.DataFrame]:
    """Parts of a row group at a time: slower, in the memory of a part."""
    for batch in file.iter_batches(_rows_of_a_batch(file, batch_rows)):
        yield pl.DataFrame(pl.from_arrow(batch))


def _rows_of_a_batch(file: pa_parquet.ParquetFile, batch_rows: int) -> int:
    """As many rows as limits allow, fewer where rows are so wide that a batch would outgrow the memory."""
    metadata = file.metadata
    total_bytes: int = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    row_bytes: int = max(1, total_bytes // max(1, metadata.num_rows))
    return max(1, min(batch_rows, BATCH_BYTES // row_bytes))


def _flattened(rows: pl.DataFrame) -> pl.DataFrame:
    """Structs as columns named by the path of their fields, joined by dots; lists stay lists."""
    while any(isinstance(dtype, pl.Struct) for dtype in rows.schema.values()):
        columns = [
            part
            for name, dtype in rows.schema.items()
            for part in (_fields(rows[name], dtype) if isinstance(dtype, pl.Struct) else [rows[name]])
        ]
        names = unique_names([column.name for column in columns])
        rows = pl.DataFrame([column.alias(name) for column, name in zip(columns, names, strict=True)])
    names = unique_names(rows.columns)
    return rows.rename(dict(zip(rows.columns, names, strict=True)))


def _fields(column: pl.Series, dtype: pl.Struct) -> list[pl.Series]:
    return [column.struct.field(field.name).alias(f"{column.name}.{field.name}") for field in dtype.fields]
