"""The companies among the customers: their names, their hierarchy and who works for them as a contact.

Organisations and the tie of a person to one belong here; what is sold to them does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crm_platform.demo.addresses import draw_addresses, draw_numbers
from crm_platform.demo.dice import chance, choose, dates, day_number, dice, fill_patterns
from crm_platform.demo.names import draw_surnames
from crm_platform.demo.people import COUNTRY_WEIGHTS, calling_codes
from crm_platform.demo.settings import Chunk, CompanySettings, Period

PEOPLE_PER_ORGANISATION = 45
CONTACT_SHARE = 0.06
LEGAL_FORMS = {
    "GB": "Ltd",
    "US": "Inc.",
    "NO": "AS",
    "SE": "AB",
    "DK": "ApS",
    "FI": "Oy",
    "NL": "B.V.",
    "BE": "NV",
    "LU": "S.à r.l.",
    "IT": "S.r.l.",
}
TRADES = {
    "Systems": "6201",
    "Studios": "5920",
    "Travel": "7911",
    "Engineering": "7112",
    "Foods": "1071",
    "Logistics": "5229",
    "Print": "1812",
    "Hotels": "5510",
    "Consulting": "7022",
    "Schools": "8531",
    "Clinics": "8621",
    "Retail": "4719",
}
TAX_PATTERNS = {
    "GB": "GB#########",
    "US": "##-#######",
    "NO": "NO#########MVA",
    "SE": "SE##########01",
    "DK": "DK########",
    "FI": "FI########",
    "NL": "NL#########B01",
    "BE": "BE0#########",
    "LU": "LU########",
    "IT": "IT###########",
}
CONTACT_TITLES = {
    "Head of purchasing": "purchasing",
    "IT manager": "technology",
    "Managing director": "management",
    "Office manager": "administration",
}


@dataclass(frozen=True)
class Organisations:
    """Companies of a chunk (`companies`, one row each) and the people with their employer added."""

    companies: pl.DataFrame
    people: pl.DataFrame


def make_organisations(
    people: pl.DataFrame, chunk: Chunk, settings: CompanySettings, period: Period, seed: int
) -> Organisations:
    """Found companies and employ some of the people as their contacts.

    Companies: organisation, parent_organisation (Int64, null for a head), company_name, tax_id, industry_code, country,
    address, phone, email, sales_year_1, sales_year_2, joined_date. People get organisation and company_name (null for
    most), and a job title that buys.
    """
    rng = dice(seed, chunk.index, "organisations")
    companies = _found(rng, chunk, settings, period)
    return Organisations(companies, _employ(rng, people, companies))


def _found(rng: np.random.Generator, chunk: Chunk, settings: CompanySettings, period: Period) -> pl.DataFrame:
    count = max(3, chunk.size // PEOPLE_PER_ORGANISATION)
    country = choose(rng, list(COUNTRY_WEIGHTS), count, list(COUNTRY_WEIGHTS.values()))
    trade = choose(rng, list(TRADES), count)
    parent = np.floor(rng.random(count) * np.arange(count)).astype(np.int64)
    is_daughter = chance(rng, count, 0.3) & (np.arange(count) > 0)
    is_daughter[1:2] = True
    number = np.arange(count) + chunk.first
    sales = np.round(rng.lognormal(13.5, 1.4, count), -3)
    return (
        pl.DataFrame(
            {
                "organisation": pl.Series(number),
                "parent_organisation": pl.Series(parent + chunk.first),
                "has_parent": pl.Series(is_daughter),
                "country": country,
                "surname": draw_surnames(rng, country),
                "trade": trade,
                "industry_code": trade.replace_strict(TRADES, return_dtype=pl.String),
                "tax_id": fill_patterns(rng, country.replace_strict(TAX_PATTERNS, return_dtype=pl.String)),
                "phone": draw_numbers(rng, country, "landline", calling_codes(settings)),
                "sales_year_1": pl.Series(sales),
                "sales_year_2": pl.Series(np.round(sales * rng.normal(1.06, 0.12, count).clip(0.5, 1.8), -3)),
                "joined_date": dates(
                    rng.integers(day_number(period.start) - 900, day_number(period.as_of) - 60, count)
                ),
            }
        )
        .hstack(draw_addresses(rng, country))
        .with_columns(
            parent_organisation=pl.when("has_parent").then("parent_organisation"),
            company_name=pl.format(
                "{} {} {}", "surname", "trade", pl.col("country").replace_strict(LEGAL_FORMS, return_dtype=pl.String)
            ),
            email=pl.format("office@{}{}.com", pl.col("trade").str.to_lowercase(), "organisation"),
            locale=pl.col("country").replace_strict(
                {code: locale.code for code, (locale, _) in settings.countries().items()}, return_dtype=pl.String
            ),
        )
        .drop("has_parent", "surname", "trade")
    )


def _employ(rng: np.random.Generator, people: pl.DataFrame, companies: pl.DataFrame) -> pl.DataFrame:
    count = people.height
    is_contact = chance(rng, count, CONTACT_SHARE)
    is_contact[-2:] = True
    employer = rng.integers(0, companies.height, count)
    # The first two contacts meet in one company, so that every company list has one with several contacts.
    employer[-2:] = 0
    title = choose(rng, list(CONTACT_TITLES), count)
    drawn = people.with_columns(
        organisation=pl.when(pl.Series(is_contact)).then(companies["organisation"].gather(employer)),
        company_name=pl.when(pl.Series(is_contact)).then(companies["company_name"].gather(employer)),
    )
    return drawn.with_columns(
        job_title=pl.when(pl.Series(is_contact)).then(title).otherwise("job_title"),
        job_function=pl.when(pl.Series(is_contact))
        .then(title.replace_strict(CONTACT_TITLES, return_dtype=pl.String))
        .otherwise("job_function"),
    )
