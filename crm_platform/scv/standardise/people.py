"""People as they are compared: a frame of canonical columns to a frame of comparable ones, one row for one record.

Here: which source column feeds which comparable one, and the order of the steps. Not here: the steps (the modules
beside), and what two people's values say about each other (`match/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from crm_platform.scv.standardise.addresses import address_parts, parse_postcodes
from crm_platform.scv.standardise.countries import country_of_file
from crm_platform.scv.standardise.dates import is_day_first, parse_dates
from crm_platform.scv.standardise.emails import email_forms
from crm_platform.scv.standardise.names import given_spelling, nickname_groups, parse_names, sound_key
from crm_platform.scv.standardise.phones import as_e164, is_mobile
from crm_platform.scv.standardise.placeholders import (
    placeholder_dates,
    shared_by_strangers,
    shared_mailboxes,
    without_mailboxes,
)
from crm_platform.scv.standardise.text import empty_as_null, folded, letters_only, on_distinct, with_single_vowels

# Comparable column: the source columns it may come from, the first one present wins.
SOURCES_OF: Mapping[str, tuple[str, ...]] = {
    "sex": ("sex", "gender"),
    "birth_date": ("birth_date", "date_of_birth", "dob"),
    "address_line": ("address_line", "address", "street", "street_address"),
    "company": ("company_name", "company"),
    "occupation": ("job_title", "occupation"),
    "birth_place": ("place_of_birth", "birth_place"),
    "recorded_dt": ("confirmed_dt", "updated_dt", "recorded_at", "registered_dt", "created_dt"),
    "first_name": ("first_name", "given_name", "forename"),
    "last_name": ("last_name", "surname", "family_name"),
    "national_id": ("national_id", "tax_id", "social_security_number"),
    "phone": ("phone", "telephone", "phone_number"),
    "mobile_phone": ("mobile_phone", "mobile"),
    "postcode": ("postcode", "zip", "postal_code"),
    "city": ("city", "town", "suburb"),
}
_PASSED = ("title", "middle_name", "full_name", "email", "address_line_2", "region", "country", "source")
USABLE_COLUMNS = tuple(sorted({name for names in SOURCES_OF.values() for name in names} | set(_PASSED) - {"source"}))
_SEXES = {
    "m": "m", "male": "m", "man": "m", "mann": "m", "maennlich": "m", "uomo": "m", "maschio": "m", "mand": "m",
    "1": "m",
    "f": "f", "female": "f", "woman": "f", "frau": "f", "weiblich": "f", "donna": "f", "femmina": "f", "kvinde": "f",
    "w": "f", "v": "f", "vrouw": "f", "2": "f",
}  # fmt: skip
_SEX_OF_TITLE = {
    "mr": "m", "sir": "m", "herr": "m", "sig": "m", "signor": "m", "dhr": "m", "lord": "m", "monsieur": "m",
    "mrs": "f", "ms": "f", "miss": "f", "dame": "f", "lady": "f", "frau": "f", "sigra": "f", "signora": "f",
    "mevr": "f", "mevrouw": "f", "mme": "f", "mlle": "f", "fru": "f",
}  # fmt: skip
MINIMUM_ORDER_ODDS = 20.0
BELIEVED_GIVEN = 3.0
# Shorter names stand in mailboxes by chance.
SHORTEST_NAME = 3


@dataclass(frozen=True)
class Standards:
    """What was decided from the whole data and has to hold for the records that come later.

    default_country: of numbers and addresses without one; placeholders: values per comparable column that say nothing;
    order_of_names: how often a name stands in each field, for telling swapped ones; shared_mailboxes: hashes of e-mail
    addresses that are not one person's.
    """

    default_country: str | None = None
    day_first: bool = True
    placeholders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    order_of_names: pl.DataFrame | None = None
    shared_mailboxes: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.UInt64))


def standardise(people: pl.DataFrame, standards: Standards | None = None) -> tuple[pl.DataFrame, Standards]:
    """Canonical columns to comparable ones, in the same order of rows; with the standards they were read by.

    people: any of `USABLE_COLUMNS` and `source`; unknown columns are left aside, missing ones are null. Result: source,
    recorded_days (days since 1970), given, given_first, given_parts, surname, surname_parts, generation, sex,
    birth_date, email, mailbox, mailbox_digits, phone, mobile_phone (another one), is_mobile (of the phone: true or
    false), house_number, unit, street, street_key, postcode, postal_area, city, region, country, national_id, company,
    occupation, birth_place: text, or null. Give `standards` to read later records as the earlier ones were.
    """
    source = _canonical(people)
    found = standards or _found_standards(source)
    columns: list[pl.Series | pl.Expr] = []
    rows = parse_names(source).with_columns(source["source"])
    rows = rows.with_columns(
        birth_date=on_distinct(source["birth_date"], parse_dates(pl.col("value"), found.day_first)),
        recorded_days=_days(source["recorded_dt"]),
        sex=_sex(source),
        country=on_distinct(source["country"], _country(pl.col("value"))),
    )
    rows = pl.concat([rows, email_forms(source["email"]).drop("email_shown")], how="horizontal")
    rows = rows.with_columns(
        as_e164(source[name], rows["country"], found.default_country).alias(name) for name in ("phone", "mobile_phone")
    )
    rows = rows.with_columns(
        phone=pl.coalesce("phone", "mobile_phone"),
        mobile_phone=pl.when(pl.col("phone") != pl.col("mobile_phone")).then("mobile_phone"),
        is_mobile=(pl.coalesce("phone", "mobile_phone") == pl.col("mobile_phone")).fill_null(False),
    )
    rows = rows.with_columns(is_mobile=pl.col("is_mobile") | is_mobile(rows["phone"]))
    rows = _with_address(rows, source)
    columns = [
        on_distinct(source[name], with_single_vowels(letters_only(folded(pl.col("value"))))).alias(name)
        for name in ("city", "region", "company", "occupation", "birth_place")
    ]
    identifier = letters_only(folded(pl.col("national_id"))).str.replace_all(" ", "")
    is_no_identifier = identifier.str.contains(r"^(0+|9+|x+|na|none|null|unknown|12345678?9?)$")
    rows = rows.with_columns(*columns).with_columns(
        source.select(pl.when(~is_no_identifier).then(identifier).alias("national_id"))["national_id"]
    )
    if standards is None:
        found = _with_placeholders(rows, found)
    rows = rows.with_columns(
        pl.when(~pl.col(name).is_in(values)).then(name).alias(name)
        for name, values in found.placeholders.items()
        if values
    ).with_columns(
        pl.when(pl.col("email").is_not_null()).then(name).alias(name) for name in ("mailbox", "mailbox_digits")
    )
    if standards is None:
        found = replace(found, order_of_names=count_names(rows), shared_mailboxes=shared_mailboxes(rows))
    rows = without_mailboxes(rows, found.shared_mailboxes)
    return _with_own_mailbox(_with_name_keys(_in_order(rows, found.order_of_names))), found


def _canonical(people: pl.DataFrame) -> pl.DataFrame:
    """The source columns under one name each, as text; missing ones null."""
    chosen = {name: next((c for c in names if c in people.columns), None) for name, names in SOURCES_OF.items()}
    chosen |= {name: name if name in people.columns else None for name in _PASSED}
    nothing = pl.repeat(None, people.height, dtype=pl.String, eager=True)
    return pl.DataFrame(
        [(people[column].cast(pl.String) if column else nothing).alias(name) for name, column in chosen.items()]
    )


def _found_standards(source: pl.DataFrame) -> Standards:
    phones = pl.concat([source[name].drop_nulls().alias("phone") for name in ("phone", "mobile_phone")])
    countries = on_distinct(source["country"], _country(pl.col("value")))
    country = country_of_file(phones, countries, source["region"], source["postcode"])
    return Standards(country, is_day_first(source["birth_date"]))


def _with_placeholders(rows: pl.DataFrame, found: Standards) -> Standards:
    strangers = shared_by_strangers(rows, ("email", "phone", "mobile_phone", "national_id"))
    placeholders = {name: tuple(sorted(values[name].to_list())) for name, values in strangers.items()}
    placeholders["birth_date"] = tuple(placeholder_dates(rows["birth_date"]))
    return Standards(found.default_country, found.day_first, placeholders)


def _country(value: pl.Expr) -> pl.Expr:
    code = value.str.strip_chars().str.to_uppercase()
    return pl.when(code.str.contains("^[A-Z]{2}$")).then(code)


def _days(moments: pl.Series) -> pl.Series:
    """The day of a date or timestamp in ISO form, as days since 1970."""
    return moments.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).to_physical().cast(pl.Int32)


def _sex(source: pl.DataFrame) -> pl.Series:
    stated = on_distinct(
        source["sex"], folded(pl.col("value")).replace_strict(_SEXES, default=None, return_dtype=pl.String)
    )
    title = letters_only(folded(pl.col("value"))).str.split(" ").list.first()
    by_title = on_distinct(source["title"], title.replace_strict(_SEX_OF_TITLE, default=None, return_dtype=pl.String))
    return stated.fill_null(by_title) if by_title.null_count() < len(by_title) else stated


def _with_address(rows: pl.DataFrame, source: pl.DataFrame) -> pl.DataFrame:
    line = source.select(line=pl.concat_str("address_line", "address_line_2", separator=" ", ignore_nulls=True))["line"]
    parts = address_parts(line)
    postal = on_distinct(source["postcode"], pl.struct(parse_postcodes(pl.col("value")))).struct.unnest()
    rows = pl.concat([rows, parts, postal], how="horizontal")
    street = pl.col("street").str.replace_all(" ", "", literal=True)
    return rows.with_columns(street_key=empty_as_null(with_single_vowels(street)))


def count_names(rows: pl.DataFrame) -> pl.DataFrame:
    """name, as_given, as_surname: how many records hold a (single) name in each field."""
    counted = [
        rows.lazy().select(name=column).drop_nulls().group_by("name").len(name)
        for column, name in (("given", "as_given"), ("surname", "as_surname"))
    ]
    return (
        counted[0].join(counted[1], on="name", how="full", coalesce=True)
        .with_columns(pl.col("as_given", "as_surname").fill_null(0).cast(pl.Int32)).sort("name").collect()
    )  # fmt: skip


def _in_order(rows: pl.DataFrame, counts: pl.DataFrame | None) -> pl.DataFrame:
    """Put swapped names back: where both names, read the other way about, are twenty times as likely.

    How likely is read from the whole data: `Violet` is a given name nearly everywhere. A surname alone in the field of
    given names goes to its own.
    """
    if counts is None or counts.is_empty():
        return rows
    total_given, total_surname = counts["as_given"].sum() or 1, counts["as_surname"].sum() or 1
    # A name that the file of nicknames knows is one given by parents, until the data says otherwise.
    known = given_spelling(pl.col("name")).is_in(nickname_groups()["name"].implode()).cast(pl.Float64) * BELIEVED_GIVEN
    odds = counts.select(
        "name",
        odds=((pl.col("as_given") + 0.5 + known) / total_given).log()
        - ((pl.col("as_surname") + 0.5) / total_surname).log(),
    )
    looked = rows.select("given", "surname").join(
        odds, left_on="given", right_on="name", how="left", maintain_order="left"
    )
    looked = looked.join(
        odds, left_on="surname", right_on="name", how="left", maintain_order="left", suffix="_of_surname"
    )
    # Odds of the field holding what it should; a name never seen counts as even.
    against = looked["odds_of_surname"].fill_null(0.0) - looked["odds"].fill_null(0.0)
    is_swapped = (against > float(pl.Series([MINIMUM_ORDER_ODDS]).log()[0])) & (
        rows["given"].is_not_null() | rows["surname"].is_not_null()
    )
    return rows.with_columns(
        given=pl.when(is_swapped).then("surname").otherwise("given"),
        surname=pl.when(is_swapped).then("given").otherwise("surname"),
    )


def _given_parts(given: pl.Expr) -> pl.Expr:
    parts = given.str.split(" ").list.eval(given_spelling(pl.element())).list.join(" ")
    return pl.when(given.str.contains(" ", literal=True)).then(parts)


def _with_own_mailbox(rows: pl.DataFrame) -> pl.DataFrame:
    """is_own_mailbox: whether the mailbox bears the given name, or its initial before the surname (`bwarren`)."""
    letters = with_single_vowels(pl.col("mailbox").str.replace_all(r"[^\p{L}]", ""))
    given, surname = pl.col("given_first"), pl.col("surname")
    by_given = letters.str.contains(given, literal=True) & (given.str.len_chars() >= SHORTEST_NAME)
    by_initial = letters.str.starts_with(given.str.slice(0, 1) + surname) & (surname.str.len_chars() >= SHORTEST_NAME)
    is_known = pl.col("mailbox").is_not_null() & given.is_not_null()
    return rows.with_columns(is_own_mailbox=pl.when(is_known).then(by_given | by_initial.fill_null(False)))


def _with_name_keys(rows: pl.DataFrame) -> pl.DataFrame:
    """given_first, given_sound, surname_parts, surname_sound and the surname without spaces."""
    keyed = rows.with_columns(
        given_first=on_distinct(rows["given"], given_spelling(pl.col("value").str.split(" ").list.first())),
        given_parts=on_distinct(rows["given"], _given_parts(pl.col("value"))),
        surname_parts=pl.when(pl.col("surname").str.contains(" ", literal=True)).then("surname"),
        surname=with_single_vowels(pl.col("surname").str.replace_all(" ", "", literal=True)),
    )
    groups = keyed.select(name="given_first").join(nickname_groups(), on="name", how="left", maintain_order="left")
    return keyed.with_columns(
        given_sound=on_distinct(keyed["given_first"], sound_key(pl.col("value"))),
        surname_sound=on_distinct(keyed["surname"], sound_key(pl.col("value"))),
        nicknames=groups["groups"],
        initials=groups["initials"],
    )
