"""Reads JSON: one object a line, or a document that is an array of objects; nested keys joined by dots, all values
text.

Numbers keep their text, booleans are true and false, lists stay JSON text, null and a missing key are null. Blocks of
lines with known keys are read by `json_known.py`; DuckDB reads the others here, since neither polars nor pyarrow goes
on after a bad line or keeps the text of a list. Casting is for the ingest.
"""

import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from crm_platform.sources.readers.batch import (
    SOURCE_LINE,
    RawBatch,
    ReadFile,
    ReadLimits,
    RefusedFile,
    Reject,
    reject_frame,
    sliced,
    text_columns,
    unique_names,
)
from crm_platform.sources.readers.json_documents import elements
from crm_platform.sources.readers.json_known import KeyPath, KnownKeys, known_keys, read_known
from crm_platform.sources.readers.json_numbers import with_quoted_numbers
from crm_platform.sources.readers.opening import Request
from crm_platform.sources.readers.text_lines import (
    Offsets,
    TextContent,
    invalid_lines,
    invalid_reject,
    line_blocks,
    line_ends,
    number_of_lines,
    raw_text,
    text_content,
    too_long_rejects,
)

SAMPLE_BYTES = 256 * 1024
JSON_BLOCK_BYTES = 2 * 1024**2  # what a core works on then stays in its cache
RECORD_BATCHES = 8
MAXIMUM_COLUMNS = 2_000


@dataclass
class _Lines:
    """Lines of UTF-8 that each hold one JSON text, with the number of each, and the rejects known so far."""

    data: bytes
    numbers: Offsets
    rejects: list[Reject] = field(default_factory=list)

    @cached_property
    def ends(self) -> Offsets:
        """The offsets of the line ends."""
        return line_ends(self.data)


@dataclass(frozen=True)
class _Found:
    """The paths of the keys met so far, in the order of their columns, and those that are always true or false."""

    paths: tuple[KeyPath, ...] = ()
    truths: frozenset[KeyPath] = frozenset()

    @cached_property
    def keys(self) -> KnownKeys:
        """The same as the fast reader takes it."""
        return known_keys(self.paths, self.truths)


def open_json_lines(request: Request) -> ReadFile:
    """Open JSON Lines or a JSON document.

    columns: the keys of the first lines; a key met later is a column from its batch on.
    Raises RefusedFile: binary_content, unknown_encoding, wrong_encoding, no_records, line_too_long, too_many_columns.
    """
    text = text_content(request.content, request.form.encoding, is_unicode=True)
    first = next(_lines(text, request, SAMPLE_BYTES), None)
    found = _Found()
    if first:
        with closing(_ExactReader(request.limits, request.content.name)) as reader:
            *_, found = reader.read(first, found)
    return ReadFile(
        columns=text_columns(_names(found.paths)),
        read=lambda: _batches(text, request, found),
        encoding=text.encoding,
        content_lines=text.facts.lines,
    )


def _batches(text: TextContent, request: Request, found: _Found) -> Iterator[RawBatch]:
    """Read block after block while other threads parse those read before, in order.

    A block that is not as the blocks before it is read again, exactly; what it taught holds for those read from then.
    """
    threads = request.limits.threads or min(os.cpu_count() or 1, 4)
    is_utf8 = text.encoding == "utf-8" and text.facts.is_utf8
    waiting: deque[tuple[_Lines, KnownKeys, Future[list[pl.Series] | None]]] = deque()
    with (
        ThreadPoolExecutor(threads) as pool,
        closing(_ExactReader(request.limits, request.content.name)) as reader,
    ):

        def finished() -> tuple[pl.DataFrame, pl.DataFrame, _Found]:
            lines, keys, columns = waiting.popleft()
            values = columns.result()
            if values is None:
                return reader.read(lines, found)
            return _as_rows(lines, keys, values, found), reject_frame(lines.rejects), found

        for lines in _lines(text, request):
            keys = found.keys
            waiting.append((lines, keys, pool.submit(_read_fast, lines, keys, is_utf8)))
            if len(waiting) > threads:
                rows, rejects, found = finished()
                yield from sliced(rows, rejects, request.limits.batch_rows)
        while waiting:
            rows, rejects, found = finished()
            yield from sliced(rows, rejects, request.limits.batch_rows)


