"""Backtests, successors, drift, figures and the registry's tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss as oracle_log_loss
from sklearn.metrics import roc_auc_score

from crm_platform.churn.backtest import BacktestDate, TooLittleHistory, run_backtest
from crm_platform.churn.calibration import calibrate, probability
from crm_platform.churn.contracts import CHURN_BACKTEST, CHURN_DECISION, CHURN_DRIFT, CHURN_MODEL
from crm_platform.churn.drift import SCORE, drift_of
from crm_platform.churn.families import EventFamily, family_features, with_families
from crm_platform.churn.leaving import FallingSilent
from crm_platform.churn.life import FIRST, TOO_YOUNG, MonthOfLife, live_month
from crm_platform.churn.metrics import area_under_curve, measure, paired_auc_difference
from crm_platform.churn.model import SILENCE
from crm_platform.churn.registry import backtest_rows, decision_rows, drift_rows, model_rows
from crm_platform.churn.succession import compare_models
from crm_platform.warehouse.audit import audit_files
from crm_platform.warehouse.contract import Contract
from tests.unit.churn.orders import LAST
from tests.unit.churn.test_training import AS_OF, LINES, NOW
from tests.unit.churn.test_training import MODEL as FITTED
from tests.unit.scv.company import engine_on

DICE = np.random.default_rng(7)
TRUE_CHANCES = DICE.uniform(0.05, 0.95, 4_000)
LEFT = (DICE.uniform(size=4_000) < TRUE_CHANCES).astype(np.float64)
NOISY = probability(np.log(TRUE_CHANCES / (1 - TRUE_CHANCES)) + DICE.normal(0, 2, 4_000))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2, max_size=60
    ).filter(lambda rows: len({left for _, left in rows}) == 2)
)  # fmt: skip
def test_auc_and_log_loss_are_those_of_the_oracle_ties_included(rows: list[tuple[float, bool]]) -> None:
    predicted, left = np.array([chance for chance, _ in rows]), np.array([float(left) for _, left in rows])
    assert area_under_curve(predicted, left) == pytest.approx(roc_auc_score(left, predicted))
    assert measure(predicted, left).log_loss == pytest.approx(oracle_log_loss(left, predicted))


def test_a_perfectly_calibrated_prediction_has_next_to_no_calibration_error_and_the_right_total() -> None:
    metrics = measure(TRUE_CHANCES, LEFT)
    assert metrics.ece < 0.025
    assert metrics.total_error is not None and abs(metrics.total_error) < 0.03


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_figures_of_one_kind_of_customer_have_no_auc(outcome: float) -> None:
    metrics = measure(np.array([0.2, 0.7]), np.array([outcome, outcome]))
    assert metrics.auc is None


def test_calibration_finds_the_slope_and_offset_that_spoilt_the_log_odds() -> None:
    spoilt = (np.log(TRUE_CHANCES / (1 - TRUE_CHANCES)) - 0.7) / 1.8
    found = calibrate(spoilt, LEFT)
    assert found.slope == pytest.approx(1.8, abs=0.15)
    assert found.offset == pytest.approx(0.7, abs=0.1)
    assert probability(found.applied(spoilt)).sum() == pytest.approx(LEFT.sum(), rel=1e-3)


def test_the_slope_is_that_within_periods_and_the_total_that_of_all() -> None:
    """Of two seasons mixed, each well told by itself, the slope looked too flat, and chances were drawn together."""
    log_odds, period = np.log(TRUE_CHANCES / (1 - TRUE_CHANCES)), np.arange(len(LEFT)) % 2
    left = (np.random.default_rng(3).random(len(LEFT)) < probability(log_odds + np.where(period, 2.0, -2.0))).astype(
        np.float64
    )
    within = calibrate(log_odds, left, period)
    assert within.slope == pytest.approx(1.0, abs=0.12)
    assert calibrate(log_odds, left).slope < within.slope - 0.1
    assert probability(within.applied(log_odds)).sum() == pytest.approx(left.sum(), rel=1e-2)


def test_the_interval_of_a_models_difference_from_itself_is_nothing() -> None:
    interval = paired_auc_difference(NOISY, NOISY, LEFT, seed=1, draws=20)
    assert (interval.value, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_a_better_challenger_takes_over_and_one_that_is_better_by_chance_does_not() -> None:
    assert compare_models(NOISY, TRUE_CHANCES, LEFT, seed=1).is_replaced
    assert not compare_models(TRUE_CHANCES, NOISY, LEFT, seed=1).is_replaced
    hardly = compare_models(TRUE_CHANCES, TRUE_CHANCES + DICE.normal(0, 0.001, 4_000), LEFT, seed=1)
    assert not hardly.is_replaced and "chance" in hardly.reason


def test_a_challenger_that_ranks_better_but_is_not_calibrated_does_not_take_over() -> None:
    inflated = probability(np.log(TRUE_CHANCES / (1 - TRUE_CHANCES)) * 3.0)
    calm = calibrate(np.log(NOISY / (1 - NOISY)), LEFT)
    champion = probability(calm.applied(np.log(NOISY / (1 - NOISY))))
    verdict = compare_models(champion, inflated, LEFT, seed=1)
    assert not verdict.is_replaced and "Calibration" in verdict.reason


def test_a_challenger_that_ranks_better_but_is_further_off_in_total_does_not_take_over() -> None:
    wavy = np.clip(NOISY, 0.02, 0.98)
    champion = np.clip(wavy * LEFT.sum() / wavy.sum(), 0.0, 0.999)
    verdict = compare_models(champion, TRUE_CHANCES * 0.97, LEFT, seed=1)
    assert not verdict.is_replaced and "total" in verdict.reason


def test_customers_like_those_of_the_training_have_not_drifted_and_others_have() -> None:
    verdicts = dict(drift_of(FITTED, NOW.rows).select("column_name", "stability_index").iter_rows())
    assert verdicts["spend_mean"] < 0.25
    others = NOW.rows.with_columns(pl.col("spend_mean") * 3, pl.col(SILENCE) + 2, recency_days=pl.lit(400))
    doubled = drift_of(FITTED, others)
    verdicts = dict(doubled.select("column_name", "verdict").iter_rows())
    assert verdicts["spend_mean"] == verdicts["recency_days"] == verdicts[SCORE] == "far"


@pytest.fixture(scope="module")
def results() -> list[BacktestDate]:
    return run_backtest(FallingSilent(LINES), 30, LAST, number_of_dates=3)


def test_a_backtest_says_of_each_date_what_was_said_then(results: list[BacktestDate]) -> None:
    assert [result.as_of for result in results] == [LAST - timedelta(days=days) for days in (90, 60, 30)]
    assert results[0].metrics.predicted_share == pytest.approx(float(FITTED.probabilities(NOW.rows).mean()))
    for groups in results[0].groups.values():
        assert sum(metrics.customers for metrics in groups.values()) == results[0].metrics.customers
    with pytest.raises(TooLittleHistory, match="--horizon"):
        run_backtest(FallingSilent(LINES), 300, LAST)


@pytest.fixture(scope="module")
def first_month() -> MonthOfLife:
    return live_month(FallingSilent(LINES), AS_OF, 30, champion=None)


def test_the_registrys_rows_keep_their_contracts(first_month: MonthOfLife, tmp_path: Path) -> None:
    engine = engine_on(tmp_path / "lake")
    tables: list[tuple[Contract, pl.DataFrame]] = [
        (CHURN_MODEL, model_rows(first_month, "silence", datetime(2025, 3, 1, tzinfo=UTC))),
        (CHURN_DECISION, decision_rows(first_month, "silence", champion_digest=None)),
        (CHURN_BACKTEST, backtest_rows(first_month, "silence")),
        (CHURN_DRIFT, drift_rows(first_month, "silence")),
    ]
    for contract, rows in tables:
        file = tmp_path / f"{contract.table}.parquet"
        rows.write_parquet(file)
        assert rows.height and audit_files([file], contract, engine).failures == ()


def test_the_first_model_scores_and_one_too_young_to_be_tested_stays(first_month: MonthOfLife) -> None:
    assert (first_month.reason, first_month.in_force) == (FIRST, first_month.trained)
    soon = live_month(FallingSilent(LINES), AS_OF + timedelta(days=20), 30, champion=first_month.in_force)
    assert (soon.is_replaced, soon.reason) == (False, TOO_YOUNG)
    assert soon.in_force.terms == first_month.trained.terms


def test_a_model_in_use_is_compared_on_a_window_that_neither_saw_and_keeps_its_terms_where_it_stays(
    first_month: MonthOfLife,
) -> None:
    later = live_month(FallingSilent(LINES), AS_OF + timedelta(days=60), 30, champion=first_month.in_force)
    assert later.comparison is not None and later.held_back == AS_OF + timedelta(days=30)
    assert later.comparison.champion.customers == later.comparison.challenger.customers
    if not later.is_replaced:
        assert later.in_force.terms == first_month.trained.terms
        assert later.in_force.calibration != first_month.trained.calibration


def test_a_model_that_ranks_at_random_is_replaced_by_one_that_has_learnt(first_month: MonthOfLife) -> None:
    trained = first_month.trained
    silly = replace(
        trained,
        terms=tuple(
            replace(term, table=tuple(-each for each in term.table), coefficients=tuple(-e for e in term.coefficients))
            for term in trained.terms
        ),
    )
    later = live_month(FallingSilent(LINES), AS_OF + timedelta(days=60), 30, champion=silly)
    assert later.is_replaced and later.in_force == later.trained
    assert later.comparison is not None and later.comparison.auc_gain is not None
    assert later.comparison.auc_gain.low > 0


def test_an_event_counts_from_the_day_it_was_known() -> None:
    happened, known = AS_OF - timedelta(days=40), AS_OF + timedelta(days=1)
    complaints = EventFamily(
        "complaints",
        "complaints",
        pl.LazyFrame(
            {"customer_id": ["C0001", "C0001"], "event_date": [happened, happened], "known_date": [happened, known]}
        ),
    )
    before = family_features(complaints, AS_OF).row(0, named=True)
    assert (before["complaints_30d"], before["complaints_90d"], before["complaints_days_since"]) == (0, 1, 40)
    assert family_features(complaints, known).row(0, named=True)["complaints_90d"] == 2
    features = with_families(NOW.rows.select("customer_id"), [complaints], AS_OF)
    nobody = features.filter(pl.col("customer_id") != "C0001")
    assert nobody["complaints_90d"].sum() == 0 and nobody["complaints_days_since"].null_count() == nobody.height
