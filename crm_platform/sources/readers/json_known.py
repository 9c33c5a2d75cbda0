"""Reads lines of JSON whose keys are known, at the speed of a parser that need not ask what it will find.

pyarrow is told the keys and what kind of value each has, and refuses a block that holds anything else: a key not known,
a list, a line that is no object, a key given twice. Such a block is for the exact reader of `json_lines.py`, and the
result here is what that one would give.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from crm_platform.sources.readers.json_numbers import with_all_numbers_quoted
from crm_platform.sources.readers.text_lines import Offsets, invalid_lines

KeyPath = tuple[str, ...]
CARRIAGE_RETURN = 13


@dataclass(frozen=True)
class KnownKeys:
    """The paths of the keys with a value, in the order of the columns, those that are always true or false, and the
    objects between as a schema; schema None: a key is an object in one place and a value in another."""

    paths: tuple[KeyPath, ...]
    schema: pa.Schema | None


def known_keys(paths: Sequence[KeyPath], truths: frozenset[KeyPath]) -> KnownKeys:
    """What pyarrow is told of keys; truths: the paths of which every value so far was true, false or null."""
    is_parted = len({path[:depth] for path in paths for depth in range(1, len(path))} & set(paths)) == 0
    if not paths or not is_parted:
        return KnownKeys(tuple(paths), None)
    return KnownKeys(tuple(paths), pa.schema(_fields(paths, truths)))


def _fields(paths: Sequence[KeyPath], truths: frozenset[KeyPath], within: KeyPath = ()) -> Iterator[pa.Field]:
    """A field for each key at a place: text, a boolean, or the object of the fields below it."""
    depth = len(within)
    here = [path for path in paths if path[:depth] == within]
    for key in dict.fromkeys(path[depth] for path in here):
        path = (*within, key)
        if path in here:
            yield pa.field(key, pa.bool_() if path in truths else pa.string())
        else:
            yield pa.field(key, pa.struct(list(_fields(paths, truths, path))))


def read_known(data: bytes, ends: Offsets, keys: KnownKeys, is_utf8: bool) -> list[pl.Series] | None:
    """A column of text for each key, a row for each line; None when a line is not as it is known to be.

    ends: the offsets of the line ends. is_utf8: the lines are known to be valid UTF-8.
    """
    if keys.schema is None or not _are_objects(data, ends) or (not is_utf8 and invalid_lines(data, ends)):
        return None
    quoted = with_all_numbers_quoted(data)
    if quoted is None:
        return None
    try:
        table = pa_json.read_json(
            pa.BufferReader(pa.py_buffer(quoted)),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(quoted) + 1),
            parse_options=pa_json.ParseOptions(explicit_schema=keys.schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowException:
        return None
    if table.num_rows != ends.size:
        return None
    return [_column(table, path) for path in keys.paths]


def _are_objects(data: bytes, ends: Offsets) -> bool:
    """Whether every line begins and ends as an object does, so that none can go on in the next."""
    values = np.frombuffer(data, np.uint8)
    starts = np.concatenate(([0], ends[:-1] + 1))
    last = ends - 1
    last = last - (values[last] == CARRIAGE_RETURN)
    return bool((values[starts] == ord("{")).all() and (values[last] == ord("}")).all())


def _column(table: pa.Table, path: KeyPath) -> pl.Series:
    column: Any = table[path[0]]
    if len(path) > 1:
        column = pc.struct_field(column, list(path[1:]))
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.string())
    return pl.Series(pl.from_arrow(column))
