"""Values that stand for "we do not know", found by how they behave: shared by many who have nothing else in common.

Here: identifiers and birth dates that hold no information, by frequency and by the variety of names and homes beside
them. Not
here: the shapes and words that give a placeholder away by themselves (`emails.py`, `phones.py`, `names.py`).
"""

from collections.abc import Sequence

import polars as pl

# A mailbox that is met at more places than that is not one person's: hardly anybody moves so often.
MOST_HOMES = 3
MINIMUM_COUNT = 12
MINIMUM_SHARE_OF_NAMES = 0.5
DATE_EXCESS = 8.0
YEARS_TO_COMPARE = 5


def shared_by_strangers(people: pl.DataFrame, identifiers: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Per identifier the values that are placeholders: one column, the identifier's name.

    A value is one when at least 12 records hold it and, of the records with a surname, there are half as many
    surnames as records. A family or an office shares a number among a handful, and a family one surname.
    """
    return {name: _strangers(people, name) for name in identifiers if name in people.columns}


def _strangers(people: pl.DataFrame, identifier: str) -> pl.DataFrame:
    counted = people.lazy().filter(pl.col(identifier).is_not_null()).group_by(identifier).len()
    frequent = counted.filter(pl.col("len") >= MINIMUM_COUNT).select(identifier)
    held = people.lazy().select(identifier, "surname", "given").join(frequent, on=identifier, how="semi")
    names = held.group_by(identifier).agg(
        surnames=pl.col("surname").drop_nulls().n_unique(),
        given=pl.col("given").drop_nulls().n_unique(),
        named=pl.col("surname").count(),
        named_given=pl.col("given").count(),
    )
    has_many_surnames = (pl.col("named") >= MINIMUM_COUNT) & (
        pl.col("surnames") >= MINIMUM_SHARE_OF_NAMES * pl.col("named")
    )
    has_many_given = (pl.col("named_given") >= MINIMUM_COUNT) & (
        pl.col("given") >= MINIMUM_SHARE_OF_NAMES * pl.col("named_given")
    )
    return names.filter(has_many_surnames & has_many_given).select(identifier).collect()


def shared_mailboxes(people: pl.DataFrame) -> pl.Series:
    """Hashes (UInt64) of the e-mail addresses that several people of one name use, by chance or from habit.

    `philip.moore@...` is met with seven postcodes: an identifier of seven Philip Moores would make one of them all.
    """
    held = people.lazy().select("email", place=pl.coalesce("postcode", "city")).drop_nulls()
    homes = held.group_by("email").agg(pl.col("place").n_unique())
    return homes.filter(pl.col("place") > MOST_HOMES).select(_hashed(pl.col("email"))).collect()["email"].sort()


def without_mailboxes(people: pl.DataFrame, hashes: pl.Series) -> pl.DataFrame:
    """People with these e-mail addresses, given by their hashes, left out."""
    if hashes.is_empty():
        return people
    is_shared = _hashed(pl.col("email")).is_in(hashes.implode()) & pl.col("email").is_not_null()
    return people.with_columns(
        pl.when(~is_shared).then(name).alias(name) for name in ("email", "mailbox", "mailbox_digits")
    )


def _hashed(value: pl.Expr) -> pl.Expr:
    return value.hash(seed=11)


def placeholder_dates(dates: pl.Series) -> list[str]:
    """Dates (`YYYYMMDD`) held far more often than the same day of other years and than their year's other days.

    A year known alone (`1851-01-01` in every year) is no placeholder: each year's first of January is as frequent.
    """
    counts = dates.drop_nulls().alias("date").value_counts().filter(pl.col("date").str.len_bytes() == 8)
    frequent = counts.filter(pl.col("count") >= MINIMUM_COUNT)
    if frequent.is_empty():
        return []
    parts = counts.with_columns(day=pl.col("date").str.slice(4), year=pl.col("date").str.slice(0, 4).cast(pl.Int32))
    usual = parts.group_by("day").agg(by_day=pl.col("count").quantile(0.9), years=pl.len())
    of_years = parts.group_by("year").agg(by_year=pl.col("count").median())
    judged = parts.join(usual, on="day").join(of_years, on="year").filter(pl.col("count") >= MINIMUM_COUNT)
    excess = (
        pl.col("count")
        >= DATE_EXCESS * pl.when(pl.col("years") >= YEARS_TO_COMPARE).then("by_day").otherwise(1).clip(1)
    ) & (pl.col("count") >= DATE_EXCESS * pl.col("by_year").clip(1))
    total = dates.len() - dates.null_count()
    is_large = pl.col("count") >= max(MINIMUM_COUNT, 0.002 * total)
    return sorted(judged.filter(excess & is_large)["date"].to_list())
