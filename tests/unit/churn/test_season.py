"""The season of a year ago sets the total where there is a year of history; else few windows are not believed."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crm_platform.churn.calibration import Calibration, probability
from crm_platform.churn.season import expected_share, with_total
from crm_platform.churn.snapshots import Snapshot, labelled_snapshot, snapshot_as_of

FIRST = date(2022, 1, 1)
AS_OF = date(2023, 9, 30)
HORIZON = 60


def seasonal_lines(number_of_customers: int = 800) -> pl.DataFrame:
    """Everybody buys at a rate of their own, three times as often in the last quarter of each year; nobody leaves."""
    dice = np.random.default_rng(11)
    days = np.arange(730)
    months = np.array([(FIRST + timedelta(days=int(day))).month for day in days])
    chance = dice.gamma(1.0, 0.01, number_of_customers)[:, None] * np.where(months >= 10, 3.0, 1.0)[None, :]
    customer, day = np.nonzero(dice.uniform(size=chance.shape) < chance)
    return pl.DataFrame({"customer": customer, "day": day}).select(
        customer_id=pl.col("customer").cast(pl.String),
        purchase_date=pl.lit(FIRST) + pl.duration(days="day"),
        purchase_hour=pl.lit(None, dtype=pl.Int8),
        amount=pl.lit(10.0),
    )


def test_the_coming_season_is_expected_as_it_was_a_year_ago() -> None:
    known, now, came = before_and_after()
    share = expected_share(known, now, HORIZON, share=0.99)
    assert share is not None
    assert abs(share - came) < 0.5 * abs(purchase_models_share(now) - came)


def test_what_is_new_is_told_from_the_season_by_the_same_window_of_the_year_before() -> None:
    """The quiet summer before a busy autumn is no news, and the next summer is not expected to be busier for it."""
    known, now, came = before_and_after()
    with_both_summers = expected_share(known, now, HORIZON, share=0.5)
    one_summer = known.filter(pl.col("purchase_date") > AS_OF - timedelta(days=364 + 180 + 20))
    with_one = expected_share(one_summer, snapshot_as_of(one_summer, AS_OF, HORIZON), HORIZON, share=0.5)
    assert with_both_summers is not None and with_one is not None
    assert abs(with_both_summers - came) < abs(with_one - came)


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_with_less_than_half_a_year_before_the_same_date_a_year_ago_few_windows_are_believed_less(share: float) -> None:
    of_many, of_few = (drawn(days, share) for days in (500, 200))
    assert abs(of_many[0] - share) < abs(of_few[0] - share) < abs(of_few[1] - share)
    assert abs(of_many[0] - of_many[1]) < abs(share - of_many[1])


def test_without_a_purchase_model_nothing_is_expected() -> None:
    lines = seasonal_lines(100)
    now = Snapshot(AS_OF, snapshot_as_of(lines, AS_OF, HORIZON).rows, None)
    assert expected_share(lines, now, HORIZON, share=0.5) is None


def before_and_after() -> tuple[pl.DataFrame, Snapshot, float]:
    """The lines known on the day, the customers as they stood, and the share of them that left."""
    lines = seasonal_lines()
    known = lines.filter(pl.col("purchase_date") <= AS_OF)
    now = snapshot_as_of(known, AS_OF, HORIZON)
    came = labelled_snapshot(lines, AS_OF, HORIZON, AS_OF + timedelta(days=HORIZON)).rows["has_left"].mean()
    assert isinstance(came, float)
    return known, now, came


def drawn(days: int, share: float) -> tuple[float, float]:
    """The share to expect of so many days of history, and that of the purchase model alone."""
    lines = seasonal_lines(300).filter(pl.col("purchase_date").is_between(AS_OF - timedelta(days=days), AS_OF))
    now = snapshot_as_of(lines, AS_OF, HORIZON)
    expected = expected_share(lines, now, HORIZON, share)
    assert expected is not None
    return expected, purchase_models_share(now)


def purchase_models_share(now: Snapshot) -> float:
    return float(probability(now.rows["silence_log_odds"].to_numpy()).mean())


@pytest.mark.parametrize("share", [0.01, 0.4, 0.99])
def test_the_mean_of_the_chances_is_moved_to_the_share_and_the_ranking_kept(share: float) -> None:
    log_odds = np.random.default_rng(5).normal(0, 2, 500)
    moved = with_total(Calibration(1.3, 0.2), log_odds, share)
    assert moved.slope == 1.3
    assert probability(moved.applied(log_odds)).mean() == pytest.approx(share)
