"""Reads what e-mail service providers post: JSON Lines, arrays, form bodies, one body a line or one document.

Each event of a body becomes a row, out of the envelopes it came in (`provider_shapes.yaml`), with the provider that its
shape tells and the time that it tells. What an event means is for the campaign stage.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from crm_platform.sources.casts import as_timestamp
from crm_platform.sources.readers.batch import (
    MEMBER,
    SOURCE_LINE,
    RawBatch,
    ReadFile,
    Reject,
    SourceColumn,
    reject_frame,
    sliced,
)
from crm_platform.sources.readers.json_documents import elements
from crm_platform.sources.readers.json_texts import PLACE, JsonTexts
from crm_platform.sources.readers.opening import Request
from crm_platform.sources.readers.provider_shapes import (
    VALUES,
    asks_for_values,
    envelope_of,
    provider_named,
    provider_of,
    shapes,
)
from crm_platform.sources.readers.text_lines import (
    Offsets,
    TextContent,
    invalid_lines,
    invalid_reject,
    line_blocks,
    line_ends,
    number_of_lines,
    text_content,
    too_long_rejects,
)

BLOCK_BYTES = 4 * 1024**2
SAMPLE_BYTES = 64 * 1024
DEEPEST_ENVELOPE = 6
MILLISECONDS_FROM = 1e11  # as seconds, the year 5138
MICROSECONDS_FROM = 1e14
UTC = pl.Datetime("us", "UTC")
EVENT_COLUMNS = {"provider": pl.String(), "event": pl.String(), "event_dt": UTC, "received_dt": UTC}
COLUMNS = [SourceColumn(name, str(dtype)) for name, dtype in EVENT_COLUMNS.items()]


@dataclass(frozen=True)
class _Bodies:
    """Lines of UTF-8 that each hold a body, with the number of each, and the rejects known so far."""

    data: bytes
    numbers: Offsets
    rejects: list[Reject]


def open_provider_events(request: Request) -> ReadFile:
    """Open a file of events.

    columns: provider (text, null where the shape is unknown), event (JSON), event_dt and received_dt (UTC, null where
    nothing says them). A line with several events has the further ones under `member` "event 2" and so on.
    Raises RefusedFile: binary_content, unknown_encoding, wrong_encoding, line_too_long.
    """
    text = text_content(request.content, request.form.encoding, is_unicode=True)
    return ReadFile(
        columns=COLUMNS, read=lambda: _batches(text, request), encoding=text.encoding, content_lines=text.facts.lines
    )


def _batches(text: TextContent, request: Request) -> Iterator[RawBatch]:
    """Read block after block while other threads open those read before, in order."""
    threads = request.limits.threads or min(os.cpu_count() or 1, 4)
    numbering = _Numbering()
    with (
        closing(duckdb.connect(config={"threads": threads, "memory_limit": request.limits.memory_limit})) as connection,
        ThreadPoolExecutor(threads) as pool,
    ):
        waiting: deque[Future[tuple[pl.DataFrame, pl.DataFrame]]] = deque()
        for bodies in _bodies(text, request):
            waiting.append(pool.submit(_events_of, bodies, connection))
            if len(waiting) > threads:
                events, rejects = waiting.popleft().result()
                yield from sliced(numbering.of(events), rejects, request.limits.batch_rows)
        while waiting:
            events, rejects = waiting.popleft().result()
            yield from sliced(numbering.of(events), rejects, request.limits.batch_rows)


def _bodies(text: TextContent, request: Request) -> Iterator[_Bodies]:
    if document := _document_kind(text, request):
        for found in elements(text, request.limits, request.form.records, is_bare=document == "objects"):
            yield _Bodies(found.data, found.lines, found.rejects)
        return
    for block in line_blocks(text, request.limits, min(BLOCK_BYTES, request.limits.block_bytes)):
        numbers = np.arange(block.first_line, block.first_line + number_of_lines(block.data))
        yield _Bodies(block.data, numbers, too_long_rejects(block.too_long, request.limits.maximum_line_bytes))


def _document_kind(text: TextContent, request: Request) -> str | None:
    """`array` or `objects` where JSON goes on over lines; None where each line is a body."""
    if request.form.records:
        return "array"
    head = text.content.head(SAMPLE_BYTES).decode(text.encoding, "replace").lstrip("\ufeff \t\r\n")
    if not head.startswith(("[", "{")):
        return None
    first_line, _, _ = head.partition("\n")
    with JsonTexts() as reader:
        is_whole = reader.kinds(pl.Series([first_line]))[0] is not None
    if is_whole or ("\n" not in head and not head.startswith("[")):
        return None
    return "array" if head.startswith("[") else "objects"


def _events_of(bodies: _Bodies, connection: duckdb.DuckDBPyConnection) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events of some lines in their order, with `source_line`, and the rejects."""
    lines, rejects = _texts(bodies)
    with JsonTexts(connection) as reader:
        events, refused = _unwrapped(reader, lines)
        events = _dated(reader, _with_provider(reader, events))
    number_of = pl.Series(bodies.numbers)
    events = events if events["order"].is_sorted() else events.sort("order")
    rows = events.select(*EVENT_COLUMNS, number_of.gather(events[PLACE]).alias(SOURCE_LINE))
    rejects += [
        Reject(int(bodies.numbers[place]), reason, detail, raw) for place, reason, detail, raw in refused.iter_rows()
    ]
    return rows.cast(pl.Schema({**EVENT_COLUMNS, SOURCE_LINE: pl.Int64()})), reject_frame(rejects)


