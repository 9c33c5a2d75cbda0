"""Workbooks of forms that no installed library writes, made byte by byte: xls and locked ones (OLE), and ods."""

import struct
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

SECTOR = 512
END_OF_CHAIN, FREE, FAT_SECTOR = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
NO_ENTRY = 0xFFFFFFFF
SMALLEST_STREAM = 4096

Cell = str | float


def write_ole(path: Path, streams: dict[str, bytes]) -> None:
    """An OLE compound file (MS-CFB, version 3) of some streams, of at most a hundred sectors, shorter names first."""
    padded = [data.ljust(SMALLEST_STREAM, b"\0") for data in streams.values()]
    padded = [data + b"\0" * (-len(data) % SECTOR) for data in padded]
    fat = [FAT_SECTOR, *([END_OF_CHAIN] * 1)]
    starts = []
    for data in padded:
        starts.append(len(fat))
        last = len(fat) + len(data) // SECTOR
        fat += [*range(starts[-1] + 1, last), END_OF_CHAIN]
    entries = [_entry("Root Entry", 5, END_OF_CHAIN, 0, child=1)]
    for place, (name, data) in enumerate(zip(streams, padded, strict=True), start=1):
        right = place + 1 if place < len(streams) else NO_ENTRY
        entries.append(_entry(name, 2, starts[place - 1], len(data), right=right))
    directory = b"".join(entries).ljust(SECTOR, b"\0")
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(SECTOR, b"\xff")
    path.write_bytes(_ole_header() + table + directory + b"".join(padded))


def _ole_header() -> bytes:
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, SMALLEST_STREAM, END_OF_CHAIN, 0, END_OF_CHAIN, 0)
    return header + struct.pack("<I", 0) + b"\xff" * (SECTOR - len(header) - 4)


def _entry(name: str, kind: int, start: int, size: int, child: int = NO_ENTRY, right: int = NO_ENTRY) -> bytes:
    written = (name + "\0").encode("utf-16-le")
    head = written.ljust(64, b"\0") + struct.pack("<HBBIII", len(written), kind, 1, NO_ENTRY, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def write_xls(path: Path, rows: list[list[Cell]]) -> None:
    """An xls (BIFF8) of one sheet."""
    beginning = struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)
    start = len(_record(0x0809, beginning)) + len(_record(0x0085, bytes(6) + b"\x04\x00Leer")) + len(_record(0x000A))
    sheet = _record(0x0085, struct.pack("<IBB", start, 0, 0) + b"\x04\x00Leer")
    book = _record(0x0809, beginning) + sheet + _record(0x000A)
    cells = b"".join(
        _label(row, column, cell) if isinstance(cell, str) else _number(row, column, cell)
        for row, written in enumerate(rows)
        for column, cell in enumerate(written)
    )
    page = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)) + cells + _record(0x000A)
    write_ole(path, {"Workbook": book + page})


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _label(row: int, column: int, text: str) -> bytes:
    return _record(0x0204, struct.pack("<HHHHB", row, column, 0, len(text), 1) + text.encode("utf-16-le"))


def _number(row: int, column: int, value: float) -> bytes:
    return _record(0x0203, struct.pack("<HHHd", row, column, 0, value))


def write_locked(path: Path) -> None:
    """A workbook with a password, which is an OLE file of a package that cannot be read."""
    write_ole(path, {"EncryptionInfo": bytes(100), "EncryptedPackage": bytes(5000)})


def write_ods(path: Path, rows: list[list[Cell]]) -> None:
    """An OpenDocument spreadsheet of one sheet."""
    written = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Leads">{written}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)


def _ods_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
    return (
        f'<table:table-cell office:value-type="float" office:value="{cell}"><text:p>{cell}</text:p></table:table-cell>'
    )
