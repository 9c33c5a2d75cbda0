"""`crm value` as a person calls it: a file of orders in, a row per customer out, and a clear refusal."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import typer
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from crm_platform.cli.failures import CommandError
from crm_platform.cli.value import value
from tests.unit.value.purchases import order_lines_of

LINES = order_lines_of(150)
ORDERS = LINES.select(
    "customer_id", "amount", "order_id", "product_id", "quantity",
    order_dt=pl.format(
        "{} {}:30", pl.col("purchase_date").cast(pl.String), pl.col("purchase_hour").cast(pl.String).str.zfill(2)
    ),
)  # fmt: skip
AS_OF = "2024-01-31"
app = typer.Typer()
app.command()(value)


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if isinstance(result.exception, CommandError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    file = tmp_path / "orders.csv"
    ORDERS.write_csv(file)
    return file


def test_every_customer_with_a_purchase_gets_a_row_and_nobody_else(orders: Path, tmp_path: Path) -> None:
    out = tmp_path / "value.csv"
    summary = json.loads(run(orders, "--as-of", AS_OF, "--horizon", "60", "--out", out, "--json"))
    customers = pl.read_csv(out, try_parse_dates=True)
    bought = LINES.filter((pl.col("purchase_date") <= pl.lit(AS_OF).str.to_date()) & (pl.col("amount") > 0))
    assert customers["customer_id"].to_list() == sorted(set(bought["customer_id"]))
    assert customers.columns[:4] == ["customer_id", "p_no_purchase", "expected_purchases", "expected_purchases_low"]
    assert {"expected_spend", "rfm", "segment", "next_purchase_date", "usual_weekday", "top_product_id"} < {
        *customers.columns
    }
    assert customers["p_no_purchase"].is_between(0, 1).all()
    assert summary["customers"] == customers.height
    assert summary["expected_spend"] == pytest.approx(customers["expected_spend"].sum(), rel=1e-4)


def test_rows_after_as_of_and_the_order_of_rows_change_nothing(orders: Path, tmp_path: Path) -> None:
    one, other, shuffled = tmp_path / "one.csv", tmp_path / "other.csv", tmp_path / "shuffled.parquet"
    run(orders, "--as-of", AS_OF, "--out", one)
    ORDERS.filter(pl.col("order_dt").str.slice(0, 10) <= AS_OF).sample(
        fraction=1.0, shuffle=True, seed=1
    ).write_parquet(shuffled)
    run(shuffled, "--as-of", AS_OF, "--out", other)
    assert_frame_equal(pl.read_csv(one), pl.read_csv(other), rel_tol=1e-4)


def test_a_history_of_days_is_forecast_without_intervals(tmp_path: Path) -> None:
    file, out = tmp_path / "orders.csv", tmp_path / "value.csv"
    file.write_text("customer_id,order_dt,amount\na,2024-01-05,5\na,2024-01-07,6\nb,2024-01-06,5\n")
    assert "history is too short" in run(file, "--out", out)
    customers = pl.read_csv(out)
    assert customers["expected_purchases_low"].null_count() == 2
    assert (customers["expected_spend"] > 0).all()


def test_days_after_the_files_end_are_named(orders: Path, tmp_path: Path) -> None:
    assert "count as days without purchases" in run(orders, "--as-of", "2024-12-31", "--out", tmp_path / "out.csv")


def test_rows_of_the_future_are_told_of_and_not_looked_at(orders: Path, tmp_path: Path) -> None:
    """A mistyped year: from there on everybody would have been silent for a lifetime."""
    file = tmp_path / "mistyped.csv"
    wrong = ORDERS.head(1).with_columns(order_dt=pl.lit("2090-01-01 10:30"))
    pl.concat([ORDERS, wrong]).write_csv(file)
    result = CliRunner().invoke(app, [str(file), "--out", str(tmp_path / "out.csv"), "--json"])
    assert result.exit_code == 0
    assert "goes on until 2090-01-01: rows after today are not looked at" in result.stderr
    assert json.loads(result.stdout)["as_of"] == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("customer_id,order_dt,amount\na,2024-01-05,5\n", [], "Nothing to do"),
        ("customer_id,order_dt,amount\na,2024-01-05,5\n", ["--as-of", "2023-01-01"], "Nobody has bought"),
        ("customer_id,order_dt,amount\na,2024-01-05,-5\n", [], "Nobody has bought"),
        ("customer_id,order_dt,amount\na,2024-01-05,5\nb,2024-01-05,7\n", [], "Nobody has bought anything before"),
        ("customer_id,order_dt,amount\na,2024-01-05,5\n", ["--column", "amount"], "--column amount"),
        ("customer_id,order_dt,amount\na,2024-01-05,5\n", ["--time-zone", "Mars"], "no such zone"),
        ("customer_id,order_dt,amount\na,2024-01-05,5\n", ["--decimal", ";"], "decimal mark"),
        ("who,when\na,2024-01-05\n", [], "no column for"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    tmp_path: Path, content: str, options: list[str], message: str
) -> None:
    file, out = tmp_path / "orders.csv", tmp_path / "out.csv"
    file.write_text(content)
    written = [] if message == "Nothing to do" else ["--out", str(out)]
    with pytest.raises(CommandError, match=message):
        run(file, *options, *written)
    assert not out.exists()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no file"):
        run(tmp_path / "missing.csv", "--out", tmp_path / "out.csv")
