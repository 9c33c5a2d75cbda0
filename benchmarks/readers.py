"""How fast the readers are beside a bare read of the same file by DuckDB, polars or the form's own library, in one run.

Ours is `read_file` and all its batches, line numbers and rejects included, of a file that was identified before, as the
ingest does it; the rows `not identified` do without that, and survey the file themselves. The bare read of a text is
DuckDB's with its default settings, streamed as Arrow batches; polars' is shown beside it. Goals are ratios of the bare
time to ours. Run: `python -m benchmarks readers [megabytes]`.
"""

import gc
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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
from crm_platform.sources.readers.content import FileContent, identify
from crm_platform.sources.readers.database import extract_table
from crm_platform.sources.readers.log_lines import PATTERNS
from crm_platform.sources.readers.registry import read_file

COLUMNS = ["customer_id", "first_name", "last_name", "email", "city", "created", "amount", "note"]
CITIES = ["Milano", "Århus", "London", "Antwerpen", "Austin"]
REPEATS = 3
MEGABYTES = 100
OURS = "ours"


@dataclass(frozen=True)
class Case:
    """One file to read: ours and the bare reads by name, each giving the number of rows; goal: the least ratio of the
    first of these to ours, None where there is nothing to reach."""

    name: str
    path: Path
    ours: Callable[[], int]
    bare: dict[str, Callable[[], int]]
    goal: float | None


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


def ours(path: Path, form: FileForm, identified: FileContent | None = None) -> int:
    """Rows read by our reader."""
    with read_file(path, form, path.parent, ReadLimits(), [], identified) as file:
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
    """Write each file, then give its cases."""
    csv = FileForm(kind="csv")
    plain, quoted = folder / "plain.csv", folder / "quoted.csv"
    write_csv(plain, megabytes, "plain")
    yield from text_cases("csv", plain, csv, bare_csv(plain), 0.6)
    write_csv(quoted, megabytes, '"say ""hi"";\nthen go"')
    yield from text_cases("csv, quoted line ends", quoted, csv, bare_csv(quoted), 0.5)
    lines = folder / "lines.jsonl"
    write_json(lines, megabytes // 2)
    bare = {"duckdb": lambda: duckdb_rows(f"FROM read_json('{lines}')"), "polars": lambda: pl.read_ndjson(lines).height}
    yield from text_cases("json_lines", lines, FileForm(kind="json_lines"), bare, 0.5)
    logs = folder / "access.log"
    write_log(logs, megabytes // 2)
    yield from text_cases(
        "access_log", logs, FileForm(kind="access_log"), {"polars, one regex": lambda: polars_log(logs)}, 0.5
    )
    yield parquet_case(plain, folder / "people.parquet")
    sheet = folder / "people.xlsx"
    write_excel(sheet, megabytes * 300)
    excel = FileForm(kind="excel")
    yield Case("excel", sheet, lambda: ours(sheet, excel), {"calamine": lambda: calamine_rows(sheet)}, 0.5)
    yield database_case(folder / "people.db", megabytes)


def text_cases(
    name: str, path: Path, form: FileForm, bare: dict[str, Callable[[], int]], goal: float
) -> Iterator[Case]:
    """A text read as the ingest does it, and read alone."""
    identified = identify(path)
    yield Case(name, path, lambda: ours(path, form, identified), bare, goal)
    yield Case(f"{name}, not identified", path, lambda: ours(path, form), bare, None)


def parquet_case(source: Path, path: Path) -> Case:
    """The rows of a CSV as Parquet."""
    pl.read_csv(source, separator=";").write_parquet(path)
    form = FileForm(kind="parquet")
    return Case(
        "parquet",
        path,
        lambda: ours(path, form),
        {"polars": lambda: pl.read_parquet(path).height, "polars, batches": lambda: polars_batches(path)},
        0.6,
    )


def polars_batches(path: Path) -> int:
    """Rows of a Parquet file, streamed."""
    return sum(rows.height for rows in pl.scan_parquet(path).collect_batches(chunk_size=250_000))


def bare_csv(path: Path) -> dict[str, Callable[[], int]]:
    """Bare reads of a CSV."""
    return {
        "duckdb": lambda: duckdb_rows(f"FROM read_csv('{path}')"),
        "duckdb, all text": lambda: duckdb_rows(f"FROM read_csv('{path}', all_varchar = true)"),
        "polars": lambda: pl.read_csv(path, separator=";", infer_schema=False).height,
    }


def database_case(path: Path, megabytes: int) -> Case:
    """A SQLite table to Parquet."""
    write_sqlite(path, megabytes * 2_500)
    url = f"sqlite:///{path}"
    target = path.with_suffix(".parquet")
    return Case(
        "database",
        path,
        lambda: extract_table(url, "people", None, None, target).rows,
        {"adbc": lambda: adbc_to_parquet(path)},
        0.5,
    )


def measured(case: Case) -> tuple[dict[str, float], int]:
    """The best time of each read, ours under the name `ours`, and our rows; reads take turns, for a busy machine."""
    reads = {OURS: case.ours, **case.bare}
    best = dict.fromkeys(reads, float("inf"))
    rows = 0
    for _ in range(REPEATS):
        for name, read in reads.items():
            gc.collect()
            start = time.perf_counter()
            found = read()
            best[name] = min(best[name], time.perf_counter() - start)
            rows = found if name == OURS else rows
    return best, rows


def main(arguments: Sequence[str]) -> bool:
    """Print the table and tell whether every goal was met; the argument is the size of the CSV files in megabytes."""
    megabytes = int(arguments[0]) if arguments else MEGABYTES
    table = Table("reader", "MB", "rows", "MB/s", "rows/s", "bare", "bare MB/s", "ratio", "goal", title="Readers")
    is_met = True
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), megabytes):
            best, rows = measured(case)
            size = case.path.stat().st_size / 1e6
            ours_columns = [case.name, f"{size:,.0f}", f"{rows:,}", f"{size / best[OURS]:,.0f}"]
            ours_columns.append(f"{rows / best[OURS]:,.0f}")
            for place, name in enumerate(case.bare):
                ratio, goal = best[name] / best[OURS], case.goal if place == 0 else None
                is_reached = goal is None or ratio >= goal
                is_met = is_met and is_reached
                table.add_row(
                    *(ours_columns if place == 0 else [""] * len(ours_columns)),
                    name,
                    f"{size / best[name]:,.0f}",
                    f"{ratio:.2f}" if is_reached else f"[red]{ratio:.2f}[/red]",
                    "" if goal is None else f"{goal:.2f} {'met' if is_reached else 'missed'}",
                )
    Console(width=130).print(table)
    return is_met
