"""Customer keys: the same for ever, whatever the order of rows, reruns and batches; redirects; merges taken back."""

import random
from collections import defaultdict
from dataclasses import dataclass, field

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.scv.identity.keys import CHANGE_SCHEMA, EVENT_SCHEMA, XREF_SCHEMA, KeyAssignment, assign_keys
from crm_platform.scv.identity.redirects import redirects

Groups = list[list[str]]


@dataclass
class Log:
    """The runs of a company: the state after the last, and everything that ever changed."""

    xref: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=XREF_SCHEMA))
    changes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CHANGE_SCHEMA))
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={**EVENT_SCHEMA, "run_number": pl.Int64}))
    runs: int = 0

    def run(self, groups: Groups, seed: int = 0) -> KeyAssignment:
        """Assign keys to these groups, the rows in an order drawn by the seed."""
        rows = [(record, f"c{number}") for number, group in enumerate(groups) for record in group]
        random.Random(seed).shuffle(rows)
        clusters = pl.DataFrame(rows, schema={"record_id": pl.String, "cluster_id": pl.String}, orient="row")
        shuffled = self.xref.sample(fraction=1.0, shuffle=True, seed=seed) if seed else self.xref
        assigned = assign_keys(clusters, shuffled, self.changes)
        self.runs += 1
        self.xref = assigned.xref
        self.changes = pl.concat([self.changes, assigned.changes])
        self.events = pl.concat([self.events, assigned.events.with_columns(run_number=pl.lit(self.runs, pl.Int64))])
        return assigned

    def keys(self) -> dict[str, int]:
        """Record to key."""
        return dict(self.xref.iter_rows())

    def redirects(self) -> dict[int, int]:
        """Old key to surviving key."""
        dated = self.events.with_columns(event_dt=pl.lit(None, pl.Datetime("us", "UTC")))
        return dict(redirects(dated, self.xref).select("customer_key", "surviving_customer_key").iter_rows())


RECORDS = [f"r{number}" for number in range(9)]


@st.composite
def groupings(draw: st.DrawFn) -> Groups:
    """Some of the records, put into groups."""
    labels = draw(st.lists(st.integers(min_value=-1, max_value=5), min_size=len(RECORDS), max_size=len(RECORDS)))
    groups: dict[int, list[str]] = defaultdict(list)
    for record, label in zip(RECORDS, labels, strict=True):
        if label >= 0:
            groups[label].append(record)
    return list(groups.values())


histories = st.lists(groupings(), min_size=1, max_size=6)


@settings(max_examples=25)
@given(histories, st.integers(min_value=1, max_value=1000))
def test_the_order_of_rows_changes_no_key_and_no_event(history: list[Groups], seed: int) -> None:
    one, other = Log(), Log()
    for groups in history:
        assert_frame_equal(one.run(groups).events, other.run(list(reversed(groups)), seed).events)
        assert_frame_equal(one.xref, other.xref)


@settings(max_examples=25)
@given(histories)
def test_a_rerun_changes_nothing(history: list[Groups]) -> None:
    log = Log()
    for groups in history:
        log.run(groups)
        again = log.run(groups)
        assert again.events.is_empty() and again.changes.is_empty()


@settings(max_examples=25)
@given(histories)
def test_a_cluster_has_one_key_of_its_own_and_no_key_is_given_twice(history: list[Groups]) -> None:
    log = Log()
    for groups in history:
        log.run(groups)
        keys = log.keys()
        assert sorted(keys) == sorted(record for group in groups for record in group)
        borne = [{keys[record] for record in group} for group in groups]
        assert all(len(each) == 1 for each in borne)
        assert len(set.union(set(), *borne)) == len(groups)
    given_first = log.events.filter(event_type="new")["customer_key"]
    assert given_first.is_unique().all()


@settings(max_examples=25)
@given(histories)
def test_the_log_of_changes_says_who_bears_which_key(history: list[Groups]) -> None:
    log = Log()
    for groups in history:
        log.run(groups)
    last = {record: to_key for record, _, to_key in log.changes.iter_rows()}
    assert {record: to_key for record, to_key in last.items() if to_key is not None} == log.keys()


@settings(max_examples=25)
@given(histories)
def test_redirects_lead_in_one_step_to_a_customer_there_is_and_never_in_a_circle(history: list[Groups]) -> None:
    log = Log()
    for groups in history:
        log.run(groups)
        borne = set(log.keys().values())
        for key, survivor in log.redirects().items():
            assert key not in borne and survivor in borne


@settings(max_examples=25)
@given(groupings(), st.permutations(RECORDS), st.integers(min_value=1, max_value=4))
def test_batches_of_new_records_take_no_key_from_anybody(groups: Groups, order: list[str], size: int) -> None:
    """Records come in any order and number at a time: who is there keeps the key, and the customers are the same."""
    log = Log()
    there: set[str] = set()
    before: dict[str, int] = {}
    present = [record for record in order if any(record in group for group in groups)]
    for start in range(0, len(present), size):
        there |= set(present[start : start + size])
        log.run([found for group in groups if (found := [record for record in group if record in there])])
        assert all(log.keys()[record] == key for record, key in before.items())
        before = log.keys()
    assert set(log.events["event_type"]) <= {"new"}


@settings(max_examples=25)
@given(groupings(), st.data())
def test_a_merge_that_is_taken_back_gives_both_customers_their_keys_again(groups: Groups, data: st.DataObject) -> None:
    if len(groups) < 2:
        return
    one, other = data.draw(st.permutations(range(len(groups))))[:2]
    log = Log()
    log.run(groups)
    before = log.keys()
    rest = [group for number, group in enumerate(groups) if number not in (one, other)]
    log.run([*rest, groups[one] + groups[other]])
    undone = log.run(groups)
    assert log.keys() == before
    assert set(undone.events["event_type"]) == {"revive", "split"}
    assert log.redirects() == {}


def test_of_two_customers_that_turn_out_to_be_one_the_older_key_survives() -> None:
    log = Log()
    log.run([["a"], ["b", "c", "d"]])
    assigned = log.run([["a", "b", "c", "d"]])
    assert assigned.events.select("event_type", "customer_key", "other_customer_key").rows() == [("merge", 2, 1)]
    assert set(log.keys().values()) == {1} and log.redirects() == {2: 1}


def test_a_chain_of_merges_is_one_step() -> None:
    log = Log()
    log.run([["a"], ["b"], ["c"]])
    log.run([["a"], ["b", "c"]])
    log.run([["a", "b", "c"]])
    assert log.redirects() == {2: 1, 3: 1}


def test_records_that_split_off_get_a_key_of_their_own_and_the_event_names_the_old_one() -> None:
    log = Log()
    log.run([["a", "b", "c"]])
    assigned = log.run([["a", "b"], ["c"]])
    assert log.keys() == {"a": 1, "b": 1, "c": 2}
    said = assigned.events.select("event_type", "customer_key", "other_customer_key").rows()
    assert said == [("new", 2, None), ("split", 2, 1)]


def test_a_key_without_records_retires_and_is_borne_again_when_a_record_comes_back() -> None:
    log = Log()
    log.run([["a"], ["b"]])
    assert log.run([["b"]]).events["event_type"].to_list() == ["retire"]
    assert log.run([["a"], ["b"], ["c"]]).events.select("event_type", "customer_key").rows() == [
        ("new", 3),
        ("revive", 1),
    ]
    assert log.keys() == {"a": 1, "b": 2, "c": 3}
