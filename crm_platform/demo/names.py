"""Given names, surnames and nicknames by culture, and the e-mail addresses people make of them.

What people are called belongs here; what systems make of a name (typing errors, capitals) does not: see `mistakes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from crm_platform.demo.dice import choose, choose_index, rank_weights

DATA = Path(__file__).parent / "data"
MAIL_PROVIDERS = ["gmail.com", "icloud.com", "outlook.com", "hotmail.com", "yahoo.com"]
NATIONAL_PROVIDERS = {
    "GB": "heathmail.co.uk",
    "US": "prairienet.us",
    "NO": "fjordpost.no",
    "SE": "skogsnet.se",
    "DK": "sundmail.dk",
    "FI": "jarviposti.fi",
    "NL": "poldernet.nl",
    "BE": "scheldemail.be",
    "LU": "moselnet.lu",
    "IT": "stivaleposta.it",
}
PROVIDER_WEIGHTS = [0.34, 0.17, 0.12, 0.1, 0.07, 0.2]
# An affine permutation of the numbers below ten million: the digits in an address are unlike anybody's row number.
PERMUTATION = (6_180_339, 4_081_937, 10_000_000)


@dataclass(frozen=True)
class Culture:
    """The names of one culture, commonest first."""

    male: tuple[str, ...]
    female: tuple[str, ...]
    surnames: tuple[str, ...]


@cache
def load_names() -> tuple[dict[str, Culture], dict[str, str]]:
    """Cultures by country code, and a nickname for each given name that has one."""
    declared: dict[str, Any] = yaml.safe_load((DATA / "names.yaml").read_text(encoding="utf-8"))
    by_country = {country: _culture(declared[name]) for country, name in declared["cultures"].items()}
    # Belgium and Luxembourg have two languages each: their surnames are mixed.
    french = _culture(declared["french"])
    by_country["BE"] = _mixed(by_country["BE"], french)
    nicknames = dict(pair.split(":") for pair in declared["nicknames"].split())
    return by_country, nicknames


def _culture(declared: Mapping[str, Any]) -> Culture:
    compound = declared.get("compound", {"heads": "", "tails": ""})
    surnames = _words(declared["surnames"])
    surnames += [head + tail for tail in _words(compound["tails"]) for head in _words(compound["heads"])]
    return Culture(
        male=tuple(_words(declared["male"])),
        female=tuple(_words(declared["female"])),
        surnames=tuple(dict.fromkeys(surnames)),
    )


def _words(text: str) -> list[str]:
    return [word.replace("_", " ") for word in text.split()]


def _mixed(one: Culture, other: Culture) -> Culture:
    def merge(mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
        length = min(len(mine), len(theirs))
        return tuple(dict.fromkeys(name for pair in zip(mine[:length], theirs[:length], strict=True) for name in pair))

    return Culture(merge(one.male, other.male), merge(one.female, other.female), merge(one.surnames, other.surnames))


def draw_given_names(rng: np.random.Generator, countries: pl.Series, sexes: pl.Series) -> pl.Series:
    """A given name for each person, by country and sex (`male` or `female`)."""
    cultures, _ = load_names()
    return _draw_by_group(
        rng,
        countries + "/" + sexes,
        {
            f"{country}/{sex}": getattr(culture, sex)
            for country, culture in cultures.items()
            for sex in ("male", "female")
        },
    )


def draw_surnames(rng: np.random.Generator, countries: pl.Series) -> pl.Series:
    """A surname for each country of the series."""
    cultures, _ = load_names()
    return _draw_by_group(rng, countries, {country: culture.surnames for country, culture in cultures.items()})


def _draw_by_group(rng: np.random.Generator, groups: pl.Series, lists: Mapping[str, tuple[str, ...]]) -> pl.Series:
    drawn = np.empty(len(groups), dtype=object)
    codes = groups.to_numpy()
    for group in groups.unique().sort():
        where = np.flatnonzero(codes == group)
        names = lists[group]
        drawn[where] = np.array(names, dtype=object)[
            choose_index(rng, len(names), len(where), rank_weights(len(names)))
        ]
    return pl.Series(drawn.tolist(), dtype=pl.String)


def nicknames_of(given_names: pl.Series) -> pl.Series:
    """The nickname for each given name, null where there is none."""
    _, nicknames = load_names()
    return given_names.replace_strict(nicknames, default=None, return_dtype=pl.String)


def without_accents(column: pl.Expr) -> pl.Expr:
    """The text with plain letters only: é as e, ø as o, æ as ae, ß as ss."""
    plain = column.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return plain.str.replace_many(["ø", "Ø", "æ", "Æ", "ß"], ["o", "O", "ae", "AE", "ss"])


def draw_emails(rng: np.random.Generator, people: pl.DataFrame, serial: str) -> pl.Series:
    """An address nobody else has, for each row of people[first_name, last_name, country, `serial`].

    `serial` is a unique number.
    """
    count = people.height
    provider = choose(rng, [*MAIL_PROVIDERS, "national"], count, PROVIDER_WEIGHTS)
    shape = rng.integers(0, 4, count)
    factor, shift, modulus = PERMUTATION
    return people.with_columns(
        first=_local_part("first_name"),
        last=_local_part("last_name"),
        digits=((pl.col(serial) * factor + shift) % modulus).cast(pl.String),
        domain=pl.when(pl.lit(provider) == "national")
        .then(pl.col("country").replace_strict(NATIONAL_PROVIDERS, return_dtype=pl.String))
        .otherwise(pl.lit(provider)),
        shape=pl.Series(shape),
    ).select(
        pl.when(pl.col("shape") == 0)
        .then(pl.format("{}.{}{}@{}", "first", "last", "digits", "domain"))
        .when(pl.col("shape") == 1)
        .then(pl.format("{}{}{}@{}", pl.col("first").str.slice(0, 1), "last", "digits", "domain"))
        .when(pl.col("shape") == 2)
        .then(pl.format("{}_{}@{}", "last", "digits", "domain"))
        .otherwise(pl.format("{}{}@{}", "first", "digits", "domain"))
        .alias("email")
    )["email"]


def _local_part(column: str) -> pl.Expr:
    return without_accents(pl.col(column).str.to_lowercase()).str.replace_all(r"[^a-z0-9]", "")
