"""Which country the telephone numbers of a file belong to."""

import polars as pl
import pytest

from crm_platform.scv.standardise.addresses import address_parts
from crm_platform.scv.standardise.countries import country_of_file

MOBILES = [f"04{number * 7_654_321 % 100_000_000:08d}" for number in range(200)]
NOTHING = pl.Series([None] * 200, dtype=pl.String)


def country(
    phones: list[str], *, countries: list[str] | None = None, regions: list[str] | None = None,
    postcodes: list[str] | None = None,
) -> str | None:  # fmt: skip
    said = [NOTHING if values is None else pl.Series(values) for values in (countries, regions, postcodes)]
    return country_of_file(pl.Series(phones), *said)


def test_numbers_with_a_country_code_speak_for_those_without() -> None:
    """Others in the file began with +61, and 04 numbers were read as South African."""
    assert country([*MOBILES, *(f"+61{number[1:]}" for number in MOBILES[:20])]) == "AU"
    assert country([*MOBILES, *(f"0061 {number[1:]}" for number in MOBILES[:20])]) == "AU"


def test_australian_mobiles_are_read_so_when_nothing_else_says_so() -> None:
    assert country(MOBILES) == "AU"


@pytest.mark.parametrize(
    ("phones", "said", "expected"),
    [
        (MOBILES, {"countries": ["FR"] * 200}, "FR"),
        (MOBILES, {"regions": ["NSW", "VIC", "Qld", "Tasmania"] * 50}, "AU"),
        (["0301234567", "0151 23456789"] * 100, {"regions": ["Bayern", "NRW"] * 100}, "DE"),
        (["020 7946 0958"] * 200, {"postcodes": ["SW1A 1AA", "m1 1ae"] * 100}, "GB"),
        (["020 794 6095"] * 200, {"postcodes": ["1011 AB"] * 200}, "NL"),
        (MOBILES, {"countries": ["AU", "FR"] * 100}, "AU"),
    ],
    ids=["country", "states", "states of Germany", "British postcode", "Dutch postcode", "two countries"],
)
def test_what_a_file_states_comes_before_a_guess(phones: list[str], said: dict[str, list[str]], expected: str) -> None:
    assert country(phones, **said) == expected


def test_a_country_whose_plan_the_numbers_do_not_fit_is_not_believed() -> None:
    assert country(MOBILES, countries=["US"] * 200) == "AU"


def test_a_file_without_numbers_has_the_country_that_it_states() -> None:
    assert country_of_file(NOTHING, NOTHING, NOTHING, NOTHING) is None
    assert country_of_file(NOTHING, pl.Series(["AT"] * 200), NOTHING, NOTHING) == "AT"


@pytest.mark.parametrize(
    "line",
    ["3/45 Smith St", "Unit 3, 45 Smith Street", "U3 45 Smith St", "U 3/45 Smith St", "Flat 3/45 Smith St.",
     "Apt 3 / 45 Smith Street", "unit 3/45-47 Smith St"],
)  # fmt: skip
def test_units_are_read_alike(line: str) -> None:
    assert address_parts(pl.Series([line])).row(0) == ("45", "3", "smith street")


@pytest.mark.parametrize("line", ["Ulmenweg 3", "U-Bahnhof 3", "3 Upper Road"])
def test_a_u_that_begins_a_word_is_no_unit(line: str) -> None:
    number, unit, _ = address_parts(pl.Series([line])).row(0)
    assert (number, unit) == ("3", None)
