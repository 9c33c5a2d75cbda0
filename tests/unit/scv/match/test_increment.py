"""A day's records against all that is known: the same as matching everything by what was learnt."""

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.scv.match.blocking import RULES, Blocking, candidate_pairs, usable_rules
from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.increment import match_new
from crm_platform.scv.match.key_index import KeyIndex, keys_of_rows
from crm_platform.scv.match.known import Known, known_from, load_known, save_known
from crm_platform.scv.match.prepared import Matched, comparable_records
from crm_platform.scv.match.settings import MatchSettings
from tests.unit.scv.match.people import people_with_doubles

CROWD, _ = people_with_doubles(90)
# So few records that all pairs are compared; and as if they were many.
MANY = Blocking(all_pairs_up_to=0, pairs_per_record=0.5)
SETTINGS = {"all pairs": MatchSettings(), "blocks": MatchSettings(blocking=MANY)}
COMPARABLE = comparable_records(CROWD)[0]


def tied(found: Known | Matched) -> pl.DataFrame:
    return found.clusters.select("record_id", "cluster_id")


@pytest.mark.parametrize("compared", SETTINGS)
@settings(max_examples=2)
@given(seed=st.integers(0, 1_000), number=st.integers(1, 60))
def test_new_records_give_the_clusters_and_pairs_of_a_full_run(compared: str, seed: int, number: int) -> None:
    chosen = SETTINGS[compared]
    shuffled = CROWD.sample(fraction=1.0, shuffle=True, seed=seed)
    before = match_people(shuffled.slice(number), chosen)
    later = match_new(shuffled.head(number), known_from(before), chosen)
    full = match_people(CROWD, chosen, trained=before.trained)
    assert tied(later).equals(tied(full))
    assert later.pairs.equals(full.pairs)


@pytest.mark.parametrize("compared", SETTINGS)
@settings(max_examples=2)
@given(seed=st.integers(0, 1_000))
def test_days_that_add_change_forget_and_copy_leave_the_clusters_of_a_full_run(compared: str, seed: int) -> None:
    """Each day goes through files, as the platform's do; what was forgotten may come back."""
    chosen, dice = SETTINGS[compared], random.Random(seed)
    people = CROWD.sample(fraction=1.0, shuffle=True, seed=seed)
    standing, newcomers = people.slice(40), people.head(40)
    before = match_people(standing, chosen)
    known, forgotten_before = known_from(before), standing.head(0)
    with tempfile.TemporaryDirectory() as folder:
        for day in range(3):
            forgotten = standing.sample(8, seed=dice.randrange(1_000))
            changed = standing.join(forgotten, on="record_id", how="anti").sample(8, seed=dice.randrange(1_000))
            changed = changed.with_columns(last_name=pl.lit("Ashdown"), phone=pl.lit(None, pl.String))
            copied = standing.sample(4, seed=dice.randrange(1_000)).with_columns(
                record_id=pl.lit(dice.choice("az") + f"copy{day}") + pl.col("record_id")
            )
            new = pl.concat([changed, copied, newcomers[day * 10 : day * 10 + 10], forgotten_before])
            gone = forgotten["record_id"]
            standing = pl.concat([standing.filter(~pl.col("record_id").is_in([*gone, *new["record_id"]])), new])
            save_known(match_new(new, known, chosen, gone), Path(folder) / str(day))
            known, forgotten_before = load_known(Path(folder) / str(day)), forgotten
            assert tied(known).equals(tied(match_people(standing, chosen, trained=before.trained)))


@settings(max_examples=3)
@given(seed=st.integers(0, 1_000))
def test_records_of_a_list_are_looked_at_again_when_nothing_ties_them_any_more(seed: int) -> None:
    """What its source says counts for records without another tie: to forget one can bring two others together."""
    is_listed = pl.int_range(pl.len()) % 3 == 0
    own = [pl.when(~is_listed).then(name).alias(name) for name in ("date_of_birth", "email", "phone")]
    people = CROWD.with_columns(*own, source=pl.when(is_listed).then(pl.lit("list")).otherwise(pl.lit("shop")))
    trained = replace(match_people(people).trained, listed={"list": 4.0})
    gone = people.sample(30, seed=seed)["record_id"]
    standing = people.filter(~pl.col("record_id").is_in(gone.implode()))
    known = known_from(match_people(people, trained=trained))
    emptied = match_new(people.clear(), known, forgotten=gone)
    assert tied(emptied).equals(tied(match_people(standing, trained=trained)))
    again = match_new(people.filter(pl.col("record_id").is_in(gone.implode())), emptied)
    assert tied(again).equals(tied(known))


