"""Order files of other companies: what is found by itself, what is left out and counted, what is refused."""

import gzip
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.sources.casts import as_number
from crm_platform.sources.readers.batch import RefusedFile
from crm_platform.value.orders_file import Orders, OrdersError, OrdersForm, find_columns, read_orders

ONLINE_RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
536365,71053,LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom
536365,GIFT,GIFT,1,12/1/2010 8:26,0,17850,United Kingdom
C536379,D,Discount,-1,12/13/2010 9:41,27.5,14527,United Kingdom
536414,22139,,56,12/1/2010 11:52,0,,United Kingdom
536544,21773,BOTTLE,1,12/1/2010 14:32,2.51,,United Kingdom
A563185,B,Adjust bad debt,1,12/1/2010 14:50,-11062.06,nan,United Kingdom
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, content: str | bytes, name: str = "orders.csv", **form: object) -> Orders:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_orders(file, folder, OrdersForm(**form))  # type: ignore[arg-type]


def test_online_retail_is_read_as_it_is_published(folder: Path) -> None:
    orders = read(folder, ONLINE_RETAIL)
    assert orders.rows == 7
    assert orders.left_out == {"unreadable": 0, "no_customer": 3, "no_date": 0, "no_amount": 0, "zero_amount": 1}
    assert orders.lines["amount"].round(2).to_list() == [15.3, 20.34, -27.5]
    assert orders.lines["customer_id"].to_list() == ["17850", "17850", "14527"]
    assert orders.lines["purchase_date"].to_list() == [date(2010, 12, 1), date(2010, 12, 1), date(2010, 12, 13)]
    assert orders.lines["purchase_hour"].to_list() == [8, 8, 9]
    assert orders.rows == orders.lines.height + sum(orders.left_out.values())


def test_a_customer_number_that_came_as_a_float_is_whole(folder: Path) -> None:
    file = folder / "orders.parquet"
    rows = {"Customer ID": [13085.0, None], "InvoiceDate": ["2009-12-01 07:45:00"] * 2, "amount": [1.0, 2.0]}
    pl.DataFrame(rows).write_parquet(file)
    orders = read_orders(file, folder)
    assert orders.lines["customer_id"].to_list() == ["13085"]
    assert orders.left_out["no_customer"] == 1


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("customer_id;order_dt;amount\na;05.01.2024;12,50\nb;06.01.2024;1.234,00\n", [12.5, 1234.0]),
        ("customer_id\torder_dt\tamount\na\t2024-01-05\t$12.50\nb\t2024-01-06\t1,234.00\n", [12.5, 1234.0]),
        ("customer_id,order_dt,amount\na,2024-01-05,7\nb,2024-01-06,1e2\n", [7.0, 100.0]),
    ],
)
def test_delimiters_and_decimal_marks_are_found(folder: Path, text: str, amounts: list[float]) -> None:
    assert read(folder, text).lines["amount"].to_list() == amounts


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["", "7", "-1.50", "1e2", ".5", "+3", "1,234.5", "$4", "nan", "x"]), max_size=4))
def test_a_file_of_plain_numbers_is_read_as_one_of_any_others(others: list[str]) -> None:
    texts = ["7", *others]
    expected = pl.Series(texts).to_frame("text").select(as_number(pl.col("text"), pl.String(), pl.Float64()))["text"]
    with TemporaryDirectory() as folder:
        rows = "".join(f"a;2024-01-05;{text}\n" for text in texts)
        orders = read(Path(folder), f"customer_id;order_dt;amount\n{rows}")
    assert orders.lines["amount"].to_list() == expected.drop_nulls().to_list()
    assert orders.left_out["no_amount"] == expected.null_count()


def test_other_encodings_packed_files_and_json_lines_are_read(folder: Path) -> None:
    text = "customer_id,order_dt,amount\nJosé,2024-01-05,7\n"
    assert read(folder, text.encode("cp1252")).lines["customer_id"].to_list() == ["José"]
    assert read(folder, gzip.compress(text.encode()), "orders.csv.gz").lines.height == 1
    lines = '{"customer_id": "a", "order_dt": "2024-01-05", "amount": 7.5}\n'
    assert read(folder, lines, "orders.jsonl").lines["amount"].to_list() == [7.5]


def test_a_negative_quantity_makes_the_amount_negative_whatever_its_sign(folder: Path) -> None:
    text = "customer_id,order_dt,amount,quantity\na,2024-01-05,7,-1\na,2024-01-05,-7,-1\na,2024-01-05,7,1\n"
    assert read(folder, text).lines["amount"].to_list() == [-7.0, -7.0, 7.0]


def test_rows_that_cannot_be_used_are_counted_by_the_first_reason(folder: Path) -> None:
    dates = ",never,x\na,never,x\na,1850-01-01,5\n"
    amounts = "a,2024-01-05,x\na,2024-01-05,\na,2024-01-05,0.00\na,2024-01-05,5\n"
    text = f"customer_id,order_dt,amount\n{dates}{amounts}"
    assert read(folder, text).left_out == {
        "unreadable": 0, "no_customer": 1, "no_date": 2, "no_amount": 2, "zero_amount": 1,
    }  # fmt: skip


def test_rows_with_too_many_fields_are_counted_as_unreadable(folder: Path) -> None:
    text = "customer_id,order_dt,amount\na,2024-01-05,5\na,2024-01-05,5,6,7\n"
    orders = read(folder, text)
    assert (orders.rows, orders.left_out["unreadable"], orders.lines.height) == (2, 1, 1)


def test_columns_by_other_names_are_used_once_and_declared_ones_win() -> None:
    present = ["Kunde", "Order Date", "price", "QTY", "customer"]
    found = find_columns(present, {"customer_id": "Kunde"}, "orders.csv")
    assert found == {"customer_id": "Kunde", "order_dt": "Order Date", "quantity": "QTY", "unit_price": "price"}


@pytest.mark.parametrize(
    ("text", "declared", "message"),
    [
        ("customer_id,order_dt\na,2024-01-05\n", {}, "no column for amount"),
        ("when,who,what\na,b,c\n", {}, "no column for customer_id and order_dt and amount"),
        ("customer_id,order_dt,amount\na,2024-01-05,5\n", {"amount": "total"}, "no column 'total'"),
        ("customer_id,order_dt,amount\na,2024-01-05,5\n", {"colour": "amount"}, "'colour' is no column"),
        ("customer_id,order_dt,amount\na,yesterday,5\nb,today,6\n", {}, "None of the 2 rows"),
        ("customer_id,order_dt,amount\n", {}, "has no rows"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_is_missing(
    folder: Path, text: str, declared: dict[str, str], message: str
) -> None:
    with pytest.raises(OrdersError, match=message):
        read(folder, text, columns=declared)


def test_a_file_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(OrdersError, match="is no file"):
        read_orders(folder / "missing.csv", folder)
    with pytest.raises(RefusedFile):
        read(folder, b"")
    with pytest.raises(RefusedFile):
        read(folder, b"PAR1 not a parquet", "orders.parquet")
