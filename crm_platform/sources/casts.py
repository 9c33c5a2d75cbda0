"""Values as they came to values of the contract's types: numbers, amounts, dates, times, yes and no.

Here: polars expressions from a source column to a typed one; what cannot be read becomes null, and the rule
`wrong_type` notices it. Not here: which column comes from where (`mapping.py`).
"""

from collections.abc import Sequence

import polars as pl

ISO_DATES = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d")
ISO_TIMES = (
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
)
_TRUE = ["true", "t", "yes", "y", "1", "j", "ja", "si", "sì", "oui", "x", "on"]
_FALSE = ["false", "f", "no", "n", "0", "nein", "nee", "nej", "nei", "non", "off"]
_WHOLE_LIMIT = 2**53


def cast_column(
    value: pl.Expr,
    given: pl.DataType,
    wanted: pl.DataType,
    formats: Sequence[str] = (),
    time_zone: str = "UTC",
    decimal_mark: str = ".",
) -> pl.Expr:
    """A source column of type `given` as the contract's type `wanted`; what cannot be read becomes null.

    `formats` are strptime formats tried in turn (ISO 8601 when empty); times without an offset are of `time_zone`.
    """
    match wanted:
        case pl.String():
            return as_text(value, given)
        case pl.Int64():
            return as_whole_number(value, given, decimal_mark)
        case pl.Float64() | pl.Decimal():
            return as_number(value, given, wanted, decimal_mark)
        case pl.Boolean():
            return as_flag(value, given)
        case pl.Date():
            return as_date(value, given, formats)
        case pl.Datetime():
            return as_timestamp(value, given, formats, time_zone)
    raise TypeError(f"No contract has columns of type {wanted}.")


def as_text(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    """Text, trimmed, with the empty text as null; whole floating-point numbers lose their `.0`."""
    if given.is_float():
        is_whole = (value == value.floor()) & (value.abs() < _WHOLE_LIMIT)
        return (
            pl.when(is_whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(value.cast(pl.String))
        )
    text = value if given == pl.String else value.cast(pl.String)
    trimmed = text.str.strip_chars()
    return pl.when(trimmed != "").then(trimmed)


def as_whole_number(value: pl.Expr, given: pl.DataType, decimal_mark: str = ".") -> pl.Expr:
    """Whole numbers; a fraction other than zero cannot be read."""
    if given.is_integer() or given == pl.Boolean:
        return value.cast(pl.Int64, strict=False)
    number = value.cast(pl.Float64, strict=False) if given.is_numeric() else _plain_number(value, decimal_mark)
    if given.is_numeric():
        return pl.when(number == number.floor()).then(number.cast(pl.Int64, strict=False))
    return number.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)


def as_number(value: pl.Expr, given: pl.DataType, wanted: pl.DataType, decimal_mark: str = ".") -> pl.Expr:
    """Floating-point numbers and amounts; thousands marks and a currency sign in front are passed over."""
    if given.is_float() and wanted.is_decimal():
        return value.round(4).cast(wanted, strict=False)
    if given.is_numeric():
        return value.cast(wanted, strict=False)
    return _plain_number(value, decimal_mark).cast(wanted, strict=False)


def as_flag(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    """Yes and no in the languages of the locales, and 1 and 0."""
    if given == pl.Boolean:
        return value
    lowered = as_text(value, given).str.to_lowercase()
    return pl.when(lowered.is_in(_TRUE)).then(True).when(lowered.is_in(_FALSE)).then(False)


def as_date(value: pl.Expr, given: pl.DataType, formats: Sequence[str] = ()) -> pl.Expr:
    """Calendar dates; of a text with a time behind the date, the date."""
    if given == pl.Date:
        return value
    if given.base_type() == pl.Datetime:
        return value.dt.date()
    text = as_text(value, given)
    if formats:
        return pl.coalesce(*(text.str.to_date(each, strict=False) for each in formats))
    return pl.coalesce(
        *(
            text.str.split("T").list.first().str.split(" ").list.first().str.to_date(each, strict=False)
            for each in ISO_DATES
        )
    )


def as_timestamp(value: pl.Expr, given: pl.DataType, formats: Sequence[str] = (), time_zone: str = "UTC") -> pl.Expr:
    """UTC timestamps of microseconds. A local time that a clock change repeats is the first of the two."""
    if isinstance(given, pl.Datetime):
        return (
            value.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
            if given.time_zone
            else _local(value, time_zone)
        )
    if given == pl.Date:
        return _local(value.cast(pl.Datetime("us")), time_zone)
    if given.is_numeric():
        return (
            pl.from_epoch(value.cast(pl.Int64, strict=False), time_unit="s")
            .dt.replace_time_zone("UTC")
            .cast(pl.Datetime("us", "UTC"))
        )
    text = as_text(value, given)
    readings = [_read_time(text, each, time_zone) for each in formats or ISO_TIMES]
    if not formats:
        readings += [
            _local(text.str.to_date(each, strict=False).cast(pl.Datetime("us")), time_zone) for each in ISO_DATES
        ]
    return pl.coalesce(*readings)


def _read_time(text: pl.Expr, each: str, time_zone: str) -> pl.Expr:
    if each.endswith(("%z", "%:z", "%#z")):
        offset = text.str.replace(r"[zZ]$", "+00:00")
        return offset.str.to_datetime(each, strict=False, time_unit="us", time_zone="UTC")
    if not any(part in each for part in ("%H", "%I", "%T", "%R", "%s", "%X", "%c")):
        return _local(text.str.to_date(each, strict=False).cast(pl.Datetime("us")), time_zone)
    return _local(text.str.to_datetime(each, strict=False, time_unit="us"), time_zone)


def _local(value: pl.Expr, time_zone: str) -> pl.Expr:
    if time_zone == "UTC":
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    local = value.cast(pl.Datetime("us")).dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def _plain_number(value: pl.Expr, decimal_mark: str) -> pl.Expr:
    thousands = r"[\s'’,]" if decimal_mark == "." else r"[\s'’.]"
    bare = value.cast(pl.String).str.strip_chars().str.replace(r"^(-?)\s*[€$£]\s*", "$1").str.replace_all(thousands, "")
    plain = bare.str.replace(",", ".", literal=True) if decimal_mark == "," else bare
    return pl.when(plain != "").then(plain)
