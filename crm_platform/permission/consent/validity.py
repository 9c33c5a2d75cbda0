"""When a consent ends that holds until a day: at midnight after it, where the customer lives.

Here: midnights. Not here: what else ends a consent (`consent_statement.sql`).
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from crm_platform.sources.company import Company

ANY_LOCALE = ""


def midnight_after(day: date, time_zones: Iterable[str]) -> datetime:
    """The first moment after `day`, UTC, in the zone where it comes first.

    A zone whose clock skips midnight starts the day when it skips; one that has midnight twice, the first time.
    """
    following = datetime.combine(day + timedelta(days=1), time())
    return min(following.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC) for zone in time_zones)


def time_zones_by_locale(company: Company) -> dict[str, tuple[str, ...]]:
    """The zones of each locale's countries; under `ANY_LOCALE` all of them."""
    zones = {locale.code: tuple(country.time_zone for country in locale.countries) for locale in company.locales}
    return {**zones, ANY_LOCALE: tuple(sorted({zone for each in zones.values() for zone in each}))}


def validity_ends(company: Company, days: pl.DataFrame) -> pl.DataFrame:
    """locale, valid_until_date, expires_dt (UTC) for the distinct `locale` (empty: none) and `valid_until_date`.

    A locale that the company does not have ends by the earliest of all zones.
    """
    zones = time_zones_by_locale(company)
    rows = [
        (locale, day, midnight_after(day, zones.get(locale, zones[ANY_LOCALE])))
        for locale, day in days.select("locale", "valid_until_date").iter_rows()
    ]
    schema = {"locale": pl.String(), "valid_until_date": pl.Date(), "expires_dt": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema=schema, orient="row")
