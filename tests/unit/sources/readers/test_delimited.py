"""Behaviour of the CSV reader: dialects, exact lines, and every record accounted for."""

import csv
import io
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.sources.readers.batch import FileForm, ReadLimits, RefusedFile
from tests.unit.sources.readers.reading import read_bytes

CSV = FileForm(kind="csv")
SHARED_FOLDER = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8)


@st.composite
def written_tables(draw: st.DrawFn) -> tuple[bytes, list[list[str]], list[int], dict[str, Any]]:
    """A CSV written by the csv module in some dialect, its rows, the line each begins on, and the dialect."""
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(FIELD, min_size=width, max_size=width), max_size=12))
    dialect: dict[str, Any] = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "quotechar": draw(st.sampled_from("\"'")),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
    }
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, **dialect)
    lines = []
    for row in [[f"c{place}" for place in range(width)], *rows]:
        lines.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(row)
    return buffer.getvalue().encode(), rows, lines[1:], dialect


@SHARED_FOLDER
@given(written=written_tables(), block_bytes=st.sampled_from([3, 64, 1 << 20]))
def test_what_the_csv_module_writes_is_read_back_with_its_lines(
    tmp_path: Path, written: tuple[bytes, list[list[str]], list[int], dict[str, Any]], block_bytes: int
) -> None:
    data, rows, lines, dialect = written
    form = FileForm(
        kind="csv", delimiter=dialect["delimiter"], quote=dialect["quotechar"], encoding="utf-8", skip_rows=0
    )
    read = read_bytes(tmp_path, data, form, limits=ReadLimits(block_bytes=block_bytes))
    empty = "" if dialect["quoting"] == csv.QUOTE_ALL else None
    assert read.rejects == []
    assert read.values() == [tuple(field or empty for field in row) for row in rows]
    assert read.lines == lines


@SHARED_FOLDER
@given(body=st.lists(st.sampled_from([b'"', b",", b"\n", b"\r\n", b"a", b"\xff", b'""', b",\n", b'"\n', b"\r"])))
def test_the_size_of_a_block_changes_nothing(tmp_path: Path, body: list[bytes]) -> None:
    form = FileForm(kind="csv", delimiter=",", quote='"', encoding="utf-8", skip_rows=0)
    data = b"one,two\n" + b"".join(body)
    whole = read_bytes(tmp_path, data, form)
    parts = read_bytes(tmp_path, data, form, limits=ReadLimits(block_bytes=5))
    assert parts.values() == whole.values()
    assert parts.lines == whole.lines
    assert parts.rejects == whole.rejects


@SHARED_FOLDER
@given(body=st.lists(st.sampled_from(['"', ",", "\n", "a", "b,c", '""', ",\n", '"\n'])))
def test_every_line_is_blank_or_in_a_row_or_in_a_reject(tmp_path: Path, body: list[str]) -> None:
    form = FileForm(kind="csv", delimiter=",", quote='"', encoding="utf-8", skip_rows=0)
    data = "one,two\n" + "".join(body)
    read = read_bytes(tmp_path, data.encode(), form)
    begun = sorted([*read.lines, *(line for line, _ in read.rejects)])
    assert len(begun) == len(set(begun))
    text = data.split("\n")
    for line, following in itertools.pairwise([*begun, len(text) + 1]):
        record = "\n".join(text[line - 1 : following - 1])
        assert record.strip("\n"), "a row or reject begins on a line with something on it"
    first = begun[0] if begun else len(text) + 1
    assert not any(text[1 : first - 1]), "no line before the first record holds anything"


def test_a_broken_record_is_one_reject_with_its_line_and_the_next_is_read(tmp_path: Path) -> None:
    data = b'id;name;x\n1;a;b\n2;a\n\n3;a;b;c\n4;"multi\nline";z\n5;"un"quoted;z\n6;bad\xff;z\n7;"";\n8;ok;k\n'
    read = read_bytes(tmp_path, data, FileForm(kind="csv", encoding="utf-8"))
    assert read.values() == [("1", "a", "b"), ("4", "multi\nline", "z"), ("7", "", None), ("8", "ok", "k")]
    assert read.lines == [2, 6, 10, 11]
    assert read.rejects == [
        (3, "wrong_number_of_columns"),
        (5, "wrong_number_of_columns"),
        (8, "unescaped_quote"),
        (9, "invalid_encoding"),
    ]
    assert read.reject_texts[:2] == ["2;a", "3;a;b;c"]
    assert read.content_lines == 11


