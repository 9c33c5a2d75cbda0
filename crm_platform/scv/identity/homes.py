"""Households that have moved: where one of a family is known at two homes, the others of it lived at both as well.

A list that was bought names Anna at the old home, her account names her at the new one, and her name alone ties the
two; that her husband's account moved from the one to the other, or his mailbox is known at both, says that she did too.
Here: the other homes that follow for a family's records, as statements of theirs. Not here: what they are worth
(`match/`), nor the customer's golden record, which knows what was stated as the customer's own.
"""

import polars as pl

from crm_platform.scv.standardise.text import folded, letters_only

# What ties two statements: a record, a customer's number, a mailbox, a mobile telephone.
_TIES = ("record_id", "customer_ref", "email", "mobile_phone")
# What is met with more postcodes under one surname than these is no family's.
MOST_HOMES = 3
_ADDRESS = ("address_line", "address_line_2", "city", "region", "postcode", "country")
_NAME = ("surname", "given")


def household_statements(statements: pl.LazyFrame) -> pl.LazyFrame:
    """Statements as records would have made them, had they been asked where else their family has lived.

    statements: the columns of `scv.source_statement`; so has the result. Each row is a record's standing statement with
    another home in place of its own, and is superseded when it was made. Another home is one where somebody of the very
    name is known, and to which somebody of the surname and of another initial is tied from the record's home; one of
    another postcode, for a home in two spellings is no move.
    """
    homes = (
        statements.select(
            *_TIES,
            *_ADDRESS,
            surname=_key("last_name"),
            given=_key("first_name"),
            postal=_key("postcode"),
            home=pl.concat_str(_key("postcode"), _key("address_line"), separator=" "),
            stands=pl.col("superseded_dt").is_null(),
        )
        .filter(pl.all_horizontal(pl.col("surname", "given", "home").is_not_null()))
        .with_columns(initial=pl.col("given").str.slice(0, 1))
        .collect()
        .lazy()
    )
    moves = pl.concat([_moves(homes, tie) for tie in _TIES]).unique().collect().lazy()
    there = (
        homes.join(moves.select("surname", home="other").unique(), on=["surname", "home"], how="semi")
        .select(*_NAME, *(pl.col(name).alias(f"other_{name}") for name in _ADDRESS), other="home")
        .sort(pl.all())
        .unique([*_NAME, "other"], keep="first")
    )
    told = (
        homes.filter("stands")
        .join(moves, on=["surname", "home"])
        .filter(pl.col("initial") != pl.col("mover"))
        .select("record_id", *_NAME, "other")
        .unique()
        .join(there, on=[*_NAME, "other"])
        .drop(*_NAME, "other")
    )
    return (
        statements.filter(pl.col("superseded_dt").is_null())
        .join(told, on="record_id")
        .with_columns(*(pl.col(f"other_{name}").alias(name) for name in _ADDRESS), superseded_dt="stated_dt")
        .drop(f"other_{name}" for name in _ADDRESS)
    )


def _moves(homes: pl.LazyFrame, tie: str) -> pl.LazyFrame:
    """surname, home, other (each the other way about too), mover (an initial): who is known at two homes by a tie."""
    known = (
        homes.filter(pl.col(tie).is_not_null())
        .select("surname", "initial", "postal", "home", tie=pl.col(tie).str.to_lowercase())
        .unique()
        .filter(pl.col("postal").n_unique().over("tie", "surname").is_between(2, MOST_HOMES))
    )
    return (
        known.join(known, on=["tie", "surname", "initial"], suffix="_other")
        .filter(pl.col("postal") != pl.col("postal_other"))
        .select("surname", "home", other="home_other", mover="initial")
    )


def _key(column: str) -> pl.Expr:
    return letters_only(folded(pl.col(column))).str.replace_all(" ", "", literal=True)
