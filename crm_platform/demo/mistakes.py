"""How systems get a customer wrong: typing errors, swapped names, capitals, lost accents, initials, placeholders.

What may go wrong with a text belongs here; which system goes wrong how often stands with the system.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from crm_platform.demo.dice import chance, choose
from crm_platform.demo.names import without_accents

PLACEHOLDER_EMAIL = "no@email.com"
PLACEHOLDER_BIRTH_DATE = "1900-01-01"


def some(rng: np.random.Generator, rows: pl.DataFrame, share: float) -> pl.Series:
    """True for about the given share of the rows."""
    return pl.Series(chance(rng, rows.height, share))


def mistype(rng: np.random.Generator, rows: pl.DataFrame, columns: Sequence[str], share: float) -> pl.DataFrame:
    """Make typing errors in about `share` of the values of each column: a letter dropped or doubled, two transposed."""
    return rows.with_columns(_mistyped(rng, rows, column, share) for column in columns)


def _mistyped(rng: np.random.Generator, rows: pl.DataFrame, column: str, share: float) -> pl.Expr:
    text = pl.col(column)
    place = (pl.Series(rng.random(rows.height)) * (text.str.len_chars() - 2).clip(1)).floor().cast(pl.Int64) + 1
    kind = pl.Series(rng.integers(0, 3, rows.height))
    before, letter, rest = text.str.slice(0, place), text.str.slice(place, 1), text.str.slice(place + 1)
    wrong = (
        pl.when(kind == 0)
        .then(before + rest)
        .when(kind == 1)
        .then(before + letter + letter + rest)
        .otherwise(before + rest.str.slice(0, 1) + letter + rest.str.slice(1))
    )
    return pl.when(some(rng, rows, share) & (text.str.len_chars() > 3)).then(wrong).otherwise(text).alias(column)


def swap_names(rng: np.random.Generator, rows: pl.DataFrame, share: float) -> pl.DataFrame:
    """Write the given name in the place of the surname and the other way about, in some rows."""
    swapped = some(rng, rows, share)
    return rows.with_columns(
        first_name=pl.when(swapped).then("last_name").otherwise("first_name"),
        last_name=pl.when(swapped).then("first_name").otherwise("last_name"),
    )


def use_nicknames(rows: pl.DataFrame) -> pl.DataFrame:
    """Call people as their friends do, where they tell the system so."""
    return rows.with_columns(first_name=pl.when("uses_nickname").then("nickname").otherwise("first_name"))


def use_initials(rng: np.random.Generator, rows: pl.DataFrame, share: float) -> pl.DataFrame:
    """Keep the first letter of the given name alone, in some rows."""
    initial = pl.col("first_name").str.slice(0, 1) + "."
    return rows.with_columns(first_name=pl.when(some(rng, rows, share)).then(initial).otherwise("first_name"))


def in_capitals(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Capitals without accents, as a till prints them."""
    return rows.with_columns(without_accents(pl.col(column)).str.to_uppercase().alias(column) for column in columns)


def in_small_letters(
    rng: np.random.Generator, rows: pl.DataFrame, columns: Sequence[str], share: float
) -> pl.DataFrame:
    """Small letters throughout, in some rows."""
    lazy = some(rng, rows, share)
    return rows.with_columns(
        pl.when(lazy).then(pl.col(column).str.to_lowercase()).otherwise(column).alias(column) for column in columns
    )


def left_out(rng: np.random.Generator, rows: pl.DataFrame, shares: dict[str, float]) -> pl.DataFrame:
    """Leave out a share of the values of each column."""
    return rows.with_columns(
        pl.when(~some(rng, rows, share)).then(column).alias(column) for column, share in shares.items()
    )


def misspell_titles(rng: np.random.Generator, rows: pl.DataFrame, share: float) -> pl.DataFrame:
    """Titles as people type them when the form lets them."""
    wrong = choose(rng, ["MR", "mrs.", "Mss", "Herr", "Sig.ra", "Dr.", "M"], rows.height)
    return rows.with_columns(title=pl.when(some(rng, rows, share)).then(wrong).otherwise("title"))
