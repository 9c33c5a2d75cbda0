"""Values as they came to values of the contract's types: numbers, amounts, dates, times, yes and no.

Here: polars expressions from a source column to a typed one; what cannot be read becomes null, and the rule
`wrong_type` notices it. Not here: which column comes from where (`mapping.py`).
"""

from collections.abc import Callable, Sequence
from functools import partial

import polars as pl

ISO_DATES = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d")
ISO_TIMES = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M%:z",
    "%Y-%m-%d %H:%M%:z",
)
_TIME_OF_DAY = r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[zZ]|[+-]\d{2}:?\d{2})?$"
_LATEST_EPOCH = 253_402_300_799  # the end of the year 9999, in seconds
_TRUE = ["true", "t", "yes", "y", "1", "j", "ja", "si", "sì", "oui", "x", "on"]
_FALSE = ["false", "f", "no", "n", "0", "nein", "nee", "nej", "nei", "non", "off"]
_WHOLE_LIMIT = 2**53
_UTC = pl.Datetime("us", "UTC")


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
    """Text, trimmed, with the empty text as null; whole floating-point numbers lose their `.0`, NaN is null."""
    if given.is_float():
        value = value.fill_nan(None)
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
    """Floating-point numbers and amounts; thousands marks and a currency sign in front are passed over.

    What is not finite, or too large for an amount, cannot be read.
    """
    if not given.is_numeric():
        return _plain_number(value, decimal_mark).cast(wanted, strict=False)
    readable = pl.when(value.is_finite()).then(value) if given.is_float() else value
    if isinstance(wanted, pl.Decimal):
        # Such a cast raises for a number that does not fit, strict or not.
        readable = pl.when(readable.abs() < 10 ** (wanted.precision - wanted.scale)).then(readable)
        readable = readable.round(wanted.scale) if given.is_float() else readable
    return readable.cast(wanted, strict=False)


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
    if not formats:
        text = text.str.replace(_TIME_OF_DAY, "")
    return _first_reading(text, [partial(_read_date, each=each) for each in formats or ISO_DATES], pl.Date())


def as_timestamp(value: pl.Expr, given: pl.DataType, formats: Sequence[str] = (), time_zone: str = "UTC") -> pl.Expr:
    """UTC timestamps of microseconds. A local time that a clock change repeats is the first of the two."""
    if isinstance(given, pl.Datetime):
        return value.dt.convert_time_zone("UTC").cast(_UTC) if given.time_zone else _local(value, time_zone)
    if given == pl.Date:
        return _local(value.cast(pl.Datetime("us")), time_zone)
    if given.is_numeric():
        seconds = value.cast(pl.Int64, strict=False)
        # Further away, the microseconds overflow into a date that looks right.
        readable = pl.when(seconds.is_between(-_LATEST_EPOCH, _LATEST_EPOCH)).then(seconds)
        return pl.from_epoch(readable, time_unit="s").dt.replace_time_zone("UTC").cast(_UTC)
    text = as_text(value, given)
    readings = [partial(_read_time, each=each, time_zone=time_zone) for each in formats or ISO_TIMES]
    if not formats:
        readings += [partial(_read_midnight, each=each, time_zone=time_zone) for each in ISO_DATES]
    return _first_reading(text, readings, _UTC)


def _first_reading(text: pl.Expr, readings: Sequence[Callable[[pl.Expr], pl.Expr]], wanted: pl.DataType) -> pl.Expr:
    """The first of the readings that understands a value; each is only tried on what those before it left."""
    return text.map_batches(lambda texts: _read_in_turn(texts, readings), return_dtype=wanted, is_elementwise=True)


def _read_in_turn(texts: pl.Series, readings: Sequence[Callable[[pl.Expr], pl.Expr]]) -> pl.Series:
    first, *others = readings
    values = _read(texts, first)
    for reading in others:
        unread = (texts.is_not_null() & values.is_null()).arg_true()
        if unread.is_empty():
            break
        values = values.scatter(unread, _read(texts.gather(unread), reading))
    return values


def _read(texts: pl.Series, reading: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    return texts.to_frame("text").select(reading(pl.col("text"))).to_series()


def _read_date(text: pl.Expr, each: str) -> pl.Expr:
    return text.str.to_date(each, strict=False)


def _read_midnight(text: pl.Expr, each: str, time_zone: str) -> pl.Expr:
    return _local(text.str.to_date(each, strict=False).cast(pl.Datetime("us")), time_zone)


def _read_time(text: pl.Expr, each: str, time_zone: str) -> pl.Expr:
    if each.endswith(("%z", "%:z", "%#z")):
        offset = text.str.replace(r"[zZ]$", "+00:00")
        return offset.str.to_datetime(each, strict=False, time_unit="us", time_zone="UTC")
    if not any(part in each for part in ("%H", "%I", "%T", "%R", "%s", "%X", "%c")):
        return _read_midnight(text, each, time_zone)
    return _local(text.str.to_datetime(each, strict=False, time_unit="us"), time_zone)


def _local(value: pl.Expr, time_zone: str) -> pl.Expr:
    if time_zone == "UTC":
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    local = value.cast(pl.Datetime("us")).dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def _plain_number(value: pl.Expr, decimal_mark: str) -> pl.Expr:
    """A number's text with a point and nothing else beside its digits; null where it is not written as a number.

    A thousands mark counts as one only with three digits after each: `12,50` where the decimal mark is a point is no
    number, rather than one a hundred times too large.
    """
    mark, marks = (r"\.", r"[\s'’,]") if decimal_mark == "." else (",", r"[\s'’.]")
    bare = value.cast(pl.String).str.strip_chars().str.replace(r"^([+-]?)\s*[€$£]\s*", "$1")
    is_grouped = bare.str.contains(rf"^[+-]?[1-9]\d{{0,2}}(?:{marks}\d{{3}})+(?:{mark}\d*)?$")
    plain = pl.when(is_grouped).then(bare.str.replace_all(marks, "")).otherwise(bare)
    is_number = plain.str.contains(rf"^[+-]?(?:\d+{mark}?\d*|{mark}\d+)(?:[eE][+-]?\d{{1,3}})?$")
    return pl.when(is_number).then(plain.str.replace(",", ".", literal=True) if decimal_mark == "," else plain)
