"""The people of the demo company: who lives with whom, what they are called, where they live, how they can be reached.

Who somebody truly is belongs here. What changes in a life stands in `life_events`, how somebody buys in `behaviour`,
and what the systems know of it, each wrong in its own way, in `records`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crm_platform.demo.addresses import draw_addresses, draw_national_ids, draw_numbers
from crm_platform.demo.dice import Integers, chance, choose, choose_index, day_number, dice
from crm_platform.demo.names import draw_emails, draw_given_names, draw_surnames, nicknames_of, without_accents
from crm_platform.demo.settings import Chunk, CompanySettings, Period

# Kind of household: its size and its share. The first of a chunk are one of each: a small company has them all.
HOUSEHOLDS = {
    "single": (1, 0.50),
    "couple": (2, 0.20),
    "family": (4, 0.10),
    "twins": (4, 0.03),
    "father_and_son": (2, 0.04),
    "shared_mail": (3, 0.07),
    "flatmates": (2, 0.06),
}
COUNTRY_WEIGHTS = {
    "GB": 0.30,
    "NO": 0.07,
    "SE": 0.06,
    "DK": 0.05,
    "FI": 0.04,
    "NL": 0.08,
    "BE": 0.06,
    "LU": 0.01,
    "IT": 0.16,
    "US": 0.17,
}
JOBS = {
    "Teacher": "education",
    "Nurse": "health",
    "Engineer": "technology",
    "Accountant": "finance",
    "Sales manager": "sales",
    "Buyer": "purchasing",
    "Software developer": "technology",
    "Electrician": "trades",
    "Musician": "arts",
    "Student": "education",
    "Office manager": "administration",
    "Head of purchasing": "purchasing",
    "IT manager": "technology",
    "Managing director": "management",
    "Retired": "none",
    "Doctor": "health",
}
INTERESTS = [
    "photography",
    "home cinema",
    "gaming",
    "jazz",
    "classical music",
    "vinyl",
    "city breaks",
    "hiking",
    "beaches",
    "printing",
    "smart home",
]
PREFERRED_CHANNELS = (["email", "sms", "post", "telephone"], [0.62, 0.18, 0.12, 0.08])
BRANDS = (["ivory", "ebony", "amber"], [0.55, 0.25, 0.20])


@dataclass(frozen=True)
class Household:
    """The households of a chunk, spread over their members.

    Number of the household, kind and place in it (0 the first adult).
    """

    number: Integers
    kind: pl.Series
    position: Integers


def make_people(chunk: Chunk, settings: CompanySettings, period: Period, seed: int) -> pl.DataFrame:
    """One row per person as at the start of the history.

    Columns: person, household (Int64, unique over the company), household_kind, position, country, locale, brand,
    language, sex, first_name, middle_name, nickname, last_name, birth_date, title, job_title, job_function, interests,
    preferred_channel, national_id, email, phone, mobile_phone (E.164) and the address.
    """
    rng = dice(seed, chunk.index, "people")
    household = draw_households(rng, chunk.size)
    frame = pl.DataFrame(
        {
            "person": pl.Series(np.arange(chunk.size) + chunk.first),
            "household": pl.Series(household.number + chunk.first),
            "household_kind": household.kind,
            "position": pl.Series(household.position),
        }
    )
    frame = _add_country(rng, frame, settings)
    frame = _add_birth_and_sex(rng, frame, period)
    frame = _add_names(rng, frame)
    frame = _add_home(rng, frame, settings)
    return _add_traits(_add_reach(rng, frame, settings), rng)


def draw_households(rng: np.random.Generator, people: int) -> Household:
    """Households until all the people have one; the last may be cut short."""
    kinds = list(HOUSEHOLDS)
    drawn = choose_index(rng, len(kinds), people, [share for _, share in HOUSEHOLDS.values()])
    drawn[: len(kinds)] = np.arange(len(kinds))[:people]
    sizes = np.array([size for size, _ in HOUSEHOLDS.values()])[drawn]
    number = np.repeat(np.arange(people), sizes)[:people]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return Household(
        number=number.astype(np.int64),
        kind=pl.Series(kinds).gather(drawn[number]),
        position=(np.arange(people) - starts[number]).astype(np.int64),
    )


def _of_household(column: str) -> pl.Expr:
    """The value of the household's first member, for all of its members."""
    return pl.col(column).first().over("household")


def _add_country(rng: np.random.Generator, people: pl.DataFrame, settings: CompanySettings) -> pl.DataFrame:
    countries = settings.countries()
    weights = [COUNTRY_WEIGHTS[code] for code in countries]
    drawn = people.with_columns(
        country=choose(rng, list(countries), people.height, weights),
        brand=choose(rng, BRANDS[0], people.height, BRANDS[1]),
    ).with_columns(country=_of_household("country"))
    return drawn.with_columns(
        locale=pl.col("country").replace_strict(
            {code: locale.code for code, (locale, _) in countries.items()}, return_dtype=pl.String
        ),
        language=pl.col("country").replace_strict(
            {code: country.language for code, (_, country) in countries.items()}, return_dtype=pl.String
        ),
    )


