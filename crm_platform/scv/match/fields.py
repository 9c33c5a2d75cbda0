"""What is compared of two people, and the levels that a comparison can come out at.

Here: each field's levels from agreement to disagreement as SQL on `l` and `r`, and what is believed of them before any
data is seen: how often the records of one person, of two people of one household, and of two people with one e-mail
address come out at each. Not here: what the data says (`training.py`) and the weights that follow (`model.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

# Columns of which a comparison needs the Jaro-Winkler similarity at several levels: it is measured once.
SIMILARITIES = ("given_first", "surname", "mailbox", "street_key", "city", "occupation", "birth_place", "company")


@dataclass(frozen=True)
class Level:
    """An outcome of a comparison: in words, as an SQL condition (the first that holds wins), and how often it is met.

    same: share among pairs of one person's records; household: among two people of one household (None: as among
    strangers); speaks_against: it is rather two people's, as the last level always is.
    """

    label: str
    condition: str
    same: float
    household: float | None = None
    speaks_against: bool = False


@dataclass(frozen=True)
class Field:
    """A comparison of one or more columns.

    value: the column whose frequency makes an agreement on a rare value count more (the first level is agreement);
    levels: the last one is disagreement, its condition unused; known: SQL that holds where both sides say something;
    is_volatile: the value changes in a person's life, so that disagreement counts less the more time lies between;
    most_conflict: the greatest share of one person's pairs that may be learnt to be in conflict (`conflicts`);
    moved: of what says where somebody lives, the share of each level among the records of one person from two homes.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    value: str | None
    levels: tuple[Level, ...]
    known: str
    is_volatile: bool = False
    most_conflict: float = 1.0
    moved: tuple[float, ...] = ()

    @property
    def household(self) -> tuple[float, ...] | None:
        """The share of each level among two people of one household; None: as among strangers."""
        shares = tuple(level.household for level in self.levels if level.household is not None)
        return shares if len(shares) == len(self.levels) else None

    @property
    def conflicts(self) -> list[int]:
        """The places of the levels that speak for two people."""
        last = len(self.levels) - 1
        return [place for place, level in enumerate(self.levels) if level.speaks_against or place == last]


def _both(column: str) -> str:
    return f"l.{column} IS NOT NULL AND r.{column} IS NOT NULL"


def _edit(column: str, limit: int) -> str:
    """At most so many letters left out, put in, changed or transposed; texts that are far apart are not measured."""
    near = f"like_{column} >= 0.75 AND " if column in SIMILARITIES else ""
    return (
        f"({near}abs(length(l.{column}) - length(r.{column})) <= {limit} "
        f"AND damerau_levenshtein(l.{column}, r.{column}) <= {limit})"
    )


def _edit_digits(column: str, limit: int) -> str:
    """The same for numbers: where they are of one length, those that differ in more places are not measured."""
    # Nested, not joined by AND: the engine may evaluate both sides of an AND, and hamming refuses unequal lengths.
    return (
        f"(CASE WHEN strlen(l.{column}) <> strlen(r.{column}) THEN {_edit(column, limit)} "
        f"ELSE CASE WHEN hamming(l.{column}, r.{column}) > {limit + 1} THEN false ELSE {_edit(column, limit)} END END)"
    )


def _like(column: str, similarity: float) -> str:
    return f"like_{column} >= {similarity}"


def _crossed(mine: str, other: str) -> str:
    """The value stands in the other field of the other record, and so does the other value where there is one.

    Both have to cross: that Amber Dixon shares a word with Dixon James says little.
    """

    def one_way(this: str, that: str) -> str:
        return (
            f"(coalesce(jaro_winkler_similarity({this}.{mine}, {that}.{other}) >= 0.88, false) "
            f"AND coalesce(jaro_winkler_similarity({this}.{other}, {that}.{mine}) >= 0.88, {this}.{other} IS NULL))"
        )

    return f"({one_way('l', 'r')} OR {one_way('r', 'l')})"


