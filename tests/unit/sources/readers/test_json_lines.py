"""Behaviour of the JSON reader: text kept as written, nested keys, bad lines, documents."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.sources.readers.batch import SOURCE_LINE, FileForm, ReadLimits, RefusedFile
from crm_platform.sources.readers.json_known import known_keys, read_known
from crm_platform.sources.readers.json_lines import _ExactReader, _Found, _Lines
from crm_platform.sources.readers.json_numbers import with_quoted_numbers
from crm_platform.sources.readers.text_lines import line_ends
from tests.unit.sources.readers.reading import read_bytes

JSON = FileForm(kind="json_lines")
KEYS = st.sampled_from(["id", "name", "amount", "ok", "ID"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)


def as_text(value: object) -> str | None:
    """What the reader is to make of a scalar."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    objects=st.lists(st.dictionaries(KEYS, SCALARS, min_size=1), min_size=1, max_size=6),
    block_bytes=st.sampled_from([16, 1 << 20]),
    is_document=st.booleans(),
)
def test_scalars_come_back_as_they_were_written(
    tmp_path: Path, objects: list[dict[str, object]], block_bytes: int, is_document: bool
) -> None:
    lines = [json.dumps(item) for item in objects]
    text = "[\n" + ",\n".join(lines) + "\n]" if is_document else "\n".join(lines)
    read = read_bytes(tmp_path, text.encode(), JSON, limits=ReadLimits(block_bytes=block_bytes))
    assert read.rejects == []
    assert read.lines == [place + is_document for place in range(1, len(objects) + 1)]
    for row, item in zip(read.rows.to_dicts(), objects, strict=True):
        assert {key: row.get(key) for key in item} == {key: as_text(value) for key, value in item.items()}


def test_numbers_keep_their_text_and_nested_keys_are_joined_by_dots(tmp_path: Path) -> None:
    data = b'{"a":1.10,"b":{"c":true,"d":["x",{"y":1}]},"n":12345678901234567890123}\r\n{"a":1e3,"b":{"c":false}}\n'
    read = read_bytes(tmp_path, data, JSON)
    assert read.columns == ["a", "b.c", "b.d", "n"]
    assert read.values() == [
        ("1.10", "true", '["x",{"y":1}]', "12345678901234567890123"),
        ("1e3", "false", None, None),
    ]


def test_a_bad_line_is_one_reject_and_blank_lines_are_none(tmp_path: Path) -> None:
    data = b'{"a":1}\n\nnope\n[1]\n{"a":"\xff"}\n7\n{"a":2}'
    read = read_bytes(tmp_path, data, JSON)
    assert read.lines == [1, 7]
    assert read.rejects == [
        (3, "not_json"),
        (4, "not_an_object"),
        (5, "invalid_encoding"),
        (6, "not_an_object"),
    ]


def test_a_key_met_late_becomes_a_column_from_there_on(tmp_path: Path) -> None:
    data = b"".join(b'{"a":%d}\n' % number for number in range(200)) + b'{"a":1,"late":{"x":"y"}}\n'
    read = read_bytes(tmp_path, data, JSON, limits=ReadLimits(block_bytes=64))
    assert read.rows["late.x"].to_list() == [None] * 200 + ["y"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b'\xef\xbb\xbf{"a":"b"}\n', JSON).values() == [("b",)]


def test_a_document_gives_its_array_with_the_line_of_each_element(tmp_path: Path) -> None:
    data = b'[{"a":1.50},\n {"a":2,"b":{"c":"]}"}}, 5,\n{"a":\n3}]\n'
    for block_bytes in (7, 1 << 20):
        read = read_bytes(tmp_path, data, JSON, limits=ReadLimits(block_bytes=block_bytes))
        assert read.rows["a"].to_list() == ["1.50", "2", "3"]
        assert read.lines == [1, 2, 3]
        assert read.rejects == [(2, "not_an_object")]


