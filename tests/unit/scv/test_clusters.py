"""Who is one customer: verdicts above declared ids above the model, and clusters taken apart where they are weakest."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import networkx as nx
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.scv.identity.clusters import VERDICT_SCHEMA, Linked, linked_records, newest_verdicts
from tests.unit.scv.company import clusters_of, weighed

RECORDS = [f"r{number}" for number in range(8)]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
Given = tuple[str, str, str]


def records(ids: list[str], refs: dict[str, str] | None = None) -> pl.DataFrame:
    rows = [(record, (refs or {}).get(record)) for record in ids]
    return pl.DataFrame(rows, schema={"record_id": pl.String, "customer_ref": pl.String}, orient="row")


def verdicts(*given: Given) -> pl.DataFrame:
    """Verdicts, each given after the one before it."""
    rows = [(a, b, verdict, LONG_AGO + timedelta(hours=number)) for number, (a, b, verdict) in enumerate(given)]
    return newest_verdicts(pl.DataFrame(rows, schema=VERDICT_SCHEMA, orient="row"))


def linked(
    groups: list[list[str]], *given: Given, refs: dict[str, str] | None = None, pairs: pl.DataFrame | None = None
) -> Linked:
    ids = [record for group in groups for record in group]
    weighed_pairs = weighed() if pairs is None else pairs
    return linked_records(records(ids, refs), clusters_of(groups), weighed_pairs, verdicts(*given))


def groups_of(found: Linked) -> set[frozenset[str]]:
    by_cluster = found.records.group_by("cluster_id").agg("record_id")["record_id"]
    return {frozenset(group) for group in by_cluster}


def together(found: Linked, a: str, b: str) -> bool:
    cluster: dict[str, Any] = dict(found.records.select("record_id", "cluster_id").iter_rows())
    return bool(cluster[a] == cluster[b])


pairs_of_records = st.tuples(st.sampled_from(RECORDS), st.sampled_from(RECORDS)).filter(lambda pair: pair[0] != pair[1])
labels = st.lists(st.integers(min_value=0, max_value=4), min_size=len(RECORDS), max_size=len(RECORDS))


def grouped(found_labels: list[int]) -> list[list[str]]:
    return [
        [record for record, label in zip(RECORDS, found_labels, strict=True) if label == wanted]
        for wanted in sorted(set(found_labels))
    ]


@settings(max_examples=40)
@given(labels, st.lists(pairs_of_records, max_size=4), labels)
def test_without_contradiction_all_that_is_tied_is_one(
    model: list[int], same: list[tuple[str, str]], refs: list[int]
) -> None:
    """Against networkx."""
    numbers = {record: f"shop:{ref}" for record, ref in zip(RECORDS, refs, strict=True) if ref < 3}
    found = linked(grouped(model), *((a, b, "same") for a, b in same), refs=numbers)
    graph = nx.Graph()
    graph.add_nodes_from(RECORDS)
    graph.add_edges_from(same)
    for group in grouped(model):
        nx.add_path(graph, group)
    for ref in set(numbers.values()):
        nx.add_path(graph, [record for record in RECORDS if numbers.get(record) == ref])
    assert groups_of(found) == {frozenset(group) for group in nx.connected_components(graph)}


@settings(max_examples=40)
@given(labels, st.lists(pairs_of_records, min_size=1, max_size=5), labels)
def test_records_that_a_person_told_apart_are_never_one(
    model: list[int], different: list[tuple[str, str]], refs: list[int]
) -> None:
    numbers = {record: f"shop:{ref}" for record, ref in zip(RECORDS, refs, strict=True) if ref < 3}
    found = linked(grouped(model), *((a, b, "different") for a, b in different), refs=numbers)
    assert not any(together(found, a, b) for a, b in different)
    assert found.records.height == len(RECORDS)


@settings(max_examples=40)
@given(labels, st.lists(st.tuples(pairs_of_records, st.sampled_from(["same", "different"])), max_size=6), st.randoms())
def test_the_order_of_rows_does_not_matter(
    model: list[int], said: list[tuple[tuple[str, str], str]], dice: random.Random
) -> None:
    given_verdicts = verdicts(*((a, b, verdict) for (a, b), verdict in said))
    groups = grouped(model)
    found = linked_records(records(RECORDS), clusters_of(groups), weighed(), given_verdicts)
    shuffled = random.Random(dice.random()).sample(RECORDS, len(RECORDS))
    clusters = clusters_of(groups).sample(fraction=1.0, shuffle=True, seed=dice.randrange(1000))
    again = linked_records(
        records(shuffled), clusters, weighed(), given_verdicts.sample(fraction=1.0, shuffle=True, seed=1)
    )
    assert_frame_equal(found.records, again.records)


def test_a_cluster_is_taken_apart_along_its_weakest_evidence() -> None:
    pairs = weighed(("a", "b", 9.0), ("b", "c", 1.0), ("c", "d", 8.0), ("b", "d", 2.0))
    found = linked([["a", "b", "c", "d"]], ("a", "c", "different"), pairs=pairs)
    assert groups_of(found) == {frozenset("ab"), frozenset("cd")}
    assert found.number_taken_apart == 1
    assert found.records["is_taken_apart"].all()


def test_a_verdict_stands_above_a_declared_id() -> None:
    found = linked([["a"], ["b"]], ("a", "b", "different"), refs={"a": "shop:1", "b": "shop:1"})
    assert not together(found, "a", "b")


def test_the_newest_verdict_of_a_pair_counts_whichever_way_it_was_named() -> None:
    found = linked([["a", "b"]], ("a", "b", "different"), ("b", "a", "same"))
    assert together(found, "a", "b")
    found = linked([["a", "b"]], ("a", "b", "same"), ("b", "a", "different"))
    assert not together(found, "a", "b")


def test_of_verdicts_that_contradict_each_other_through_a_third_record_the_newer_ones_hold() -> None:
    found = linked([["a"], ["b"], ["c"]], ("a", "b", "same"), ("b", "c", "same"), ("a", "c", "different"))
    assert together(found, "b", "c") and not together(found, "a", "b") and not together(found, "a", "c")


def test_a_verdict_on_a_record_that_is_gone_does_nothing() -> None:
    assert together(linked([["a", "b"]], ("a", "gone", "different")), "a", "b")


def test_each_record_says_what_ties_it_to_its_customer() -> None:
    found = linked([["a", "b"], ["c"], ["d"], ["e"], ["f"]], ("e", "f", "same"), refs={"b": "shop:1", "c": "shop:1"})
    explained = {record: (by, probability) for record, _, probability, by, _ in found.records.iter_rows()}
    assert explained == {
        "a": ("model", 0.9),
        "b": ("model", 0.9),
        "c": ("declared_id", 1.0),
        "d": ("single", 1.0),
        "e": ("verdict", 1.0),
        "f": ("verdict", 1.0),
    }
