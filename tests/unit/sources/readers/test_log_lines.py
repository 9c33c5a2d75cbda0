"""Lines of access logs: plain ones are read in a quicker way, which must find the same."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.sources.readers.log_lines import parse_lines

WORDS = st.text('ab1./?=&-"\\ é\t[]:+', max_size=6)
TIMES = st.sampled_from(["17/May/2015:10:05:03 +0000", "17/May/2015:10:05:03 -0700", "31/Feb/2015:10:05:03 +0000", "-"])
REQUESTS = st.one_of(
    st.builds(lambda url, protocol: f"GET /{url}{protocol}", WORDS, st.sampled_from([" HTTP/1.1", " HTTP/2", ""])),
    WORDS,
)


@st.composite
def log_lines(draw: st.DrawFn, dialect: str) -> str:
    """Lines that are plain, odd or broken."""
    user = draw(st.sampled_from(["-", "ann", "ann example", "", '"'])) or "-"
    status = draw(st.sampled_from(["200", "٢٠٠", "20", "304"]))
    size = draw(st.sampled_from(["-", "43", ""]))
    common = f'203.0.113.7 - {user} [{draw(TIMES)}] "{draw(REQUESTS)}" {status} {size}'
    more = draw(st.sampled_from(["", "", ' "203.0.113.9"', " 0.003", "\r"]))
    return f'{common} "{draw(WORDS)}" "{draw(WORDS)}"{more}' if dialect == "combined" else common + more


@pytest.mark.parametrize("dialect", ["combined", "common"])
@settings(max_examples=150)
@given(data=st.data())
def test_a_plain_line_is_read_as_any_other(dialect: str, data: st.DataObject) -> None:
    lines = pl.Series(data.draw(st.lists(log_lines(dialect), min_size=1, max_size=8)), dtype=pl.String)
    # A blank at its end makes a line one that is not plain, and nothing else of it.
    assert_frame_equal(parse_lines(lines, dialect), parse_lines(lines + " ", dialect))
