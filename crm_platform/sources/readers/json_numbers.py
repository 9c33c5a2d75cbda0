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
QUOTE, BACKSLASH, COLON, MINUS, BLANK = 34, 92, 58, 45, 32
DOUBTFUL_BEFORE_QUOTE = np.isin(np.arange(256), np.frombuffer(b'{[,: \t\\"', np.uint8))

START, AFTER_MINUS, ZERO, DIGITS, POINT, DECIMALS, EXPONENT, SIGN, EXPONENT_DIGITS, NO_NUMBER, END = range(11)


def _grammar() -> Bytes:
    """The number grammar of RFC 8259 as a table: the state after a byte in a state; END where the number is over."""
    table = np.full((11, 256), END, np.uint8)
    digits, more = np.frombuffer(b"0123456789", np.uint8), np.frombuffer(b"0123456789+-.eE", np.uint8)
    table[:END, more] = NO_NUMBER
    for state in (START, AFTER_MINUS):
        table[state, digits] = DIGITS
        table[state, ord("0")] = ZERO
    table[START, MINUS] = AFTER_MINUS
    table[DIGITS, digits] = DIGITS
    for state in (ZERO, DIGITS):
        table[state, ord(".")] = POINT
    for state in (ZERO, DIGITS, DECIMALS):
        table[state, [ord("e"), ord("E")]] = EXPONENT
    for state in (POINT, DECIMALS):
        table[state, digits] = DECIMALS
    table[EXPONENT, [ord("+"), MINUS]] = SIGN
    for state in (EXPONENT, SIGN, EXPONENT_DIGITS):
        table[state, digits] = EXPONENT_DIGITS
    return table


GRAMMAR = (_grammar().astype(np.int64) * 256).ravel()
"""By 256 times the state plus the byte: 256 times the next state."""
IS_WHOLE = np.isin(np.arange(11), [ZERO, DIGITS, DECIMALS, EXPONENT_DIGITS])


def with_quoted_numbers(data: bytes) -> bytes:
    """The same lines, every number that is the value of a member written as a string; untouched if none needs it."""
    if CHANGED_BY_PARSING.search(data) is None:
        return data
    values = np.frombuffer(data, np.uint8)
    colons = np.flatnonzero(values == COLON)
    starts = _value_starts(values, colons)
    is_number = _begins_number(values[starts])
    starts = starts[is_number & _is_of_member(values, data, colons, is_number)]
    return _with_quotes(values, starts).tobytes()


def with_all_numbers_quoted(data: bytes) -> Bytes | None:
    """The same lines with every number that is a member's value, but for those in arrays, written as a string.

    A fraction of the work of finding strings first: a number stands behind a quote and a colon. None where that quote
    could be within a string, or begin one.
    """
    values = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero((values[:-3] == QUOTE) & (values[1:-2] == COLON))
    starts = quotes + 2
    starts += values[starts] == BLANK
    is_number = _begins_number(values[starts])
    quotes, starts = quotes[is_number], starts[is_number]
    if DOUBTFUL_BEFORE_QUOTE[values[quotes - 1]].any():
        return None
    return _with_quotes(values, starts)


def _begins_number(values: Bytes) -> Flags:
    begins: Flags = _is_digit(values) | (values == MINUS)
    return begins


def _with_quotes(values: Bytes, starts: Offsets) -> Bytes:
    """The bytes with quotes around the numbers that begin at these places; what is no number after all is left."""
    ends, is_number = _number_ends(values, starts)
    places = np.stack((starts[is_number], ends[is_number]), axis=1).ravel()
    return np.insert(values, places, QUOTE) if places.size else values


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


def _number_ends(values: Bytes, starts: Offsets) -> tuple[Offsets, Flags]:
    """The offset after each number, and whether it is one; steps once for each byte of the longest, all together."""
    ends, is_number = starts.copy(), np.zeros(starts.size, np.bool_)
    going, places = np.arange(starts.size), starts
    states = np.zeros(starts.size, np.int64)
    while going.size:
        after = GRAMMAR.take(states + values.take(places))
        is_over = after >= NO_NUMBER * 256
        if is_over.any():
            over = going[is_over]
            ends[over] = places[is_over]
            is_number[over] = IS_WHOLE[states[is_over] // 256] & (after[is_over] == END * 256)
            is_going = ~is_over
            going, places, after = going[is_going], places[is_going], after[is_going]
        states, places = after, places + 1
    return ends, is_number


def _is_digit(byte: Bytes) -> Flags:
    digits: Flags = (byte - np.uint8(ord("0"))) < 10  # a byte below wraps around to above
    return digits
