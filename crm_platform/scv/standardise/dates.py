"""Birth dates as they are compared: eight digits, year first, also where a typing error made the date impossible.

Here: reading any form. Not here: placeholder dates (`placeholders.py`).
"""

import polars as pl

_MONTHS = {
    name: f"{number:02d}"
    for number, names in enumerate(
        (
            ("jan", "gen", "januar", "january", "gennaio"), ("feb", "februar", "february", "febbraio"),
            ("mar", "maerz", "march", "maart", "marts", "mrz", "marzo"), ("apr", "april", "aprile"),
            ("may", "mai", "mei", "mag", "maj", "maggio"), ("jun", "juni", "june", "giu", "giugno"),
            ("jul", "juli", "july", "lug", "luglio"), ("aug", "august", "augustus", "ago", "agosto"),
            ("sep", "sept", "september", "set", "settembre"), ("oct", "okt", "october", "oktober", "ott", "ottobre"),
            ("nov", "november", "novembre"), ("dec", "dez", "des", "december", "dezember", "dicembre", "dic"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip


def parse_dates(date: pl.Expr, day_first: bool = True) -> pl.Expr:
    """A date in any usual form as `YYYYMMDD`; a year alone as `YYYY0101`; null where there is no year.

    A month over 12 is kept where the day cannot be the month either (`1851-81-01`): the typing error is compared as
    such. Two-digit years are read as of the century that makes nobody older than 100 in 2030.
    """
    text = date.cast(pl.String).str.strip_chars().str.to_lowercase().str.replace(r"[t ]\d\d?:.*$", "")
    digits = text.str.replace_all(r"[^0-9]", "")
    year_first = text.str.extract_groups(r"^(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})$")
    year_last = text.str.extract_groups(r"^(\d{1,2})[-/. ]+(\d{1,2})[-/. ]+(\d{4}|\d{2})$")
    by_word = text.str.extract_groups(r"^(\d{1,2})[-. /]*([a-z]{3,9})[a-z]*[-. /,]*(\d{4}|\d{2})$")
    word_first = text.str.extract_groups(r"^([a-z]{3,9})[. ]*(\d{1,2})[a-z]{0,2}[, ]+(\d{4})$")
    one, two = ("2", "1") if day_first else ("1", "2")
    return pl.coalesce(
        pl.when(text.str.contains(r"^\d{8}$")).then(digits),
        _joined(year_first.struct.field("1"), year_first.struct.field("2"), year_first.struct.field("3")),
        _joined(year_last.struct.field("3"), year_last.struct.field(one), year_last.struct.field(two)),
        _joined(by_word.struct.field("3"), _month(by_word.struct.field("2")), by_word.struct.field("1")),
        _joined(word_first.struct.field("3"), _month(word_first.struct.field("1")), word_first.struct.field("2")),
        pl.when(text.str.contains(r"^(1[5-9]|20)\d\d$")).then(digits + "0101"),
    )


def _month(word: pl.Expr) -> pl.Expr:
    return word.replace_strict(_MONTHS, default=None, return_dtype=pl.String)


def _joined(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """The three parts as eight digits; month and day change places where only that makes a date."""
    whole_year = pl.when(year.str.len_bytes() == 4).then(year)
    short = year.cast(pl.Int32, strict=False)
    full = whole_year.fill_null(pl.when(short > 29).then(1900 + short).otherwise(2000 + short).cast(pl.String))
    month, day = month.str.zfill(2), day.str.zfill(2)
    is_turned = (month > "12") & (day <= "12") & (month <= "31")
    return full + pl.when(is_turned).then(day + month).otherwise(month + day)


def is_day_first(date: pl.Series) -> bool:
    """Whether dates like 03/04/1980 are written day first: by the ones that can be read in one way only."""
    parts = date.cast(pl.String).str.extract_groups(r"^(\d{1,2})[-/. ](\d{1,2})[-/. ]\d{2,4}")
    if date.null_count() == len(date):
        return True
    first = parts.struct.field("1").cast(pl.Int32, strict=False)
    second = parts.struct.field("2").cast(pl.Int32, strict=False)
    return int((first > 12).sum() or 0) >= int((second > 12).sum() or 0)