def test_a_quote_never_closed_costs_one_line_and_not_the_rest_of_the_file(tmp_path: Path) -> None:
    body = b"".join(b"%d,name\n" % number for number in range(5000))
    read = read_bytes(tmp_path, b'id,name\n1,"never closed\n' + body, CSV)
    assert read.rejects == [(2, "unterminated_quote")]
    assert read.rows.height == 5000
    assert read.lines == list(range(3, 5003))


def test_a_quote_never_closed_is_told_though_later_fields_are_quoted(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b'id,name,x\n1,"open\n2,b,c\n3,"q",d\n', CSV)
    assert read.rejects == [(2, "unterminated_quote")]
    assert read.values() == [("2", "b", "c"), ("3", "q", "d")]


def test_a_bare_quote_in_an_unquoted_field_is_text(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b'id;size\n1;5" pipe\n2;size 5"\n3;"say ""hi"""\n', CSV)
    assert read.rejects == []
    assert [row[1] for row in read.values()] == ['5" pipe', 'size 5"', 'say "hi"']


def test_a_stray_carriage_return_is_text(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b"id;name\n1;a\rb\n2;c\n", CSV)
    assert read.values() == [("1", "a\rb"), ("2", "c")]
    assert read.rejects == []


def test_backslash_escapes_are_found(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b'id,name\n1,"a \\"b\\", c"\n2,"x\\\\"\n3,"\\"y"\n', CSV)
    assert read.values() == [("1", 'a "b", c'), ("2", "x\\"), ("3", '"y')]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_found(tmp_path: Path, encoding: str, line_end: str) -> None:
    text = line_end.join(["id;name;city", "1;José;Köln", "2;Zoë;Málaga", ""])
    read = read_bytes(tmp_path, text.encode(encoding), CSV)
    assert read.columns == ["id", "name", "city"]
    assert read.values() == [("1", "José", "Köln"), ("2", "Zoë", "Málaga")]
    assert read.lines == [2, 3]
    assert read.content_lines == 3


def test_the_header_is_found_below_a_preamble_by_the_expected_columns(tmp_path: Path) -> None:
    data = b"Customers of the shop\nexported;2024-01-01;by hand\n\nCust No;Name;Mail\n7;Anna;a@example.com\n"
    read = read_bytes(tmp_path, data, CSV, expected=["Cust No", "Name", "Mail"])
    assert read.columns == ["Cust No", "Name", "Mail"]
    assert read.values() == [("7", "Anna", "a@example.com")]
    assert read.lines == [5]


def test_repeated_and_empty_headings_are_made_unique(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b"name,name,,name_2\na,b,c,d\n", CSV)
    assert read.columns == ["name", "name_3", "column_3", "name_2"]


def test_a_file_without_a_header_takes_the_declared_names(tmp_path: Path) -> None:
    form = FileForm(kind="csv", header=False, columns=["id", "name"])
    read = read_bytes(tmp_path, b"1,a\n2,b\n", form)
    assert (read.columns, read.lines) == (["id", "name"], [1, 2])


def test_a_header_alone_is_no_rows(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b"id,name\n", CSV)
    assert (read.columns, read.rows.height, read.rejects) == (["id", "name"], 0, [])


def test_declared_texts_stand_for_null_unless_quoted(tmp_path: Path) -> None:
    form = FileForm(kind="csv", null_values=["", "NULL", "\\N"])
    read = read_bytes(tmp_path, b'a,b,c\nNULL,"NULL",\\N\n', form)
    assert read.values() == [(None, "NULL", None)]


def test_a_line_over_the_limit_is_a_reject_and_the_lines_after_it_keep_their_numbers(tmp_path: Path) -> None:
    data = b"id,name\n1,a\n2," + b"x" * 5000 + b"\n3,c\n"
    for block_bytes in (100, 1 << 20):
        read = read_bytes(tmp_path, data, CSV, limits=ReadLimits(maximum_line_bytes=1000, block_bytes=block_bytes))
        assert read.rejects == [(3, "line_too_long")]
        assert read.lines == [2, 4]


def test_a_file_that_is_one_endless_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile, match="first line") as refusal:
        read_bytes(tmp_path, b"x" * 300_000, CSV, limits=ReadLimits(maximum_line_bytes=1000))
    assert refusal.value.reason == "line_too_long"


def test_batches_keep_to_their_size(tmp_path: Path) -> None:
    data = b"id,name\n" + b"".join(b"%d,a\n" % number for number in range(1000))
    read = read_bytes(tmp_path, data, CSV, limits=ReadLimits(batch_rows=99))
    assert read.lines == list(range(2, 1002))


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile) as refusal:
        read_bytes(tmp_path, b"id,name\n", FileForm(kind="csv", encoding="klingon"))
    assert refusal.value.reason == "unknown_encoding"
