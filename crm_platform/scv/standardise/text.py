"""Text as it is compared: lower case, Latin letters without accents, single spaces.

Here: the folding that every field starts with. Not here: what a field means (`names.py`, `addresses.py`, ...).
"""

import polars as pl

# Letters that do not decompose, and those that a language writes as two where it has no accents.
_SPELT_OUT = {
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d",
    "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n", "’": "'", "‘": "'", "`": "'", "´": "'", "–": "-", "—": "-",
}  # fmt: skip
MAXIMUM_CHARACTERS = 200


def folded(value: pl.Expr) -> pl.Expr:
    """Text in lower case without accents (`Müller` and `Mueller` alike), trimmed; the empty text is null.

    Text of more than 200 characters is cut: no name is longer, and a hostile one must not slow the comparison.
    """
    lower = value.cast(pl.String).str.slice(0, MAXIMUM_CHARACTERS).str.to_lowercase()
    plain = lower.map_batches(_in_plain_letters, return_dtype=pl.String)
    return empty_as_null(plain.str.replace_all(r"\s+", " ").str.strip_chars())


def with_single_vowels(value: pl.Expr) -> pl.Expr:
    """Folded text with one letter for each umlaut: `mueller`, as `Müller` is folded, and `muller` come out alike.

    Of the three spellings that lists have of one name, the third has lost its dots.
    """
    return value.str.replace_all(r"([aou])e", "${1}").str.replace_all("aa", "a", literal=True)


def _in_plain_letters(values: pl.Series) -> pl.Series:
    """Letters without accents; only the values that are not plain already are worked on."""
    is_plain = values.str.len_bytes() == values.str.len_chars()
    if is_plain.all():
        return values
    spelt = pl.col("value").str.normalize("NFC").str.replace_many(list(_SPELT_OUT), list(_SPELT_OUT.values()))
    bare = spelt.str.normalize("NFKD").str.replace_all(r"[\p{M}\p{C}]", "").str.to_lowercase()
    others = values.alias("value").to_frame().with_row_index("row").filter(~is_plain).with_columns(bare)
    rows = values.alias("value").to_frame().with_row_index("row")
    return rows.update(others, on="row", how="left", include_nulls=True)["value"].alias(values.name)


def empty_as_null(value: pl.Expr) -> pl.Expr:
    """The empty text as null."""
    return pl.when(value.str.len_bytes() > 0).then(value)


def letters_only(value: pl.Expr) -> pl.Expr:
    """Folded text without anything but letters and single spaces; letters of other scripts stay."""
    bare = value.str.replace_all("'", "").str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    return empty_as_null(bare)


def on_distinct(values: pl.Series, transform: "pl.Expr") -> pl.Series:
    """Apply an expression on `pl.col("value")` to the distinct values only, and give it back per row.

    Names, towns and addresses repeat: a million rows hold a few thousand towns.
    """
    rows = values.alias("value").to_frame()
    distinct = rows.unique().with_columns(result=transform)
    return rows.join(distinct, on="value", how="left", nulls_equal=True, maintain_order="left")["result"]