def test_an_array_within_a_document_is_found_by_its_path(tmp_path: Path) -> None:
    data = b'{"meta":{"items":[{"no":1}]},"data":{"items":[{"a":1},{"a":2}]},"more":[{"a":3}]}'
    read = read_bytes(tmp_path, data, FileForm(kind="json_lines", records="data.items"))
    assert read.values() == [("1",), ("2",)]
    with pytest.raises(RefusedFile) as refusal:
        read_bytes(tmp_path, data, FileForm(kind="json_lines", records="data.nothing"))
    assert refusal.value.reason == "no_records"


def test_a_document_cut_off_keeps_its_whole_elements(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b'[{"a":1},{"a":', JSON)
    assert read.values() == [("1",)]
    assert read.rejects == [(1, "not_json")]


def test_an_empty_array_is_no_rows(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"[]", JSON).rows.height == 0


def test_numbers_within_strings_and_arrays_are_left_alone() -> None:
    line = rb'{"s":"x: 1.50, \" y: 2.50","l":[1.50,{"z":2.50}],"n": -1.50 }' + b"\n"
    assert with_quoted_numbers(line) == line.replace(b" -1.50 ", b' "-1.50" ')


LEAVES = st.one_of(SCALARS, st.lists(st.integers(), max_size=2))
OBJECTS = st.dictionaries(KEYS, st.one_of(LEAVES, st.dictionaries(KEYS, LEAVES, max_size=3)), max_size=5)
ODD_LINES = st.sampled_from(
    [
        b"",
        b"nope",
        b"7",
        b'{"id":1,"id":2}',
        b'{"id":01}',
        b'{"id":1-2}',
        b'{"name":"\\ud800"}',
        b'{"id":1}{"id":2}',
        b'{"id":',
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.one_of(OBJECTS.map(lambda item: json.dumps(item).encode()), ODD_LINES), min_size=1))
def test_the_fast_reader_gives_what_the_exact_one_gives_or_nothing(tmp_path: Path, lines: list[bytes]) -> None:
    for line_end in (b"\n", b"\r\n"):
        data = line_end.join([*lines, b""])
        reader = _ExactReader(ReadLimits(), "file")
        exact, rejects, found = reader.read(_Lines(data, line_numbers(data)), _Found())
        columns = read_known(data, line_ends(data), found.keys, is_utf8=True) if data else None
        if columns is not None:
            assert rejects.is_empty()
            assert [column.to_list() for column in columns] == [
                column.to_list() for column in exact.drop(SOURCE_LINE).get_columns()
            ]


def line_numbers(data: bytes) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The numbers of the lines of a text that begins with the first."""
    return np.arange(1, data.count(b"\n") + 1)


def test_plain_lines_are_read_fast() -> None:
    data = b'{"a":1.10,"b":{"c":true,"d":null}}\n{"a":-2e3,"b":{"c":false,"d":"x: \\u00e9"}}\n{"b":null}\n'
    keys = known_keys([("a",), ("b", "c"), ("b", "d")], frozenset({("b", "c")}))
    columns = read_known(data, line_ends(data), keys, is_utf8=True)
    assert columns is not None
    assert [column.to_list() for column in columns] == [
        ["1.10", "-2e3", None],
        ["true", "false", None],
        [None, "x: é", None],
    ]


@pytest.mark.parametrize(
    "line", [b'{"a":1,"new":2}', b'{"a":[1]}', b'{"a":{"x":1}}', b'{"a":1.2.3}', b'{"a":":5"}', b'{"a":true}', b"[1]"]
)
def test_what_is_not_known_is_left_to_the_exact_reader(line: bytes) -> None:
    data = b'{"a":1}\n' + line + b"\n"
    assert read_known(data, line_ends(data), known_keys([("a",)], frozenset()), is_utf8=True) is None


def test_a_number_that_is_none_makes_its_line_a_reject(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, b'{"a":1.50}\n{"a":1.2.3}\n{"a":2-1}\n', JSON)
    assert read.rejects == [(2, "not_json"), (3, "not_json")]
    assert read.values() == [("1.50",)]