GENERATION_APART = "a generation apart"
SAME_YEAR = "the same year"
NEXT_YEAR = "a year apart, or two without day and month"
CROSSED = "in the place of the other name"
# Asked of pairs with one mailbox: whether it is `bill.warren@`, where Bill or William Warren is one of them.
OWN_MAILBOX = "own_mailbox"
_INITIAL = (
    "(length(l.given_first) = 1 OR length(r.given_first) = 1) AND (left(l.given_first, 1) = left(r.given_first, 1) "
    "OR (length(l.given_first) = 1 AND contains(coalesce(r.initials, ''), l.given_first)) "
    "OR (length(r.given_first) = 1 AND contains(coalesce(l.initials, ''), r.given_first)))"
)
_PART = (
    "(l.surname_parts IS NOT NULL OR r.surname_parts IS NOT NULL) AND list_has_any("
    "string_split(coalesce(l.surname_parts, l.surname), ' '), string_split(coalesce(r.surname_parts, r.surname), ' '))"
)
_GIVEN_TOKENS = (
    "(l.given_parts IS NOT NULL OR r.given_parts IS NOT NULL) AND list_has_any("
    "string_split(coalesce(l.given_parts, l.given_first), ' '), "
    "string_split(coalesce(r.given_parts, r.given_first), ' '))"
)
_DAY_MONTH = "concat(left(r.birth_date, 4), substr(r.birth_date, 7, 2), substr(r.birth_date, 5, 2))"
_TWO_OF_THREE = (
    "(left(l.birth_date, 4) = left(r.birth_date, 4))::INT "
    "+ (substr(l.birth_date, 5, 2) = substr(r.birth_date, 5, 2))::INT "
    "+ (substr(l.birth_date, 7, 2) = substr(r.birth_date, 7, 2))::INT >= 2"
)
# Wrong by so many years in more than a digit: father and son, born on the same day by chance, not a typing error.
_GENERATION = 15
_YEARS = "abs(TRY_CAST(left(l.birth_date, 4) AS INT) - TRY_CAST(left(r.birth_date, 4) AS INT))"
_YEAR_ONLY = "(right(l.birth_date, 4) = '0101' OR right(r.birth_date, 4) = '0101')"
# A number that one of them states as a mobile one, or that is one by its country's plan.
_SAME_MOBILE = (
    "(l.phone = r.mobile_phone OR l.mobile_phone = r.phone OR l.mobile_phone = r.mobile_phone "
    "OR (l.phone = r.phone AND (l.is_mobile OR r.is_mobile)))"
)
_LOCALS_EQUAL = "l.mailbox = r.mailbox AND length(l.mailbox) >= 5"
# Another number after the name is another mailbox, however near: jtims404 and jtims405.
_TYPED_EMAIL = (
    "(like_mailbox >= 0.8 AND l.mailbox_digits = r.mailbox_digits AND abs(length(l.email) - length(r.email)) <= 2 "
    "AND damerau_levenshtein(l.email, r.email) <= 2)"
)
_SAME_NUMBER = "coalesce(l.house_number = r.house_number, true)"

