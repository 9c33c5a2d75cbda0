"""Reads workbooks (xlsx, xls, ods): the sheets whose header is like the one sought, every value as text.

Dates come as ISO text, whole numbers without a decimal point, formulas as the value the workbook keeps for them. Rows
of totals are left in: the rules of the ingest tell them apart. The header is found by `sheet_header.py`.
"""

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, time
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from posixpath import normpath
from xml.etree import ElementTree

import polars as pl
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from crm_platform.sources.readers.batch import (
    RATIO_HOLDS_FROM,
    SHEET,
    SOURCE_LINE,
    RawBatch,
    ReadFile,
    ReadLimits,
    RefusedFile,
    Reject,
    reject_frame,
    text_columns,
)
from crm_platform.sources.readers.opening import Request
from crm_platform.sources.readers.sheet_header import SEARCHED_ROWS, SheetHeader, find_header

CHUNK_ROWS = 10_000
XML_CHUNK = 4 * 1024**2
FORMULA_CELL = re.compile(rb'<c r="[A-Z]+(\d+)"[^>]*><f(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v></v>|<v/>)?\s*</c>')
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class _Sheet:
    name: str
    cells: CalamineSheet
    header: SheetHeader


def open_excel(request: Request) -> ReadFile:
    """Open a workbook.

    columns: those with a heading, and `sheet` when several sheets are read; one without a heading appears as
    `column_<place>` in batches where it has values. Raises RefusedFile: not_an_excel_file, encrypted_file,
    archive_bomb, no_header.
    """
    with ExitStack() as stack:
        path = stack.enter_context(request.content.on_disk(request.workspace))
        _check_size(path, request)
        workbook = _open(path, request.content.name)
        stack.callback(workbook.close)
        sheets = _sheets(workbook, request)
        names = dict.fromkeys(name for sheet in sheets for name in _headed(sheet.header))
        return ReadFile(
            columns=text_columns([*names, *([SHEET] if len(sheets) > 1 else [])]),
            read=lambda: _batches(path, sheets, request.limits),
            content_lines=sum(sheet.cells.total_height for sheet in sheets),
            resources=stack.pop_all(),
        )


def _check_size(path: Path, request: Request) -> None:
    """Refuse a workbook that would fill the memory: one of zipped XML says how large it is before it is unpacked."""
    name, limits = request.content.name, request.limits
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    is_too_dense = unpacked > RATIO_HOLDS_FROM and unpacked > limits.maximum_ratio * path.stat().st_size
    if is_too_dense or unpacked > limits.maximum_unpacked_bytes:
        raise RefusedFile(
            "archive_bomb", f"{name} unpacks to {unpacked:,} bytes: deliver it as CSV, or raise the limits"
        )


def _open(path: Path, name: str) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise RefusedFile("encrypted_file", f"{name} is locked with a password: deliver it without one") from None
    except (CalamineError, OSError):
        raise RefusedFile(
            "not_an_excel_file", f"{name} cannot be opened as xlsx, xls or ods: check its declared form"
        ) from None


def _sheets(workbook: CalamineWorkbook, request: Request) -> list[_Sheet]:
    """The sheets to read: those the form names, or those with at least half as many expected columns as the best."""
    pattern = request.form.sheet
    names = [name for name in workbook.sheet_names if pattern is None or fnmatchcase(name, pattern)]
    found = [_sheet(workbook, name, request) for name in names]
    sheets = [sheet for sheet in found if sheet is not None]
    best = max((sheet.header.matches for sheet in sheets), default=0)
    sheets = [sheet for sheet in sheets if pattern is not None or 2 * sheet.header.matches >= best]
    if not sheets:
        raise RefusedFile(
            "no_header",
            f"{request.content.name}: no sheet has a row with the column names sought: check form.sheet and columns",
        )
    return sheets


def _sheet(workbook: CalamineWorkbook, name: str, request: Request) -> _Sheet | None:
    cells = workbook.get_sheet_by_name(name)
    if cells.start is None:
        return None
    skipped = request.form.skip_rows or 0
    rows = list(islice(cells.iter_rows(), skipped, skipped + SEARCHED_ROWS))
    merges = [
        ((top - skipped, left - cells.start[1]), (bottom - skipped, right - cells.start[1]))
        for (top, left), (bottom, right) in cells.merged_cell_ranges or []
        if top >= skipped
    ]
    header = find_header(rows, merges, request.form.header_rows, request.expected_columns)
    if header is None:
        return None
    return _Sheet(name, cells, SheetHeader(header.names, header.first_row + skipped, header.matches, header.headed))


