"""Contractual churn: who is at risk, what is known of them, and that nothing after the date is looked at."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crm_platform.churn.leaving import GivingUpSubscriptions
from crm_platform.churn.metrics import measure
from crm_platform.churn.reasons import reasons_of
from crm_platform.churn.store import model_bytes
from crm_platform.churn.subscriptions import fit_subscription_model, subscribers_as_of
from tests.unit.churn.orders import FIRST, LAST, shop_lines

AS_OF = LAST - timedelta(days=90)
LINES = shop_lines(20).with_columns(customer_id=pl.col("customer_id").str.slice(1).cast(pl.Int64))
NO_LINES = LINES.clear()
SCHEMA = {"customer_id": pl.Int64, "started_date": pl.Date, "ended_date": pl.Date}


def periods_of(number: int = 400, seed: int = 4) -> pl.DataFrame:
    """Subscribers of whom every other one stays half a year on average, and the others for good."""
    dice = np.random.default_rng(seed)
    rows = []
    for customer in range(number):
        begun = FIRST + timedelta(days=int(dice.integers(0, 300)))
        stays = int(dice.exponential(180)) + 1
        ended = begun + timedelta(days=stays) if customer % 2 else None
        rows.append((customer, begun, ended if ended and ended <= LAST else None))
        if customer % 2 == 0:
            rows.append((customer, begun + timedelta(days=3), None))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


PERIODS = periods_of()


def test_a_subscriber_is_who_has_one_that_runs_and_the_days_are_those_up_to_the_date() -> None:
    day = date(2024, 5, 1)
    periods = pl.DataFrame(
        [(1, date(2024, 1, 1), None), (1, date(2024, 4, 1), date(2024, 6, 1)), (1, date(2023, 1, 1), date(2024, 4, 21)),
         (2, date(2024, 1, 1), date(2024, 5, 1)), (3, date(2024, 5, 2), None)],
        schema=SCHEMA, orient="row",
    )  # fmt: skip
    [row] = subscribers_as_of(periods, NO_LINES, day).rows.to_dicts()
    assert (row["customer_id"], row["subscriptions"], row["subscriptions_ended"]) == (1, 2, 1)
    assert (row["subscription_days"], row["newest_subscription_days"], row["ended_days_since"]) == (121, 30, 10)
    assert row["number_of_purchases"] is None


def test_chances_tell_who_is_likely_to_end_the_last_subscription() -> None:
    leaving = GivingUpSubscriptions(PERIODS, NO_LINES)
    model, now = leaving.fit(AS_OF, 60)
    left = leaving.has_left(now.rows["customer_id"], AS_OF, 60, LAST)
    assert left.null_count() == 0
    metrics = measure(model.probabilities(now.rows), left.cast(pl.Float64).to_numpy())
    assert metrics.auc is not None and metrics.auc > 0.8
    riskiest = reasons_of(model, now.rows, leaving.topics())["reason_1"].drop_nulls()
    assert riskiest.str.contains("subscri").any()


@pytest.mark.parametrize("seed", [1, 2])
def test_what_ends_or_begins_after_the_date_moves_no_byte_of_the_model(seed: int) -> None:
    dice = np.random.default_rng(seed)
    later = AS_OF + timedelta(days=int(dice.integers(1, 60)))
    known = PERIODS.filter(pl.col("started_date") <= AS_OF)
    poisoned = pl.concat([
        known.with_columns(ended_date=pl.when(pl.col("ended_date") > AS_OF).then(later).otherwise("ended_date")),
        pl.DataFrame([(9_000 + each, later, None) for each in range(50)], schema=SCHEMA, orient="row"),
    ]).sample(fraction=1.0, shuffle=True, seed=seed)  # fmt: skip
    clean, now = fit_subscription_model(PERIODS, LINES, AS_OF, 30)
    moved, then = fit_subscription_model(poisoned, LINES, AS_OF, 30)
    assert model_bytes(moved) == model_bytes(clean)
    assert then.rows.equals(now.rows)


def test_with_too_few_who_left_everybody_is_given_the_share_who_did() -> None:
    few = PERIODS.filter(pl.col("customer_id").is_in([*range(0, 60, 2), 1, 3]))
    model, now = fit_subscription_model(few, NO_LINES, AS_OF, 30)
    chances = model.probabilities(now.rows)
    assert model.terms == () and np.ptp(chances) == 0.0 and 0.0 < chances[0] < 0.2


def test_without_a_subscription_there_is_nobody_at_risk() -> None:
    model, now = fit_subscription_model(PERIODS.clear(), NO_LINES, AS_OF, 30)
    assert now.rows.is_empty() and model.probabilities(now.rows).shape == (0,)
