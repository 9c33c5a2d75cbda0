"""Which country a file's people live in, for the telephone numbers that do not say.

Here: what the file states (countries, states and provinces, numbers that begin with +, postcodes of a country's own
form), before numbers are guessed at by their shape. Not here: that guess and reading numbers (`phones.py`).
"""

from collections import Counter
from collections.abc import Mapping

import phonenumbers
import polars as pl

from crm_platform.scv.standardise.phones import MINIMUM_FIT, guessed_country, share_of_plan

# Of what a file states about countries, so much has to agree.
MOST = 0.8
LEAST_VALUES = 5
_STATES: Mapping[str, str] = {
    "AU": "nsw vic qld wa sa tas act nt|new south wales|victoria|queensland|western australia|south australia|tasmania"
          "|australian capital territory|northern territory",
    "CA": "on qc bc ab mb sk ns nb nl pe|ontario|quebec|british columbia|alberta|manitoba|saskatchewan|nova scotia",
    "US": "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok "
          "or pa ri sc sd tn tx ut vt va wa wv wi wy dc|california|texas|florida|new york|illinois|ohio|pennsylvania",
    "DE": "bw by be bb hb hh he mv ni nw nrw rp sl sn st sh th|bayern|hessen|sachsen|niedersachsen|berlin|hamburg"
          "|nordrhein westfalen|baden wuerttemberg|thueringen|brandenburg",
}  # fmt: skip
_POSTCODES: Mapping[str, str] = {
    "GB": r"^[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}$",
    "CA": r"^[a-z]\d[a-z] ?\d[a-z]\d$",
    "NL": r"^\d{4} ?[a-z]{2}$",
    "PL": r"^\d{2}-\d{3}$",
    "PT": r"^\d{4}-\d{3}$",
    "US": r"^\d{5}-\d{4}$",
}


def country_of_file(phones: pl.Series, countries: pl.Series, regions: pl.Series, postcodes: pl.Series) -> str | None:
    """The country (ISO 3166 alpha-2) whose numbers those without a country code are; None where nothing tells.

    countries: alpha-2 codes. What is stated counts if the national numbers fit that country's plan.
    """
    stated = (_most(countries), _of_states(regions), _most(_dialled(phones)), _of_postcodes(postcodes))
    for country in stated:
        if country is not None and share_of_plan(phones, country) >= MINIMUM_FIT:
            return country
    return guessed_country(phones)


def _most(values: pl.Series) -> str | None:
    counts = values.drop_nulls().alias("value").value_counts(name="count").sort("count", "value", descending=True)
    total = int(counts["count"].sum())
    if total < LEAST_VALUES or counts["count"][0] < MOST * total:
        return None
    return str(counts["value"][0])


def _of_states(regions: pl.Series) -> str | None:
    """The country that most values are states of; where they are so of several, nothing is said."""
    counts = regions.drop_nulls().str.strip_chars().str.to_lowercase().alias("value").value_counts(name="count")
    total = int(counts["count"].sum())
    fits = {
        country: counts.filter(pl.col("value").is_in(_names(states)))["count"].sum()
        for country, states in _STATES.items()
    }
    fitting = [country for country, count in fits.items() if count >= max(LEAST_VALUES, MOST * total)]
    return fitting[0] if len(fitting) == 1 else None


def _names(states: str) -> list[str]:
    short, *long = states.split("|")
    return [*short.split(), *long]


def _dialled(phones: pl.Series) -> pl.Series:
    """The country of each number that begins with its code; of several countries of one code, the main one."""
    digits = phones.cast(pl.String).str.replace(r"^\s*\(?\s*00", "+").str.replace_all(r"[^0-9+]", "")
    codes = digits.str.extract(r"^\+(\d{3})").drop_nulls()
    country_of = {code: country for code in codes.unique().to_list() if (country := _country_of_code(code))}
    return codes.replace_strict(country_of, default=None, return_dtype=pl.String)


def _country_of_code(digits: str) -> str | None:
    """No country code begins as another one does: the one length that is a code is it."""
    for length in (1, 2, 3):
        country = str(phonenumbers.region_code_for_country_code(int(digits[:length])))
        if country not in ("ZZ", "001"):
            return country
    return None


def _of_postcodes(postcodes: pl.Series) -> str | None:
    known = postcodes.drop_nulls().str.strip_chars().str.to_lowercase()
    fits = Counter({country: int(known.str.contains(form).sum()) for country, form in _POSTCODES.items()})
    country, count = fits.most_common(1)[0]
    return country if count >= max(LEAST_VALUES, MOST * len(known)) else None
