"""Components and average linkage against oracles on random graphs."""

from collections.abc import Sequence

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crm_platform.scv.match.clustering import Once, average_linkage, connected_components

Edges = list[tuple[int, int]]


def ends(edges: Edges) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    left, right = zip(*edges, strict=True) if edges else ((), ())
    return np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)


@given(
    st.integers(1, 60).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_components_are_those_of_networkx(graph: tuple[int, Edges]) -> None:
    number, edges = graph
    oracle = networkx.Graph(edges)
    oracle.add_nodes_from(range(number))
    label = connected_components(number, *ends(edges))
    expected = {node: min(part) for part in networkx.connected_components(oracle) for node in part}
    assert label.tolist() == [expected[node] for node in range(number)]


def test_components_of_a_long_chain_are_one() -> None:
    number = 50_000
    order = np.random.default_rng(1).permutation(number).astype(np.int64)
    assert set(connected_components(number, order[:-1], order[1:]).tolist()) == {0}


def slow_linkage(
    number: int,
    weights: dict[tuple[int, int], float],
    missing: float,
    sources: Sequence[int] = (),
    worth: Sequence[float] = (),
) -> set[frozenset[int]]:
    """Join the nearest two clusters of all, one after the other. worth: of a second record, by source."""
    clusters = [frozenset([node]) for node in range(number)]

    def mean(one: frozenset[int], other: frozenset[int]) -> float:
        alike = float(np.mean([weights.get((min(a, b), max(a, b)), missing) for a in one for b in other]))
        held, held_too = ({sources[node] for node in nodes} if sources else set() for nodes in (one, other))
        return alike + sum(worth[source] for source in held & held_too if source < len(worth))

    while True:
        pairs = [(mean(a, b), a, b) for i, a in enumerate(clusters) for b in clusters[i + 1 :]]
        best = max(pairs, key=lambda pair: pair[0], default=None)
        if best is None or best[0] <= 0:
            return set(clusters)
        clusters = [c for c in clusters if c not in best[1:]] + [best[1] | best[2]]


@given(st.integers(2, 9), st.randoms(use_true_random=False))
def test_linkage_in_rounds_gives_what_joining_the_nearest_two_gives(number: int, chance: object) -> None:
    generator = np.random.default_rng(chance.randrange(2**32))  # type: ignore[attr-defined]
    edges = [(a, b) for a in range(number) for b in range(a + 1, number) if generator.random() < 0.7]
    # No ties: they may be broken in either way.
    weights = generator.normal(0.0, 5.0, len(edges))
    left, right = ends(edges)
    # Two sources that hold most people once, and one of which nothing is known.
    worth, sources = (-1.7, -5.3), generator.integers(0, 3, number)
    once = Once(np.asarray([1, 2, 0], np.uint64)[sources], worth)
    cluster = average_linkage(number, left, right, weights.astype(np.float64), np.ones(number, np.int64), -3.01, once)
    found = {frozenset(np.flatnonzero(cluster == label).tolist()) for label in set(cluster.tolist())}
    assert found == slow_linkage(
        number, dict(zip(edges, weights.tolist(), strict=True)), -3.01, sources.tolist(), worth
    )


def test_each_source_with_two_of_them_speaks_against_one_person() -> None:
    # Shop, till and web each know two Bens of one family: 0 to 2 and 3 to 5.
    held = np.asarray([1, 2, 4, 1, 2, 4], np.uint64)
    edges = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    left, right = ends(edges)
    weights = np.asarray([9.0 if (a < 3) == (b < 3) else 6.0 for a, b in edges])
    ones = np.ones(6, np.int64)
    assert set(average_linkage(6, left, right, weights, ones, -3.0).tolist()) == {0}
    # One such source would not do.
    assert set(average_linkage(6, left, right, weights, ones, -3.0, Once(held & np.uint64(1), (-3.0,))).tolist()) == {0}
    thrice = average_linkage(6, left, right, weights, ones, -3.0, Once(held, (-3.0, -3.0, -3.0)))
    assert thrice.tolist() == [0, 0, 0, 3, 3, 3]


@pytest.mark.parametrize(("copies", "together"), [(1, True), (30, False)])
def test_a_row_that_stands_for_many_copies_counts_as_many(copies: int, together: bool) -> None:
    left, right = ends([(0, 1), (0, 2), (1, 2)])
    weights = np.array([10.0, 4.0, -2.0])
    cluster = average_linkage(3, left, right, weights, np.array([1, copies, 1], np.int64), -3.0)
    assert bool(cluster[0] == cluster[1])
    assert bool(cluster[2] == cluster[0]) is together
