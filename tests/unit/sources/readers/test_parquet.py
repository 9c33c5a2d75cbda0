"""Behaviour of the Parquet reader."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from crm_platform.sources.readers.batch import FileForm, ReadLimits, RefusedFile
from tests.unit.sources.readers.reading import read_bytes, read_path

PARQUET = FileForm(kind="parquet")


def test_types_are_kept_and_structs_flattened(tmp_path: Path) -> None:
    moment = datetime(2024, 1, 2, 3, tzinfo=UTC)
    rows = pl.DataFrame({"id": [1, 2, 3], "at": [moment] * 3, "who": [{"name": "a", "address": {"city": "x"}}] * 3})
    rows.write_parquet(tmp_path / "x.parquet")
    read = read_path(tmp_path / "x.parquet", PARQUET, limits=ReadLimits(batch_rows=2))
    assert read.columns == ["id", "at", "who.name", "who.address.city"]
    assert read.values() == [(number, moment, "a", "x") for number in (1, 2, 3)]
    assert read.lines == [1, 2, 3]
    assert read.content_lines == 3


def test_no_rows_keep_their_columns(tmp_path: Path) -> None:
    pl.DataFrame(schema={"id": pl.Int64}).write_parquet(tmp_path / "x.parquet")
    assert read_path(tmp_path / "x.parquet", PARQUET).columns == ["id"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: b"id,name\n1,a\n", "not_a_parquet_file"),
        (lambda data: data[:-30], "truncated_file"),
        (lambda data: data[:20] + b"PAR1", "damaged_file"),
    ],
)
def test_what_is_no_whole_parquet_file_is_refused(tmp_path: Path, change: object, reason: str) -> None:
    assert callable(change)
    pl.DataFrame({"id": range(100)}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(RefusedFile) as refusal:
        read_bytes(tmp_path, change((tmp_path / "x.parquet").read_bytes()), PARQUET)
    assert refusal.value.reason == reason
