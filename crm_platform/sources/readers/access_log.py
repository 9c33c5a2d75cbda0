"""Reads web server access logs of the layouts in `log_lines.py`, found or declared; yields the columns of web_hits.

A line that does not parse is a reject. Lines that begin with `#` (directives of a CloudFront log) and blank lines are
no records.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import polars as pl
import pyarrow as pa

from crm_platform.sources.readers.batch import (
    SOURCE_LINE,
    RawBatch,
    ReadFile,
    RefusedFile,
    Reject,
    SourceColumn,
    reject_frame,
    sliced,
)
from crm_platform.sources.readers.csv_records import Flags
from crm_platform.sources.readers.json_lines import open_json_lines
from crm_platform.sources.readers.log_lines import (
    ANY_USER,
    ONE_WORD_USER,
    PATTERNS,
    WEB_HITS,
    parse_cloudfront,
    parse_json_columns,
    parse_lines,
)
from crm_platform.sources.readers.opening import Request
from crm_platform.sources.readers.text_lines import (
    LineBlock,
    Offsets,
    TextContent,
    invalid_lines,
    line_blocks,
    line_ends,
    raw_text,
    text_content,
    too_long_rejects,
)

LOG_BLOCK_BYTES = 4 * 1024**2
SAMPLE_BYTES = 64 * 1024
SAMPLE_LINES = 200
FIELDS_DIRECTIVE = "#Fields:"
COLUMNS = [SourceColumn(name, str(dtype)) for name, dtype in WEB_HITS.items()]

STRICT_PATTERNS = {dialect: pattern.replace(ANY_USER, ONE_WORD_USER) for dialect, pattern in PATTERNS.items()}
"""For finding the layout: with blanks allowed in a user's name, a virtual host could pass for a client."""

Parser = Callable[[pl.Series], pl.DataFrame]


@dataclass(frozen=True)
class _Log:
    text: TextContent
    parser: Parser
    maximum_line_bytes: int


def open_access_log(request: Request) -> ReadFile:
    """Open an access log.

    columns: those of `WEB_HITS`. Raises RefusedFile: binary_content, unknown_encoding, wrong_encoding, line_too_long,
    unknown_log_dialect (no line of the first two hundred parses under any layout).
    """
    text = text_content(request.content, request.form.encoding)
    sample = _sample(text, request)
    dialect = request.form.dialect if request.form.dialect != "auto" else _find_dialect(sample, request.content.name)
    if dialect == "json":
        return _json_log(request)
    log = _Log(text, _parser(dialect, sample, request.content.name), request.limits.maximum_line_bytes)
    return ReadFile(
        columns=COLUMNS,
        read=lambda: _batches(log, request),
        encoding=text.encoding,
        content_lines=text.facts.lines,
    )


def _sample(text: TextContent, request: Request) -> list[str]:
    block = next(line_blocks(text, request.limits, SAMPLE_BYTES), None)
    lines = block.data.decode("utf-8", "replace").split("\n") if block else []
    return list(islice((line for line in lines if line.strip()), SAMPLE_LINES))


def _find_dialect(sample: list[str], name: str) -> str:
    """The layout under which most lines of the sample parse; of equals the one that says more."""
    if any(line.startswith(FIELDS_DIRECTIVE) for line in sample):
        return "cloudfront"
    if sum(line.lstrip().startswith("{") for line in sample) > len(sample) / 2:
        return "json"
    lines = pl.Series(sample, dtype=pl.String)
    best, parsed = _best_of(lines, STRICT_PATTERNS)
    if parsed == 0:
        best, parsed = _best_of(lines, PATTERNS)
    if sample and parsed == 0:
        raise RefusedFile(
            "unknown_log_dialect", f"{name}: none of its first lines is of a known access log: declare form.dialect"
        )
    return best


def _best_of(lines: pl.Series, patterns: dict[str, str]) -> tuple[str, int]:
    matches = {dialect: int(lines.str.contains(pattern).sum()) for dialect, pattern in patterns.items()}
    best = max(matches, key=lambda dialect: matches[dialect])
    return best, matches[best]


