"""Addresses and postcodes as they are compared: number, unit, street without its abbreviations, postal area.

Here: parsing by shape, with the words of the languages the platform knows. Not here: whether a postcode is valid for
a country (the sources' rules).
"""

import polars as pl

from crm_platform.scv.standardise.text import empty_as_null

_STREET_WORDS = {
    "st": "street", "str": "strasse", "rd": "road", "ave": "avenue", "av": "avenue", "ln": "lane", "dr": "drive",
    "ct": "court", "crt": "court", "cct": "circuit", "cir": "circuit", "circ": "circuit", "pl": "place", "plz": "platz",
    "cl": "close", "cres": "crescent", "cr": "crescent", "crs": "crescent", "tce": "terrace", "ter": "terrace",
    "terr": "terrace", "pde": "parade", "hwy": "highway", "blvd": "boulevard", "bvd": "boulevard", "sq": "square",
    "gdns": "gardens", "gr": "grove", "gve": "grove", "pkwy": "parkway", "esp": "esplanade", "mt": "mount", "nth": "north",
    "sth": "south", "vle": "viale", "cso": "corso", "pza": "piazza", "vlg": "village", "vill": "village",
    "vlge": "village", "pk": "park", "rw": "row", "wy": "way", "hts": "heights", "est": "estate", "grn": "green",
}  # fmt: skip
_UNIT = r"\b(?:unit|apartment|apartmnt|apmnt|apt|flat|suite|ste|wohnung|whg|interno|lejl|room|lot|shop|top)\.? *#?(\d+[a-z]?)\b"
_NO_ADDRESS = ("unknown", "na", "none", "n a", "null", "no address", "tbc", "tba", "test", "xxx", "no fixed abode")


def parse_addresses(line: pl.Expr) -> list[pl.Expr]:
    """house_number, unit and street of a folded address line (null where there is none)."""
    bare = line.str.replace_all(r"[^\p{L}\p{N}/#-]+", " ").str.strip_chars()
    unit = bare.str.extract(_UNIT)
    slashed = bare.str.extract_groups(r"^(\d+[a-z]?) ?/ ?(\d+[a-z]?(?:-\d+)?)\b")
    rest = bare.str.replace_all(_UNIT, " ").str.replace(r"^\d+[a-z]? ?/ ?", "").str.strip_chars()
    number = rest.str.extract(r"^(?:no |nr |n )?(\d+(?: ?[a-z]\b)?)(?:-\d+)?\b").fill_null(
        rest.str.extract(r"\b(\d+(?: ?[a-z])?)$")
    )
    words = rest.str.replace_all(r"^(?:no |nr |n )?\d+(?: ?[a-z]\b)?(?:-\d+)?|\b\d+(?: ?[a-z])?$|[^\p{L}\p{N}]+", " ")
    spaced = pl.lit("  ") + words.str.strip_chars().str.replace_all(r"\s+", "  ") + pl.lit("  ")
    full = spaced.str.replace_many([f" {short} " for short in _STREET_WORDS], [f" {word} " for word in _STREET_WORDS.values()])
    german = full.str.replace_all(r"(\p{L}{3,})str ", "${1}strasse ")
    street = empty_as_null(german.str.replace_all(r"\s+", " ").str.strip_chars())
    is_none = street.is_in(_NO_ADDRESS)
    return [
        number.str.replace_all(" ", "").alias("house_number"),
        unit.fill_null(slashed.struct.field("1")).alias("unit"),
        pl.when(~is_none).then(street).alias("street"),
    ]


def parse_postcodes(postcode: pl.Expr) -> list[pl.Expr]:
    """postcode (letters and digits only) and its postal area: British outward code, else the leading digits.

    The United States' nine digits are cut to five.
    """
    bare = postcode.cast(pl.String).str.slice(0, 20).str.to_lowercase().str.replace(r"\.0$", "")
    long_us = bare.str.extract(r"^(\d{5})-\d{4}$")
    code = long_us.fill_null(bare.str.replace_all(r"[^\p{L}\p{N}]", ""))
    code = pl.when((code.str.len_bytes() > 0) & ~code.str.contains(r"^(0+|9{4,}|x+|na|none|null)$")).then(code)
    is_british = code.str.contains(r"^[a-z]{1,2}[0-9a-z]{1,2}[0-9][a-z0-9]{2}$") & code.str.contains(r"[a-z]..?.?.?.?$")
    area = (
        pl.when(is_british).then(code.str.head(-3))
        .when(code.str.len_chars() <= 4).then(code.str.head(2))
        .otherwise(code.str.head(3))
    )  # fmt: skip
    return [code.alias("postcode"), area.alias("postal_area")]
