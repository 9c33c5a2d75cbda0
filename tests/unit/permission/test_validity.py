"""Midnights, in every time zone there is, and in the nights when clocks change."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.permission.consent.validity import ANY_LOCALE, midnight_after, time_zones_by_locale, validity_ends
from tests.unit.permission.world import COMPANY

ZONES = sorted(available_timezones())


@given(zone=st.sampled_from(ZONES), day=st.dates(date(1975, 1, 1), date(2037, 1, 1)))
def test_the_day_is_over_at_the_midnight_after_it_and_not_a_moment_sooner(zone: str, day: date) -> None:
    ends = midnight_after(day, [zone])
    assert ends.astimezone(ZoneInfo(zone)).date() > day
    assert (ends - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() <= day


def test_a_midnight_that_a_clock_skips_or_has_twice_is_found() -> None:
    # In Beirut 29 March 2020 began at 01:00, in Havana 1 November 2020 had its first hour twice.
    assert f"{midnight_after(date(2020, 3, 28), ['Asia/Beirut']):%d %H:%M}" == "28 22:00"
    assert f"{midnight_after(date(2020, 10, 31), ['America/Havana']):%d %H:%M}" == "01 04:00"


def test_a_locale_of_several_zones_ends_where_the_day_ends_first() -> None:
    assert midnight_after(date(2026, 6, 1), time_zones_by_locale(COMPANY)["nordic"]) == midnight_after(
        date(2026, 6, 1), ["Europe/Helsinki"]
    )


def test_an_unknown_locale_ends_by_the_earliest_zone_of_the_company() -> None:
    days = pl.DataFrame({"locale": ["mars", ANY_LOCALE, "us"], "valid_until_date": [date(2026, 6, 1)] * 3})
    mars, anywhere, us = validity_ends(COMPANY, days)["expires_dt"].to_list()
    assert mars == anywhere < us