@pytest.mark.parametrize("compared", SETTINGS)
def test_days_on_which_records_change_leave_what_all_they_ever_said_gives(compared: str) -> None:
    chosen = SETTINGS[compared]
    before = match_people(CROWD, chosen)
    known, standing, said = known_from(before), CROWD, CROWD.head(0)
    for day in range(3):
        former = standing.sample(12, seed=day)
        changed = former.with_columns(last_name=pl.lit(f"Ashdown{day}"), email=pl.lit(None, pl.String))
        said = pl.concat([said, former])
        standing = pl.concat([standing.join(former, on="record_id", how="anti"), changed])
        earlier = said.join(changed, on="record_id", how="semi")
        known = match_new(changed, known, chosen, earlier=earlier)
        anew = known_from(match_people(standing, chosen, trained=before.trained))
        anew = match_new(CROWD.head(0), anew, chosen, earlier=said)
        assert tied(known).equals(tied(anew))
        assert known.pairs.equals(anew.pairs)


def test_two_records_are_as_alike_as_the_likest_of_what_they_ever_said() -> None:
    """She married, moved and took a new address: nothing that the shop says now is what the till knows."""
    once: dict[str, str | None] = {
        "record_id": "x1", "first_name": "Theodora", "last_name": "Quint", "date_of_birth": None,
        "email": "theo.quint81@example.com", "phone": "0455123987", "address_line": "7 Quarry Lane",
    }  # fmt: skip
    now = once | {
        "last_name": "Ashdown",
        "email": "dora.ashdown@example.com",
        "address_line": "12 Sunset Row",
        "phone": None,
    }
    people = pl.concat([CROWD, pl.DataFrame([now, once | {"record_id": "x2"}])], how="diagonal_relaxed")
    known = known_from(match_people(people))
    clusters = dict(tied(known).iter_rows())
    assert clusters["x1"] != clusters["x2"]
    remembered = match_new(CROWD.head(0), known, earlier=pl.DataFrame([once], schema=CROWD.schema))
    clusters = dict(tied(remembered).iter_rows())
    assert clusters["x1"] == clusters["x2"]
    forgotten = match_new(CROWD.head(0), remembered, forgotten=pl.Series(["x1"]))
    assert "x1" not in set(forgotten.clusters["record_id"])
    assert forgotten.earlier.is_empty()


def test_what_was_known_is_the_same_after_it_was_saved_twice(tmp_path: Path) -> None:
    """The second time what has not changed is linked, and a day's rows stand apart."""
    known = known_from(match_people(CROWD.slice(10), SETTINGS["blocks"]))
    save_known(known, tmp_path / "first")
    later = match_new(CROWD.head(10), load_known(tmp_path / "first"), SETTINGS["blocks"])
    save_known(later, tmp_path / "second")
    again = load_known(tmp_path / "second")
    assert (tmp_path / "second" / "rows_first.arrow").samefile(tmp_path / "first" / "rows_first.arrow")
    assert 0 < again.rows.height - again.first_rows <= 10
    assert again.clusters.equals(later.clusters)
    assert again.pairs.equals(later.pairs)
    assert again.records_of(CROWD["record_id"]).equals(later.records_of(CROWD["record_id"]))


def test_a_day_adds_to_the_keys_and_leaves_those_that_were_first(tmp_path: Path) -> None:
    known = known_from(match_people(CROWD.slice(10), SETTINGS["blocks"]))
    later = match_new(CROWD.head(10), known, SETTINGS["blocks"])
    assert later.keys.first is known.keys.first
    added = sum(len(rows) for _, rows in later.keys.later.values())
    assert 0 < added <= 10 * len(RULES)


@given(seed=st.integers(0, 10_000), cut=st.integers(1, 79))
@settings(max_examples=10)
def test_the_index_finds_the_pairs_that_blocking_finds(seed: int, cut: int) -> None:
    records = COMPARABLE.sample(80, seed=seed)
    rules = usable_rules(records, records.columns)
    guards = candidate_pairs(COMPARABLE, rules, MANY).guards
    expected = candidate_pairs(records, rules, MANY, guards)
    index = KeyIndex(keys_of_rows(records[:cut], rules, guards), {})
    searched = keys_of_rows(records[cut:], rules, guards, cut)
    one, other = index.with_rows(searched).rows_sharing(searched)
    found = {(min(pair), max(pair)) for pair in zip(one.tolist(), other.tolist(), strict=True) if pair[0] != pair[1]}
    wanted = zip(expected.left.tolist(), expected.right.tolist(), strict=True)
    assert found == {pair for pair in wanted if pair[1] >= cut}


def test_rows_that_nobody_states_are_passed_over() -> None:
    known = known_from(match_people(CROWD))
    emptied = match_new(CROWD.head(0), known, forgotten=CROWD["record_id"])
    assert emptied.clusters.is_empty()
    assert emptied.pairs.is_empty()
    assert len(np.unique(emptied.component)) == emptied.rows.height
    again = match_new(CROWD, emptied)
    assert tied(again).equals(tied(known))
