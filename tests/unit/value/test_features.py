"""Features as of a date: right by hand, the same whatever comes later and in whatever order rows stand."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.value.features import features_as_of, purchases_between
from crm_platform.value.insight import insight_as_of
from tests.unit.value.purchases import FIRST_DAY, order_lines_of

AS_OF = date(2024, 2, 1)


def lines(*rows: tuple[str, date, float]) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows, schema={"customer_id": pl.String, "purchase_date": pl.Date, "amount": pl.Float64}, orient="row"
    )
    return frame.with_columns(purchase_hour=pl.lit(None, dtype=pl.Int8))


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def test_figures_of_a_customer_are_those_counted_by_hand() -> None:
    features = features_as_of(
        lines(
            ("a", ago(100), 10.0), ("a", ago(100), 5.0), ("a", ago(40), 30.0), ("a", ago(10), 15.0), ("a", ago(5), -8.0)
        ),
        AS_OF,
    )
    [row] = features.to_dicts()
    expected = {
        "number_of_purchases": 3, "recency_days": 10, "tenure_days": 100, "active_days": 90, "gap_mean": 45.0,
        "last_gap": 30.0, "spend_total": 60.0, "spend_mean": 20.0, "spend_max": 30.0, "spend_last": 15.0,
        "purchases_30d": 1, "spend_30d": 15.0, "purchases_90d": 2, "purchases_90d_before": 1, "spend_90d_before": 15.0,
        "returned_total": 8.0, "number_of_returns": 1, "returned_90d": 8.0, "lines_mean": 4 / 3,
        "overdue": 10 / 45,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_a_return_makes_no_customer_no_purchase_and_takes_none_away() -> None:
    rows = lines(("only", ago(3), -5.0), ("both", ago(9), 20.0), ("both", ago(9), -20.0), ("both", ago(2), -1.0))
    features = features_as_of(rows, AS_OF)
    assert features["customer_id"].to_list() == ["both"]
    assert features["number_of_purchases"].to_list() == [1]
    assert features["recency_days"].to_list() == [9]
    assert features["spend_total"].to_list() == [20.0]
    assert purchases_between(rows, ago(10), 10)["purchases"].to_list() == [1]


def test_the_window_of_a_year_ago_is_the_one_that_followed_then() -> None:
    rows = lines(("a", ago(400), 1.0), ("a", ago(364), 2.0), ("a", ago(335), 4.0), ("a", ago(334), 8.0))
    [row] = features_as_of(rows, AS_OF).to_dicts()
    assert row["spend_next_30d_last_year"] == 6.0
    assert row["purchases_next_90d_last_year"] == 3


def test_the_windows_of_label_and_features_do_not_overlap() -> None:
    rows = lines(("a", AS_OF, 1.0), ("a", AS_OF + timedelta(days=1), 2.0), ("a", AS_OF + timedelta(days=30), 4.0),
                 ("a", AS_OF + timedelta(days=31), 8.0))  # fmt: skip
    assert features_as_of(rows, AS_OF)["spend_total"].to_list() == [1.0]
    assert purchases_between(rows, AS_OF, 30)["spend"].to_list() == [6.0]


@given(st.integers(0, 10_000), st.integers(30, 480), st.sampled_from(["changed", "dropped", "doubled"]))
@settings(max_examples=25)
def test_nothing_after_as_of_moves_a_figure(seed: int, days: int, poison: str) -> None:
    orders = order_lines_of(40, seed=seed)
    as_of = FIRST_DAY + timedelta(days=days)
    past, future = orders.filter(pl.col("purchase_date") <= as_of), orders.filter(pl.col("purchase_date") > as_of)
    poisoned = {
        "changed": future.with_columns(
            amount=pl.lit(1e9), product_id=pl.lit("poison"), purchase_hour=pl.lit(3, dtype=pl.Int8)
        ),
        "dropped": future.clear(),
        "doubled": pl.concat([future, future]),
    }[poison]
    other = pl.concat([poisoned, past]).sample(fraction=1.0, shuffle=True, seed=seed)
    features, others = features_as_of(orders, as_of), features_as_of(other, as_of)
    assert_frame_equal(features, others)
    assert_frame_equal(insight_as_of(orders, features, as_of), insight_as_of(other, others, as_of))


def test_optional_columns_that_are_not_there_are_null_and_the_rest_is_the_same() -> None:
    orders = order_lines_of(30)
    bare = orders.select("customer_id", "purchase_date", "purchase_hour", "amount")
    features, others = features_as_of(orders, AS_OF), features_as_of(bare, AS_OF)
    assert others.columns == features.columns
    assert others["units_mean"].null_count() == others["discount_share"].null_count() == others.height
    assert_frame_equal(features.drop("units_mean", "discount_share"), others.drop("units_mean", "discount_share"))
