"""When the landing sensor asks for a load: half-written files wait, failed loads are asked for later and later."""

from itertools import pairwise
from json import dumps

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.sources.arrivals import (
    FIRST_RETRY_SECONDS,
    LAST_RETRY_SECONDS,
    Memory,
    Sight,
    memory_from,
    next_request,
)

QUIET = 10.0
ORDERS, CUSTOMERS = "shop.orders", "shop.customers"


def test_a_quiet_file_is_asked_for_at_the_first_look() -> None:
    request, _ = next_request({ORDERS: [Sight("a.csv", 10, 100.0)], CUSTOMERS: []}, Memory(), 110.0, QUIET)
    assert request is not None
    assert (request.feeds, request.number_of_files) == ((ORDERS,), 1)


def test_a_file_still_being_written_waits_until_two_looks_show_it_unchanged() -> None:
    memory = Memory()
    for now, size in ((100.0, 10), (101.0, 20), (102.0, 30)):
        request, memory = next_request({ORDERS: [Sight("a.csv", size, now)]}, memory, now, QUIET)
        assert request is None
    request, _ = next_request({ORDERS: [Sight("a.csv", 30, 102.0)]}, memory, 103.0, QUIET)
    assert request is not None


def test_a_file_of_a_clock_that_runs_ahead_is_asked_for_at_the_second_look() -> None:
    landed = {ORDERS: [Sight("a.csv", 10, 9_999.0)]}
    request, memory = next_request(landed, Memory(), 100.0, QUIET)
    assert request is None
    assert next_request(landed, memory, 130.0, QUIET)[0] is not None


def test_only_the_settled_files_of_a_look_are_counted() -> None:
    landed = {ORDERS: [Sight("a.csv", 1, 0.0), Sight("b.csv", 1, 99.0)], CUSTOMERS: [Sight("c.csv", 1, 99.0)]}
    request, _ = next_request(landed, Memory(), 100.0, QUIET)
    assert request is not None
    assert (request.feeds, request.number_of_files) == ((ORDERS,), 1)


def test_a_load_that_fails_is_asked_for_again_with_a_growing_delay_and_a_new_key() -> None:
    landed, memory, asked = {ORDERS: [Sight("a.csv", 10, 0.0)]}, Memory(), []
    for now in range(100, 40_000, 10):
        request, memory = next_request(landed, memory_from(memory.dumped()), float(now), QUIET)
        if request:
            asked.append((now, request.key))
    delays = [later - earlier for (earlier, _), (later, _) in pairwise(asked)]
    assert delays[0] == FIRST_RETRY_SECONDS
    assert all(later == min(2 * earlier, LAST_RETRY_SECONDS) for earlier, later in pairwise(delays))
    assert delays[-1] == LAST_RETRY_SECONDS
    assert len({key for _, key in asked}) == len(asked)


def test_a_file_that_fails_for_a_year_does_not_stop_the_sensor() -> None:
    """2.0 ** 1024 overflows: after some weeks of a failing file every look raised."""
    landed = {ORDERS: [Sight("a.csv", 10, 0.0)]}
    _, memory = next_request(landed, Memory(), 100.0, QUIET)
    batch = next(iter(memory.asked))
    request, _ = next_request(landed, Memory({}, {batch: (9_000, 100.0)}), 101.0, QUIET)
    assert request is None
    request, _ = next_request(landed, Memory({}, {batch: (9_000, 100.0)}), 101.0 + LAST_RETRY_SECONDS, QUIET)
    assert request is not None


def test_a_changed_file_is_another_request_at_once() -> None:
    first, memory = next_request({ORDERS: [Sight("a.csv", 10, 0.0)]}, Memory(), 100.0, QUIET)
    second, _ = next_request({ORDERS: [Sight("a.csv", 11, 50.0)]}, memory, 101.0, QUIET)
    assert first is not None and second is not None and first.key != second.key


def test_what_has_gone_is_forgotten() -> None:
    _, memory = next_request({ORDERS: [Sight("a.csv", 10, 0.0)]}, Memory(), 100.0, QUIET)
    request, memory = next_request({ORDERS: []}, memory, 200.0, QUIET)
    assert (request, memory) == (None, Memory())


def test_the_order_of_the_files_does_not_matter() -> None:
    sights = [Sight(name, 1, 0.0) for name in "abc"]
    first, _ = next_request({ORDERS: sights, CUSTOMERS: sights}, Memory(), 100.0, QUIET)
    second, _ = next_request({CUSTOMERS: sights[::-1], ORDERS: sights[::-1]}, Memory(), 200.0, QUIET)
    assert first == second


GARBAGE = [
    None,
    "",
    "null",
    "[]",
    "{",
    '{"seen": null}',
    '{"seen": {"a": 1}}',
    '{"seen": {"a": ["x", 1]}}',
    '{"asked": {"a": [Infinity, 1]}}',
    '{"asked": {"a": [NaN, 1]}}',
    "[" * 100_000,
]


def test_a_cursor_of_garbage_is_an_empty_memory() -> None:
    assert [memory_from(cursor) for cursor in GARBAGE] == [Memory()] * len(GARBAGE)


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["seen", "asked", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=200, derandomize=True, database=None)
@given(json)
def test_any_cursor_whatever_leads_to_a_decision(content: object) -> None:
    memory = memory_from(dumps(content))
    request, after = next_request({ORDERS: [Sight("a", 1, 0.0)]}, memory, 1e6, QUIET)
    assert request is not None
    assert memory_from(after.dumped()) == after
