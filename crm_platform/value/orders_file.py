"""Reads an order file of any company: one row per order or per order line, CSV, JSON Lines, Excel or Parquet.

Here: which of the file's columns is which, and numbers and dates in their many forms. Not here: what counts as a
purchase (`order_lines.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from crm_platform.problem import Problem
from crm_platform.sources.casts import as_number, as_text
from crm_platform.sources.readers.batch import FileForm, ReadFile, ReadLimits
from crm_platform.sources.readers.csv_dialect import normalised
from crm_platform.sources.readers.registry import kind_of_table, read_file
from crm_platform.value.order_dates import DateForm, read_purchase_times
from crm_platform.value.order_lines import order_lines

COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    "customer_id": ("customer", "cust_id", "custno", "customer_no", "customer_number", "customer_key", "client_id",
                    "client", "user_id", "household_id", "household_key", "member_id", "account_id", "buyer_id"),
    "order_dt": ("order_date", "order_datetime", "order_timestamp", "order_time", "invoice_date", "purchase_date",
                 "purchase_dt", "transaction_date", "transaction_timestamp", "transaction_dt", "date", "datetime",
                 "timestamp", "created_at", "ordered_at", "day"),
    "amount": ("order_amount", "total_amount", "line_amount", "net_amount", "sales_amount", "total", "order_total",
               "order_value", "sales_value", "dollar_value", "line_total", "revenue", "sales", "spend", "value"),
    "order_id": ("order", "order_no", "order_number", "invoice", "invoice_no", "invoice_id", "transaction_id",
                 "basket_id"),
    "product_id": ("product", "sku", "stock_code", "item_id", "product_code", "article_id", "upc"),
    "category": ("product_category", "product_line", "department"),
    "quantity": ("qty", "units", "number_of_items", "number_of_cds"),
    "unit_price": ("price", "unit_price_amount", "price_each"),
    "discount": ("discount_amount", "markdown", "markdown_amount", "retail_disc"),
}  # fmt: skip
"""Canonical column -> other names it goes by, compared without case, spaces and punctuation, the first found wins."""

_NUMBERS = ("amount", "quantity", "unit_price", "discount")


class OrdersError(Problem):
    """An order file cannot be used; the message says what is missing and what to do."""


@dataclass(frozen=True)
class OrdersForm:
    """What a person says of the file; what is not said is found.

    columns: canonical name -> name in the file. decimal_mark: of numbers written as text, `.` or `,`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    dates: DateForm = field(default_factory=DateForm)
    decimal_mark: str | None = None


@dataclass(frozen=True)
class Orders:
    """The lines of an order file (see `OrderLines`), the columns they were read from, rows read and rows unreadable."""

    lines: pl.DataFrame
    left_out: dict[str, int]
    columns: dict[str, str]
    rows: int


def read_orders(path: Path, workspace: Path, form: OrdersForm | None = None) -> Orders:
    """Read an order file. `workspace` is a folder for copies of packed files, emptied again.

    Raises:
        OrdersError: a needed column is not there, or no row can be used.
        RefusedFile: the file cannot be read at all.
    """
    form = form or OrdersForm()
    if not path.is_file():
        raise OrdersError(f"{path} is no file. Give a CSV, Parquet, JSON Lines or Excel file of orders.")
    expected = [*form.columns.values(), *(name for ours, theirs in COLUMN_NAMES.items() for name in (ours, *theirs))]
    with read_file(path, FileForm(kind=kind_of_table(path)), workspace, ReadLimits(), expected) as file:
        columns = find_columns([column.name for column in file.columns], form.columns, path.name)
        raw, unreadable = _read(file, columns)
    used = order_lines(_typed(raw, form))
    left_out = {"unreadable": unreadable, **used.left_out}
    if used.lines.is_empty():
        raise OrdersError(_nothing_left(path.name, raw.height + unreadable, left_out, columns))
    return Orders(used.lines, left_out, columns, raw.height + unreadable)