def _read_fast(lines: _Lines, keys: KnownKeys, is_utf8: bool) -> list[pl.Series] | None:
    return read_known(lines.data, lines.ends, keys, is_utf8) if lines.data else None


def _as_rows(lines: _Lines, keys: KnownKeys, columns: list[pl.Series], found: _Found) -> pl.DataFrame:
    """The columns read, and those that became known since as nulls."""
    numbers = pl.Series(SOURCE_LINE, lines.numbers, dtype=pl.Int64)
    missing = [pl.Series([None], dtype=pl.String).new_from_index(0, numbers.len())] * (
        len(found.paths) - len(keys.paths)
    )
    names = _names(found.paths)
    return pl.DataFrame(
        [*(column.alias(name) for column, name in zip([*columns, *missing], names, strict=True)), numbers]
    )


def _lines(text: TextContent, request: Request, block_bytes: int | None = None) -> Iterator[_Lines]:
    if request.form.records or _begins_with_array(text):
        for found in elements(text, request.limits, request.form.records):
            yield _Lines(found.data, found.lines, found.rejects)
        return
    maximum = request.limits.maximum_line_bytes
    block_bytes = block_bytes or min(JSON_BLOCK_BYTES, request.limits.block_bytes)
    for block in line_blocks(text, request.limits, block_bytes):
        numbers = np.arange(block.first_line, block.first_line + number_of_lines(block.data))
        yield _Lines(block.data, numbers, too_long_rejects(block.too_long, maximum))


def _begins_with_array(text: TextContent) -> bool:
    head = text.content.head(64 * 1024).decode(text.encoding, "replace")
    return head.lstrip("\ufeff \t\r\n").startswith("[")


