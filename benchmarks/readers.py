"""How fast the readers are beside a bare read of the same file by DuckDB, polars or the form's own library, in one run.

Ours is `read_file` and all its batches, line numbers and rejects included; the bare read makes the same values without.
Run: `python -m benchmarks.readers [megabytes]`.
"""

import gc
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import python_calamine
import xlsxwriter
from adbc_driver_sqlite import dbapi as sqlite
from rich.console import Console
from rich.table import Table

from crm_platform.sources.readers.batch import FileForm, ReadLimits
from crm_platform.sources.readers.database import extract_table
from crm_platform.sources.readers.log_lines import PATTERNS
from crm_platform.sources.readers.registry import read_file

COLUMNS = ["customer_id", "first_name", "last_name", "email", "city", "created", "amount", "note"]
CITIES = ["Milano", "Århus", "London", "Antwerpen", "Austin"]
REPEATS = 3


@dataclass(frozen=True)
class Case:
    """One file to read: ours and the bare read, each giving the number of rows."""

    name: str
    path: Path
    ours: Callable[[], int]
    bare: Callable[[], int]
    bare_name: str


def people(count: int) -> Iterator[tuple[str, ...]]:
    """Rows of COLUMNS from a fixed seed."""
    chance = random.Random(7)
    for number in range(count):
        city = chance.choice(CITIES)
        moment = f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d} 10:00:00"
        amount = f"{chance.random() * 500:.2f}"
        yield f"C{number:08d}", "Anna", f"Name{number % 9999}", f"u{number}@example.com", city, moment, amount, ""


def write_csv(path: Path, megabytes: int, note: str) -> None:
    """A CSV of a size; `note` is the last column's text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(";".join(COLUMNS) + "\n")
        for row in people(megabytes * 1_000_000 // (88 + len(note))):
            file.write(";".join(row) + note + "\n")


def write_json(path: Path, megabytes: int) -> None:
    """JSON Lines of a size, one key nested."""
    with path.open("w", encoding="utf-8") as file:
        for row in people(megabytes * 1_000_000 // 175):
            identifier, first, last, email, city, moment, amount, _ = row
            file.write(
                f'{{"customer_id":"{identifier}","first_name":"{first}","last_name":"{last}","email":"{email}",'
                f'"address":{{"city":"{city}"}},"created":"{moment}","amount":{amount},"is_new":true}}\n'
            )


def write_log(path: Path, megabytes: int) -> None:
    """A combined access log of a size."""
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0"
    with path.open("w", encoding="utf-8") as file:
        for number in range(megabytes * 1_000_000 // 235):
            file.write(
                f'203.0.113.{number % 250} - - [17/May/2015:10:{number % 60:02d}:03 +0000] "GET /o.gif?c={number} '
                f'HTTP/1.1" 200 {number % 9000} "https://shop.example.com/p/{number % 500}" "{agent}"\n'
            )


def write_excel(path: Path, rows: int) -> None:
    """A workbook of one sheet."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, COLUMNS)
        for place, row in enumerate(people(rows), start=1):
            sheet.write_row(place, 0, row)


