"""Postal addresses, telephone numbers and national identifiers that are plausible for their country.

Where people live and how they are called by telephone belongs here; who lives there does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import yaml

from crm_platform.demo.dice import chance, choose, choose_index, fill_patterns
from crm_platform.demo.names import DATA

FLATS = {"GB": "Flat #", "US": "Apt ##", "IT": "Scala @", "DK": "#. tv", "NO": "H0#0#", "SE": "lgh 1#0#", "FI": "@ ##"}
# Countries where the number is dialled with a leading zero inside the country.
TRUNK_ZERO = ("GB", "SE", "FI", "NL", "BE")


@dataclass(frozen=True)
class Town:
    """A town with its share of the country's people and where it lies (degrees)."""

    name: str
    region: str
    postcode: str
    weight: float
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Land:
    """What addresses and numbers of one country are made of; patterns as in `dice.fill_patterns`."""

    towns: tuple[Town, ...]
    street_form: str
    heads: tuple[str, ...]
    tails: tuple[str, ...]
    mobile: tuple[str, ...]
    landline: tuple[str, ...]
    national_id: str


@cache
def load_places() -> dict[str, Land]:
    """The countries by their code."""
    declared: dict[str, Any] = yaml.safe_load((DATA / "places.yaml").read_text(encoding="utf-8"))
    return {country: _land(place) for country, place in declared.items()}


def _land(place: dict[str, Any]) -> Land:
    return Land(
        towns=tuple(Town(*town) for town in place["towns"]),
        street_form=place["street_form"],
        heads=tuple(word.replace("_", " ") for word in place["heads"].split()),
        tails=tuple(place["tails"].split()),
        mobile=tuple(place["mobile"]),
        landline=tuple(place["landline"]),
        national_id=place["national_id"],
    )


def draw_addresses(rng: np.random.Generator, countries: pl.Series) -> pl.DataFrame:
    """An address for each country, in their order: address_line, address_line_2, city, region, postcode."""
    codes = countries.to_numpy()
    parts = []
    for country in countries.unique().sort():
        where = np.flatnonzero(codes == country)
        parts.append(_addresses_in(rng, country, len(where)).with_columns(position=pl.Series(where)))
    return pl.concat(parts).sort("position").drop("position")


def _addresses_in(rng: np.random.Generator, country: str, count: int) -> pl.DataFrame:
    land = load_places()[country]
    town = choose_index(rng, len(land.towns), count, [town.weight for town in land.towns])
    number = np.ceil(rng.exponential(35.0, count)).astype(np.int64)
    streets = pl.DataFrame(
        {"head": choose(rng, land.heads, count), "tail": choose(rng, land.tails, count), "number": pl.Series(number)}
    )
    order = sorted(("head", "tail", "number"), key=lambda name: land.street_form.index("{" + name + "}"))
    form = land.street_form.replace("{head}", "{}").replace("{tail}", "{}").replace("{number}", "{}")
    flat = fill_patterns(rng, pl.Series([FLATS.get(country, "bus #")] * count, dtype=pl.String))
    has_flat = chance(rng, count, 0.22)
    return streets.select(
        address_line=pl.format(form, *order),
        address_line_2=pl.when(pl.lit(pl.Series(has_flat))).then(pl.lit(flat)),
        city=pl.Series([town.name for town in land.towns]).gather(town),
        region=pl.Series([town.region for town in land.towns]).gather(town),
        postcode=fill_patterns(rng, pl.Series([town.postcode for town in land.towns]).gather(town)),
    )


def draw_numbers(rng: np.random.Generator, countries: pl.Series, kind: str, calling_codes: dict[str, str]) -> pl.Series:
    """A telephone number in E.164 for each country; kind is `mobile` or `landline`."""
    return _draw_patterns(
        rng,
        countries,
        {
            country: tuple("+" + calling_codes[country] + p for p in getattr(land, kind))
            for country, land in load_places().items()
        },
    )


def draw_national_ids(rng: np.random.Generator, countries: pl.Series) -> pl.Series:
    """A number in the manner of the country's own; the check digits do not hold."""
    return _draw_patterns(rng, countries, {country: (land.national_id,) for country, land in load_places().items()})


def _draw_patterns(rng: np.random.Generator, countries: pl.Series, patterns: dict[str, tuple[str, ...]]) -> pl.Series:
    drawn = np.empty(len(countries), dtype=object)
    codes = countries.to_numpy()
    for country in countries.unique().sort():
        where = np.flatnonzero(codes == country)
        drawn[where] = choose(rng, patterns[country], len(where)).to_numpy()
    return fill_patterns(rng, pl.Series(drawn.tolist(), dtype=pl.String))


def as_dialled_at_home(number: pl.Expr, country: pl.Expr, calling_codes: dict[str, str]) -> pl.Expr:
    """An E.164 number as people of the country write it: without calling code, with the trunk zero, in groups."""
    length = country.replace_strict(
        {code: len(calling) + 1 for code, calling in calling_codes.items()}, return_dtype=pl.Int64
    )
    national = number.str.slice(length)
    trunk = pl.when(country.is_in(TRUNK_ZERO)).then(pl.lit("0")).otherwise(pl.lit(""))
    digits = trunk + national
    return digits.str.slice(0, 4) + " " + digits.str.slice(4, 3) + " " + digits.str.slice(7)
