"""Casts: what Python's own parsers read, the casts read alike; what cannot be read becomes null, nothing else."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.sources.casts import cast_column

TIME = pl.Datetime("us", "UTC")
AMOUNT = pl.Decimal(18, 4)
ZONES = ["Europe/London", "America/New_York", "Asia/Kolkata", "Europe/Oslo", "Australia/Lord_Howe"]
quick = settings(max_examples=25, derandomize=True, database=None)


def cast(values: list[Any], wanted: pl.DataType, given_as: pl.DataType | None = None, **how: Any) -> list[Any]:
    given_values = pl.Series("value", values, dtype=given_as or pl.String())
    rows = given_values.to_frame()
    return rows.select(cast_column(pl.col("value"), given_values.dtype, wanted, **how)).to_series().to_list()


moments = st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1))


@quick
@given(st.lists(st.tuples(moments, st.sampled_from(["T", " "]), st.integers(-14 * 60, 14 * 60)), min_size=1))
def test_a_time_with_its_offset_is_read_as_python_reads_it(written: list[tuple[datetime, str, int]]) -> None:
    texts, expected = [], []
    for moment, separator, minutes in written:
        sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
        texts.append(f"{moment.isoformat(separator)}{sign}{hours:02d}:{rest:02d}")
        expected.append(datetime.fromisoformat(texts[-1]).astimezone(UTC))
    assert cast(texts, TIME) == expected


@quick
@given(st.lists(st.tuples(moments, st.sampled_from(["T", " "])), min_size=1), st.sampled_from(ZONES))
def test_a_local_time_is_read_in_its_zone_the_first_where_a_clock_change_repeats_it(
    written: list[tuple[datetime, str]], zone: str
) -> None:
    texts = [moment.isoformat(separator) for moment, separator in written]
    assert cast(texts, TIME, time_zone=zone) == [_in_utc(moment, zone) for moment, _ in written]


def _in_utc(moment: datetime, zone: str) -> datetime | None:
    """None for a time that the clocks skip: going to UTC and back does not give it again."""
    in_utc = moment.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    return in_utc if in_utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment else None


@pytest.mark.parametrize("zone", ZONES)
def test_every_quarter_of_an_hour_around_the_clock_changes_of_a_year(zone: str) -> None:
    hours = [datetime(2024, 1, 1) + timedelta(minutes=15 * number) for number in range(4 * 24 * 366)]
    expected = [_in_utc(moment, zone) for moment in hours]
    texts = [moment.isoformat() for moment in hours]
    assert cast(texts, TIME, time_zone=zone) == expected
    assert cast(hours, TIME, pl.Datetime("us"), time_zone=zone) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29T10:00:00Z", datetime(2024, 2, 29, 10)),
        ("2024-02-29 10:00:00.5z", datetime(2024, 2, 29, 10, microsecond=500_000)),
        ("2024-02-29T10:00+01:00", datetime(2024, 2, 29, 9)),
        ("2024-02-29 10:00:00+0100", datetime(2024, 2, 29, 9)),
        ("2024-02-29 10:00", datetime(2024, 2, 29, 10)),
        ("2024-02-29", datetime(2024, 2, 29)),
        ("20240229", datetime(2024, 2, 29)),
        ("2024/02/29", datetime(2024, 2, 29)),
        (" 2024-02-29 ", datetime(2024, 2, 29)),
        ("2023-02-29", None),
        ("2024-02-29T25:00:00", None),
        ("29.02.2024", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_iso_times_in_their_many_spellings(text: str, expected: datetime | None) -> None:
    wanted = expected.replace(tzinfo=UTC) if expected else None
    assert cast([text], TIME) == [wanted]
    assert cast(["2001-01-01", text, None, text, "2001-01-01 00:00:00"], TIME)[1:4] == [wanted, None, wanted]


FORMATS = ["%d/%m/%Y %H:%M", "%m-%d-%Y %I:%M %p", "%Y%m%d%H%M%S"]


@quick
@given(st.lists(st.tuples(st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1)), st.sampled_from(FORMATS))))
def test_declared_formats_are_tried_in_turn_as_strptime_would(written: list[tuple[datetime, str]]) -> None:
    texts = [moment.strftime(form) for moment, form in written]
    expected = [
        datetime.strptime(text, form).replace(tzinfo=UTC) for text, (_, form) in zip(texts, written, strict=True)
    ]
    assert cast(texts, TIME, formats=FORMATS) == expected
    assert cast(texts, TIME, formats=FORMATS[:1]) == [
        moment if form == FORMATS[0] else None for moment, (_, form) in zip(expected, written, strict=True)
    ]


def test_the_first_format_that_reads_a_value_wins() -> None:
    assert cast(["03/04/2024", "13/04/2024"], pl.Date(), formats=["%m/%d/%Y", "%d/%m/%Y"]) == [
        date(2024, 3, 4),
        date(2024, 4, 13),
    ]


@quick
@given(
    st.lists(st.dates(date(1900, 1, 1), date(2200, 1, 1)), min_size=1), st.sampled_from(["", "T10:00", " 23:59:59.9Z"])
)
def test_dates_are_read_also_where_a_time_follows(days: list[date], time: str) -> None:
    assert cast([day.isoformat() + time for day in days], pl.Date()) == days


def test_a_date_followed_by_something_else_is_not_read() -> None:
    assert cast(["2024-01-01 to 2024-02-01", "2024-01-01T", "2024-02-30", "24-01-01"], pl.Date()) == [None] * 3 + [
        date(24, 1, 1)
    ]


def test_seconds_since_1970_are_read_and_what_would_overflow_is_not() -> None:
    """10^16 microseconds too many wrap around to a date that looks right."""
    seconds = [0, 1_700_000_000, 10**16, 2**63 - 1, -(2**63), None]
    assert cast(seconds, TIME, pl.Int64()) == [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        *[None] * 4,
    ]


@quick
@given(st.lists(st.decimals(-(10**13), 10**13, places=4), min_size=1), st.sampled_from([".", ","]), st.booleans())
def test_amounts_are_read_as_decimals_grouped_or_not(amounts: list[Decimal], mark: str, is_grouped: bool) -> None:
    texts = [f"{amount:,f}" if is_grouped else f"{amount:f}" for amount in amounts]
    if mark == ",":
        texts = [text.translate(str.maketrans(".,", ",.")) for text in texts]
    assert cast(texts, AMOUNT, decimal_mark=mark) == amounts
    assert cast([f"€ {texts[0]}"], AMOUNT, decimal_mark=mark) == [amounts[0]]


@pytest.mark.parametrize(
    "text", ["12,50", "0,125", "1,2345", "1,23,456", "nan", "inf", "1_000", "--1", "1.2.3", "12 €", "1e"]
)
def test_what_is_no_number_is_not_read_as_another_one(text: str) -> None:
    """`12,50` where the mark is a point was once read as 1250."""
    assert cast([text], AMOUNT) == cast([text], pl.Float64()) == cast([text], pl.Int64()) == [None]


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        ("1 234,5", ",", "1234.5"),
        ("1'234.5", ".", "1234.5"),
        ("12.50", ",", None),
        ("-£3", ".", "-3"),
        (".5", ".", "0.5"),
    ],
)
def test_marks_and_signs_of_the_locales(text: str, mark: str, expected: str | None) -> None:
    assert cast([text], AMOUNT, decimal_mark=mark) == [Decimal(expected) if expected else None]


@quick
@given(st.lists(st.decimals(-1000, 1000, places=7), min_size=1))
def test_amounts_with_more_places_are_rounded_to_four(amounts: list[Decimal]) -> None:
    for amount, read in zip(amounts, cast([f"{amount:f}" for amount in amounts], AMOUNT), strict=True):
        assert abs(read - amount) <= Decimal("0.00005")
        assert read == read.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


def test_numbers_too_large_or_not_finite_are_not_read() -> None:
    """A float that does not fit a decimal made the cast raise, strict or not, and with it the whole file."""
    assert cast([1e17, float("nan"), float("inf"), 2.5], AMOUNT, pl.Float64()) == [None, None, None, Decimal("2.5")]
    assert cast([10**17, 5], AMOUNT, pl.Int64()) == [None, Decimal(5)]
    assert cast([float("nan"), float("-inf")], pl.Float64(), pl.Float64()) == [None, None]
    assert cast(["999999999999999", "99999999999999.9999"], AMOUNT) == [None, Decimal("99999999999999.9999")]


def test_whole_numbers_have_no_fraction() -> None:
    texts = ["5", "+5", "-5", "5.0", "5.5", "1,000", "9223372036854775808", "x"]
    assert cast(texts, pl.Int64()) == [5, 5, -5, 5, None, 1000, None, None]
    assert cast([2.0, 2.5, float("nan")], pl.Int64(), pl.Float64()) == [2, None, None]


def test_text_is_trimmed_and_numbers_look_as_they_were_meant() -> None:
    assert cast(["  a b ", " ", "", "\u00a0x"], pl.String()) == ["a b", None, None, "x"]
    assert cast([13085.0, 1.5, float("nan")], pl.String(), pl.Float64()) == ["13085", "1.5", None]
    assert cast([True, None], pl.String(), pl.Boolean()) == ["true", None]


def test_yes_and_no_in_the_languages_of_the_locales() -> None:
    words = ["Yes", "ja", "sì", "1", "NEJ", "nee", "0", "perhaps", ""]
    assert cast(words, pl.Boolean()) == [True, True, True, True, False, False, False, None, None]
    assert cast([1.0, 0.0], pl.Boolean(), pl.Float64()) == [True, False]


def test_a_type_that_no_contract_has_is_refused() -> None:
    with pytest.raises(TypeError, match="No contract has columns of type"):
        cast_column(pl.col("value"), pl.String(), pl.Duration())
