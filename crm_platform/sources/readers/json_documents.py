"""Finds the records of a JSON document: the elements of a top-level array, or of an array at a path within an object.

In a stream, in constant memory, by counting brackets outside strings. An element becomes one line of text (line ends
within it, which can only be blank space, become spaces). What the elements say is read by `json_lines.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crm_platform.sources.readers.batch import ReadLimits, RefusedFile, Reject
from crm_platform.sources.readers.json_numbers import quotes_of_strings
from crm_platform.sources.readers.text_lines import Offsets, TextContent, line_ends, raw_text, utf8_pieces

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
SEPARATORS = b" \t\r\n,[]"


@dataclass(frozen=True)
class Elements:
    """Elements of an array, one a line of `data`; lines: the line of the file each begins on."""

    data: bytes
    lines: Offsets
    rejects: list[Reject]


def elements(text: TextContent, limits: ReadLimits, records: str | None, is_bare: bool = False) -> Iterator[Elements]:
    """The elements of the arrays of a document, or of the one array at the dotted path `records`; of a document without
    an array (`is_bare`), its objects one after the other.

    Raises RefusedFile: no_records (nothing at the path within the first block), line_too_long (one element over the
    limit).
    """
    scan = _Scan(text.content.name, limits.maximum_line_bytes, is_one_array=records is not None, depth=int(is_bare))
    is_found = records is None
    with text.content.stream() as stream:
        for piece in utf8_pieces(stream, text, limits.block_bytes):
            if not is_found and records is not None:
                start = _array_start(piece, records.split("."))
                if start is None:
                    raise RefusedFile(
                        "no_records", f"{text.content.name} has no array at {records!r}: declare its path"
                    )
                scan.next_line += piece[:start].count(b"\n")
                piece, is_found = piece[start:], True
            yield scan.add(piece)
            if scan.is_done:
                return
    yield scan.finish()


def _array_start(data: bytes, path: list[str]) -> int | None:
    """The offset of the opening bracket of the array at a path of object keys; None if it is not there."""
    keys: list[str] = []
    last_string, depth_in_arrays = "", 0
    for token in TOKEN.finditer(data):
        mark = token.group()
        if mark == b"[" and keys == path and depth_in_arrays == 0:
            return token.start()
        if mark.startswith(b'"'):
            last_string = mark[1:-1].decode("utf-8", "replace")
        elif mark == b":" and depth_in_arrays == 0:
            keys[-1:] = [last_string]
        elif mark == b"{" and depth_in_arrays == 0:
            keys.append("")
        elif mark == b"}" and depth_in_arrays == 0 and keys:
            keys.pop()
        depth_in_arrays += (mark == b"[") - (mark == b"]")
    return None


class _Scan:
    """Cuts elements out of pieces given in order, keeping the element that is still open."""

    def __init__(self, name: str, maximum_bytes: int, is_one_array: bool, depth: int = 0) -> None:
        self.name, self.maximum, self.is_one_array = name, maximum_bytes, is_one_array
        self.open, self.depth, self.next_line = b"", depth, 1
        self.is_done = False

    def add(self, piece: bytes) -> Elements:
        data = self.open + piece
        values = np.frombuffer(data, np.uint8)
        brackets, depths = self._depths(values, data)
        if self.is_one_array and (depths == 0).any():
            stop = int(brackets[int(np.argmax(depths == 0))])
            data, values, self.is_done = data[: stop + 1], values[: stop + 1], True
            depths, brackets = depths[brackets <= stop], brackets[brackets <= stop]
        before = np.concatenate(([self.depth], depths))[:-1]
        starts = brackets[(before == 1) & (depths == 2)]
        ends = brackets[(before == 2) & (depths == 1)] + 1
        consumed, depth = self._end_of_whole(data, brackets, depths, starts, ends)
        found = self._elements(data[:consumed], starts[: ends.size], ends)
        self.open, self.depth = data[consumed:], depth
        self.next_line += data[:consumed].count(b"\n")
        if len(self.open) > self.maximum:
            raise RefusedFile(
                "line_too_long", f"{self.name}: one record has over {self.maximum:,} bytes: check that it is closed"
            )
        return found

    def finish(self) -> Elements:
        nothing = np.empty(0, np.int64)
        if not self.open.strip(SEPARATORS):
            return Elements(b"", nothing, [])
        reject = Reject(self.next_line, "not_json", "the document ends within this record", raw_text(self.open))
        return Elements(b"", nothing, [reject])

    def _depths(self, values: "np.ndarray[tuple[int], np.dtype[np.uint8]]", data: bytes) -> tuple[Offsets, Offsets]:
        """The brackets outside strings and the depth after each."""
        opens = (values == ord("{")) | (values == ord("["))
        closes = (values == ord("}")) | (values == ord("]"))
        brackets = np.flatnonzero(opens | closes)
        outside = (np.searchsorted(quotes_of_strings(values, data), brackets) & 1) == 0
        brackets = brackets[outside]
        return brackets, self.depth + np.cumsum(np.where(opens[brackets], 1, -1))

    def _end_of_whole(
        self, data: bytes, brackets: Offsets, depths: Offsets, starts: Offsets, ends: Offsets
    ) -> tuple[int, int]:
        """Where the last whole element or bracket ends, and the depth there."""
        if starts.size > ends.size:
            return int(starts[-1]), 1
        if brackets.size:
            return int(brackets[-1]) + 1, int(depths[-1])
        return 0, self.depth

    def _elements(self, data: bytes, starts: Offsets, ends: Offsets) -> Elements:
        lines = self.next_line + np.searchsorted(line_ends(data), starts)
        rejects = self._strangers(data, starts, ends)
        if starts.size == 0:
            return Elements(b"", np.empty(0, np.int64), rejects)
        values = np.frombuffer(data, np.uint8)
        edges = np.stack((starts, ends), axis=1).ravel()
        lengths = np.diff(edges, prepend=0)
        is_kept = np.repeat(np.arange(lengths.size) % 2 == 1, lengths)
        kept = values[: int(ends[-1])][is_kept]
        kept = np.where((kept == 10) | (kept == 13), np.uint8(32), kept)
        sizes = np.cumsum(ends - starts)
        one_a_line = np.full(kept.size + sizes.size, 10, np.uint8)
        is_text = np.ones(one_a_line.size, np.bool_)
        is_text[sizes + np.arange(sizes.size)] = False
        one_a_line[is_text] = kept
        return Elements(one_a_line.tobytes(), lines, rejects)

    def _strangers(self, data: bytes, starts: Offsets, ends: Offsets) -> list[Reject]:
        """Rejects for what stands between the elements and is neither blank nor a comma."""
        values = np.frombuffer(data, np.uint8)
        depth_change = np.zeros(values.size + 1, np.int8)
        depth_change[starts] += 1
        np.subtract.at(depth_change, ends, 1)
        is_between = np.cumsum(depth_change[:-1], dtype=np.int8) == 0
        is_strange = is_between & ~np.isin(values, np.frombuffer(SEPARATORS + b"{}:", np.uint8))
        if not is_strange.any():
            return []
        places = np.flatnonzero(is_strange)
        firsts = places[np.concatenate(([True], np.diff(places) > 1))]
        lasts = places[np.concatenate((np.diff(places) > 1, [True]))] + 1
        lines = self.next_line + np.searchsorted(line_ends(data), firsts)
        return [
            Reject(line, "not_an_object", "an element of the array is no object", raw_text(data[first:last]))
            for line, first, last in zip(lines.tolist(), firsts.tolist(), lasts.tolist(), strict=True)
        ]
