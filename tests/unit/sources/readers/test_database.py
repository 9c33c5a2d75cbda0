"""Behaviour of the extracts: a SQLite database with loose types, and a PostgreSQL server started for the test."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from crm_platform.sources.readers.batch import FileForm, RefusedFile
from crm_platform.sources.readers.database import extract_table
from tests.unit.sources.readers.reading import read_path

INITDB, POSTGRES = shutil.which("initdb"), shutil.which("postgres")


@pytest.fixture
def till(tmp_path: Path) -> str:
    """A SQLite database whose table has an odd name, columns that mix types, and one that begins with nulls."""
    with closing(sqlite3.connect(tmp_path / "till.db")) as connection, connection:
        connection.execute(
            'CREATE TABLE "till rolls" (id INTEGER, mixed, amount, late, changed_at TEXT, "quo""te" TEXT)'
        )
        connection.executemany(
            'INSERT INTO "till rolls" VALUES (?, ?, ?, ?, ?, ?)',
            [
                (
                    n,
                    n if n < 3000 else "many",
                    n if n % 2 else n / 4,
                    None if n < 3000 else "x",
                    f"2024-01-0{n // 1000 + 1}",
                    "q",
                )
                for n in range(5000)
            ],
        )
    return f"sqlite:///{tmp_path / 'till.db'}"


def test_a_column_that_mixes_types_comes_as_text(tmp_path: Path, till: str) -> None:
    extract = extract_table(till, "till rolls", None, None, tmp_path / "out.parquet", batch_rows=700)
    rows = pl.read_parquet(tmp_path / "out.parquet")
    assert extract.rows == rows.height == 5000
    assert rows.schema == {
        "id": pl.Int64,
        "mixed": pl.String,
        "amount": pl.Float64,
        "late": pl.String,
        "changed_at": pl.String,
        'quo"te': pl.String,
    }
    assert rows["mixed"][[0, 2999, 3000]].to_list() == ["0", "2999", "many"]
    assert rows["late"].null_count() == 3000


def test_a_cursor_takes_what_is_at_or_after_it(tmp_path: Path, till: str) -> None:
    extract = extract_table(till, "till rolls", "changed_at", "2024-01-04", tmp_path / "out.parquet")
    assert (extract.rows, extract.cursor_to) == (2000, "2024-01-05")
    again = extract_table(till, "till rolls", "id", 4999, tmp_path / "out.parquet")
    assert (again.rows, again.cursor_to) == (1, 4999)


def test_a_query_is_extracted_and_read_as_any_file(tmp_path: Path, till: str) -> None:
    extract_table(till, 'SELECT id, amount FROM "till rolls" WHERE id < 2', "id", None, tmp_path / "out.parquet")
    read = read_path(tmp_path / "out.parquet", FileForm(kind="database"))
    assert read.values() == [(0, 0.0), (1, 1.0)]
    assert read.lines == [1, 2]


def test_a_table_without_rows_is_an_extract_without_rows(tmp_path: Path, till: str) -> None:
    extract = extract_table(till, 'SELECT * FROM "till rolls" WHERE id < 0', "id", None, tmp_path / "out.parquet")
    assert (extract.rows, extract.cursor_to, len(extract.columns)) == (0, None, 6)


@pytest.mark.parametrize(
    ("url", "table", "reason"),
    [
        ("mysql://someone:secret@localhost/shop", "orders", "unknown_database"),
        ("sqlite:///nowhere/till.db", "orders", "database_not_found"),
        ("postgresql://someone:secret@127.0.0.1:1/shop", "orders", "database_error"),
    ],
)
def test_an_unreachable_database_is_refused_without_its_password(
    tmp_path: Path, url: str, table: str, reason: str
) -> None:
    with pytest.raises(RefusedFile) as refusal:
        extract_table(url, table, None, None, tmp_path / "out.parquet")
    assert refusal.value.reason == reason
    assert "secret" not in refusal.value.message and "someone" not in refusal.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_failed_extract_leaves_the_old_one(tmp_path: Path, till: str) -> None:
    (tmp_path / "out.parquet").write_bytes(b"old")
    with pytest.raises(RefusedFile):
        extract_table(till, "no such table", None, None, tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == b"old"


def unprivileged() -> dict[str, Any]:
    """Arguments for a process that must not run as root."""
    return {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL server that listens on a socket in a folder of its own."""
    if INITDB is None or POSTGRES is None:
        pytest.skip("no PostgreSQL server is installed here (initdb, postgres)")
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o777)
        data = f"{folder}/data"
        subprocess.run(
            [INITDB, "-D", data, "-U", "reader", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            **unprivileged(),
        )
        command = [POSTGRES, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True, **unprivileged())
        try:
            yield ready(f"postgresql://reader@/postgres?host={folder}")
        finally:
            process.terminate()
            process.wait(30)


def ready(url: str) -> str:
    """The url, once the server answers."""

    for _ in range(100):
        try:
            psycopg.connect(url).close()
            return url
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise TimeoutError("the PostgreSQL server did not answer")


def test_a_postgresql_table_is_extracted_with_its_types(tmp_path: Path, server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.execute(
            'CREATE TABLE shop."Orders" (id int, price numeric(18,4), at timestamptz, note text, doc jsonb, key uuid)'
        )
        connection.execute(
            """INSERT INTO shop."Orders" SELECT n, n * 1.10, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour',
               'it''s', '{"a": 1}', '00000000-0000-0000-0000-000000000001' FROM generate_series(0, 99) n"""
        )
    extract = extract_table(server, "shop.Orders", "at", None, tmp_path / "out.parquet", batch_rows=30)
    rows = pl.read_parquet(tmp_path / "out.parquet")
    assert extract.rows == 100
    assert rows.row(99) == (
        99,
        "108.9000",
        datetime(2024, 1, 5, 3, tzinfo=UTC),
        "it's",
        '{"a": 1}',
        "00000000-0000-0000-0000-000000000001",
    )
    later = extract_table(server, "shop.Orders", "at", extract.cursor_to, tmp_path / "out.parquet")
    assert (later.rows, later.cursor_to) == (1, extract.cursor_to)
