"""Names, addresses, e-mail, telephones and dates as they are compared."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.scv.standardise.addresses import address_parts, parse_postcodes
from crm_platform.scv.standardise.dates import is_day_first, parse_dates
from crm_platform.scv.standardise.emails import email_forms, parse_emails
from crm_platform.scv.standardise.names import given_spelling, nickname_groups, parse_names, sound_key
from crm_platform.scv.standardise.people import standardise
from crm_platform.scv.standardise.phones import as_e164, guessed_country, is_mobile
from crm_platform.scv.standardise.placeholders import (
    placeholder_dates,
    shared_by_strangers,
    shared_mailboxes,
    without_mailboxes,
)
from crm_platform.scv.standardise.text import folded


def text_of(value: str | None, transform: pl.Expr) -> str | None:
    return pl.DataFrame({"value": [value]}, schema={"value": pl.String}).select(transform).item()


@pytest.mark.parametrize(
    ("shown", "compared"),
    [
        ("Müller", "mueller"),
        ("MUELLER", "mueller"),
        ("  José   María ", "jose maria"),
        ("Åse", "aase"),
        ("ß", "ss"),
        ("", None),
    ],
)
def test_text_loses_case_accents_and_spare_spaces(shown: str, compared: str | None) -> None:
    assert text_of(shown, folded(pl.col("value"))) == compared


@given(st.text(max_size=300))
def test_folding_any_text_twice_changes_nothing_more(text: str) -> None:
    once = text_of(text, folded(pl.col("value")))
    assert text_of(once, folded(pl.col("value"))) == once


@pytest.mark.parametrize(
    ("first", "last", "given_name", "surname", "generation"),
    [
        ("Dr. Anna Maria", "von der Heide", "anna maria", "heide", None),
        ("john", "mac donell", "john", "macdonell", None),
        ("John", "Smith Jr.", "john", "smith", "2"),
        ("unknown", "Smith", None, "smith", None),
        ("Sean", "O'Neill", "sean", "oneill", None),
        ("A", "Baron-Suckling", "a", "baron suckling", None),
        ("Prof", "Li", "prof", "li", None),
    ],
)
def test_names_lose_titles_particles_and_suffixes(
    first: str, last: str, given_name: str | None, surname: str | None, generation: str | None
) -> None:
    parsed = parse_names(pl.DataFrame({"first_name": [first], "last_name": [last]}))
    assert parsed.row(0) == (given_name, surname, generation)


@pytest.mark.parametrize(
    ("full", "given_name", "surname"),
    [("Smith, Anna Maria", "anna maria", "smith"), ("Anna Maria Smith", "anna maria", "smith"),
     ("Ludwig van Beethoven", "ludwig", "beethoven"), ("Cher", None, "cher")],
)  # fmt: skip
def test_a_full_name_is_split_where_first_and_last_are_missing(full: str, given_name: str | None, surname: str) -> None:
    parsed = parse_names(pl.DataFrame({"full_name": [full]}))
    assert parsed.row(0)[:2] == (given_name, surname)


@pytest.mark.parametrize(
    ("one", "other"), [("meyer", "maier"), ("philip", "filip"), ("schmidt", "schmitt"), ("clark", "klarke")]
)
def test_names_of_like_sound_share_a_key(one: str, other: str) -> None:
    assert text_of(one, sound_key(pl.col("value"))) == text_of(other, sound_key(pl.col("value")))


def test_every_line_of_nicknames_is_a_group_and_a_name_may_be_in_several() -> None:
    groups = dict(nickname_groups().select("name", "groups").iter_rows())
    initials = dict(nickname_groups().select("name", "initials").iter_rows())
    assert {"r", "b"} <= set(initials["bob"])
    assert all(name[0] in initials[name] for name in initials)
    assert set(groups["bob"]) & set(groups["robert"])
    assert len(groups["harry"]) >= 2
    assert not set(groups["bob"]) & set(groups["alice"])


@pytest.mark.parametrize(("one", "other"), [("Jørgen", "Jorgen"), ("Göran", "Goran"), ("Åsmund", "Asmund")])
def test_a_given_name_that_lost_its_umlaut_is_the_same_and_a_short_one_is_another(one: str, other: str) -> None:
    people = pl.DataFrame({"record_id": ["1", "2"], "first_name": [one, other], "last_name": ["Berg", "Holm"]})
    first, second = standardise(people)[0]["given_first"]
    assert first == second
    assert text_of("joe", given_spelling(pl.col("value"))) != text_of("jo", given_spelling(pl.col("value")))


def test_a_number_is_a_mobile_one_by_its_plan_or_by_the_column_it_stands_in() -> None:
    numbers = pl.Series(["+447912345678", "+442079460001", "+61412345678", "+12025550123", "020 7946", None])
    assert is_mobile(numbers).to_list() == [True, False, True, False, False, False]
    american = {
        "country": "US",
        "phone": ["202 555 0123", "202 555 0199", None],
        "mobile_phone": [None, "+12025550123", "+12025550123"],
    }
    rows, _ = standardise(pl.DataFrame(american))
    assert rows["is_mobile"].to_list() == [False, False, True]
    assert rows["phone"].to_list() == ["+12025550123", "+12025550199", "+12025550123"]


def test_a_surname_with_particles_in_the_place_of_the_given_name_is_put_back() -> None:
    usual = [("jesse", "van den berg"), ("anna", "de jong"), ("jesse", "de jong"), ("anna", "van den berg")] * 30
    people = pl.DataFrame([*usual, ("van den berg", "jesse")], schema=["first_name", "last_name"], orient="row")
    records, _ = standardise(people)
    assert records.select("given_first", "surname").row(-1) == records.select("given_first", "surname").row(0)


def test_several_words_are_no_email_address() -> None:
    forms = email_forms(pl.Series(["none given", "jane smithgmail.com ", "janesmithgmail.com", "jane smith@gmail.com"]))
    assert forms["email"].to_list() == [None, None, "janesmithgmail.com", "janesmith@gmail.com"]


def test_a_swapped_name_is_put_back_by_what_the_whole_file_calls_people() -> None:
    usual = [("violet", "clark"), ("anna", "weber"), ("violet", "weber"), ("anna", "clark")] * 30
    people = pl.DataFrame(
        [*usual, ("clark", "violet"), ("weber", None)], schema=["first_name", "last_name"], orient="row"
    )
    records, _ = standardise(people)
    assert records.select("given_first", "surname").rows()[-2:] == [("violet", "clark"), (None, "weber")]


@pytest.mark.parametrize(
    ("shown", "compared"),
    [("1980-03-04", "19800304"), ("04/03/1980", "19800304"), ("4.3.1980", "19800304"), ("19800304", "19800304"),
     ("1980-03-04T00:00:00", "19800304"), ("4 March 1980", "19800304"), ("Mar 4, 1980", "19800304"),
     ("03/13/1980", "19800313"),
     ("1851-81-01", "18518101"), ("1851", "18510101"), ("04/03/80", "19800304"), ("soon", None), (None, None)],
)  # fmt: skip
def test_dates_of_any_form_are_read(shown: str | None, compared: str | None) -> None:
    assert text_of(shown, parse_dates(pl.col("value"))) == compared


def test_the_order_of_day_and_month_is_found_from_the_dates_that_show_it() -> None:
    assert is_day_first(pl.Series(["25/01/1980", "03/04/1980"]))
    assert not is_day_first(pl.Series(["01/25/1980", "03/04/1980"]))


@pytest.mark.parametrize(
    ("shown", "compared"),
    [("J.Smith+news@GoogleMail.com ", "jsmith@gmail.com"), ("Tom.Tailor@web.de", "tom.tailor@web.de"),
    ("no@email.com", None),
     ("tom+x@web.de", "tom@web.de"), ("tomweb.de", "tomweb.de"), ("", None)],
)  # fmt: skip
def test_emails_are_compared_by_the_mailbox_they_reach(shown: str, compared: str | None) -> None:
    assert email_forms(pl.Series([shown]))["email"].to_list() == [compared]


def test_an_email_is_shown_as_it_was_given_but_for_the_domain() -> None:
    shown, _ = pl.DataFrame({"email": [" J.Smith@Web.DE"]}).select(parse_emails(pl.col("email"))).row(0)
    assert shown == "J.Smith@web.de"


@pytest.mark.parametrize(
    ("number", "country", "compared"),
    [("0437 626 776", "AU", "+61437626776"), ("+61 437 626 776", None, "+61437626776"),
    ("0061437626776", "DE", "+61437626776"),
     ("(020) 7946 0018", "GB", "+442079460018"), ("+44 (0)20 7946 0018", "DE", "+442079460018"),
     ("030 123456", "DE", "+4930123456"),
     ("06 1234 5678", "IT", "+390612345678"), ("0000000000", "DE", None), ("12", "DE", None), ("n/a", "DE", None)],
)  # fmt: skip
def test_telephones_are_read_by_their_country(number: str, country: str | None, compared: str | None) -> None:
    assert as_e164(pl.Series([number]), pl.Series([country], dtype=pl.String), None).to_list() == [compared]


def test_the_country_of_numbers_without_one_is_found_from_the_numbers() -> None:
    assert guessed_country(pl.Series([f"04{number:08d}" for number in range(11_000_000, 11_000_200)])) == "AU"
    assert guessed_country(pl.Series([None], dtype=pl.String)) is None


@pytest.mark.parametrize(
    ("line", "number", "unit", "street"),
    [("12/34 High St", "34", "12", "high street"), ("Unit 12, 34 High Street", "34", "12", "high street"),
     ("Hauptstr. 5a", "5a", None, "hauptstrasse"), ("Via Roma 12", "12", None, "via roma"),
     ("34 Frogmore Rd", "34", None, "frogmore road"),
     ("unknown", None, None, None)],
)  # fmt: skip
def test_addresses_are_parted_and_their_short_words_written_out(
    line: str, number: str | None, unit: str | None, street: str | None
) -> None:
    assert address_parts(pl.Series([line])).row(0) == (number, unit, street)


@pytest.mark.parametrize(
    ("shown", "code", "area"),
    [("TQ13 8DF", "tq138df", "tq13"), ("94103-1234", "94103", "941"), ("2119", "2119", "21"), ("10115", "10115", "101"),
     ("1012 AB", "1012ab", "101"), ("0000", None, None)],
)  # fmt: skip
def test_postcodes_know_their_area(shown: str, code: str | None, area: str | None) -> None:
    assert pl.DataFrame({"postcode": [shown]}).select(parse_postcodes(pl.col("postcode"))).row(0) == (code, area)


def test_an_email_held_by_strangers_is_a_placeholder_and_a_familys_is_none() -> None:
    strangers = [("shop@x.de", f"surname{number}", f"given{number}") for number in range(30)]
    family = [("home@y.de", "weber", f"given{number}") for number in range(20)]
    people = pl.DataFrame([*strangers, *family], schema=["email", "surname", "given"], orient="row")
    assert shared_by_strangers(people, ["email"])["email"]["email"].to_list() == ["shop@x.de"]


def test_a_mailbox_met_at_more_places_than_anybody_lives_at_is_not_one_persons() -> None:
    def at(email: str, places: list[str | None]) -> pl.DataFrame:
        return pl.DataFrame({"email": [email] * len(places), "postcode": places, "city": [None] * len(places)})

    seven = at("philip.moore@gmail.com", [f"10{place}" for place in range(7)])
    moved = at("anna.bell@gmail.com", ["200", "201", "202", "202", None])
    people = pl.concat([seven, moved, at(None, ["1", "2", "3", "4", "5"])], how="vertical_relaxed")  # type: ignore[arg-type]
    people = people.with_columns(mailbox=pl.col("email").str.split("@").list.first(), mailbox_digits=pl.lit(""))
    found = shared_mailboxes(people)
    assert len(found) == 1
    left = without_mailboxes(people, found)
    assert set(left["email"].drop_nulls()) == {"anna.bell@gmail.com"}
    assert set(left["mailbox"].drop_nulls()) == {"anna.bell"}
    assert without_mailboxes(people, found.clear()).equals(people)


@pytest.mark.parametrize("spellings", [("Mäkinen", "Maekinen", "MAKINEN"), ("Østergård", "Oestergaard", "Ostergard")])
def test_the_three_spellings_of_an_umlaut_are_one_surname_town_and_street(spellings: tuple[str, ...]) -> None:
    people = pl.DataFrame(
        {"last_name": spellings, "city": spellings, "address_line": [f"{name} 7" for name in spellings]}
    )
    rows, _ = standardise(people)
    for column in ("surname", "surname_sound", "city", "street_key"):
        assert rows[column].n_unique() == 1, rows[column].to_list()


def test_a_date_far_more_frequent_than_its_neighbours_is_a_placeholder_and_a_bare_year_is_none() -> None:
    others = [f"{year}{month:02d}{day:02d}" for year in range(1900, 1980) for month in (3, 7) for day in (1, 11, 21)]
    assert placeholder_dates(pl.Series(["19000101"] * 200 + others)) == ["19000101"]
    assert placeholder_dates(pl.Series([f"{year}0101" for year in range(1900, 1980) for _ in range(20)])) == []


def test_later_records_are_read_as_the_first_ones_were() -> None:
    first = pl.DataFrame({"phone": [f"04{number:08d}" for number in range(11_000_000, 11_000_050)]})
    _, standards = standardise(first)
    later, _ = standardise(pl.DataFrame({"phone": ["0437626776"]}), standards)
    assert later["phone"].to_list() == ["+61437626776"]


def test_a_mailbox_is_ones_own_that_bears_the_given_name_or_its_initial_before_the_surname() -> None:
    said = [
        ("Jörg", "Weber", "j.web@x.de", False), ("Jörg", "Weber", "weber.joerg7@x.de", True),
        ("Bill", "Warren", "bwarren38@x.uk", True), ("Bill", "Warren", "wwarren38@x.uk", False),
        ("Al", "Warren", "walter@x.uk", False), ("Ann", None, "ann@x.uk", True), (None, "Warren", "bill@x.uk", None),
        ("Ann", "Warren", None, None),
    ]  # fmt: skip
    people = pl.DataFrame(said, schema=["first_name", "last_name", "email", "is_own"], orient="row")
    rows, _ = standardise(people)
    assert rows["is_own_mailbox"].to_list() == people["is_own"].to_list()
