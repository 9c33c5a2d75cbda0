"""Addresses and postcodes as they are compared: number, unit, street without its abbreviations, postal area.

Here: parsing by shape, with the words of the languages the platform knows. Not here: whether a postcode is valid for
a country (the sources' rules).
"""

import polars as pl

from crm_platform.scv.standardise.text import empty_as_null, folded

_STREET_WORDS = {
    "st": "street", "str": "strasse", "rd": "road", "ave": "avenue", "av": "avenue", "ln": "lane", "dr": "drive",
    "ct": "court", "crt": "court", "cct": "circuit", "cir": "circuit", "circ": "circuit", "pl": "place", "plz": "platz",
    "cl": "close", "cres": "crescent", "cr": "crescent", "crs": "crescent", "tce": "terrace", "ter": "terrace",
    "terr": "terrace", "pde": "parade", "hwy": "highway", "blvd": "boulevard", "bvd": "boulevard", "sq": "square",
    "gdns": "gardens", "gr": "grove", "gve": "grove", "pkwy": "parkway", "esp": "esplanade", "mt": "mount",
    "nth": "north",
    "sth": "south", "vle": "viale", "cso": "corso", "pza": "piazza", "vlg": "village", "vill": "village",
    "vlge": "village", "pk": "park", "rw": "row", "wy": "way", "hts": "heights", "est": "estate", "grn": "green",
}  # fmt: skip
_UNIT = (
    r"\b(?:unit|apartment|apartmnt|apmnt|apt|flat|suite|ste|wohnung|whg|interno|lejl|room|lot|shop|top|u)"
    r"\.? *#?(\d+[a-z]?)\b"
)
_NO_ADDRESS = ("unknown", "na", "none", "n a", "null", "no address", "tbc", "tba", "test", "xxx", "no fixed abode")


def address_parts(lines: pl.Series) -> pl.DataFrame:
    """house_number, unit and street of address lines, one row each (null where there is none).

    `12/34 High St`, `Unit 12, 34 High Street` and `High Street 34` are read alike but for the unit.
    """
    rows = lines.alias("value").to_frame()
    parts = (
        rows.unique()
        .lazy()
        .with_columns(bare=folded(pl.col("value")).str.replace_all(r"[^\p{L}\p{N}/#-]+", " ").str.strip_chars())
    )
    # In steps: one expression for all of it would read every line a dozen times.
    for step in _STEPS:
        parts = parts.with_columns(**step)
    wanted = parts.select("value", "house_number", "unit", "street").collect()
    return rows.join(wanted, on="value", how="left", nulls_equal=True, maintain_order="left").drop("value")


_NUMBER = r"(?:no |nr |n )?(\d+(?: ?[a-z]\b)?)(?:-\d+)?\b"
_STEPS: tuple[dict[str, pl.Expr], ...] = (
    {
        "named_unit": pl.col("bare").str.extract(_UNIT),
        "slashed": pl.when(pl.col("bare").str.contains("/", literal=True))
        .then(pl.col("bare").str.extract(r"^(\d+[a-z]?) ?/ ?\d")),
    },
    {"unit": pl.coalesce("named_unit", "slashed")},
    {
        "rest": pl.when(pl.col("unit").is_null()).then("bare").otherwise(
            pl.col("bare").str.replace_all(_UNIT, " ").str.replace(r"^\d+[a-z]? ?/ ?", "").str.strip_chars(" /")
        )
    },
    {"leading": pl.col("rest").str.extract(f"^{_NUMBER}")},
    {"trailing": pl.when(pl.col("leading").is_null()).then(pl.col("rest").str.extract(r"\b(\d+(?: ?[a-z])?)$"))},
    {
        "house_number": pl.coalesce("leading", "trailing").str.replace_all(" ", "", literal=True),
        "words": pl.when(pl.col("trailing").is_null())
        .then(pl.col("rest").str.replace(f"^{_NUMBER}", " "))
        .otherwise(pl.col("rest").str.replace(r"\b\d+(?: ?[a-z])?$", " ")),
    },
    {
        "spaced": pl.lit("  ")
        + pl.col("words").str.replace_all(r"[^\p{L}\p{N}]+", "  ").str.strip_chars()
        + pl.lit("  ")
    },
    {
        "full": pl.col("spaced").str.replace_many(
            [f" {short} " for short in _STREET_WORDS], [f" {word} " for word in _STREET_WORDS.values()]
        )
    },
    {"full": pl.col("full").str.replace_all(r"(\p{L}{3,})str ", "${1}strasse ")},
    {"street": empty_as_null(pl.col("full").str.replace_all(r"\s+", " ").str.strip_chars())},
    {"street": pl.when(~pl.col("street").is_in(_NO_ADDRESS)).then("street")},
)  # fmt: skip


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
