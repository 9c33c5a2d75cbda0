"""What happens to people in the two years: marriage, moving house, a new e-mail address, death.

The change and its day belong here, and how people stood on a day; whether any system hears of it is for `records`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.addresses import draw_addresses
from crm_platform.demo.dice import chance, dates, day_number, dice
from crm_platform.demo.names import draw_emails, draw_surnames
from crm_platform.demo.settings import Chunk, Period

ADDRESS = ["address_line", "address_line_2", "city", "region", "postcode"]
EMAIL_SERIAL_SHIFT = 5_000_000


def add_life_events(people: pl.DataFrame, chunk: Chunk, period: Period, seed: int) -> pl.DataFrame:
    """Add to each person the days of the events (null: none) and what they bring.

    New columns: married_date, married_last_name, moved_date, moved_<address>, email_changed_date, changed_email,
    death_date, uses_nickname. A household moves as one; a shared mailbox does not change.
    """
    rng = dice(seed, chunk.index, "life events")
    lived = _add_marriage(rng, people, period)
    lived = _add_move(rng, lived, period)
    lived = _add_new_email(rng, lived, period)
    return lived.with_columns(
        death_date=_day_for(rng, people.height, 0.012, period),
        uses_nickname=pl.Series(chance(rng, people.height, 0.35)) & pl.col("nickname").is_not_null(),
    )


def _day_for(rng: np.random.Generator, count: int, odds: float, period: Period) -> pl.Series:
    """A day of the history for some of `count`, null for the rest."""
    first, last = day_number(period.start) + 30, day_number(period.as_of) - 1
    days = dates(rng.integers(first, last, count))
    return pl.select(pl.when(pl.lit(pl.Series(chance(rng, count, odds)))).then(pl.lit(days))).to_series()


def _add_marriage(rng: np.random.Generator, people: pl.DataFrame, period: Period) -> pl.DataFrame:
    day = _day_for(rng, people.height, 0.06, period)
    surname = draw_surnames(rng, people["country"])
    on_their_own = pl.col("household_kind").is_in(["single", "flatmates"])
    grown_up_daughters = (pl.col("household_kind") == "family") & (pl.col("position") >= 2)
    can_marry = (pl.col("sex") == "female") & (on_their_own | grown_up_daughters)
    return people.with_columns(
        married_date=pl.when(can_marry & (surname != pl.col("last_name"))).then(day)
    ).with_columns(married_last_name=pl.when(pl.col("married_date").is_not_null()).then(surname))


def _add_move(rng: np.random.Generator, people: pl.DataFrame, period: Period) -> pl.DataFrame:
    day = _day_for(rng, people.height, 0.10, period)
    address = draw_addresses(rng, people["country"])
    moved = people.with_columns(moved_date=day, **{f"moved_{column}": address[column] for column in ADDRESS})
    return moved.with_columns(
        pl.col(column).first().over("household")
        for column in ["moved_date", *(f"moved_{column}" for column in ADDRESS)]
    )


def _add_new_email(rng: np.random.Generator, people: pl.DataFrame, period: Period) -> pl.DataFrame:
    changed = people.with_columns(serial=pl.col("person") + EMAIL_SERIAL_SHIFT)
    return people.with_columns(
        email_changed_date=pl.when(pl.col("household_kind") != "shared_mail").then(
            _day_for(rng, people.height, 0.08, period)
        ),
        changed_email=draw_emails(rng, changed, "serial"),
    )


def as_they_stood(records: pl.DataFrame, on: str) -> pl.DataFrame:
    """Give the person's columns as they were on the day `on`, a Date column, of each row.

    The columns of the events remain.
    """

    def after(event: str) -> pl.Expr:
        return (pl.col(event) <= pl.col(on)).fill_null(False)

    return records.with_columns(
        last_name=pl.when(after("married_date")).then("married_last_name").otherwise("last_name"),
        email=pl.when(after("email_changed_date")).then("changed_email").otherwise("email"),
        **{column: pl.when(after("moved_date")).then(f"moved_{column}").otherwise(column) for column in ADDRESS},
    )


def last_change_date() -> pl.Expr:
    """The day of the latest event that a system could be told of, null when nothing happened."""
    return pl.max_horizontal("married_date", "moved_date", "email_changed_date")
