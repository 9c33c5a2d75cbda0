"""Tables of contracts: what leaks is refused, what is odd is read, and what cannot be is said."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crm_platform.churn.labelled_tables import (
    TableError,
    TableForm,
    TrainedTable,
    identifier_of,
    read_table,
    score_rows,
    train_on_table,
)
from crm_platform.churn.leakage import LeakError
from crm_platform.churn.store import model_bytes


def contracts(number: int = 600) -> pl.DataFrame:
    """Contracts as texts: monthly ones and young ones end more often."""
    dice = np.random.default_rng(2)
    months, is_monthly = dice.integers(1, 72, number), dice.uniform(size=number) < 0.5
    left = dice.uniform(size=number) < 0.05 + 0.4 * is_monthly + 0.2 * (months < 12)
    day = date(2024, 1, 1)
    return pl.DataFrame(
        {
            "customer": [f"A{place}" for place in range(number)],
            "months": [str(month) for month in months],
            "contract": ["monthly" if monthly else "two years" for monthly in is_monthly],
            "price": [f"{price:.2f}" for price in dice.normal(50, 10, number)],
            "seen": [(day + timedelta(days=int(days))).isoformat() for days in dice.integers(0, 300, number)],
            "churn": ["Yes" if gone else "No" for gone in left],
        }
    )


TABLE = contracts()
FORM = TableForm("churn", dropped=["seen"])
HAS_LEFT = TABLE["churn"] == "Yes"


def verdicts(trained: TrainedTable) -> dict[str, str]:
    return {finding.column: finding.verdict for finding in trained.findings}


def test_who_has_a_monthly_contract_is_told_from_who_has_a_long_one_in_any_order_of_rows() -> None:
    trained = train_on_table(TABLE, FORM)
    assert trained.metrics.auc is not None and trained.metrics.auc > 0.7
    assert verdicts(trained) == {"customer": "left out"}
    shuffled = train_on_table(TABLE.sample(fraction=1.0, shuffle=True, seed=4), FORM)
    assert model_bytes(shuffled.model) == model_bytes(trained.model)
    chances = trained.model.probabilities(score_rows(TABLE, trained.model))
    assert chances.sum() == pytest.approx(HAS_LEFT.sum(), rel=0.03)
    assert identifier_of(TABLE, trained.model).name == "customer"


@pytest.mark.parametrize(
    ("name", "of_leavers", "of_the_others"),
    [("days_served", "0", None), ("reason", "price", "-"), ("final_bill", "12.5", "0")],
)
def test_a_column_that_is_known_only_afterwards_is_refused_until_it_is_dropped(
    name: str, of_leavers: str, of_the_others: str | None
) -> None:
    leaky = TABLE.with_columns(pl.when(HAS_LEFT).then(pl.lit(of_leavers)).otherwise(pl.lit(of_the_others)).alias(name))
    with pytest.raises(LeakError, match=f"'{name}' tells by itself who left"):
        train_on_table(leaky, FORM)
    assert train_on_table(leaky, TableForm("churn", dropped=["seen", name])).metrics.auc is not None
    kept = train_on_table(leaky, TableForm("churn", dropped=["seen"], kept=[name]))
    assert name in {term.column.name for term in kept.model.terms}


def test_dates_after_the_rows_own_are_refused_and_others_are_left_out() -> None:
    day = pl.col("seen").str.to_date()
    dated = TABLE.with_columns(
        since=(day - pl.duration(days=90)).cast(pl.String),
        ended=pl.when(HAS_LEFT).then(day + pl.duration(days=20)).cast(pl.String),
    )
    with pytest.raises(LeakError, match="'ended' holds dates after the row's own"):
        train_on_table(dated, TableForm("churn", time="seen"))
    trained = train_on_table(dated, TableForm("churn", time="seen", dropped=["ended"]))
    assert verdicts(trained)["since"] == "left out"
    assert trained.tested_on.startswith("rows after 2024-")


def test_a_name_that_speaks_of_the_end_is_warned_of() -> None:
    named = TABLE.with_columns(RemainingMonths=pl.col("months"))
    assert verdicts(train_on_table(named, FORM))["RemainingMonths"] == "warned of"


def test_a_value_never_seen_before_and_a_missing_one_are_scored() -> None:
    model = train_on_table(TABLE, FORM).model
    odd = TABLE.head(3).with_columns(
        contract=pl.Series(["lifelong", None, "monthly"]), months=pl.Series(["9999", None, "many"])
    )
    chances = model.probabilities(score_rows(odd, model))
    assert np.all((chances > 0) & (chances < 1))
    with pytest.raises(TableError, match="no column 'contract'"):
        score_rows(TABLE.drop("contract"), model)


@pytest.mark.parametrize(
    ("labels", "left_value", "message"),
    [
        (["Yes"] * 600, None, "has 1 values"),
        (["a", "b", "c"] * 200, None, "has 3 values"),
        (["gold", "lead"] * 300, None, "--left"),
        (["gold", "lead"] * 300, "iron", "never 'iron'"),
    ],
)
def test_a_label_that_does_not_say_who_left_is_refused(labels: list[str], left_value: str | None, message: str) -> None:
    with pytest.raises(TableError, match=message):
        train_on_table(TABLE.with_columns(churn=pl.Series(labels)), TableForm("churn", left_value, dropped=["seen"]))


def test_labels_in_other_words_and_rows_without_one_are_read() -> None:
    exited = pl.when(HAS_LEFT).then(pl.lit("Exited")).otherwise(pl.lit("Existing"))
    trained = train_on_table(TABLE.with_columns(churn=exited), FORM)
    assert trained.model.card.left_share == pytest.approx(float(HAS_LEFT.mean() or 0))  # type: ignore[arg-type]
    unknown = TABLE.with_columns(churn=pl.when(pl.int_range(pl.len()) >= 100).then("churn"))
    assert train_on_table(unknown, FORM).number_of_unlabelled == 100


def test_a_column_of_a_name_that_the_fit_uses_is_told() -> None:
    with pytest.raises(TableError, match="'fold' is one of ours"):
        train_on_table(TABLE.with_columns(fold=pl.lit("a")), FORM)


def test_where_nobody_to_speak_of_left_nothing_is_learnt() -> None:
    labels = pl.Series(["Yes"] * 3 + ["No"] * 597)
    assert train_on_table(TABLE.with_columns(churn=labels), FORM).model.terms == ()


def test_a_table_with_semicolons_and_decimal_commas_is_read(tmp_path: Path) -> None:
    file = tmp_path / "contracts.csv"
    TABLE.with_columns(pl.col("price").str.replace(".", ",", literal=True)).write_csv(file, separator=";")
    trained = train_on_table(read_table(file, tmp_path), FORM)
    assert model_bytes(trained.model) == model_bytes(train_on_table(TABLE, FORM).model)
    with pytest.raises(TableError, match="is no file"):
        read_table(tmp_path / "none.csv", tmp_path)
