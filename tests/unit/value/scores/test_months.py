"""When a month is over, and what counts as known of it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.value.scores.months import CLOSING, closing_dt, last_day, newest_closed_month


@pytest.mark.parametrize(
    ("month", "day"), [("2025-12", date(2025, 12, 31)), ("2024-02", date(2024, 2, 29)), ("2025-02", date(2025, 2, 28))]
)
def test_a_month_is_scored_as_of_its_last_day(month: str, day: date) -> None:
    assert last_day(month) == day


def test_the_books_of_a_month_close_a_day_after_its_end() -> None:
    second = datetime(2026, 1, 2, tzinfo=UTC)
    assert closing_dt("2025-12") == second
    assert newest_closed_month(second) == "2025-12"
    assert newest_closed_month(second - timedelta(microseconds=1)) == "2025-11"


@given(st.datetimes(min_value=datetime(2016, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_the_newest_closed_month_is_closed_and_the_next_is_not(now: datetime) -> None:
    month = newest_closed_month(now)
    following = f"{last_day(month) + timedelta(days=1):%Y-%m}"
    assert closing_dt(month) <= now < closing_dt(following)
    assert closing_dt(month) - CLOSING == datetime.combine(last_day(month), datetime.min.time(), UTC) + timedelta(1)
