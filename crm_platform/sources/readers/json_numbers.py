"""Keeps the text of numbers in JSON: puts quotes around the numbers of members before a parser can round them.

A parser makes 19.90 into 19.9, and 1e3 into 1000.0; an identifier written as a number loses its digits. Works on whole
lines of UTF-8 at once, without a parser. Numbers within arrays are left, since an array is kept as its JSON text.
"""

import re

import numpy as np
import numpy.typing as npt

from crm_platform.sources.readers.text_lines import Offsets, line_ends

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

CHANGED_BY_PARSING = re.compile(rb":[ \t]*-?(?:\d*[.eE]|\d+[.eE]|0[,}\s]?-|-0|\d{16})")
QUOTE, BACKSLASH, COLON, MINUS = 34, 92, 58, 45
SIGNS_OF_NUMBERS = np.frombuffer(b"+-.eE", np.uint8)


def with_quoted_numbers(data: bytes) -> bytes:
    """The same lines, every number that is the value of a member written as a string; untouched if none needs it."""
    if CHANGED_BY_PARSING.search(data) is None:
        return data
    values = np.frombuffer(data, np.uint8)
    colons = np.flatnonzero(values == COLON)
    starts = _value_starts(values, colons)
    is_number = _is_digit(values[starts]) | (values[starts] == MINUS)
    starts = starts[is_number & _is_of_member(values, data, colons, is_number)]
    return _inserted(values, np.stack((starts, _number_ends(values, starts)), axis=1).ravel())


def quotes_of_strings(values: Bytes, data: bytes) -> Offsets:
    """The offsets of the quotes that begin and end strings, which is all that no backslash escapes."""
    quotes = np.flatnonzero(values == QUOTE)
    if data.find(b'\\"') < 0:
        return quotes
    backslashes = np.flatnonzero(values == BACKSLASH)
    is_run_start = np.concatenate(([True], np.diff(backslashes) != 1))
    run_starts = np.flatnonzero(is_run_start)
    place = np.arange(backslashes.size) - run_starts[np.cumsum(is_run_start) - 1]
    unescaped: Offsets = quotes[~np.isin(quotes, backslashes[place % 2 == 0] + 1)]
    return unescaped


def _is_of_member(values: Bytes, data: bytes, colons: Offsets, is_asked: Flags) -> Flags:
    """Whether each colon that is asked for stands outside strings and arrays.

    Told afresh on each line, so that a bad line harms itself only.
    """
    asked = colons[is_asked]
    line_starts = np.concatenate(([0], line_ends(data) + 1))
    quotes = quotes_of_strings(values, data)
    is_member = ~_is_within(asked, quotes, line_starts)
    if data.find(b"[") >= 0:
        opens, closes = np.flatnonzero(values == ord("[")), np.flatnonzero(values == ord("]"))
        opens = opens[~_is_within(opens, quotes, line_starts)]
        closes = closes[~_is_within(closes, quotes, line_starts)]
        is_member &= _count_since_line(asked, opens, line_starts) == _count_since_line(asked, closes, line_starts)
    of_member = np.zeros(colons.size, np.bool_)
    of_member[is_asked] = is_member
    return of_member


def _is_within(offsets: Offsets, quotes: Offsets, line_starts: Offsets) -> Flags:
    within: Flags = (_count_since_line(offsets, quotes, line_starts) & 1).astype(np.bool_)
    return within


def _count_since_line(offsets: Offsets, marks: Offsets, line_starts: Offsets) -> Offsets:
    """How many marks stand before each offset on its own line."""
    before_line = np.searchsorted(marks, line_starts)
    line = np.searchsorted(line_starts, offsets, side="right") - 1
    counts: Offsets = np.searchsorted(marks, offsets) - before_line[line]
    return counts


def _value_starts(values: Bytes, colons: Offsets) -> Offsets:
    """The first byte after each colon that is not blank."""
    last = values.size - 1
    starts = np.minimum(colons + 1, last)
    while (is_blank := ((values[starts] == 32) | (values[starts] == 9)) & (starts < last)).any():
        starts = starts + is_blank
    return starts


def _number_ends(values: Bytes, starts: Offsets) -> Offsets:
    """The offset after each number; steps once for each digit of the longest, all numbers together."""
    ends, going = starts.copy(), np.arange(starts.size)
    while going.size:
        byte = values[ends[going]]
        going = going[_is_digit(byte) | np.isin(byte, SIGNS_OF_NUMBERS)]
        ends[going] += 1
    return ends


def _is_digit(byte: Bytes) -> Flags:
    digits: Flags = (byte >= ord("0")) & (byte <= ord("9"))
    return digits


def _inserted(values: Bytes, places: Offsets) -> bytes:
    """The bytes with a quote before each place."""
    grown = np.empty(values.size + places.size, np.uint8)
    targets = places + np.arange(places.size)
    is_quote = np.zeros(grown.size, np.bool_)
    is_quote[targets] = True
    grown[is_quote] = QUOTE
    grown[~is_quote] = values
    return grown.tobytes()