def write_sqlite(path: Path, rows: int) -> None:
    """A SQLite table `people`."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE people ({', '.join(COLUMNS)})")
        connection.executemany(f"INSERT INTO people VALUES ({', '.join('?' * len(COLUMNS))})", people(rows))


def ours(path: Path, form: FileForm) -> int:
    """Rows read by our reader."""
    with read_file(path, form, path.parent, ReadLimits(), []) as file:
        return sum(batch.rows.height for batch in file.batches())


def duckdb_rows(query: str) -> int:
    """Rows of a query, fetched in batches."""
    with duckdb.connect() as connection:
        return sum(batch.num_rows for batch in connection.sql(query).to_arrow_reader(250_000))


def polars_log(path: Path) -> int:
    """Lines of a log cut by one regular expression, times and numbers left as text."""
    lines = pl.read_csv(path, has_header=False, separator="\x01", quote_char=None, new_columns=["line"])
    return lines["line"].str.extract_groups(PATTERNS["combined"]).struct.unnest().height


def calamine_rows(path: Path) -> int:
    """Rows of the first sheet as Python values."""
    return len(python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()) - 1


def adbc_to_parquet(path: Path) -> int:
    """The table fetched whole and written as Parquet."""
    with closing(sqlite.connect(str(path))) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SELECT * FROM people")
        rows = pl.DataFrame(cursor.fetch_arrow_table())
    rows.write_parquet(path.with_suffix(".bare.parquet"))
    return rows.height


def cases(folder: Path, megabytes: int) -> Iterator[Case]:
    """Write each file, then give its case."""
    csv, quoted = FileForm(kind="csv"), folder / "quoted.csv"
    plain, logs, lines = folder / "plain.csv", folder / "access.log", folder / "lines.jsonl"
    write_csv(plain, megabytes, "plain")
    for library in ("duckdb", "polars"):
        yield Case("csv", plain, lambda: ours(plain, csv), bare_csv(plain, library), library)
    write_csv(quoted, megabytes, '"say ""hi"";\nthen go"')
    for library in ("duckdb", "polars"):
        yield Case("csv, quoted line ends", quoted, lambda: ours(quoted, csv), bare_csv(quoted, library), library)
    write_json(lines, megabytes // 2)
    form = FileForm(kind="json_lines")
    yield Case("json_lines", lines, lambda: ours(lines, form), lambda: duckdb_rows(f"FROM '{lines}'"), "duckdb")
    yield Case("json_lines", lines, lambda: ours(lines, form), lambda: pl.read_ndjson(lines).height, "polars")
    write_log(logs, megabytes // 2)
    yield Case("access_log", logs, lambda: ours(logs, FileForm(kind="access_log")), lambda: polars_log(logs), "polars")
    parquet = folder / "people.parquet"
    pl.read_csv(plain, separator=";").write_parquet(parquet)
    form_parquet = FileForm(kind="parquet")
    yield Case(
        "parquet", parquet, lambda: ours(parquet, form_parquet), lambda: pl.read_parquet(parquet).height, "polars"
    )
    sheet = folder / "people.xlsx"
    write_excel(sheet, megabytes * 250)
    yield Case("excel", sheet, lambda: ours(sheet, FileForm(kind="excel")), lambda: calamine_rows(sheet), "calamine")
    yield database_case(folder / "people.db", megabytes)


def bare_csv(path: Path, library: str) -> Callable[[], int]:
    """A bare read of a CSV whose dialect is known, every column text."""
    if library == "polars":
        return lambda: pl.read_csv(path, separator=";", infer_schema=False).height
    return lambda: duckdb_rows(f"FROM read_csv('{path}', delim = ';', quote = '\"', header = true, all_varchar = true)")


def database_case(path: Path, megabytes: int) -> Case:
    """A SQLite table to Parquet."""
    write_sqlite(path, megabytes * 2_500)
    url = f"sqlite:///{path}"
    target = path.with_suffix(".parquet")
    return Case(
        "database",
        path,
        lambda: extract_table(url, "people", None, None, target).rows,
        lambda: adbc_to_parquet(path),
        "adbc",
    )


def seconds(read: Callable[[], int]) -> tuple[float, int]:
    """The best time of some repeats, and the rows."""
    best, rows = float("inf"), 0
    for _ in range(REPEATS):
        gc.collect()
        start = time.perf_counter()
        rows = read()
        best = min(best, time.perf_counter() - start)
    return best, rows


def main() -> None:
    """Print the table; the argument is the size of the CSV files in megabytes (200)."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    table = Table("reader", "MB", "rows", "ours MB/s", "ours rows/s", "bare", "bare MB/s", "ratio")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), megabytes):
            bare_seconds, _ = seconds(case.bare)
            our_seconds, rows = seconds(case.ours)
            size = case.path.stat().st_size / 1e6
            table.add_row(
                case.name,
                f"{size:,.0f}",
                f"{rows:,}",
                f"{size / our_seconds:,.0f}",
                f"{rows / our_seconds:,.0f}",
                case.bare_name,
                f"{size / bare_seconds:,.0f}",
                f"{bare_seconds / our_seconds:.2f}",
            )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
