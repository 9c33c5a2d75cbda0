"""`crm churn` as a person calls it: files in, files out, and a clear refusal."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from crm_platform.cli.churn import app
from crm_platform.cli.failures import CommandError
from tests.unit.churn.orders import FIRST, LAST, shop_lines
from tests.unit.churn.test_labelled_tables import TABLE

AS_OF = LAST - timedelta(days=60)


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("orders") / "orders.csv"
    lines = shop_lines(60).select(
        CustNo="customer_id", Date=pl.col("purchase_date").dt.strftime("%d/%m/%Y"), Total="amount"
    )
    lines.write_csv(file, separator=";")
    return file


def test_every_customer_with_a_purchase_gets_a_chance_and_reasons(orders: Path, tmp_path: Path) -> None:
    out, model = tmp_path / "churn.csv", tmp_path / "model.json"
    summary = json.loads(
        run(
            "predict",
            orders,
            "--as-of",
            AS_OF.isoformat(),
            "--horizon",
            "30",
            "--out",
            out,
            "--model-out",
            model,
            "--json",
        )
    )
    scores = pl.read_csv(out)
    assert scores.columns == ["customer_id", "churn_prob", "reason_1", "reason_2", "reason_3"]
    known = shop_lines(60).filter(pl.col("purchase_date") <= AS_OF)["customer_id"].unique().sort()
    assert scores["customer_id"].to_list() == known.to_list()
    assert scores["churn_prob"].is_between(0, 1).all()
    assert summary["expected_to_leave"] == pytest.approx(scores["churn_prob"].sum(), abs=0.1)
    assert summary["learnt_from"][0] == (AS_OF - timedelta(days=30)).isoformat()
    assert json.loads(model.read_bytes())["model"]["card"]["as_of"] == AS_OF.isoformat()


def test_a_kept_model_scores_as_when_it_was_trained_and_no_other_horizon_nor_an_earlier_day(
    orders: Path, tmp_path: Path
) -> None:
    out, again, model = tmp_path / "churn.csv", tmp_path / "again.csv", tmp_path / "model.json"
    asked = ("predict", orders, "--as-of", AS_OF.isoformat())
    run(*asked, "--horizon", "30", "--out", out, "--model-out", model)
    summary = json.loads(run(*asked, "--horizon", "30", "--out", again, "--model", model, "--json"))
    assert again.read_bytes() == out.read_bytes()
    assert {"reading_seconds", "training_seconds", "scoring_seconds"} <= summary.keys()
    with pytest.raises(CommandError, match="30 days of silence, not of 60 days"):
        run(*asked, "--horizon", "60", "--out", again, "--model", model)
    day = (AS_OF - timedelta(days=1)).isoformat()
    with pytest.raises(CommandError, match="it knows too much"):
        run("predict", orders, "--as-of", day, "--horizon", "30", "--out", again, "--model", model)


def test_a_short_history_is_scored_by_the_purchase_model_and_says_so(orders: Path, tmp_path: Path) -> None:
    day = FIRST + timedelta(days=40)
    told = run("predict", orders, "--as-of", day.isoformat(), "--out", tmp_path / "churn.parquet")
    assert "too short to learn from" in told
    assert pl.read_parquet(tmp_path / "churn.parquet")["churn_prob"].is_between(0, 1).all()


def test_a_backtest_is_json_that_a_program_can_read(orders: Path) -> None:
    told = json.loads(run("backtest", orders, "--horizon", "30", "--dates", "1"))
    assert told["dates"][0]["as_of"] == (shop_lines(60)["purchase_date"].max() - timedelta(days=30)).isoformat()  # type: ignore[operator, union-attr]
    assert {"auc", "brier", "ece", "top_decile_lift", "groups", "calibration"} <= told["dates"][0].keys()


def test_a_table_is_learnt_from_and_another_scored_by_its_model(tmp_path: Path) -> None:
    table, model, out = tmp_path / "contracts.csv", tmp_path / "model.json", tmp_path / "scores.csv"
    TABLE.write_csv(table)
    trained = json.loads(run("train", table, "--label", "churn", "--drop", "seen", "--model", model, "--json"))
    assert trained["metrics"]["auc"] > 0.7
    TABLE.drop("churn", "seen").write_csv(table)
    run("score", table, "--model", model, "--out", out)
    scores = pl.read_csv(out)
    assert scores["customer"].to_list() == TABLE["customer"].to_list()
    riskiest = scores.sort("churn_prob").tail(1).row(0, named=True)
    assert "contract: monthly" in (riskiest["reason_1"], riskiest["reason_2"])


def test_what_cannot_be_done_is_said_in_one_line(orders: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(CommandError, match="is no file"):
        run("predict", tmp_path / "none.csv", "--out", out)
    with pytest.raises(CommandError, match="has no purchase up to 1999-01-01"):
        run("predict", orders, "--as-of", "1999-01-01", "--out", out)
    with pytest.raises(CommandError, match="shorter --horizon"):
        run("backtest", orders, "--horizon", "300")
    with pytest.raises(CommandError, match="no column 'gone'"):
        run("train", orders, "--label", "gone", "--model", tmp_path / "m.json")
    with pytest.raises(CommandError, match="no model file"):
        run("score", orders, "--model", orders, "--out", out)
    assert not out.exists()


def test_a_leaking_column_stops_the_training(tmp_path: Path) -> None:
    table = tmp_path / "contracts.csv"
    TABLE.with_columns(last_invoice=pl.when(pl.col("churn") == "Yes").then(pl.lit("final"))).write_csv(table)
    with pytest.raises(CommandError, match="'last_invoice' tells by itself who left"):
        run("train", table, "--label", "churn", "--drop", "seen", "--model", tmp_path / "model.json")
    assert not (tmp_path / "model.json").exists()
