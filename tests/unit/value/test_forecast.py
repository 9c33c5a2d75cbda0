"""The forecast: learnt from the past alone, right in total, better than chance, and never from too little."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.value.base_model import CHOICES, choose_base, fit_base, outcomes
from crm_platform.value.design import bins_of
from crm_platform.value.features import features_as_of
from crm_platform.value.forecast import ForecastError, forecast, forecast_from, history_until
from crm_platform.value.intervals import COVERED, spread_of
from crm_platform.value.level import STEADY, expected_level, ratio
from crm_platform.value.snapshots import YEAR_DAYS, plan_snapshots
from tests.unit.value.purchases import FIRST_DAY, order_lines_of

AS_OF = FIRST_DAY + timedelta(days=380)
LINES = order_lines_of(600, seed=5)
MADE = forecast(LINES, AS_OF, 60)


def test_nothing_after_as_of_moves_the_forecast() -> None:
    future = LINES.filter(pl.col("purchase_date") > AS_OF).with_columns(amount=pl.lit(1e9))
    poisoned = pl.concat([future, future, LINES.filter(pl.col("purchase_date") <= AS_OF)])
    assert_frame_equal(forecast(poisoned, AS_OF, 60).customers, MADE.customers, check_exact=True)


def test_horizons_that_share_a_history_are_forecast_as_each_alone() -> None:
    history = history_until(LINES, AS_OF)
    forecast_from(history, AS_OF, 90)
    assert_frame_equal(forecast_from(history, AS_OF, 60).customers, MADE.customers, check_exact=True)


def test_bins_hold_as_many_customers_each_and_leave_what_is_not_known() -> None:
    figures = np.column_stack([np.arange(12_800.0), np.full(12_800, np.nan), np.zeros(12_800)])
    figures[5, 0] = np.nan
    binned = bins_of(figures).apply(figures)
    assert np.isnan(binned[5, 0]) and np.isfinite(binned[:, 1:]).all()
    _, sizes = np.unique(binned[np.isfinite(binned[:, 0]), 0], return_counts=True)
    assert len(sizes) == 128 and sizes.min() >= 98 and sizes.max() <= 102


def test_a_customer_is_expected_to_buy_what_everybody_and_the_own_cohort_say_on_average() -> None:
    lines = order_lines_of(1_200, seed=8)
    features = features_as_of(lines, AS_OF)
    both, everybody = (fit_base(features, choice).expect(60) for choice in (CHOICES[0], CHOICES[2]))
    age = features["tenure_days"].to_numpy()
    oldest = age >= np.quantile(age, 2 / 3)
    own = fit_base(features.filter(pl.Series(oldest)), CHOICES[2]).expect(60)
    assert both.purchases[oldest] == pytest.approx((everybody.purchases[oldest] + own.purchases) / 2)
    assert both.no_purchase[oldest] == pytest.approx((everybody.no_purchase[oldest] + own.no_purchase) / 2)


def test_every_customer_with_a_purchase_is_forecast_once_and_can_be_told_apart() -> None:
    bought = LINES.filter((pl.col("purchase_date") <= AS_OF) & (pl.col("amount") > 0))
    assert MADE.customers["customer_id"].to_list() == sorted(set(bought["customer_id"]))
    purchases, spend = outcomes(MADE.customers, LINES, AS_OF, 60)
    expected = MADE.customers["expected_spend"].to_numpy()
    top = np.argsort(-expected)[: len(expected) // 10]
    assert spend[top].sum() > 2 * spend.sum() / 10
    silent = MADE.customers["p_no_purchase"].to_numpy()
    assert silent[purchases == 0].mean() > silent[purchases > 0].mean() + 0.1


def test_expectations_lie_within_intervals_that_cover_most_customers() -> None:
    customers = MADE.customers
    assert (customers["expected_purchases_low"] <= customers["expected_purchases_high"]).all()
    purchases, spend = outcomes(customers, LINES, AS_OF, 60)
    for name, actual in (("expected_purchases", purchases), ("expected_spend", spend)):
        low, high = (customers[f"{name}_{end}"].to_numpy() for end in ("low", "high"))
        assert ((actual >= low) & (actual <= high)).mean() > COVERED - 0.1


def test_who_cannot_be_forecast_is_said() -> None:
    with pytest.raises(ForecastError, match="Nobody has bought"):
        forecast(LINES, FIRST_DAY - timedelta(days=1), 60)
    with pytest.raises(ForecastError, match="horizon"):
        forecast(LINES, AS_OF, 0)


def test_customers_of_one_purchase_each_are_forecast() -> None:
    lines = LINES.unique("customer_id", keep="first", maintain_order=True).with_columns(pl.col("amount").abs())
    made = forecast(lines, AS_OF, 60).customers
    assert made["expected_purchases"].is_finite().all()
    assert made["p_no_purchase"].is_between(0, 1).all()


@given(st.integers(0, 3000), st.integers(1, 400))
def test_the_horizon_of_every_snapshot_has_ended_by_as_of(history: int, horizon: int) -> None:
    as_of = date(2024, 6, 30)
    first = as_of - timedelta(days=history)
    plan = plan_snapshots(first, as_of, horizon)
    assert plan.horizon <= horizon
    assert all(first < day <= as_of - timedelta(days=plan.horizon) for day in plan.dates)
    assert list(plan.dates) == sorted(set(plan.dates), reverse=True)


def test_the_date_a_year_ago_is_learnt_from_where_there_is_history() -> None:
    as_of = date(2024, 6, 30)
    year_ago = as_of - timedelta(days=YEAR_DAYS)
    assert year_ago in plan_snapshots(date(2022, 1, 1), as_of, 90).dates
    assert year_ago not in plan_snapshots(date(2023, 6, 1), as_of, 90).dates


def test_the_level_is_that_of_a_year_ago_or_else_of_late() -> None:
    as_of = date(2024, 6, 30)
    newest, older = as_of - timedelta(days=90), as_of - timedelta(days=180)
    assert expected_level(as_of, [], [], 90, 90) == 1.0
    assert expected_level(as_of, [newest, as_of - timedelta(days=YEAR_DAYS)], [0.8, 1.5], 90, 90) == 1.5
    assert expected_level(as_of, [newest, older], [2.0, 1.0], 90, 90) == pytest.approx(
        2.0 ** (2 / 3 * 2 / (2 + STEADY))
    )
    assert expected_level(as_of, [newest], [2.0], 90, 180) == pytest.approx(2.0 ** (1 / (1 + STEADY) * 1 / 2))


def test_one_customer_out_of_all_proportion_does_not_make_the_level() -> None:
    expected = np.linspace(1.0, 50.0, 200)
    actual = 1.2 * expected
    assert ratio(actual, expected) == pytest.approx(1.2)
    actual[7] = expected[8] = 1e7
    assert ratio(actual, expected) == pytest.approx(1.2, rel=0.01)
    assert ratio(np.zeros(200), expected) == 1.0


def test_another_base_takes_over_only_where_it_is_clearly_better() -> None:
    features = features_as_of(LINES, AS_OF)
    expected = {choice: fit_base(features, choice).expect(60).purchases for choice in CHOICES}
    for choice in CHOICES[:2]:
        assert choose_base(expected.__getitem__, expected[choice]) == choice
    assert choose_base(expected.__getitem__, np.zeros(features.height)) == CHOICES[0]


def test_intervals_hold_the_share_of_customers_that_they_claim() -> None:
    draws = np.random.default_rng(1)
    expected = draws.gamma(1.0, 2.0, 40_000) + 0.01
    actual = draws.poisson(expected).astype(float)
    low, high = spread_of(expected[::2], actual[::2]).bounds(expected[1::2])
    assert ((actual[1::2] >= low) & (actual[1::2] <= high)).mean() == pytest.approx(0.9, abs=0.1)
