"""Reads JSON: one object a line, or a document that is an array of objects; nested keys joined by dots, all values
text.

Numbers keep their text, booleans are true and false, lists stay JSON text, null and a missing key are null. DuckDB
parses; casting is for the ingest.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from crm_platform.sources.readers.json_numbers import with_quoted_numbers
from crm_platform.sources.readers.opening import Request
from crm_platform.sources.readers.text_lines import (
    Offsets,
    TextContent,
    invalid_lines,
    invalid_reject,
    line_blocks,
    line_ends,
    raw_text,
    text_content,
    too_long_rejects,
)

SAMPLE_BYTES = 1024**2
Path = tuple[str, ...]
RECORD_BATCHES = 8
MAXIMUM_COLUMNS = 2_000


@dataclass
class _Lines:
    """Lines of UTF-8 that each hold one JSON text, with the number of each, and the rejects known so far."""

    data: bytes
    numbers: Offsets
    rejects: list[Reject] = field(default_factory=list)

    @cached_property
    def parsable(self) -> bytes:
        """The lines with their numbers kept as text."""
        return with_quoted_numbers(self.data)


def open_json_lines(request: Request) -> ReadFile:
    """Open JSON Lines or a JSON document.

    columns: the keys of the first lines; a key met later is a column from its batch on.
    Raises RefusedFile: binary_content, unknown_encoding, wrong_encoding, no_records, line_too_long, too_many_columns.
    """
    text = text_content(request.content, request.form.encoding, is_unicode=True)
    parser = _Parser(request.limits, request.content.name)
    first = next(_lines(text, request, SAMPLE_BYTES), None)
    known: list[Path] = parser.parse(first, [])[2] if first else []
    return ReadFile(
        columns=text_columns(_names(known)),
        read=lambda: _batches(text, request, list(known)),
        encoding=text.encoding,
        content_lines=text.facts.lines,
    )


def _batches(text: TextContent, request: Request, known: list[Path]) -> Iterator[RawBatch]:
    parser = _Parser(request.limits, request.content.name)
    for lines in _prepared(_lines(text, request)):
        rows, rejects, known = parser.parse(lines, known)
        yield from sliced(rows, rejects, request.limits.batch_rows)


def _prepared(blocks: Iterator[_Lines]) -> Iterator[_Lines]:
    """The blocks, the next one being read and its numbers quoted while the caller parses one."""

    def prepare() -> _Lines | None:
        lines = next(blocks, None)
        if lines is not None:
            _ = lines.parsable
        return lines

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(prepare)
        while (lines := coming.result()) is not None:
            coming = pool.submit(prepare)
            yield lines


def _lines(text: TextContent, request: Request, block_bytes: int | None = None) -> Iterator[_Lines]:
    if request.form.records or _begins_with_array(text):
        for found in elements(text, request.limits, request.form.records):
            yield _Lines(found.data, found.lines, found.rejects)
        return
    maximum = request.limits.maximum_line_bytes
    for block in line_blocks(text, request.limits, block_bytes):
        numbers = np.arange(block.first_line, block.first_line + block.data.count(b"\n"))
        yield _Lines(block.data, numbers, too_long_rejects(block.too_long, maximum))


def _begins_with_array(text: TextContent) -> bool:
    head = text.content.head(64 * 1024).decode(text.encoding, "replace")
    return head.lstrip("\ufeff \t\r\n").startswith("[")


class _Parser:
    """A DuckDB connection in memory that turns lines into columns of text."""

    def __init__(self, limits: ReadLimits, name: str) -> None:
        self.name = name
        self.connection = duckdb.connect(config=_settings(limits))

    def parse(self, lines: _Lines, known: list[Path]) -> tuple[pl.DataFrame, pl.DataFrame, list[Path]]:
        """Rows, rejects, and all paths of keys known after these lines."""
        ends = line_ends(lines.data)
        bad = invalid_lines(lines.data, ends)
        rejects = [*lines.rejects, *_invalid_rejects(lines, ends, bad)]
        texts = _arrow_lines(lines.parsable)
        numbers = pa.array(lines.numbers)
        is_text = np.ones(len(texts), np.bool_)
        is_text[bad] = False
        table = pa.table({"line": texts, "number": numbers, "place": np.arange(len(texts))}).filter(
            pa.array(is_text, pa.bool_())
        )
        sorted_lines = self._by_kind(_in_batches(table))
        rejects += _not_objects(lines, ends, sorted_lines)
        objects = table.filter(pa.array((sorted_lines["kind"].eq_missing("OBJECT")).to_numpy(), pa.bool_()))
        paths = _merged(known, self._paths(_in_batches(objects), known))
        if len(paths) > MAXIMUM_COLUMNS:
            raise RefusedFile(
                "too_many_columns", f"{self.name} has over {MAXIMUM_COLUMNS:,} keys: are identifiers used as keys?"
            )
        return self._rows(_in_batches(objects), paths), reject_frame(rejects), paths

    def _by_kind(self, lines: pa.Table) -> pl.DataFrame:
        """Columns place, kind: the JSON type of each line in order, null for what is no JSON."""
        query = "SELECT place, TRY(json_type(line)) AS kind FROM lines"
        return _in_order(self.connection.sql(query).pl())

    def _paths(self, lines: pa.Table, known: list[Path]) -> list[Path]:
        """The paths of the leaves of these lines that are not known yet, in alphabetical order."""
        if lines.num_rows == 0 or self._has_only(lines, known):
            return []
        found = self.connection.sql("SELECT json_group_structure(line::JSON) FROM lines").fetchall()
        return sorted(set(_leaves(json.loads(found[0][0]))) - set(known))

    def _has_only(self, lines: pa.Table, known: list[Path]) -> bool:
        """Whether the lines hold no key but the known; a tenth of the work of finding all keys afresh."""
        if not known:
            return False
        keys: dict[Path, set[str]] = {}
        for path in known:
            for depth in range(len(path)):
                keys.setdefault(path[:depth], set()).add(path[depth])
        found = self.connection.sql(
            "SELECT DISTINCT json_keys(line, $objects), list_contains(json_type(line, $leaves), 'OBJECT') FROM lines",
            params={"objects": [_json_path(path) for path in keys], "leaves": [_json_path(path) for path in known]},
        ).fetchall()
        return all(
            not is_deeper
            and all(set(names or ()) <= expected for names, expected in zip(row, keys.values(), strict=True))
            for row, is_deeper in found
        )

    def _rows(self, lines: pa.Table, paths: list[Path]) -> pl.DataFrame:
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


def _invalid_rejects(lines: _Lines, ends: Offsets, bad: list[int]) -> list[Reject]:
    return [invalid_reject(int(lines.numbers[place]), _line(lines, ends, place), "utf-8") for place in bad]


def _not_objects(lines: _Lines, ends: Offsets, kinds: pl.DataFrame) -> list[Reject]:
    """The rejects of the lines that hold something other than an object; blank lines hold nothing."""
    rejects = []
    for place, kind in kinds.filter(pl.col("kind").ne_missing("OBJECT")).rows():
        text = _line(lines, ends, place)
        if text.strip():
            reason, detail = ("not_an_object", f"JSON of type {kind}") if kind else ("not_json", "not JSON")
            rejects.append(Reject(int(lines.numbers[place]), reason, detail, raw_text(text)))
    return rejects


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows by `place`, in which order DuckDB mostly gives them already."""
    return rows if rows["place"].is_sorted() else rows.sort("place")


def _line(lines: _Lines, ends: Offsets, place: int) -> bytes:
    return lines.data[int(ends[place - 1]) + 1 if place else 0 : int(ends[place])]


def _leaves(structure: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of keys at which something other than an object stands."""
    if not isinstance(structure, dict) or not structure:
        if path:
            yield path
        return
    for key, below in structure.items():
        yield from _leaves(below, (*path, key))


def _merged(known: list[Path], found: list[Path]) -> list[Path]:
    return list(dict.fromkeys([*known, *found]))


def _names(paths: list[Path]) -> list[str]:
    return unique_names([".".join(path) for path in paths])


def _json_path(path: Path) -> str:
    return "$" + "".join("." + json.dumps(key, ensure_ascii=False) for key in path)
