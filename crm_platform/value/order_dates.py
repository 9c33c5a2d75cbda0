"""Dates and times of purchases in the forms that order files have, as local dates and hours.

Here: reading any usual form; which of day and month comes first is decided by the whole column. Not here: which column
holds the date (`orders_file.py`) and what is done with rows without one (`order_lines.py`).
"""

from dataclasses import dataclass

import polars as pl

from crm_platform.scv.standardise.dates import is_day_first, parse_dates
from crm_platform.sources.casts import as_text, as_timestamp

_OFFSET = r"\d{2}:?\d{2}(?::\d{2}(?:\.\d+)?)?(?:[zZ]|[+-]\d{2}:?\d{2})$"
_CLOCK = r"[T ](\d{1,2}):\d{2}(?::\d{2}(?:\.\d+)?)?\s*([aApP])?"


@dataclass(frozen=True)
class DateForm:
    """How a column's dates are read: strptime `formats` (none: found), and the zone of the company's days."""

    formats: tuple[str, ...] = ()
    time_zone: str = "UTC"


def read_purchase_times(values: pl.Series, form: DateForm) -> pl.DataFrame:
    """`purchase_date` and `purchase_hour` of each value, in the form's time zone; what cannot be read is null in both.

    Times with an offset are brought to the zone, those without are of it. Reads ISO 8601, epoch seconds (ten digits)
    and milliseconds (thirteen), YYYYMMDD, and day, month and year in any order or with a month's name, with a clock of
    12 or 24 hours behind. A column in which every clock stands at midnight has no hours.
    """
    if isinstance(values.dtype, pl.Datetime | pl.Date):
        times = _of_instants(values, form.time_zone)
    else:
        texts = values.to_frame("value").select(value=as_text(pl.col("value"), values.dtype))
        distinct = texts.unique().drop_nulls().to_series()
        read = _of_formats(distinct, form) if form.formats else _of_texts(distinct, form.time_zone)
        times = texts.join(read, on="value", how="left", maintain_order="left").drop("value")
    has_hours = times.select((pl.col("purchase_hour") > 0).any()).item()
    return times if has_hours else times.with_columns(purchase_hour=pl.lit(None, dtype=pl.Int8))


def _of_instants(values: pl.Series, time_zone: str) -> pl.DataFrame:
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is not None:
        values = values.dt.convert_time_zone(time_zone)
    local = values.cast(pl.Datetime("us")).to_frame("local") if values.dtype == pl.Date else values.to_frame("local")
    return local.select(purchase_date=pl.col("local").dt.date(), purchase_hour=pl.col("local").dt.hour())


def _of_formats(texts: pl.Series, form: DateForm) -> pl.DataFrame:
    instant = as_timestamp(pl.col("value"), pl.String(), form.formats, form.time_zone)
    local = texts.to_frame("value").with_columns(local=instant.dt.convert_time_zone(form.time_zone))
    return local.select("value", purchase_date=pl.col("local").dt.date(), purchase_hour=pl.col("local").dt.hour())


def _of_texts(texts: pl.Series, time_zone: str) -> pl.DataFrame:
    """One row per distinct text: ISO 8601 and epochs first, then the forms in which people write."""
    value = pl.col("value")
    instant = pl.coalesce(as_timestamp(value, pl.String()), _epoch(value))
    is_instant = value.str.contains(_OFFSET) | _epoch(value).is_not_null()
    in_zone = instant.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
    read = texts.to_frame("value").with_columns(
        local=pl.when(is_instant).then(in_zone).otherwise(instant.dt.replace_time_zone(None))
    )
    others = read.filter(pl.col("local").is_null())["value"]
    written = parse_dates(value, is_day_first(others)).str.to_date("%Y%m%d", strict=False)
    clock = value.str.extract_groups(_CLOCK)
    has_clock = value.str.contains(_CLOCK) | _epoch(value).is_not_null()
    return read.select(
        "value",
        purchase_date=pl.coalesce(pl.col("local").dt.date(), written),
        purchase_hour=pl.when(has_clock).then(pl.coalesce(pl.col("local").dt.hour(), _hour_of(clock))),
    )


def _epoch(value: pl.Expr) -> pl.Expr:
    """An instant written as seconds (ten digits) or milliseconds (thirteen) since 1970."""
    number = value.cast(pl.Int64, strict=False)
    seconds = pl.when(value.str.contains(r"^\d{10}$")).then(number * 1_000)
    milliseconds = pl.when(value.str.contains(r"^\d{13}$")).then(number)
    moment = pl.from_epoch(pl.coalesce(seconds, milliseconds), time_unit="ms")
    return moment.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _hour_of(clock: pl.Expr) -> pl.Expr:
    hour = clock.struct.field("1").cast(pl.Int8, strict=False)
    half = clock.struct.field("2").str.to_lowercase()
    return (
        pl.when(half == "p")
        .then(hour % 12 + 12)
        .when(half == "a")
        .then(hour % 12)
        .when(hour.is_between(0, 23))
        .then(hour)
        .cast(pl.Int8)
    )