def _headed(header: SheetHeader) -> list[str]:
    return [name for name, is_headed in zip(header.names, header.headed, strict=True) if is_headed]


def _batches(path: Path, sheets: Sequence[_Sheet], limits: ReadLimits) -> Iterator[RawBatch]:
    for sheet in sheets:
        unvalued = _formulas_without_value(path, sheet.name)
        rows = enumerate(sheet.cells.iter_rows(), start=1)
        data_rows = islice(rows, sheet.header.first_row, None)
        while chunk := list(islice(data_rows, min(limits.batch_rows, CHUNK_ROWS))):
            batch = _batch(chunk, sheet, unvalued)
            if len(sheets) > 1:
                name = pl.lit(sheet.name).alias(SHEET)
                batch = RawBatch(batch.rows.with_columns(name), batch.rejects.with_columns(name))
            yield batch


def _batch(chunk: Sequence[tuple[int, Sequence[object]]], sheet: _Sheet, unvalued: set[int]) -> RawBatch:
    """The rows of a chunk that are not blank, and as rejects those with a formula nobody has calculated."""
    lines = [line for line, _ in chunk]
    columns = {
        name: pl.Series(name, [_text(cell) for cell in cells], dtype=pl.String)
        for name, cells in zip(sheet.header.names, zip(*(cells for _, cells in chunk), strict=True), strict=True)
    }
    rows = pl.DataFrame({**columns, SOURCE_LINE: pl.Series(lines, dtype=pl.Int64)})
    is_unvalued = pl.col(SOURCE_LINE).is_in(list(unvalued))
    is_blank = pl.all_horizontal(pl.col(name).is_null() for name in columns)
    rejects = [_reject(row, sheet.name) for row in rows.filter(is_unvalued).rows()] if unvalued else []
    kept = rows.filter(~is_blank & ~is_unvalued)
    empty = [
        name
        for name, is_headed in zip(sheet.header.names, sheet.header.headed, strict=True)
        if not is_headed and kept[name].null_count() == kept.height
    ]
    return RawBatch(kept.drop(empty), reject_frame(rejects))


def _reject(row: tuple[object, ...], sheet: str) -> Reject:
    raw = "\t".join("" if cell is None else str(cell) for cell in row[:-1])
    detail = f"a formula on sheet {sheet!r} has no value: open the file, calculate it and save it"
    return Reject(int(str(row[-1])), "formula_without_value", detail, raw)


def _text(cell: object) -> str | None:
    """A cell as text; None for an empty one."""
    write = _WRITERS.get(type(cell))
    if write is not None:
        return write(cell)
    return str(cell)


def _number(value: float) -> str:
    """A number as Excel shows it at most, with 15 digits; whole ones without a point."""
    if value.is_integer() and abs(value) < 1e18:
        return str(int(value))
    return format(value, ".15g")


def _instant(value: datetime) -> str:
    return value.date().isoformat() if value.time() == time() else value.isoformat()


_WRITERS: dict[type, Callable[..., str | None]] = {
    str: lambda value: value if value.strip() else None,
    float: _number,
    bool: lambda value: "true" if value else "false",
    datetime: _instant,
    date: date.isoformat,
    time: time.isoformat,
}


def _formulas_without_value(path: Path, sheet: str) -> set[int]:
    """The rows (1-based) of an xlsx sheet with a formula cell that keeps no value; none for other formats."""
    if not zipfile.is_zipfile(path):
        return set()
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        if part is None:
            return set()
        rows: set[int] = set()
        left = b""
        with archive.open(part) as xml:
            while chunk := xml.read(XML_CHUNK):
                data = left + chunk
                cut = data.rfind(b"</c>") + 4 if b"</c>" in data else 0
                if data.find(b"<f", 0, cut) >= 0:
                    rows.update(int(row) for row in FORMULA_CELL.findall(data[:cut]))
                left = data[cut:]
        return rows


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The part of an xlsx that holds a sheet, by the workbook's relations; None where the file has none (ods, xlsb)."""
    try:
        workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    except (KeyError, ElementTree.ParseError):
        return None
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    for element in workbook.iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            target = targets.get(element.get(RELATION), "")
            part = target.lstrip("/") if target.startswith("/") else normpath(f"xl/{target}")
            return part if part in archive.namelist() else None
    return None
