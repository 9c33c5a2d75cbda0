"""Telephone numbers as E.164, by country, at the speed of columns.

Here: the numbering plans of the phonenumbers library, applied to one number of each shape and carried over to the
others of that shape; the country whose plan numbers fit. Not here: what else says so (`countries.py`).
"""

from collections import Counter

import phonenumbers
import polars as pl

# Plans of few lengths and prefixes first: those at the end accept nearly any number.
_CANDIDATES = (
    "US", "GB", "AU", "FR", "NL", "BE", "ES", "CH", "NO", "DK", "IE", "NZ", "CA", "PL", "PT", "IN", "BR", "SE", "DE",
    "IT", "AT", "FI", "ZA", "LU",
)  # fmt: skip
MINIMUM_FIT = 0.3
# Several plans accept nearly the same numbers: the difference of a few unassigned ones decides nothing.
SAME_FIT = 0.85
_SAMPLE = 120
_PREFIX_DIGITS = 5
_ALIASES = {"UK": "GB", "EL": "GR"}


def guessed_country(phones: pl.Series) -> str | None:
    """The country whose numbering plan most of the national numbers fit; none where hardly any fits.

    A sample of 120 distinct numbers decides, the same for any order of rows. Of countries that fit as well, the one
    first in a fixed list.
    """
    chosen = _national_sample(phones)
    fits = Counter({region: sum(_is_valid(text, region) for text in chosen) for region in _CANDIDATES})
    best = max(fits.values())
    if not chosen or best < MINIMUM_FIT * len(chosen):
        return None
    return next(region for region in _CANDIDATES if fits[region] >= SAME_FIT * best)


def share_of_plan(phones: pl.Series, country: str) -> float:
    """Which share of the numbers without a country code fits a country's plan; 1 where there are none."""
    chosen = _national_sample(phones)
    return sum(_is_valid(text, country) for text in chosen) / len(chosen) if chosen else 1.0


def _national_sample(phones: pl.Series) -> list[str]:
    national = phones.drop_nulls().cast(pl.String).str.strip_chars()
    sample = national.filter(~national.str.contains(r"^(?:\(?\+|00)")).unique().sort()
    return sample.gather_every(max(1, len(sample) // _SAMPLE)).head(_SAMPLE).to_list()


def as_e164(phones: pl.Series, countries: pl.Series, default_country: str | None) -> pl.Series:
    """Each number as `+<country code><number>`; bare digits where it fits no plan; null for none or a placeholder.

    `countries` are ISO 3166 alpha-2 codes or null. phonenumbers reads one number per shape (country, length, leading
    five digits): the rest of the shape has the same country code and trunk prefix to take off.
    """
    rows = pl.DataFrame({"phone": phones.cast(pl.String), "country": countries.cast(pl.String)}).with_columns(
        country=pl.col("country").str.to_uppercase().replace(_ALIASES).fill_null(pl.lit(default_country))
    )
    distinct = rows.unique().filter(pl.col("phone").is_not_null()).with_columns(_digits().alias("digits"))
    distinct = distinct.filter(~_is_placeholder()).with_columns(
        prefix=pl.col("digits").str.slice(0, _PREFIX_DIGITS), length=pl.col("digits").str.len_bytes()
    )
    shapes = distinct.group_by("country", "prefix", "length").agg(example=pl.col("digits").min())
    rules = [_rule(country, example) for country, example in shapes.select("country", "example").iter_rows()]
    shapes = shapes.with_columns(
        lead=pl.Series([lead for lead, _ in rules], dtype=pl.String),
        skipped=pl.Series([skipped for _, skipped in rules], dtype=pl.Int64),
    )
    known = distinct.join(shapes, on=["country", "prefix", "length"], how="left", nulls_equal=True).select(
        "phone", "country", number=pl.col("lead") + pl.col("digits").str.slice(pl.col("skipped"))
    )
    return rows.join(known, on=["phone", "country"], how="left", nulls_equal=True, maintain_order="left")["number"]


def is_mobile(numbers: pl.Series) -> pl.Series:
    """Whether each number (E.164) is a mobile one by its country's plan; false where that does not tell, as in the US.

    As in `as_e164`, one number of each shape is looked up.
    """
    distinct = pl.DataFrame({"number": numbers}).filter(pl.col("number").str.starts_with("+")).unique()
    shaped = distinct.with_columns(
        prefix=pl.col("number").str.slice(0, _PREFIX_DIGITS + 1), length=pl.col("number").str.len_bytes()
    )
    shapes = shaped.group_by("prefix", "length").agg(example=pl.col("number").min())
    found = [_is_mobile(example) for example in shapes["example"]]
    mobiles = shaped.join(shapes.filter(pl.Series(found, dtype=pl.Boolean)), on=["prefix", "length"], how="semi")
    return numbers.is_in(mobiles["number"].implode()).fill_null(False)


def _is_mobile(number: str) -> bool:
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False
    return bool(kind == phonenumbers.PhoneNumberType.MOBILE)


def _digits() -> pl.Expr:
    """The digits that were dialled, a leading + kept, extensions and `(0)` off."""
    text = pl.col("phone").str.slice(0, 40).str.to_lowercase().str.replace(r"(?:ext|x|#).*$", "")
    text = text.str.replace(r"^\s*00", "+").str.replace(r"(\+\d+\s*)\(0\)", "$1")
    sign = pl.when(text.str.contains(r"^\s*\(?\+")).then(pl.lit("+")).otherwise(pl.lit(""))
    return sign + text.str.replace_all(r"[^0-9]", "").str.replace(r"^(\d{5,16})0$", "${1}0")


def _is_placeholder() -> pl.Expr:
    digits = pl.col("digits").str.replace("+", "", literal=True)
    few = digits.str.len_bytes() < 6
    monotone = digits.str.contains(r"^\d{0,4}(?:0{6,}|1{6,}|2{6,}|3{6,}|4{6,}|5{6,}|6{6,}|7{6,}|8{6,}|9{6,})$")
    return few | monotone | digits.str.contains(r"^0?1234567|^0?9876543")


def _rule(country: str | None, example: str) -> tuple[str, int]:
    """What stands before the number in E.164, and how many of the dialled characters it replaces."""
    try:
        parsed = phonenumbers.parse(example, country)
    except phonenumbers.NumberParseException:
        return "", len(example) - len(example.lstrip("+0"))
    if not phonenumbers.is_possible_number(parsed):
        return "", len(example) - len(example.lstrip("+0"))
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.national_significant_number(parsed)
    if not example.endswith(national):
        return "", len(example) - len(example.lstrip("+0"))
    return number[: len(number) - len(national)], len(example) - len(national)


def _is_valid(text: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False
