"""The declarations of the demo's systems find the files that the systems deliver, and the columns in them."""

from pathlib import Path

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from crm_platform.sources.declaration import FeedDeclaration, load_sources
from tests.unit.demo.conftest import WrittenCompany, content_of

SOURCES = Path(__file__).parents[3] / "config" / "sources"
FEEDS = {f"{source.source}.{name}": feed for source in load_sources(SOURCES) for name, feed in source.feeds.items()}
CSV_FEEDS = [name for name, feed in FEEDS.items() if feed.form is not None and feed.form.kind == "csv"]
# What people decide is no delivery of the demo company.
FILE_FEEDS = [name for name, feed in FEEDS.items() if feed.files is not None and not name.startswith("steward.")]


def _files(company: WrittenCompany, feed: FeedDeclaration) -> list[Path]:
    assert feed.files is not None
    return sorted(company.landing.glob(feed.files))


@pytest.mark.parametrize("name", FILE_FEEDS)
def test_a_feed_finds_its_files(company: WrittenCompany, name: str) -> None:
    assert _files(company, FEEDS[name])


def test_no_file_is_claimed_by_two_feeds(company: WrittenCompany) -> None:
    claimed = [path for name in FILE_FEEDS for path in _files(company, FEEDS[name])]
    assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize("name", CSV_FEEDS)
def test_the_columns_that_a_mapping_names_are_in_every_file(company: WrittenCompany, name: str) -> None:
    feed = FEEDS[name]
    assert feed.form is not None
    delimiter = feed.form.delimiter or ","
    for path in _files(company, feed):
        header = content_of(path).decode(feed.form.encoding or "utf-8").splitlines()[0].split(delimiter)
        for column in feed.columns.values():
            assert not column.sources or set(column.sources) & set(header), f"{column.sources} in {path.name}"


def test_the_tables_of_the_till_have_the_columns_that_the_mapping_names(company: WrittenCompany) -> None:
    from contextlib import closing
    from sqlite3 import connect

    with closing(connect(company.landing / "till" / "till.db")) as database:
        for feed in (FEEDS["till.customers"], FEEDS["till.orders"], FEEDS["till.order_lines"]):
            assert feed.database is not None
            table = pl.read_database(f"SELECT * FROM {feed.database.table} LIMIT 1", database)
            for column in feed.columns.values():
                assert not column.sources or set(column.sources) & set(table.columns)


def test_the_sheets_of_sales_are_ugly_in_another_way_each_month(company: WrittenCompany) -> None:
    headings = set()
    for path in sorted(company.landing.glob("sales/*.xlsx")):
        with CalamineWorkbook.from_path(path) as workbook:
            sheet = workbook.get_sheet_by_index(0)
            rows = sheet.to_python(skip_empty_area=False)
            assert str(rows[0][0]).startswith("LEADS")
            assert sheet.merged_cell_ranges
            headings.add(tuple(rows[4]))
    assert len(headings) == 3
