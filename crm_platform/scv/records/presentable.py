"""Statements as they are shown to people: names in mixed case, telephones as E.164, no placeholder.

Here: what a value looks like in the golden record. Not here: the forms that values are compared in (`standardise/`).
"""

import polars as pl

from crm_platform.scv.records.contracts import NAME_COLUMNS
from crm_platform.scv.standardise.emails import parse_emails
from crm_platform.scv.standardise.people import Standards, standardise
from crm_platform.scv.standardise.phones import as_e164
from crm_platform.scv.standardise.text import on_distinct

_MIXED_CASE = (*NAME_COLUMNS, "city", "region", "address_line", "address_line_2")
_PARTICLES = "van|von|der|den|de|di|da|del|della|dalla|du|la|le|ten|ter|zu|af|av"
EARLIEST_BIRTH = pl.date(1900, 1, 2)
TELLING_COLUMNS = (
    *NAME_COLUMNS, "email", "phone", "mobile_phone", "national_id", "birth_date", "region", "postcode", "country"
)  # fmt: skip


def told_standards(statements: pl.DataFrame) -> Standards:
    """What all statements (`TELLING_COLUMNS`) together say of single values: which are placeholders, whose country
    numbers without one are of."""
    _, standards = standardise(statements.with_columns(_trimmed(pl.col(pl.String))))
    return standards


def presentable(statements: pl.DataFrame, standards: Standards) -> pl.DataFrame:
    """The same rows and columns, each value as it is shown, or null where it says nothing."""
    trimmed = statements.with_columns(_trimmed(pl.col(pl.String)))
    nothing = {name: list(values) for name, values in standards.placeholders.items()}
    mixed = (on_distinct(trimmed[name], _mixed_case(pl.col("value"))).alias(name) for name in _MIXED_CASE)
    shown = trimmed.with_columns(mixed)
    shown = shown.with_columns(
        as_e164(shown[name], shown["country"], standards.default_country).alias(name)
        for name in ("phone", "mobile_phone")
    )
    email = on_distinct(shown["email"], pl.struct(parse_emails(pl.col("value")))).struct.unnest()
    numbers = [*nothing.get("phone", ()), *nothing.get("mobile_phone", ())]
    no_births = pl.Series(nothing.get("birth_date", ()), dtype=pl.String)
    return _with_whole_names(shown).with_columns(
        *(pl.when(~pl.col(name).is_in(numbers)).then(name).alias(name) for name in ("phone", "mobile_phone")),
        email=email.select(
            pl.when(pl.col("email").is_not_null() & ~pl.col("email").is_in(nothing.get("email", []))).then(
                "email_shown"
            )
        ).to_series(),
        birth_date=pl.when(
            (pl.col("birth_date") >= EARLIEST_BIRTH)
            & ~pl.col("birth_date").dt.strftime("%Y%m%d").is_in(no_births.implode())
        ).then("birth_date"),
    )


def _trimmed(value: pl.Expr) -> pl.Expr:
    bare = value.str.strip_chars().str.replace_all(r"\s+", " ")
    return pl.when(bare.str.len_bytes() > 0).then(bare)


def _mixed_case(value: pl.Expr) -> pl.Expr:
    """Text that is all capitals or all small letters in mixed case; other text as it was written."""
    is_loud = (value == value.str.to_uppercase()) & value.str.contains(r"\p{L}\p{L}")
    is_lazy = value == value.str.to_lowercase()
    titled = value.str.to_titlecase().str.replace_all(r"(\d)(St|Nd|Rd|Th)\b", "${1}${2}")
    # Titlecase after an apostrophe or hyphen is right (O'Neill, Anne-Marie); after a digit it makes 12B of 12b.
    return pl.when(is_loud | is_lazy).then(titled).otherwise(value)


def _with_whole_names(shown: pl.DataFrame) -> pl.DataFrame:
    """First and last name out of the full name where the source gives that alone, and the full name out of them."""
    has_parts = pl.col("first_name").is_not_null() | pl.col("last_name").is_not_null()
    full = pl.col("full_name")
    comma = full.str.extract_groups(r"^([^,]+),\s*([^ ,]+)\s*(.*)$")
    plain = full.str.extract_groups(rf"(?i)^(\S+)\s+(?:(.*?)\s+)??((?:(?:{_PARTICLES})\s+)*\S+)$")
    is_split = ~has_parts & (pl.col("customer_type") == "person") & full.is_not_null()
    is_turned = full.str.contains(",", literal=True)
    first = pl.when(is_turned).then(comma.struct.field("2")).otherwise(plain.struct.field("1"))
    middle = pl.when(is_turned).then(comma.struct.field("3")).otherwise(plain.struct.field("2"))
    last = pl.when(is_turned).then(comma.struct.field("1")).otherwise(plain.struct.field("3"))
    split = shown.with_columns(
        first_name=pl.when(is_split).then(first).otherwise("first_name"),
        middle_name=pl.when(is_split & (middle != "")).then(middle).otherwise("middle_name"),
        last_name=pl.when(is_split).then(pl.coalesce(last, full)).otherwise("last_name"),
    )
    parts = pl.concat_str("first_name", "middle_name", "last_name", separator=" ", ignore_nulls=True)
    return split.with_columns(full_name=pl.when(parts != "").then(parts).otherwise("full_name"))
