"""What is checked of every value on the way in: named rules, each with a severity, counted per file and column.

An `error` sends the row to quarantine, a `warning` loads and counts it. Here: the rules as polars expressions over
mapped rows (`mapping.map_rows`). Not here: which column has which rule (the feed's contract) or severity (the source's
declaration).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from crm_platform.sources.declaration import Severity
from crm_platform.sources.mapping import GIVEN_PREFIX
from crm_platform.sources.staging import StagedFeed
from crm_platform.sources.vocabulary.vocabulary import known_titles, postcode_patterns

_LETTER = r"[\p{L}\p{N}]"
_LABEL = rf"{_LETTER}(?:[\p{{L}}\p{{N}}-]{{0,61}}{_LETTER})?"
EMAIL_SHAPE = rf"^[^\s@<>(),;:\\\"\[\]]{{1,64}}@(?:{_LABEL}\.)+{_LETTER}[\p{{L}}\p{{N}}-]{{0,61}}{_LETTER}$"
EMAIL_DOTS = r"^\.|\.\.|\.@"
PHONE_DIGITS = (6, 15)
PHONE_SHAPE = r"^[+(]?[\d\s()./\-\u2010-\u2015]+(?:\s*(?:x|ext\.?|#)\s*\d{1,6})?$"
URL_SHAPE = r"^(?:https?://|/)\S*$"
EARLIEST = datetime(1900, 1, 1)
CLOCK_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """A check of one column. `violated` is true for the rows that break it; `empties` says that the value of such a
    row is emptied when the row is loaded all the same."""

    name: str
    column: str
    severity: Severity
    violated: pl.Expr
    empties: bool = False

    @property
    def label(self) -> str:
        """`<rule>:<column>`: unique within a feed."""
        return f"{self.name}:{self.column}"


def rules_of(feed: StagedFeed, mapped: Sequence[str], file_dt: datetime, countries: Sequence[str] = ()) -> list[Rule]:
    """The rules of a feed for a file received at `file_dt` (UTC) whose rows have the columns `mapped`.

    `countries` are the country codes among the rows: postcodes are judged for those.
    """
    found: list[Rule] = []
    for name in feed.canonical_columns:
        for rule in _column_rules(feed, name, GIVEN_PREFIX + name in mapped, file_dt, countries):
            severity = _severity(feed, rule)
            # A row cannot be placed without its key and its time: there, a value that is only warned of stays.
            empties = rule.empties and name not in feed.indispensable_columns
            if severity != "off":
                found.append(Rule(rule.name, name, severity, rule.violated.fill_null(False), empties))
    return found


def _severity(feed: StagedFeed, rule: Rule) -> Severity:
    declared = feed.declaration.rules
    if rule.column in feed.indispensable_columns and rule.name in ("missing", "wrong_type"):
        return "error"
    return declared.get(f"{rule.column}.{rule.name}") or declared.get(rule.column) or rule.severity


def _column_rules(
    feed: StagedFeed, name: str, is_given: bool, file_dt: datetime, countries: Sequence[str]
) -> Iterator[Rule]:
    column = feed.model.to_schema().columns[name]
    special = (column.metadata or {}).get("rule")
    value = pl.col(name)
    if is_given:
        given = pl.col(GIVEN_PREFIX + name)
        unread = given.is_not_null() & value.is_null()
        yield Rule("wrong_type", name, "warning" if special == "birth_date" else "error", unread, empties=True)
        missing = given.is_null()
    else:
        missing = value.is_null()
    if not column.nullable or name in feed.indispensable_columns:
        yield Rule("missing", name, "error", missing)
    for check in column.checks:
        yield from _check_rule(name, check.name, check.statistics, (column.metadata or {}).get("unknown", "error"))
    if special:
        yield from _special_rules(special, name, str(column.dtype), file_dt, countries)


def _check_rule(name: str, check: str, statistics: dict[str, Any], unknown: Severity) -> Iterator[Rule]:
    value = pl.col(name)
    match check:
        case "greater_than_or_equal_to":
            yield Rule("below_range", name, "error", value < statistics["min_value"], empties=True)
        case "less_than_or_equal_to":
            yield Rule("above_range", name, "error", value > statistics["max_value"], empties=True)
        case "isin":
            is_unknown = ~value.is_in(list(statistics["allowed_values"]))
            yield Rule("unknown_value", name, unknown, is_unknown, empties=unknown == "warning")
        case "str_matches":
            yield Rule("wrong_shape", name, "error", ~value.str.contains(_anchored(str(statistics["pattern"]))))
        case "str_length":
            return  # a canonical text is never empty: `missing` speaks of it
        case _:
            raise ValueError(f"The check {check} of the column {name} has no rule in crm_platform/sources/rules.py.")


def _anchored(expression: str) -> str:
    return expression if expression.startswith("^") else f"^(?:{expression})"


def _special_rules(
    special: str, name: str, column_type: str, file_dt: datetime, countries: Sequence[str]
) -> Iterator[Rule]:
    value = pl.col(name)
    match special:
        case "email":
            yield _warning("email_syntax", name, ~value.str.contains(EMAIL_SHAPE) | value.str.contains(EMAIL_DOTS))
        case "phone":
            digits = value.str.count_matches(r"\d")
            yield _warning(
                "phone_implausible", name, ~value.str.contains(PHONE_SHAPE) | ~digits.is_between(*PHONE_DIGITS)
            )
        case "postcode":
            yield _warning("postcode_implausible", name, _implausible_postcode(value, countries))
        case "title":
            words = value.str.to_lowercase().str.replace_all(r"[.\s]+", " ").str.strip_chars()
            yield _warning("title_unknown", name, ~words.is_in(sorted(known_titles())))
        case "url":
            yield _warning("url_syntax", name, ~value.str.contains(URL_SHAPE))
        case "past" | "calendar" | "birth_date":
            yield from _date_rules(special, name, column_type, file_dt)
        case _:
            raise ValueError(f"The column {name} asks for the rule {special!r}, which does not exist.")


def _warning(rule: str, name: str, violated: pl.Expr) -> Rule:
    return Rule(rule, name, "warning", violated)


def _date_rules(special: str, name: str, column_type: str, file_dt: datetime) -> Iterator[Rule]:
    value = pl.col(name)
    is_date = column_type == "Date"
    severity: Severity = "warning" if special == "birth_date" else "error"
    earliest = pl.lit(EARLIEST.date()) if is_date else pl.lit(EARLIEST).dt.replace_time_zone("UTC")
    yield Rule("date_before_1900", name, severity, value < earliest, empties=True)
    if special != "calendar":
        latest = file_dt + CLOCK_TOLERANCE
        limit = pl.lit(latest.date()) if is_date else pl.lit(latest)
        yield Rule("date_in_future", name, severity, value > limit, empties=True)


def _implausible_postcode(value: pl.Expr, countries: Sequence[str]) -> pl.Expr:
    patterns = postcode_patterns()
    plain = value.str.to_uppercase().str.strip_chars()
    implausible = pl.lit(None, dtype=pl.Boolean)
    for country in countries:
        if country in patterns:
            is_there = pl.col("country") == country
            implausible = pl.when(is_there).then(~plain.str.contains(patterns[country])).otherwise(implausible)
    return implausible
