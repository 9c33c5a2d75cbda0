"""The leads that sales people keep by hand in Excel.

Title rows, merged headings, columns that wander, notes and a total.

The sheets and all that is ugly in them belong here; the people and companies on them stand in their own modules.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from crm_platform.demo.dice import chance, choose, dates, day_number, dice
from crm_platform.demo.feeds import Landing
from crm_platform.demo.organisations import Organisations
from crm_platform.demo.settings import Chunk
from crm_platform.demo.truth import organisation_id, person_id
from crm_platform.demo.writers import staged_name

MONTHS = 3
MOST_LEADS_A_CHUNK = 240
SELLERS = ["Astrid B.", "Graham T.", "Marco P.", "Femke J."]
STAGES = ["new", "called", "offer sent", "won", "lost"]
# Heading over heading: a merged one spans several columns. The order of the columns wanders from month to month.
COLUMNS = {
    "company_name": ("", "Company"),
    "full_name": ("Contact", "Name"),
    "job_title": ("Contact", "Function"),
    "phone": ("Contact", "Phone"),
    "email": ("Contact", "E-mail"),
    "city": ("Address", "Town"),
    "postcode": ("Address", "Postcode"),
    "country": ("Address", "Country"),
    "industry_code": ("", "SIC"),
    "sales_year_1": ("Sales", "Year 1"),
    "sales_year_2": ("Sales", "Year 2"),
    "seller": ("", "Sales person"),
    "stage": ("", "Stage"),
    "source": ("", "Lead source"),
    "noted": ("", "Noted"),
}
WANDERING = (
    [
        "company_name",
        "full_name",
        "job_title",
        "phone",
        "email",
        "city",
        "postcode",
        "country",
        "industry_code",
        "sales_year_1",
        "sales_year_2",
        "seller",
        "stage",
        "source",
        "noted",
    ],
    [
        "noted",
        "seller",
        "company_name",
        "industry_code",
        "full_name",
        "phone",
        "email",
        "job_title",
        "city",
        "country",
        "postcode",
        "stage",
        "source",
        "sales_year_1",
        "sales_year_2",
    ],
    [
        "stage",
        "company_name",
        "sales_year_1",
        "sales_year_2",
        "full_name",
        "email",
        "phone",
        "job_title",
        "postcode",
        "city",
        "country",
        "seller",
        "noted",
        "industry_code",
        "source",
    ],
)


class Leads:
    """The leads gathered over the chunks, a bounded number of each, and the workbooks made of them."""

    def __init__(self, landing: Landing, seed: int) -> None:
        """Nothing is written before `close`."""
        self._landing = landing
        self._seed = seed
        self._chunks: list[pl.DataFrame] = []

    def add(self, made: Organisations, chunk: Chunk) -> None:
        """Note some contacts of companies, half of them of a company that is no customer's employer."""
        rng = dice(self._seed, chunk.index, "leads")
        contacts = made.people.filter(pl.col("organisation").is_not_null()).drop(
            "city", "postcode", "country", "company_name"
        )
        noted = contacts.join(
            made.companies.drop("phone", "email", "locale", "joined_date"), on="organisation", maintain_order="left"
        ).head(MOST_LEADS_A_CHUNK)
        count = noted.height
        end = day_number(self._landing.period.as_of)
        self._chunks.append(
            noted.select(
                "person",
                "organisation",
                "company_name",
                "job_title",
                "email",
                "city",
                "postcode",
                "country",
                "sales_year_1",
                "sales_year_2",
                "industry_code",
                full_name=pl.format("{} {}", "first_name", "last_name"),
                phone=pl.coalesce("phone", "mobile_phone"),
                seller=choose(rng, SELLERS, count),
                stage=choose(rng, STAGES, count),
                source=choose(rng, ["trade fair", "web", "cold call"], count),
                noted=dates(end - rng.integers(0, 30 * MONTHS, count)),
                is_number=pl.Series(chance(rng, count, 0.4)),
            )
        )

    def close(self) -> None:
        """Write a workbook a month, and whose the leads are to the truth."""
        leads = pl.concat(self._chunks)
        as_of = self._landing.period.as_of
        for month in range(MONTHS):
            last = as_of - timedelta(days=30 * (MONTHS - 1 - month))
            rows = leads.filter(pl.col("noted").is_between(last - timedelta(days=29), last))
            self._write(month, last, rows)

    def _write(self, month: int, last: date, rows: pl.DataFrame) -> None:
        place = self._landing.root / "sales" / f"leads_{last:%Y-%m}.xlsx"
        place.parent.mkdir(parents=True, exist_ok=True)
        with xlsxwriter.Workbook(str(staged_name(place)), {"default_date_format": "dd/mm/yyyy"}) as workbook:
            workbook.set_properties(
                {
                    "created": datetime.combine(last, datetime.min.time(), UTC).replace(tzinfo=None),
                    "author": "Sales",
                }
            )
            _fill(workbook, workbook.add_worksheet(f"Leads {last:%b}"), WANDERING[month % len(WANDERING)], rows, last)
        staged_name(place).replace(place)
        name = self._landing.name_of(place)
        self._landing.files.append(name)
        self._landing.count("sales/leads", rows.height)
        self._landing.truth.add(
            "lead_person",
            rows.select(
                file=pl.lit(name),
                email="email",
                full_name="full_name",
                person_id=person_id(),
                organisation_id=organisation_id("organisation"),
            ),
        )


