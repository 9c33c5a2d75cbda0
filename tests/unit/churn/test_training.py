"""Models of silence: honest by construction, the same for the same input, and usable on next to nothing."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.churn.families import FAMILIES, EventFamily
from crm_platform.churn.labels import LabelNotMatured, ended_labels, silence_labels
from crm_platform.churn.metrics import measure
from crm_platform.churn.reasons import purchase_topics, reasons_of
from crm_platform.churn.snapshots import (
    labelled_silence,
    labelled_snapshot,
    snapshot_as_of,
    some_of,
    training_dates,
)
from crm_platform.churn.store import model_bytes
from crm_platform.churn.terms import design_of, unseen_contributions
from crm_platform.churn.training import fit_silence_model, stacked
from tests.unit.churn.orders import FIRST, LAST, shop_lines

AS_OF = LAST - timedelta(days=90)
LINES = shop_lines()
MODEL, NOW = fit_silence_model(LINES, AS_OF, 30)


def lines_of(*purchases: tuple[str, date, float]) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "purchase_date": pl.Date, "amount": pl.Float64}
    return pl.DataFrame(list(purchases), schema=schema, orient="row").with_columns(
        purchase_hour=pl.lit(None, dtype=pl.Int8)
    )


@settings(max_examples=3)
@given(seed=st.integers(0, 2**31), factor=st.floats(-50, 50, allow_nan=False))
def test_what_happens_after_the_date_moves_neither_features_nor_scores_nor_a_byte_of_the_model(
    seed: int, factor: float
) -> None:
    future = LINES.filter(pl.col("purchase_date") > AS_OF)
    poisoned = future.with_columns(
        pl.col("amount") * factor, pl.col("customer_id").shuffle(seed), pl.col("purchase_date").shuffle(seed + 1)
    ).sample(fraction=0.5, seed=seed)
    lines = pl.concat([LINES.filter(pl.col("purchase_date") <= AS_OF), poisoned]).sample(
        fraction=1.0, shuffle=True, seed=seed
    )
    model, now = fit_silence_model(lines, AS_OF, 30)
    assert now.rows.equals(NOW.rows)
    assert model.probabilities(now.rows).tobytes() == MODEL.probabilities(NOW.rows).tobytes()
    assert model_bytes(model) == model_bytes(MODEL)


def test_snapshots_are_dates_whose_window_had_passed() -> None:
    dates = training_dates(FIRST, AS_OF, 90)
    assert dates == sorted(dates, reverse=True)
    assert all(day + timedelta(days=90) <= AS_OF and (day - FIRST).days >= 60 for day in dates)
    assert training_dates(FIRST, FIRST + timedelta(days=100), 90) == []


def test_a_label_asked_for_before_its_window_has_passed_is_an_error_and_no_zero() -> None:
    customers = LINES["customer_id"].unique()
    with pytest.raises(LabelNotMatured, match="is known from"):
        silence_labels(LINES, customers, LAST, 1, known_until=LAST)
    with pytest.raises(LabelNotMatured):
        labelled_snapshot(LINES, LAST - timedelta(days=29), 30, known_until=LAST)
    assert silence_labels(LINES, customers, LAST - timedelta(days=30), 30, known_until=LAST).null_count() == 0


def test_silence_is_no_purchase_in_the_days_after_and_up_to_the_end() -> None:
    day = date(2024, 5, 1)
    purchases = {"on the day": 0, "next day": 1, "last day": 30, "day after": 31}
    lines = lines_of(
        *((name, day + timedelta(days=days), 5.0) for name, days in purchases.items()),
        ("return only", day + timedelta(days=3), -5.0),
    )
    customers = pl.Series("customer_id", [*purchases, "return only"])
    labels = silence_labels(lines, customers, day, 30, known_until=date(2024, 12, 31))
    assert labels.to_list() == [True, False, False, True, True]


def test_only_who_is_under_contract_can_leave_it_and_a_renewal_is_none() -> None:
    day = date(2024, 5, 1)
    early, late = date(2023, 1, 1), date(2024, 5, 20)
    periods = pl.DataFrame(
        [("stays", early, None), ("leaves", early, late), ("had left", early, date(2024, 4, 1)), ("begins", late, None),
         ("renews", early, late), ("renews", late, None), ("ends on the day", early, day)],
        schema={"customer_id": pl.String, "started_date": pl.Date, "ended_date": pl.Date}, orient="row",
    )  # fmt: skip
    labels = ended_labels(periods, day, 30, known_until=date(2024, 12, 31))
    assert dict(labels.iter_rows()) == {"stays": False, "leaves": True, "renews": False}
    with pytest.raises(LabelNotMatured):
        ended_labels(periods, day, 30, known_until=date(2024, 5, 30))


def test_chances_rank_and_add_up_on_a_period_that_the_model_has_not_seen() -> None:
    lines = shop_lines(1_500, seed=5)
    model, now = fit_silence_model(lines, AS_OF, 30)
    left = labelled_snapshot(lines, AS_OF, 30, LAST).rows["has_left"].cast(pl.Float64).to_numpy()
    metrics = measure(model.probabilities(now.rows), left)
    assert metrics.auc is not None and metrics.auc > 0.8
    assert metrics.ece < 0.05
    assert metrics.total_error is not None and abs(metrics.total_error) < 0.06


def test_of_many_customers_others_are_looked_at_on_each_date_and_the_model_is_nearly_as_good() -> None:
    lines = shop_lines(1_500, seed=5)
    thin, now = fit_silence_model(lines, AS_OF, 30, most_rows=3_000)
    assert 1_500 < thin.card.number_of_rows <= 3_000 + len(thin.card.snapshots)
    left = labelled_snapshot(lines, AS_OF, 30, LAST).rows["has_left"].cast(pl.Float64).to_numpy()
    auc = measure(thin.probabilities(now.rows), left).auc
    assert auc is not None and auc > 0.8
    customers = pl.Series([f"C{number}" for number in range(100)])
    drawn = [some_of(customers.shuffle(number), 4, number) for number in range(4)]
    assert sorted(pl.concat(drawn)) == sorted(customers)


def test_what_the_purchase_model_says_is_the_same_with_and_without_the_other_features() -> None:
    whole = labelled_snapshot(LINES, AS_OF, 30, LAST)
    alone = labelled_silence(LINES, AS_OF, 30, LAST)
    assert alone.purchases == whole.purchases
    assert alone.rows.equals(whole.rows.select(alone.rows.columns))


def test_a_row_is_judged_by_terms_that_have_not_seen_it() -> None:
    rows = stacked([labelled_snapshot(LINES, AS_OF, 30, LAST)])
    turned = rows.with_columns(pl.when(pl.col("fold") == 0).then(~pl.col("has_left")).otherwise("has_left"))
    fold, is_first = rows["fold"].to_numpy(), (rows["fold"] == 0).to_numpy()
    before, after = (unseen_contributions(design_of(each, 30), fold, ()) for each in (rows, turned))
    assert np.array_equal(before[is_first], after[is_first])
    assert not np.allclose(before[~is_first], after[~is_first])


def test_what_columns_add_is_what_the_model_says() -> None:
    contributions = MODEL.contributions(NOW.rows)
    total = sum(contributions.values())
    probabilities = MODEL.probabilities(NOW.rows)
    log_odds = np.log(probabilities / (1 - probabilities))
    assert np.allclose(log_odds - total, (log_odds - total)[0])


def test_reasons_are_sentences_with_the_customers_own_figures() -> None:
    reasons = reasons_of(MODEL, NOW.rows, purchase_topics())
    told = NOW.rows.hstack(reasons).with_columns(churn_prob=pl.Series(MODEL.probabilities(NOW.rows)))
    riskiest = told.sort("churn_prob").tail(1).row(0, named=True)
    assert f"last purchase {riskiest['recency_days']} days ago" in riskiest["reason_1"]
    assert told.filter(pl.col("churn_prob") > 0.7)["reason_1"].null_count() == 0
    assert told.filter(
        (pl.col("reason_1") == pl.col("reason_2")) | (pl.col("reason_2") == pl.col("reason_3"))
    ).is_empty()


def test_what_a_column_says_is_one_reason_alone() -> None:
    nothing = pl.LazyFrame(schema={"customer_id": pl.String, "event_date": pl.Date, "known_date": pl.Date})
    topics = purchase_topics([EventFamily(name, title, nothing) for name, title in FAMILIES.items()])
    columns = [column for topic in topics for column in topic.columns]
    assert len(columns) == len(set(columns))
    assert set(NOW.rows.columns) - {"customer_id"} <= set(columns)


def test_two_customers_are_scored_by_the_purchase_model_alone() -> None:
    day = date(2024, 6, 1)
    lines = lines_of(("a", date(2024, 1, 5), 10.0), ("b", date(2024, 1, 9), 5.0), ("b", date(2024, 5, 20), 7.0))
    model, now = fit_silence_model(lines, day, 30)
    assert model.terms == ()
    chances = model.probabilities(now.rows)
    assert chances.shape == (2,) and np.all((chances > 0) & (chances < 1))
    assert reasons_of(model, now.rows, purchase_topics()).height == 2


def test_one_customer_tells_next_to_nothing() -> None:
    model, now = fit_silence_model(lines_of(("a", date(2024, 1, 5), 10.0)), date(2024, 1, 5), 90)
    assert 0.3 < model.probabilities(now.rows)[0] < 0.7


@pytest.mark.parametrize("buys_again", [True, False])
def test_where_everybody_left_or_nobody_chances_stay_chances(buys_again: bool) -> None:
    days = [FIRST + timedelta(days=10 * step) for step in range(20 if buys_again else 1)]
    lines = lines_of(*((f"C{number}", day, 10.0) for number in range(40) for day in days))
    model, now = fit_silence_model(lines, FIRST + timedelta(days=195), 30)
    chances = model.probabilities(now.rows)
    assert np.all((chances > 0) & (chances < 1))
    assert bool(chances.mean() < 0.2) is buys_again


def test_the_order_of_lines_is_not_seen_in_a_snapshot() -> None:
    shuffled = LINES.sample(fraction=1.0, shuffle=True, seed=9)
    assert snapshot_as_of(shuffled, AS_OF, 30).rows.equals(NOW.rows)