def _add_birth_and_sex(rng: np.random.Generator, people: pl.DataFrame, period: Period) -> pl.DataFrame:
    count = people.height
    adult_age = np.clip(rng.gamma(7.0, 6.6, count) + 4, 25, 92)
    drawn = people.with_columns(
        sex=choose(rng, ["male", "female"], count),
        age=pl.Series(adult_age),
        young_age=pl.Series(rng.uniform(18.0, 27.0, count)),
        gap=pl.Series(rng.normal(0.0, 4.0, count)),
    )
    kind, position = pl.col("household_kind"), pl.col("position")
    is_child = (position >= 2) | ((kind == "father_and_son") & (position == 1))
    parents_age = (_of_household("age") + pl.col("gap")).clip(25, 92)
    aged = drawn.with_columns(
        sex=pl.when(kind == "father_and_son")
        .then(pl.lit("male"))
        .when((position < 2) & (kind.is_in(["couple", "family", "twins"])))
        .then(pl.when((position == 0) == (_of_household("gap") > 0)).then(pl.lit("male")).otherwise(pl.lit("female")))
        .otherwise(pl.col("sex")),
        age=pl.when((kind == "twins") & is_child)
        .then(pl.col("young_age").get(2, null_on_oob=True).over("household"))
        .when((kind == "father_and_son") & is_child)
        .then(pl.col("young_age"))
        .when(is_child)
        .then(pl.col("young_age"))
        .when(kind == "father_and_son")
        .then(pl.col("young_age").get(1, null_on_oob=True).over("household").fill_null(25.0) + 28.0)
        .when(kind.is_in(["family", "twins"]))
        .then(parents_age.clip(44, 68))
        .when(kind == "single")
        .then(pl.col("age"))
        .otherwise(parents_age),
    )
    # Twins take the day of the elder as it stands, so that no rounding can part them.
    as_of_day = day_number(period.as_of)
    return aged.with_columns(birth_date=(as_of_day - pl.col("age") * 365.25).cast(pl.Int32).cast(pl.Date)).drop(
        "age", "young_age", "gap"
    )


def _add_names(rng: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    count = people.height
    given = draw_given_names(rng, people["country"], people["sex"])
    middle = draw_given_names(rng, people["country"], people["sex"])
    own_surname = draw_surnames(rng, people["country"])
    keeps_name = chance(rng, count, 0.25)
    kind = pl.col("household_kind")
    shares_surname = ~kind.is_in(["single", "flatmates"]) & ~((kind == "couple") & pl.Series(keeps_name))
    named = people.with_columns(
        first_name=given, middle_name=pl.when(pl.Series(chance(rng, count, 0.3))).then(middle), last_name=own_surname
    ).with_columns(
        first_name=pl.when(kind == "father_and_son").then(_of_household("first_name")).otherwise(pl.col("first_name")),
        last_name=pl.when(shares_surname).then(_of_household("last_name")).otherwise(pl.col("last_name")),
        # Father and son are told apart by the birth date alone.
        middle_name=pl.when(kind == "father_and_son").then(None).otherwise(pl.col("middle_name")),
    )
    nickname = nicknames_of(named["first_name"])
    title = (
        pl.when(pl.Series(chance(rng, count, 0.04))).then(pl.lit("Dr")).when(pl.col("sex") == "male").then(pl.lit("Mr"))
    )
    women = pl.Series(choose(rng, ["Mrs", "Ms", "Miss"], count, [0.5, 0.35, 0.15]))
    return named.with_columns(nickname=nickname, title=title.otherwise(women))


def _add_home(rng: np.random.Generator, people: pl.DataFrame, settings: CompanySettings) -> pl.DataFrame:
    address = draw_addresses(rng, people["country"])
    calling = calling_codes(settings)
    homes = pl.concat([people, address], how="horizontal").with_columns(
        phone=draw_numbers(rng, people["country"], "landline", calling),
        mobile_phone=draw_numbers(rng, people["country"], "mobile", calling),
        has_landline=pl.Series(chance(rng, people.height, 0.55)),
    )
    shared = [*address.columns, "phone", "has_landline"]
    return (
        homes.with_columns(_of_household(column) for column in shared)
        .with_columns(phone=pl.when("has_landline").then("phone"))
        .drop("has_landline")
    )


def calling_codes(settings: CompanySettings) -> dict[str, str]:
    """Calling code of each country, without the plus."""
    return {code: country.calling_code for code, (_, country) in settings.countries().items()}


def _add_reach(rng: np.random.Generator, people: pl.DataFrame, settings: CompanySettings) -> pl.DataFrame:
    own = people.with_columns(email=draw_emails(rng, people, "person"))
    family = pl.format(
        "{}.family{}",
        without_accents(pl.col("last_name").str.to_lowercase()).str.replace_all(r"[^a-z]", ""),
        pl.col("household") % 9_973,
    )
    domain = pl.col("email").str.split("@").list.last()
    shares = pl.col("household_kind") == "shared_mail"
    shared = pl.concat_str([family, domain], separator="@").first().over("household")
    return own.with_columns(
        email=pl.when(shares).then(shared).otherwise(pl.col("email")),
        mobile_phone=pl.when(shares & (pl.col("position") > 0))
        .then(_of_household("mobile_phone"))
        .otherwise(pl.col("mobile_phone")),
    )


def _add_traits(people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    count = people.height
    job = choose(rng, list(JOBS), count)
    interests = choose(rng, INTERESTS, count) + "," + choose(rng, INTERESTS, count)
    return people.with_columns(
        job_title=job,
        job_function=job.replace_strict(JOBS, return_dtype=pl.String),
        interests=pl.when(pl.Series(chance(rng, count, 0.4))).then(interests),
        preferred_channel=choose(rng, PREFERRED_CHANNELS[0], count, PREFERRED_CHANNELS[1]),
        national_id=draw_national_ids(rng, people["country"]) + people["birth_date"].dt.strftime("%y%m%d"),
        income_band=choose(rng, ["A", "B", "C", "D", "E"], count, [0.08, 0.17, 0.3, 0.28, 0.17]),
        is_home_owner=pl.Series(chance(rng, count, 0.58)),
    )
