"""What the platform knows of titles and postcodes."""

import polars as pl
import pytest

from crm_platform.sources.vocabulary.vocabulary import (
    known_titles,
    normalised_title,
    postcode_patterns,
    titles_by_language,
)

POSTCODES = {
    "GB": ["SW1A 1AA", "M1 1AE", "B33 8TH", "CR2 6XH", "DN55 1PT", "W1A0AX", "EC1A 1BB"],
    "NO": ["0150", "NO-5003"],
    "SE": ["114 55", "11455", "SE-114 55"],
    "DK": ["2100", "DK-2100"],
    "FI": ["00100"],
    "NL": ["1012 AB", "1012AB"],
    "BE": ["1000", "B-1000"],
    "LU": ["1009", "L-1009"],
    "IT": ["20121", "I-20121"],
    "US": ["10001", "10001-1234"],
    "DE": ["01067"],
    "FR": ["75008"],
    "CA": ["K1A 0B1"],
    "IE": ["D02 AF30", "D6W XY00"],
    "PL": ["00-950"],
    "PT": ["1000-205"],
    "SK": ["811 01"],
}
NOT_POSTCODES = {
    "GB": ["SW1A", "12345", "SW1A 1A", "1SW AA1"],
    "NO": ["150", "01500"],
    "SE": ["014 55", "1145"],
    "NL": ["0123 AB", "1012", "1012 A1"],
    "IT": ["2012"],
    "US": ["1000", "10001-12"],
    "CA": ["D1A 0B1"],
}


def matches(country: str, postcodes: list[str]) -> list[bool]:
    return pl.Series(postcodes).str.contains(postcode_patterns()[country]).to_list()


@pytest.mark.parametrize("country", POSTCODES)
def test_a_countrys_postcodes_are_known(country: str) -> None:
    assert all(matches(country, POSTCODES[country]))


@pytest.mark.parametrize("country", NOT_POSTCODES)
def test_what_no_post_office_of_the_country_knows_is_told_apart(country: str) -> None:
    assert not any(matches(country, NOT_POSTCODES[country]))


@pytest.mark.parametrize("country", postcode_patterns())
def test_every_pattern_is_read_by_polars_and_speaks_of_the_whole_postcode(country: str) -> None:
    assert len(country) == 2
    assert not any(matches(country, ["", "-", "?? ?? ??", "X" * 40]))


@pytest.mark.parametrize(
    ("written", "sex"),
    [
        ("Mrs.", "female"),
        (" MR ", None),  # a man in English, a lawyer of either sex in Dutch
        ("Mister", "male"),
        ("Dott.ssa", "female"),
        ("Sig.ra", "female"),
        ("Prof.  Dr.", None),
        ("Fru", "female"),
        ("Dhr.", "male"),
        ("Frøken", "female"),
    ],
)
def test_a_title_is_known_however_it_is_dotted_and_cased(written: str, sex: str | None) -> None:
    normalised = pl.select(normalised_title(pl.lit(written))).item()
    assert normalised in known_titles()
    assert known_titles()[normalised] == sex


def test_a_misspelt_title_is_not_known() -> None:
    assert not {"mrss", "mistr", "xx", ""} & set(known_titles())


def test_titles_stand_in_the_form_in_which_they_are_compared() -> None:
    titles = pl.DataFrame({"title": list(known_titles())})
    assert titles.filter(normalised_title(pl.col("title")) != pl.col("title")).is_empty()


def test_a_language_decides_what_a_title_of_two_languages_says() -> None:
    assert titles_by_language()["en"]["mr"] == "male"
    assert titles_by_language()["nl"]["mr"] is None
    assert titles_by_language()["nb"]["fr"] == "female"
    assert titles_by_language()["en"]["fr"] == "male"


def test_the_vocabulary_cannot_be_changed_by_who_reads_it() -> None:
    with pytest.raises(TypeError):
        known_titles()["boss"] = "male"  # type: ignore[index]
    with pytest.raises(TypeError):
        postcode_patterns()["XX"] = "^$"  # type: ignore[index]