def _parser(dialect: str, sample: list[str], name: str) -> Parser:
    if dialect != "cloudfront":
        return lambda lines: parse_lines(lines, dialect)
    directive = next((line for line in sample if line.startswith(FIELDS_DIRECTIVE)), None)
    if directive is None:
        raise RefusedFile(
            "no_header", f"{name} has no #Fields line, by which a CloudFront log is read: deliver it whole"
        )
    fields = directive.removeprefix(FIELDS_DIRECTIVE).split()
    return lambda lines: parse_cloudfront(lines, fields)


def _batches(log: _Log, request: Request) -> Iterator[RawBatch]:
    """Read block after block while other threads parse those read before, in order."""
    threads = request.limits.threads or min(os.cpu_count() or 1, 4)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[tuple[pl.DataFrame, pl.DataFrame]]] = deque()
        for block in line_blocks(log.text, request.limits, min(LOG_BLOCK_BYTES, request.limits.block_bytes)):
            waiting.append(pool.submit(_parsed, block, log))
            if len(waiting) > threads:
                yield from sliced(*waiting.popleft().result(), request.limits.batch_rows)
        while waiting:
            yield from sliced(*waiting.popleft().result(), request.limits.batch_rows)


def _parsed(block: LineBlock, log: _Log) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and rejects of a block; every line that is neither blank nor a directive is one of the two."""
    ends = line_ends(block.data)
    bad = np.zeros(ends.size, np.bool_)
    bad[invalid_lines(block.data, ends)] = True
    lines = pl.DataFrame(
        {
            SOURCE_LINE: np.arange(block.first_line, block.first_line + ends.size),
            "line": _lines_of(block.data, ends, bad),
            "is_text": ~bad,
        }
    )
    is_record = pl.col("line").str.contains(r"^\s*(?:#|$)").not_().fill_null(True)
    lines = lines.filter(is_record)
    hits = log.parser(lines["line"]).with_columns(lines[SOURCE_LINE])
    is_hit = hits["event_dt"].is_not_null()
    unread = lines.filter(~is_hit)
    rejects = [*too_long_rejects(block.too_long, log.maximum_line_bytes), *_rejects(unread, block, ends, log)]
    return hits.filter(is_hit), reject_frame(rejects)


def _lines_of(data: bytes, ends: Offsets, bad: Flags) -> pl.Series:
    """The lines as text, null where they are none."""
    offsets = np.concatenate(([0], ends + 1)).astype(np.int64)
    texts = pa.LargeStringArray.from_buffers(ends.size, pa.py_buffer(offsets), pa.py_buffer(data))
    if bad.any():  # polars must never see bytes that are no UTF-8, not even behind a null
        texts = texts.filter(pa.array(~bad)).take(_places(~bad))
    return pl.Series(pl.from_arrow(texts)).str.strip_chars_end("\r\n")


def _places(is_kept: Flags) -> pa.Array:
    """For each line its place among the kept ones, null for the others."""
    return pa.array(np.cumsum(is_kept) - 1, pa.int64(), mask=~is_kept)


def _rejects(unread: pl.DataFrame, block: LineBlock, ends: Offsets, log: _Log) -> Iterator[Reject]:
    for line, _, is_text in unread.iter_rows():
        place = line - block.first_line
        raw = raw_text(block.data[int(ends[place - 1]) + 1 if place else 0 : int(ends[place])])
        if is_text:
            yield Reject(line, "unparsable_log_line", "not of the layout of this log, or its time is not valid", raw)
        else:
            yield Reject(line, "invalid_encoding", f"not valid {log.text.encoding}", raw)


def _json_log(request: Request) -> ReadFile:
    """A log of JSON lines: read as such, then given the names of web_hits."""
    opened = open_json_lines(request)

    def read() -> Iterator[RawBatch]:
        for batch in opened.batches():
            yield _named(batch, request.form.keys)

    return replace(opened, columns=COLUMNS, read=read)


def _named(batch: RawBatch, keys: dict[str, str] | None) -> RawBatch:
    hits = parse_json_columns(batch.rows, keys).with_columns(batch.rows[SOURCE_LINE])
    is_hit = hits["event_dt"].is_not_null()
    timeless = hits.filter(~is_hit)[SOURCE_LINE].to_list()
    rejects = [Reject(line, "unparsable_log_line", "no key holds a valid time", "") for line in timeless]
    return RawBatch(hits.filter(is_hit), pl.concat([batch.rejects, reject_frame(rejects)]).sort(SOURCE_LINE))
