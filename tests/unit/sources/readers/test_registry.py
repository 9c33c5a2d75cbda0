"""Behaviour that all forms share: packed files, several in one zip, refusals."""

import gzip
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from crm_platform.sources.readers.batch import (
    MEMBER,
    SOURCE_LINE,
    FileForm,
    Kind,
    ReadLimits,
    RefusedFile,
    unique_names,
)
from crm_platform.sources.readers.content import identify
from crm_platform.sources.readers.registry import KINDS, READERS, read_file
from tests.unit.sources.readers.reading import read_bytes, read_path

CSV = FileForm(kind="csv")
TEXT_KINDS: list[Kind] = ["csv", "json_lines", "access_log"]


def refusal_of(path: Path, form: FileForm, limits: ReadLimits | None = None) -> str:
    """The reason for which a file is refused."""
    with pytest.raises(RefusedFile) as refusal:
        read_path(path, form, limits=limits)
    assert "\n" not in refusal.value.message
    return refusal.value.reason


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    """A zip of some files."""
    path = folder / "delivered.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_every_kind_has_a_reader_and_a_description() -> None:
    assert set(get_args(Kind)) == set(READERS) == set(KINDS)


@pytest.mark.parametrize("kind", [*TEXT_KINDS, "parquet", "excel", "mail"])
def test_an_empty_file_is_refused_by_every_reader(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / "empty").touch()
    assert refusal_of(tmp_path / "empty", FileForm(kind=kind)) == "empty_file"
    assert refusal_of(tmp_path, FileForm(kind=kind)) == "a_directory"


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_binary_is_refused_by_every_text_reader(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 10)
    assert refusal_of(tmp_path / "binary", FileForm(kind=kind)) == "binary_content"


def test_gzip_and_zip_are_told_by_their_content(tmp_path: Path) -> None:
    data = b"id,name\n1,a\n"
    assert read_bytes(tmp_path, gzip.compress(data), CSV).values() == [("1", "a")]
    assert read_path(zipped(tmp_path, {"x.csv": data}), CSV).values() == [("1", "a")]


def test_several_files_in_a_zip_are_read_in_order_with_their_names(tmp_path: Path) -> None:
    members = {"b.csv": b"id,name\n1,a\n", "a.csv": b"id,city\n2,Rome\nbad\n", "__MACOSX/._a.csv": b"\0\0"}
    read = read_path(zipped(tmp_path, members), CSV)
    assert read.rows.select("id", "name", "city", "member").rows() == [
        ("1", "a", None, "b.csv"),
        ("2", None, "Rome", "a.csv"),
    ]
    assert read.lines == [2, 2]
    assert read.rejects == [(3, "wrong_number_of_columns")]
    with read_file(tmp_path / "delivered.zip", CSV, tmp_path, ReadLimits(), []) as file:
        places = [row for batch in file.batches() for row in batch.rejects.select(MEMBER, SOURCE_LINE).rows()]
    assert places == [("a.csv", 3)]


def test_a_zip_with_a_password_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"x.csv": b"id,name\n1,a\n"})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag of the member's own header, and that of the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    assert refusal_of(path, CSV) == "encrypted_archive"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_identified_before_is_read_alike_and_not_surveyed_again(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(pack("id;name\n1;José\n".encode("cp1252")))
    identified = identify(path)
    monkeypatch.delattr("crm_platform.sources.readers.text_lines.survey")
    with read_file(path, CSV, tmp_path, ReadLimits(), [], identified) as file:
        assert (file.encoding, file.content_lines) == ("cp1252", 2)
        assert [batch.rows["name"].to_list() for batch in file.batches()] == [["José"]]


def test_a_file_that_changed_since_it_was_identified_is_surveyed_again(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("id;name\n1;José\n".encode("cp1252"))
    identified = identify(path)
    path.write_bytes("id;name\n1;José\n2;Zoë\n".encode())
    with read_file(path, CSV, tmp_path, ReadLimits(), [], identified) as file:
        assert (file.encoding, file.content_lines) == ("utf-8", 3)


def test_packed_parquet_and_excel_leave_nothing_behind(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "x.parquet")
    packed = gzip.compress((tmp_path / "x.parquet").read_bytes())
    assert read_bytes(tmp_path, packed, FileForm(kind="parquet")).values() == [(1,), (2,)]
    assert list((tmp_path / "workspace").iterdir()) == []


def test_a_gzip_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"id,name\n" + bytes(range(48, 120)) * 100)[:-20])
    assert refusal_of(tmp_path / "x.gz", CSV) == "truncated_archive"


def test_a_zip_cut_off_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"x.csv": b"id,name\n1,a\n"})
    path.write_bytes(path.read_bytes()[:-30])
    assert refusal_of(path, CSV) == "truncated_archive"


def test_a_zip_with_damaged_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("x.csv", b"id,name\n" + b"1,abcdefgh\n" * 1000)
    path.write_bytes(path.read_bytes().replace(b"1,abcdefgh\n", b"1,abcdxfgh\n", 3))
    assert refusal_of(path, CSV) == "damaged_archive"


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    assert refusal_of(zipped(tmp_path, {"x.csv.gz": gzip.compress(b"a")}), CSV) == "nested_archive"


def test_a_zip_without_files_is_refused(tmp_path: Path) -> None:
    assert refusal_of(zipped(tmp_path, {}), CSV) == "empty_archive"


@pytest.mark.parametrize("limits", [ReadLimits(), ReadLimits(maximum_unpacked_bytes=1000)])
def test_a_bomb_is_refused(tmp_path: Path, limits: ReadLimits) -> None:
    bomb = b"a,b\n" * (20 * 1024**2)
    assert refusal_of(zipped(tmp_path, {"x.csv": bomb}), CSV, limits) == "archive_bomb"


def test_an_endless_line_is_refused_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        for _ in range(400):
            file.write(b"x" * 1024**2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal_of(path, CSV) == "line_too_long"
    path.unlink()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_a_file_can_be_read_twice(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"id,name\n1,a\n")
    with read_file(tmp_path / "x.csv", CSV, tmp_path, ReadLimits(), []) as file:
        assert [batch.rows.height for batch in file.batches()] == [batch.rows.height for batch in file.batches()]


def test_names_are_made_unique() -> None:
    assert unique_names(["a", "a", "a_2", "", None, "source_line"]) == [
        "a",
        "a_3",
        "a_2",
        "column_4",
        "column_5",
        "source_line_2",
    ]