class _ExactReader:
    """Turns any lines into columns of text and rejects, by a DuckDB connection in memory, which opens when needed."""

    def __init__(self, limits: ReadLimits, name: str) -> None:
        self.name, self.limits = name, limits

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection."""
        return duckdb.connect(config=_settings(self.limits))

    def close(self) -> None:
        """Close the connection, if there was need of one."""
        if "connection" in self.__dict__:
            self.connection.close()

    def read(self, lines: _Lines, known: _Found) -> tuple[pl.DataFrame, pl.DataFrame, _Found]:
        """Rows, rejects, and the keys known after these lines."""
        bad = invalid_lines(lines.data, lines.ends)
        rejects = [*lines.rejects, *_invalid_rejects(lines, bad)]
        texts = _arrow_lines(with_quoted_numbers(lines.data))
        numbers = pa.array(lines.numbers)
        is_text = np.ones(len(texts), np.bool_)
        is_text[bad] = False
        table = pa.table({"line": texts, "number": numbers, "place": np.arange(len(texts))}).filter(
            pa.array(is_text, pa.bool_())
        )
        sorted_lines = self._by_kind(_in_batches(table))
        rejects += _not_objects(lines, sorted_lines)
        objects = table.filter(pa.array((sorted_lines["kind"].eq_missing("OBJECT")).to_numpy(), pa.bool_()))
        found = self._found(_in_batches(objects), known)
        if len(found.paths) > MAXIMUM_COLUMNS:
            raise RefusedFile(
                "too_many_columns", f"{self.name} has over {MAXIMUM_COLUMNS:,} keys: are identifiers used as keys?"
            )
        return self._rows(_in_batches(objects), list(found.paths)), reject_frame(rejects), found

    def _by_kind(self, lines: pa.Table) -> pl.DataFrame:
        """Columns place, kind: the JSON type of each line in order, null for what is no JSON."""
        query = "SELECT place, TRY(json_type(line)) AS kind FROM lines"
        return _in_order(self.connection.sql(query).pl())

    def _found(self, lines: pa.Table, known: _Found) -> _Found:
        """What is known of the keys with these lines; new ones come last, in alphabetical order."""
        if lines.num_rows == 0:
            return known
        found = self.connection.sql("SELECT json_group_structure(line::JSON) FROM lines").fetchall()
        kinds = dict(_leaves(json.loads(found[0][0])))
        paths = (*known.paths, *sorted(kinds.keys() - set(known.paths)))
        new_truths = {path for path in kinds.keys() - set(known.paths) if kinds[path] == "BOOLEAN"}
        kept_truths = {path for path in known.truths if kinds.get(path, "NULL") in ("BOOLEAN", "NULL")}
        return _Found(paths, frozenset(new_truths | kept_truths))

    def _rows(self, lines: pa.Table, paths: list[KeyPath]) -> pl.DataFrame:
        names = _names(paths)
        wanted = [_json_path(path) for path in paths]
        columns = [f"found[{place}] AS c{place}" for place in range(1, len(names) + 1)]
        schema = {**dict.fromkeys(names, pl.String), SOURCE_LINE: pl.Int64}
        if lines.num_rows == 0 or not paths:
            return pl.DataFrame(schema=schema) if lines.num_rows == 0 else _only_numbers(lines)
        rows = self.connection.sql(
            f"""
            SELECT {", ".join(columns)}, number, place
            FROM (SELECT json_extract_string(line, $wanted) AS found, number, place FROM lines)
            """,
            params={"wanted": wanted},
        )
        found = _in_order(rows.pl()).drop("place")
        found.columns = [*names, SOURCE_LINE]  # by place: DuckDB takes id and ID for one name
        return found.with_columns(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _only_numbers(lines: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(lines.select(["number"]))).rename({"number": SOURCE_LINE})


def _settings(limits: ReadLimits) -> dict[str, Any]:
    settings: dict[str, Any] = {"memory_limit": limits.memory_limit}
    return settings | ({"threads": limits.threads} if limits.threads else {})


def _arrow_lines(data: bytes) -> pa.LargeStringArray:
    """One Arrow text for each line, its end included, on the bytes as they stand."""
    offsets = np.concatenate(([0], line_ends(data) + 1)).astype(np.int64)
    return pa.LargeStringArray.from_buffers(offsets.size - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def _in_batches(table: pa.Table) -> pa.Table:
    """The table cut into record batches, without which DuckDB reads it with one thread."""
    rows = max(1, -(-table.num_rows // RECORD_BATCHES))
    return pa.Table.from_batches(table.combine_chunks().to_batches(max_chunksize=rows), schema=table.schema)


def _invalid_rejects(lines: _Lines, bad: list[int]) -> list[Reject]:
    return [invalid_reject(int(lines.numbers[place]), _line(lines, place), "utf-8") for place in bad]


def _not_objects(lines: _Lines, kinds: pl.DataFrame) -> list[Reject]:
    """The rejects of the lines that hold something other than an object; blank lines hold nothing."""
    rejects = []
    for place, kind in kinds.filter(pl.col("kind").ne_missing("OBJECT")).rows():
        text = _line(lines, place)
        if text.strip():
            reason, detail = ("not_an_object", f"JSON of type {kind}") if kind else ("not_json", "not JSON")
            rejects.append(Reject(int(lines.numbers[place]), reason, detail, raw_text(text)))
    return rejects


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows by `place`, in which order DuckDB mostly gives them already."""
    return rows if rows["place"].is_sorted() else rows.sort("place")


def _line(lines: _Lines, place: int) -> bytes:
    ends = lines.ends
    return lines.data[int(ends[place - 1]) + 1 if place else 0 : int(ends[place])]


def _leaves(structure: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """The paths of keys at which something other than an object stands, with DuckDB's name of what does."""
    if not isinstance(structure, dict) or not structure:
        if path:
            yield path, str(structure)
        return
    for key, below in structure.items():
        yield from _leaves(below, (*path, key))


def _names(paths: Sequence[KeyPath]) -> list[str]:
    return unique_names([".".join(path) for path in paths])


def _json_path(path: KeyPath) -> str:
    return "$" + "".join("." + json.dumps(key, ensure_ascii=False) for key in path)