FIELDS: tuple[Field, ...] = (
    Field(
        "given", "given name", ("given_first", "given_parts", "given_sound", "nicknames", "initials"),
        "given_first",
        (
            Level("the same", "l.given_first = r.given_first", 0.805),
            Level("a nickname", "list_has_any(l.nicknames, r.nicknames)", 0.04),
            Level("another of the given names", _GIVEN_TOKENS, 0.02),
            Level("a typing error apart",
                  f"length(l.given_first) > 2 AND length(r.given_first) > 2 AND ({_edit('given_first', 1)} "
                  f"OR {_like('given_first', 0.93)})", 0.06),
            Level("the same initial", _INITIAL, 0.03),
            Level(CROSSED,
                  _crossed("given_first", "surname"), 0.02),
            Level("like", f"{_like('given_first', 0.8)} OR l.given_sound = r.given_sound", 0.015),
            Level("different", "", 0.01),
        ),
        _both("given_first"), most_conflict=0.2,
    ),
    Field(
        "surname", "surname", ("surname", "surname_parts", "surname_sound"), "surname",
        (
            Level("the same", "l.surname = r.surname", 0.80, 0.80),
            Level("a typing error apart",
                  f"length(l.surname) > 2 AND length(r.surname) > 2 AND ({_edit('surname', 1)} "
                  f"OR {_like('surname', 0.94)})",
                  0.08, 0.04),
            Level("one part of a double name", _PART, 0.01, 0.01),
            Level(CROSSED, _crossed("surname", "given_first"), 0.02, 0.002),
            Level("like", f"{_like('surname', 0.86)} OR l.surname_sound = r.surname_sound", 0.02, 0.01),
            Level("different", "", 0.07, 0.138),
        ),
        _both("surname"), most_conflict=0.25,
    ),
    Field(
        "birth_date", "birth date", ("birth_date",), "birth_date",
        (
            Level("the same", "l.birth_date = r.birth_date", 0.85),
            Level("a digit apart, or day and month swapped",
                  f"{_edit_digits('birth_date', 1)} OR l.birth_date = {_DAY_MONTH}", 0.08),
            Level(GENERATION_APART, f"{_YEARS} >= {_GENERATION}", 0.005, speaks_against=True),
            Level("two of day, month and year the same", _TWO_OF_THREE, 0.02),
            Level(SAME_YEAR, f"{_YEARS} = 0", 0.015, speaks_against=True),
            Level(NEXT_YEAR,
                  f"{_YEARS} <= 1 OR ({_YEAR_ONLY} AND {_YEARS} <= 2)", 0.01, speaks_against=True),
            Level("different", "", 0.02),
        ),
        _both("birth_date"), most_conflict=0.45,
    ),
    Field(
        "email", "e-mail address", ("email", "mailbox", "mailbox_digits"), "email",
        (
            Level("the same", "l.email = r.email", 0.75, 0.10),
            Level("the same mailbox name at another provider", _LOCALS_EQUAL, 0.05, 0.01),
            Level("a typing error apart", _TYPED_EMAIL, 0.08, 0.005),
            Level("like", _like("mailbox", 0.9), 0.04, 0.01),
            Level("different", "", 0.08, 0.875),
        ),
        _both("email"), is_volatile=True, most_conflict=0.4,
    ),
    Field(
        OWN_MAILBOX, "name of the mailbox", ("is_own_mailbox",), None,
        (Level("the name of one of the two", "l.is_own_mailbox OR r.is_own_mailbox", 0.5, 0.3),
         Level("another name, or none", "", 0.5, 0.7)),
        f"(l.email = r.email AND {_both('is_own_mailbox')})",
    ),
    Field(
        "phone", "telephone", ("phone", "mobile_phone", "is_mobile"), "phone",
        (
            # A line rings in a home, a mobile in a pocket: only what the two share of the latter hardly is a family's.
            Level("the same", f"l.phone = r.phone AND NOT coalesce({_SAME_MOBILE}, false)", 0.45, 0.25),
            Level("the same mobile number", _SAME_MOBILE, 0.30, 0.05),
            Level("a digit apart", _edit_digits("phone", 1), 0.05, 0.01),
            Level("different", "", 0.2, 0.69),
        ),
        "(l.phone IS NOT NULL AND r.phone IS NOT NULL)", is_volatile=True, most_conflict=0.4,
    ),
    Field(
        "address", "address", ("street_key", "house_number"), "address_key",
        (
            Level("the same", f"l.street_key = r.street_key AND {_SAME_NUMBER}", 0.6, 0.7),
            Level("a typing error apart",
                  f"({_edit('street_key', 2)} OR {_like('street_key', 0.92)}) AND {_SAME_NUMBER}", 0.15, 0.12),
            Level("the same street, another number", f"{_edit('street_key', 1)}", 0.05, 0.02),
            Level("like", f"{_like('street_key', 0.82)} OR (contains(l.street_key, r.street_key) "
                  "OR contains(r.street_key, l.street_key))", 0.06, 0.04),
            Level("different", "", 0.14, 0.12),
        ),
        _both("street_key"), is_volatile=True, moved=(0.001, 0.001, 0.01, 0.02, 0.968),
    ),
    Field(
        "postcode", "postcode", ("postcode", "postal_area"), "postcode",
        (
            Level("the same", "l.postcode = r.postcode", 0.75, 0.85),
            Level("a character apart", _edit_digits("postcode", 1), 0.06, 0.04),
            Level("in the same postal area", "l.postal_area = r.postal_area", 0.05, 0.03),
            Level("different", "", 0.14, 0.08),
        ),
        _both("postcode"), is_volatile=True, moved=(0.05, 0.03, 0.12, 0.80),
    ),
    Field(
        "city", "town", ("city",), "city",
        (
            Level("the same", "l.city = r.city", 0.78, 0.86),
            Level("a typing error apart", f"{_edit('city', 1)} OR {_like('city', 0.9)}", 0.07, 0.06),
            Level("different", "", 0.15, 0.08),
        ),
        _both("city"), is_volatile=True, moved=(0.30, 0.02, 0.68),
    ),
    Field(
        "region", "region", ("region",), "region",
        (
            Level("the same", "l.region = r.region", 0.88, 0.93),
            Level("a character apart", _edit("region", 1), 0.03, 0.02),
            Level("different", "", 0.09, 0.05),
        ),
        _both("region"), is_volatile=True, moved=(0.55, 0.02, 0.43),
    ),
    Field(
        "national_id", "identity number", ("national_id",), "national_id",
        (
            Level("the same", "l.national_id = r.national_id", 0.90),
            Level("a digit or two apart", _edit_digits("national_id", 2), 0.08),
            Level("different", "", 0.02),
        ),
        _both("national_id"), most_conflict=0.2,
    ),
    Field(
        "sex", "sex", ("sex",), None,
        (Level("the same", "l.sex = r.sex", 0.985), Level("different", "", 0.015)), _both("sex"),
    ),
    Field(
        "generation", "junior or senior", ("generation",), None,
        (Level("the same", "l.generation = r.generation", 0.98, 0.2), Level("different", "", 0.02, 0.8)),
        _both("generation"),
    ),
    Field(
        "occupation", "occupation", ("occupation",), "occupation",
        (
            Level("the same", "l.occupation = r.occupation", 0.7),
            Level("a typing error apart", _like("occupation", 0.92), 0.05),
            Level("different", "", 0.25),
        ),
        _both("occupation"),
    ),
    Field(
        "birth_place", "place of birth", ("birth_place",), "birth_place",
        (
            Level("the same", "l.birth_place = r.birth_place", 0.75, 0.4),
            Level("a typing error apart", _like("birth_place", 0.9), 0.08, 0.02),
            Level("different", "", 0.17, 0.58),
        ),
        _both("birth_place"),
    ),
    Field(
        "company", "company", ("company",), "company",
        (
            Level("the same", "l.company = r.company", 0.7),
            Level("like", _like("company", 0.88), 0.1),
            Level("different", "", 0.2),
        ),
        _both("company"), is_volatile=True,
    ),
)  # fmt: skip
FIELD_OF: Mapping[str, Field] = {field.name: field for field in FIELDS}
MINIMUM_FULL = 0.005


def usable_fields(records: pl.DataFrame) -> list[Field]:
    """The fields that the data can speak of: at least 1 in 200 records has a value, and not all have the same."""
    return [field for field in FIELDS if _speaks(records, field.columns[0])]


def _speaks(records: pl.DataFrame, column: str) -> bool:
    values = records[column].drop_nulls()
    return len(values) >= max(2, MINIMUM_FULL * records.height) and values.n_unique() > 1


def columns_of(fields: Sequence[Field]) -> list[str]:
    """The comparable columns that these fields read, each once."""
    columns = [column for field in fields for column in field.columns]
    if any(field.name in ("given", "surname") for field in fields):
        columns += ["given_first", "surname"]
    return list(dict.fromkeys(columns))