def find_columns(present: Sequence[str], declared: Mapping[str, str], name: str) -> dict[str, str]:
    """Canonical column -> the file's, as declared or by the names it goes by; each column is used once.

    Raises OrdersError: a declared column or one that cannot be done without is not there.
    """
    wrong = next((ours for ours in declared if ours not in COLUMN_NAMES), None)
    if wrong is not None:
        raise OrdersError(f"{wrong!r} is no column of orders. They are: {', '.join(COLUMN_NAMES)}.")
    missing = next((theirs for theirs in declared.values() if theirs not in present), None)
    if missing is not None:
        raise OrdersError(f"{name} has no column {missing!r}. It has: {', '.join(present)}.")
    found = dict(declared)
    by_name = {normalised(theirs): theirs for theirs in reversed(present) if theirs not in declared.values()}
    for ours, synonyms in COLUMN_NAMES.items():
        names = [] if ours in found else [normalised(each) for each in (ours, *synonyms)]
        theirs = next((by_name.pop(each) for each in names if each in by_name), None)
        if theirs is not None:
            found[ours] = theirs
    has_amount = "amount" in found or {"quantity", "unit_price"} <= found.keys()
    lacking = [ours for ours in ("customer_id", "order_dt") if ours not in found] + ([] if has_amount else ["amount"])
    if lacking:
        raise OrdersError(
            f"{name} has no column for {' and '.join(lacking)}. Say which it is by --column {lacking[0]}=NAME. "
            f"It has: {', '.join(present)}."
        )
    return found


def _read(file: ReadFile, columns: Mapping[str, str]) -> tuple[pl.DataFrame, int]:
    """The columns under their canonical names as they came, and the number of rows that could not be read."""
    chosen = [pl.col(theirs).alias(ours) for ours, theirs in columns.items()]
    batches, unreadable = [], 0
    for batch in file.batches():
        batches.append(batch.rows.select(chosen))
        unreadable += batch.rejects.height
    empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return (pl.concat(batches, how="vertical_relaxed") if batches else empty), unreadable


def _typed(raw: pl.DataFrame, form: OrdersForm) -> pl.DataFrame:
    """The rows that `order_lines` takes: text, dates, hours and numbers; what cannot be read is null."""
    numbers = [name for name in _NUMBERS if name in raw.columns]
    if form.decimal_mark != ",":
        raw = _plain_numbers_read(raw, numbers)
    mark = form.decimal_mark or _decimal_mark(raw.select(numbers))
    texts = [name for name in raw.columns if name not in (*numbers, "order_dt")]
    rows = raw.select(
        *(as_text(pl.col(name), raw.schema[name]).alias(name) for name in texts),
        *(as_number(pl.col(name), raw.schema[name], pl.Float64(), mark).alias(name) for name in numbers),
    ).hstack(read_purchase_times(raw["order_dt"], form.dates))
    return rows if "amount" in rows.columns else rows.with_columns(amount=pl.col("quantity") * pl.col("unit_price"))


def _plain_numbers_read(raw: pl.DataFrame, numbers: Sequence[str]) -> pl.DataFrame:
    """The rows with these texts as numbers where every one of them is digits and a point; else the rows as they are.

    Most files are so, and looking for marks of thousands and signs of currencies takes many times as long.
    """
    texts = raw.select(name for name in numbers if raw.schema[name] == pl.String)
    read = texts.select(pl.all().cast(pl.Float64, strict=False))
    is_plain = all(
        read[name].is_finite().all() and read[name].is_null().equals(texts[name].replace("", None).is_null())
        for name in texts.columns
    )
    return raw.with_columns(read) if is_plain else raw


def _decimal_mark(numbers: pl.DataFrame) -> str:
    """The mark by which more of the texts are numbers, a point where both do."""
    texts = [name for name, dtype in numbers.schema.items() if dtype == pl.String]

    def read(mark: str) -> int:
        readable = [as_number(pl.col(name), pl.String(), pl.Float64(), mark).count() for name in texts]
        return int(numbers.select(pl.sum_horizontal(readable)).item()) if texts else 0

    return "," if read(",") > read(".") else "."


def _nothing_left(name: str, rows: int, left_out: Mapping[str, int], columns: Mapping[str, str]) -> str:
    if not rows:
        return f"{name} has no rows."
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in left_out.items() if count)
    read = ", ".join(f"{ours}={theirs}" for ours, theirs in columns.items())
    return (
        f"None of the {rows:,} rows of {name} can be used ({reasons}), read as {read}. "
        "Check --column and --date-format."
    )
