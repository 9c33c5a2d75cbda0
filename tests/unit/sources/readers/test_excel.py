"""Behaviour of the workbook reader on sheets as people keep them."""

from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path

import pytest
import xlsxwriter

from crm_platform.sources.readers.batch import SHEET, SOURCE_LINE, FileForm, ReadLimits, RefusedFile
from crm_platform.sources.readers.registry import read_file
from tests.unit.sources.readers.reading import read_bytes, read_path
from tests.unit.sources.readers.workbooks import Cell, write_locked, write_ods, write_xls

EXCEL = FileForm(kind="excel")
Fill = Callable[[xlsxwriter.Workbook], None]


def workbook(folder: Path, fill: Fill) -> Path:
    """A workbook filled by a function."""
    path = folder / "delivered.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        fill(book)
    return path


def leads(book: xlsxwriter.Workbook) -> None:
    """A sheet with a title, headings on two lines, a blank row and column, and a row of totals."""
    sheet = book.add_worksheet("Leads 2024")
    sheet.write("B2", "Leads of the northern team")
    sheet.merge_range("D4:E4", "Contact")
    sheet.merge_range("B4:B5", "Name")
    sheet.write_row("D5", ["Phone", "E-Mail"])
    sheet.write_row("F5", ["Noted", "Sales"])
    dated = book.add_format({"num_format": "yyyy-mm-dd"})
    for row, (name, phone, sales) in enumerate([("Anna", 4915112345678, 1200), ("Li", 39021234567, 0.1 + 0.2)], 5):
        sheet.write(row + (row > 5), 1, name)
        sheet.write(row + (row > 5), 3, phone)
        sheet.write(row + (row > 5), 4, f"{name}@example.com")
        sheet.write_datetime(row + (row > 5), 5, datetime(2024, 3, 1), dated)
        sheet.write(row + (row > 5), 6, sales)
    sheet.write(8, 1, "Total")
    sheet.write_formula(8, 6, "=SUM(G6:G8)", None, 1200.3)


def test_a_sheet_kept_by_hand_is_read(tmp_path: Path) -> None:
    read = read_path(workbook(tmp_path, leads), EXCEL, ["name", "Contact Phone", "Contact E-mail", "Sales"])
    assert read.columns == ["name", "Contact Phone", "Contact E-mail", "Noted", "Sales"]
    assert read.values() == [
        ("Anna", "4915112345678", "Anna@example.com", "2024-03-01", "1200"),
        ("Li", "39021234567", "Li@example.com", "2024-03-01", "0.3"),
        ("Total", None, None, None, "1200.3"),
    ]
    assert read.lines == [6, 8, 9]


def test_sheets_with_the_header_are_read_in_any_order_of_columns_and_others_left(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("Empty")
        for name, heads, row in [("A", ["Name", "Phone"], ["Anna", "1"]), ("B", ["PHONE", "name"], ["2", "Li"])]:
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, heads)
            sheet.write_row(1, 0, row)
        book.add_worksheet("Notes").write(0, 0, "remember the milk")

    path = workbook(tmp_path, fill)
    read = read_path(path, EXCEL, ["Name", "Phone"])
    assert read.rows.select("Name", "Phone", "sheet", SOURCE_LINE).rows() == [
        ("Anna", "1", "A", 2),
        ("Li", "2", "B", 2),
    ]
    one = read_path(path, FileForm(kind="excel", sheet="B*"), ["Name", "Phone"])
    assert one.rows.select("Name", "Phone").rows() == [("Li", "2")]
    assert "sheet" not in one.columns


def test_a_formula_without_a_value_is_a_reject_and_one_with_a_value_is_read(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Name", "Sales"])
        sheet.write(1, 0, "Anna")
        sheet.write_formula(1, 1, "=1+1", None, "")
        sheet.write(2, 0, "Li")
        sheet.write_formula(2, 1, "=1+1", None, 2)

    read = read_path(workbook(tmp_path, fill), EXCEL, ["Name"])
    assert read.rejects == [(2, "formula_without_value")]
    assert read.values() == [("Li", "2")]


def test_cells_of_every_type_become_text(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        hour = book.add_format({"num_format": "hh:mm"})
        sheet.write_row(0, 0, ["a", "b", "c", "d", "e"])
        sheet.write_boolean(1, 0, True)
        sheet.write_datetime(1, 1, datetime(2024, 1, 2, 3, 4, 5), moment)
        sheet.write_datetime(1, 2, time(3, 4), hour)
        sheet.write_number(1, 3, -2.50)
        sheet.write_string(1, 4, "007")

    (row,) = read_path(workbook(tmp_path, fill), EXCEL).values()
    assert row == ("true", "2024-01-02T03:04:05", "03:04:00", "-2.5", "007")


def test_a_workbook_without_the_header_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, lambda book: book.add_worksheet().write_row(0, 0, ["other", "things"]))
    with pytest.raises(RefusedFile) as refusal:
        read_path(path, EXCEL, ["Name"])
    assert refusal.value.reason == "no_header"


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    for data in (b"id,name\n1,a\n", b"\xd0\xcf\x11\xe0" + b"\0" * 600):
        with pytest.raises(RefusedFile) as refusal:
            read_bytes(tmp_path, data, EXCEL)
        assert refusal.value.reason == "not_an_excel_file"


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, leads)
    with pytest.raises(RefusedFile) as refusal:
        read_path(path, EXCEL, limits=ReadLimits(maximum_unpacked_bytes=100))
    assert refusal.value.reason == "archive_bomb"


@pytest.mark.parametrize("write", [write_xls, write_ods])
def test_workbooks_of_the_old_and_the_open_form_are_read(
    tmp_path: Path, write: Callable[[Path, list[list[Cell]]], None]
) -> None:
    write(tmp_path / "x", [["Leads of the north"], ["Name", "Phone"], ["José", 4915112345678], ["Łucja", 0.5]])
    read = read_path(tmp_path / "x", EXCEL, ["Name", "Phone"])
    assert read.values() == [("José", "4915112345678"), ("Łucja", "0.5")]
    assert read.lines == [3, 4]


def test_a_locked_workbook_is_refused(tmp_path: Path) -> None:
    write_locked(tmp_path / "x.xlsx")
    with pytest.raises(RefusedFile) as refusal:
        read_path(tmp_path / "x.xlsx", EXCEL)
    assert refusal.value.reason == "encrypted_file"


def test_rejects_of_several_sheets_say_which(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        for name in ("A", "B"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["Name", "Sales"])
            sheet.write_row(1, 0, ["Anna", 1])
        sheet.write(2, 0, "Li")
        sheet.write_formula(2, 1, "=1+1", None, "")

    path = workbook(tmp_path, fill)
    with read_file(path, EXCEL, tmp_path, ReadLimits(), ["Name"]) as file:
        rejects = [row for batch in file.batches() for row in batch.rejects.select(SHEET, SOURCE_LINE, "reason").rows()]
    assert rejects == [("B", 3, "formula_without_value")]