def _texts(bodies: _Bodies) -> tuple[pl.DataFrame, list[Reject]]:
    """The lines as text (columns place, event), without blank ones, and the rejects."""
    ends = line_ends(bodies.data)
    bad = invalid_lines(bodies.data, ends)
    offsets = np.concatenate(([0], ends + 1)).astype(np.int64)
    texts = pa.LargeStringArray.from_buffers(ends.size, pa.py_buffer(offsets), pa.py_buffer(bodies.data))
    is_text = np.ones(ends.size, np.bool_)
    is_text[bad] = False
    places = np.flatnonzero(is_text)
    kept = pl.Series(pl.from_arrow(texts.filter(pa.array(is_text)))).cast(pl.String)
    rows = pl.DataFrame({PLACE: places, "event": kept.str.strip_chars()}).filter(pl.col("event") != "")
    rejects = [
        invalid_reject(int(bodies.numbers[place]), bodies.data[int(offsets[place]) : int(offsets[place + 1])], "utf-8")
        for place in bad
    ]
    return rows, [*bodies.rejects, *rejects]


def _unwrapped(reader: JsonTexts, lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events within lines[place, event]: place, order, event, keys, named, received; and what is none: place,
    reason, detail, raw."""
    found: list[pl.DataFrame] = []
    refused: list[pl.DataFrame] = []
    pending = lines.with_columns(
        pl.col(PLACE).cast(pl.String).str.zfill(12).alias("order"), pl.lit(None, pl.String).alias("named"),
        pl.lit(None, pl.String).alias("received"),
    )  # fmt: skip
    for _ in range(DEEPEST_ENVELOPE):
        if pending.is_empty():
            break
        objects, lists, others = _by_kind(reader, pending)
        is_wrapped = objects["envelope"].is_not_null()
        found.append(objects.filter(~is_wrapped).drop("envelope"))
        refused.append(others)
        inner = [_opened(reader, rows) for rows in objects.filter(is_wrapped).partition_by("envelope")]
        pending = pl.concat([pending.clear(), *inner, *([_parted(reader, lists)] if lists.height else [])])
    refused.append(_refusal(pending, "not_an_event", "an envelope within envelopes without end"))
    return pl.concat(found or [pending.clear().with_columns(keys=pl.lit([], pl.List(pl.String)))]), pl.concat(refused)


def _by_kind(reader: JsonTexts, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The objects with `keys` and `envelope`, the lists, and the refusals of the rest; form bodies become objects."""
    is_form = rows["event"].str.contains(r"^[\w.%+-]+(?:%5B|%5D|[\[\]\w.-])*=")
    if is_form.any():
        forms = rows.filter(is_form)
        rows = pl.concat([rows.filter(~is_form), forms.with_columns(event=reader.form_objects(forms["event"]))])
    rows = rows.with_columns(keys=reader.keys(rows["event"]))
    is_list = (pl.col("keys").list.len() == 0) & pl.col("event").str.starts_with("[")
    is_object = (pl.col("keys").list.len() > 0) | (pl.col("keys").is_not_null() & pl.col("event").str.starts_with("{"))
    objects = rows.filter(is_object)
    others = rows.filter((is_list | is_object).fill_null(False).not_())
    no_json = others["keys"].is_null()
    refusals = [
        _refusal(others.filter(no_json), "not_json", "not JSON"),
        _refusal(others.filter(~no_json), "not_an_object", "JSON, but no object"),
    ]
    return _with_envelope(objects), rows.filter(is_list.fill_null(False)).drop("keys"), pl.concat(refusals)


def _with_envelope(objects: pl.DataFrame) -> pl.DataFrame:
    """The objects with the number of the envelope that each is."""
    return _by_distinct_keys(objects, envelope_of(pl.col("keys")).alias("envelope"))


def _by_distinct_keys(rows: pl.DataFrame, *columns: pl.Expr) -> pl.DataFrame:
    """Rows with what their keys tell, which is found once for keys that many have."""
    numbered = rows.with_columns(pl.col("keys").hash().alias("keys_number"))
    distinct = numbered.unique("keys_number", maintain_order=True).select("keys_number", *columns)
    return numbered.join(distinct, on="keys_number", how="left", maintain_order="left").drop("keys_number")


def _refusal(rows: pl.DataFrame, reason: str, detail: str) -> pl.DataFrame:
    return rows.select(PLACE, reason=pl.lit(reason), detail=pl.lit(detail), raw=pl.col("event"))


def _opened(reader: JsonTexts, rows: pl.DataFrame) -> pl.DataFrame:
    """What stands in envelopes of one kind, with what they say of it."""
    envelope = shapes().envelopes[rows["envelope"][0]]
    event, received, named = reader.at(
        rows["event"], [envelope.event, envelope.received or "", envelope.provider or ""]
    )
    inner = rows.drop("envelope", "keys").with_columns(event=event.fill_null("null").str.strip_chars())
    if envelope.received:
        inner = inner.with_columns(received=pl.coalesce("received", received))
    return inner.with_columns(named=pl.coalesce("named", named)) if envelope.provider else inner


def _parted(reader: JsonTexts, lists: pl.DataFrame) -> pl.DataFrame:
    """The elements of lists, in order."""
    parts = reader.elements(lists["event"])
    turn = parts.select(pl.int_range(pl.len()).over(PLACE).cast(pl.String).str.zfill(8)).to_series()
    parent = lists.select(pl.exclude("event")).select(pl.all().gather(parts[PLACE]))
    return parent.with_columns(event=parts["event"], order=pl.col("order") + "." + turn).select(lists.columns)


def _with_provider(reader: JsonTexts, events: pl.DataFrame) -> pl.DataFrame:
    """Events with the provider that an envelope names, or that their shape tells."""
    blank = [pl.lit(None, pl.String).alias(name) for name in VALUES.values()]
    told = _by_distinct_keys(
        events.with_columns(blank), provider_of(pl.col("keys")).alias("by_keys"),
        asks_for_values(pl.col("keys")).alias("asks"),
    )  # fmt: skip
    told = told.with_columns(asks=pl.col("asks") & pl.col("by_keys").is_null())
    asking = told.filter("asks")
    if asking.height:
        values = reader.at(asking["event"], list(VALUES))
        valued = asking.with_columns(value.alias(name) for name, value in zip(VALUES.values(), values, strict=True))
        told = pl.concat([told.filter(~pl.col("asks")), valued.with_columns(by_keys=provider_of(pl.col("keys")))])
    return told.select(
        PLACE, "order", "event", "received", provider=pl.coalesce(provider_named(pl.col("named")), "by_keys")
    )


def _dated(reader: JsonTexts, events: pl.DataFrame) -> pl.DataFrame:
    """Events with event_dt and received_dt."""
    parts = [events.clear().with_columns(event_dt=pl.lit(None, UTC))]
    for rows in events.partition_by("provider"):
        texts = reader.at(rows["event"], shapes().times_of(rows["provider"][0]))
        parts.append(rows.with_columns(event_dt=instants(texts)))
    return pl.concat(parts).with_columns(as_timestamp(pl.col("received"), pl.String()).alias("received_dt"))


def instants(texts: Sequence[pl.Series]) -> pl.Series:
    """The first of several texts that is a time, row by row, UTC: ISO 8601, or seconds, milliseconds or microseconds
    since 1970."""
    found = pl.Series("event_dt", [None], dtype=UTC).new_from_index(0, texts[0].len())
    for text in texts:
        if text.null_count() == text.len():
            continue
        number = pl.col("text").cast(pl.Float64, strict=False)
        unit = pl.when(number.abs() >= MICROSECONDS_FROM).then(1).when(number.abs() >= MILLISECONDS_FROM).then(1e3)
        seconds = (number * unit.otherwise(1e6)).cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
        written = as_timestamp(pl.when(number.is_null()).then("text"), pl.String())
        read = text.to_frame("text").select(pl.coalesce(seconds.dt.replace_time_zone("UTC"), written))
        found = found.fill_null(read.to_series())
    return found


class _Numbering:
    """Tells apart the events of one line, also where they come in several blocks."""

    def __init__(self) -> None:
        self._line, self._count = 0, 0

    def of(self, events: pl.DataFrame) -> pl.DataFrame:
        """Events with `member`, null for the first of each line."""
        if events.is_empty():
            return events.with_columns(pl.lit(None, pl.String).alias(MEMBER))
        before = pl.when(pl.col(SOURCE_LINE) == self._line).then(self._count).otherwise(0)
        turn = pl.int_range(1, pl.len() + 1).over(SOURCE_LINE) + before
        numbered = events.with_columns(turn=turn)
        self._line, self._count = int(events[SOURCE_LINE][-1]), int(numbered["turn"][-1])
        return numbered.with_columns(
            pl.when(pl.col("turn") > 1).then(pl.format("event {}", "turn")).alias(MEMBER)
        ).drop("turn")
