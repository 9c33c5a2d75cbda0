"""Dates as order files have them: one day read from many forms, day and month told apart by the whole column."""

from datetime import date, datetime, timezone

import polars as pl
import pytest

from crm_platform.value.order_dates import DateForm, read_purchase_times


def read(*values: object, form: DateForm | None = None) -> list[tuple[date | None, int | None]]:
    return read_purchase_times(pl.Series(values), form or DateForm()).rows()


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2011-12-05 08:26:00", 8), ("2011-12-05T08:26:00", 8), ("2011-12-05T08:26:00Z", 8), ("2011-12-05 8:26", 8),
        ("2011-12-05", None), ("20111205", None), ("2011/12/05", None), ("05.12.2011", None), ("5-Dec-2011", None),
        ("Dec 5, 2011", None), ("5 December 2011", None), ("05/12/2011 08:26", 8), ("05/12/11 8:26 PM", 20),
        ("05/12/2011 12:05 am", 0), ("1323073560", 8), ("1323073560000", 8),
    ],
)  # fmt: skip
def test_a_day_is_read_from_the_forms_in_use(text: str, hour: int | None) -> None:
    # A second row with an hour, because a column of midnights has no hours.
    assert read(text, "2011-12-05 23:00:00")[0] == (date(2011, 12, 5), hour)


def test_whichever_of_day_and_month_can_be_over_twelve_decides_for_all() -> None:
    assert [day for day, _ in read("03/04/2011 9:00", "04/25/2011 9:00")] == [date(2011, 3, 4), date(2011, 4, 25)]
    assert [day for day, _ in read("03/04/2011 9:00", "25/04/2011 9:00")] == [date(2011, 4, 3), date(2011, 4, 25)]


def test_times_with_an_offset_fall_on_the_companys_day() -> None:
    zone = DateForm(time_zone="America/New_York")
    assert read("2011-12-05T02:30:00Z", "2011-12-05T02:30:00", form=zone) == [
        (date(2011, 12, 4), 21),
        (date(2011, 12, 5), 2),
    ]
    instant = datetime(2011, 12, 5, 2, 30, tzinfo=timezone.utc)  # noqa: UP017
    assert read(instant, form=zone) == [(date(2011, 12, 4), 21)]


def test_typed_columns_are_taken_as_they_are() -> None:
    assert read(date(2011, 12, 5)) == [(date(2011, 12, 5), None)]
    assert read(datetime(2011, 12, 5, 8)) == [(date(2011, 12, 5), 8)]
    assert read(20111205) == [(date(2011, 12, 5), None)]
    assert read(1323073560) == [(date(2011, 12, 5), 8)]


def test_a_column_of_midnights_has_no_hours() -> None:
    assert read("2011-12-05 00:00:00", "2011-12-06 00:00:00") == [(date(2011, 12, 5), None), (date(2011, 12, 6), None)]


def test_what_is_no_date_is_null() -> None:
    assert read("soon", None, "2011-13-45", "", "2011-12-05") == [(None, None)] * 4 + [(date(2011, 12, 5), None)]


def test_a_declared_format_is_the_only_one() -> None:
    form = DateForm(("%Y%d%m",))
    assert read("20110512", "2011-12-05", form=form) == [(date(2011, 12, 5), None), (None, None)]
