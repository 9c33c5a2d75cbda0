"""The kinds of columns that feeds are made of, and the base of every feed's contract.

Here: one function per kind of column; each gives a pandera field with what is checked of it on the way in. Not here:
how the rules are applied (`crm_platform/sources/rules.py`) and the feeds themselves (the modules beside this one).
"""

from collections.abc import Sequence
from typing import Any, Literal

import pandera.polars as pa

from crm_platform.warehouse.contract import TableModel


class FeedModel(TableModel):
    """Base of every canonical feed: what a source's rows become.

    `Config.metadata` holds `grain`; `natural_key`, the columns that name one thing in the source (empty: the whole
    row does); `version`, a timestamp column that orders the versions of one thing where the source has it;
    `partition` (column, unit) for feeds of events, the others are cut by the day they were received; and
    `repeats_are_events`, true where two equal rows of one file are two events and not one delivered twice.
    """


def identifier(description: str) -> Any:
    """A text that must be there: a source's own key or a reference no row makes sense without."""
    return pa.Field(nullable=False, str_length={"min_value": 1}, description=description)


def text(description: str, rule: str | None = None) -> Any:
    """An optional text; `rule` names a further check of `rules.py` (`email`, `phone`, `postcode`, `title`, `url`)."""
    return pa.Field(nullable=True, description=description, metadata={"rule": rule} if rule else None)


def code(
    description: str, values: Sequence[str], nullable: bool = True, unknown: Literal["error", "warning"] = "error"
) -> Any:
    """A text out of a closed list; of severity `warning`, the row of a value that is not in it loads without it."""
    return pa.Field(nullable=nullable, isin=list(values), description=description, metadata={"unknown": unknown})


def pattern(description: str, regular_expression: str, nullable: bool = True) -> Any:
    """A text of a fixed shape, such as a country's or a currency's code."""
    return pa.Field(nullable=nullable, str_matches=regular_expression, description=description)


def number(description: str, ge: float | None = None, le: float | None = None, nullable: bool = True) -> Any:
    """A whole or decimal number or an amount within its range (None: open)."""
    return pa.Field(nullable=nullable, ge=ge, le=le, description=description)


def flag(description: str) -> Any:
    """Yes or no, or not known."""
    return pa.Field(nullable=True, description=description)


def event_time(description: str, nullable: bool = True) -> Any:
    """A UTC timestamp of something that has happened: not before 1900 and not after it was received."""
    return pa.Field(nullable=nullable, description=description, metadata={"rule": "past"})


def birth_date(description: str) -> Any:
    """A date of birth: not before 1900 and not after it was received; an impossible one is emptied and counted."""
    return pa.Field(nullable=True, description=description, metadata={"rule": "birth_date"})


def calendar_date(description: str, nullable: bool = True) -> Any:
    """A date or timestamp that may lie ahead (due, promised, valid until): not before 1900."""
    return pa.Field(nullable=nullable, description=description, metadata={"rule": "calendar"})