def _fill(workbook: xlsxwriter.Workbook, sheet: Worksheet, order: list[str], rows: pl.DataFrame, last: date) -> None:
    """Lay the sheet out: title, merged headings, rows in blocks, a total as a formula, a note aside."""
    bold = workbook.add_format({"bold": True})
    day = workbook.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write(0, 0, f"LEADS {last:%B %Y} - internal!!", bold)
    sheet.write(1, 0, "do not sort, ask Astrid first")
    heading_row = 3
    _write_headings(workbook, sheet, order, heading_row)
    block = max(5, rows.height // 3)
    first = heading_row + 2
    for start in range(0, rows.height, block):
        part = rows.slice(start, block)
        for column, name in enumerate(order):
            _write_column(sheet, first, column, name, part, day)
        # A blank row stands between the blocks.
        first += part.height + 1
    sales = order.index("sales_year_1")
    letter = chr(ord("A") + sales)
    sheet.write(first, 0, "TOTAL", bold)
    total = float(rows["sales_year_1"].sum() or 0.0)
    sheet.write_formula(first, sales, f"=SUM({letter}{heading_row + 3}:{letter}{first})", None, total)
    sheet.write(6, len(order) + 2, "call back after the holidays")


def _write_headings(workbook: xlsxwriter.Workbook, sheet: Worksheet, order: list[str], row: int) -> None:
    bold = workbook.add_format({"bold": True, "align": "center"})
    start = 0
    while start < len(order):
        over = COLUMNS[order[start]][0]
        end = start
        while over and end + 1 < len(order) and COLUMNS[order[end + 1]][0] == over:
            end += 1
        if end > start:
            sheet.merge_range(row, start, row, end, over, bold)
        elif over:
            sheet.write(row, start, over, bold)
        start = end + 1
    sheet.write_row(row + 1, 0, [COLUMNS[name][1] for name in order], bold)


def _write_column(sheet: Worksheet, row: int, column: int, name: str, part: pl.DataFrame, day: object) -> None:
    """Write one column of a block.

    Some telephones are stored as numbers, as happens when they are typed without a plus.
    """
    if name == "phone":
        digits = part["phone"].str.strip_prefix("+")
        as_number = part["is_number"].to_list()
        values: list[object] = [
            int(number) if numeric and number else text
            for number, numeric, text in zip(digits, as_number, part["phone"], strict=True)
        ]
        sheet.write_column(row, column, values)
    elif name == "noted":
        sheet.write_column(row, column, part["noted"].to_list(), day)
    else:
        sheet.write_column(row, column, part[name].to_list())
