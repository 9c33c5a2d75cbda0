"""The parts of a match: pairs from blocks, what is learnt, sources that hold each person once."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.scv.match.blocking import Blocking, Candidates, candidate_pairs, usable_rules
from crm_platform.scv.match.compare import RARITY_STATES, Comparer
from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.fields import FIELD_OF
from crm_platform.scv.match.model import model_as_json, model_from_json
from crm_platform.scv.match.sources import shift_of_pairs, within_source_weights
from tests.unit.scv.match.people import people_with_doubles

FEW = Blocking(all_pairs_up_to=0)
KEYS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=2, max_size=40)


def emails(values: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"national_id": values}, schema={"national_id": pl.String})


def pairs_of(records: pl.DataFrame, limits: Blocking) -> set[tuple[int, int]]:
    return paired(candidate_pairs(records, usable_rules(records, records.columns), limits))


def paired(found: Candidates) -> set[tuple[int, int]]:
    return set(zip(found.left.tolist(), found.right.tolist(), strict=True))


@given(KEYS)
def test_records_of_one_key_are_paired_once_and_others_never(values: list[str | None]) -> None:
    expected = {
        (one, other)
        for one in range(len(values))
        for other in range(one + 1, len(values))
        if values[one] is not None and values[one] == values[other]
    }
    assert pairs_of(emails(values), FEW) == expected


def test_a_giant_block_is_left_out_and_a_small_one_beside_it_is_not() -> None:
    limits = Blocking(all_pairs_up_to=0, least_pairs=100, identifier_pairs_per_record=0.0)
    pairs = pairs_of(emails(["giant"] * 500 + ["small"] * 3), limits)
    assert pairs == {(500, 501), (500, 502), (501, 502)}


def test_what_is_learnt_are_shares_and_survives_json() -> None:
    model = match_people(people_with_doubles(60)[0]).trained.model
    again = model_from_json(model_as_json(model))
    for name, shares in model.same.items():
        assert np.allclose(shares.sum(axis=1), 1.0)
        assert np.array_equal(again.same[name], shares)
    for ours, theirs in (
        (model.household, again.household),
        (model.family_mailbox, again.family_mailbox),
        (model.moved, again.moved),
    ):
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(shares, theirs[name]) for name, shares in ours.items())
        assert all(np.isclose(shares.sum(), 1.0) for shares in ours.values())
    assert np.array_equal(again.moved_share, model.moved_share)
    assert np.array_equal(again.kinds, model.kinds)
    assert np.array_equal(again.strangers_email, model.strangers_email)


def test_a_source_without_doubles_is_told_from_one_with() -> None:
    persons = np.arange(400)
    sources = pl.Series(["register"] * 400 + ["shop"] * 800)
    across = (persons, persons + 400)
    doubles = (persons + 400, persons + 800)
    left, right = np.r_[across[0], persons, doubles[0]], np.r_[across[1], persons + 800, doubles[1]]
    shifts = within_source_weights(sources, left, right, np.full(len(left), 12.0, np.float32))
    assert shifts["register"] < -7
    assert shifts.get("shop", 0.0) > -1.5
    moved = shift_of_pairs(sources, shifts, np.array([0, 0]), np.array([1, 400]))
    assert moved[0] == shifts["register"]
    assert moved[1] == 0.0


def test_a_single_source_is_not_judged() -> None:
    sources, rows = pl.Series(["a"] * 300), np.arange(299)
    assert within_source_weights(sources, rows, rows + 1, np.full(299, 9.0, np.float32)) == {}


def test_what_wide_rules_find_is_compared_and_does_not_teach_first() -> None:
    """Learnt from alone, pairs of one town and year became one person at 50,000 records."""
    records = pl.DataFrame({"city": ["a", "a", "b"], "birth_date": ["19800203", "19800504", "19800203"]})
    found = candidate_pairs(records, usable_rules(records, records.columns), FEW)
    assert paired(found) == {(0, 1), (0, 2)}
    assert len(found.narrow.left) == 0
    assert set(zip(found.every.left.tolist(), found.every.right.tolist(), strict=True)) == paired(found)


def test_a_line_that_rings_in_a_home_is_told_from_a_number_in_a_pocket() -> None:
    rows = [
        {"phone": "+442079460001", "mobile_phone": "+447700900001", "is_mobile": False},
        {"phone": "+442079460001", "mobile_phone": "+447700900002", "is_mobile": False},
        {"phone": "+447700900001", "mobile_phone": None, "is_mobile": True},
        {"phone": "+442079460001", "mobile_phone": "+447700900001", "is_mobile": False},
        {"phone": "+441134960009", "mobile_phone": None, "is_mobile": False},
    ]
    records = pl.DataFrame(rows, schema={"phone": pl.String, "mobile_phone": pl.String, "is_mobile": pl.Boolean})
    comparer = Comparer(
        records.with_columns(recorded_days=pl.lit(None, pl.Int32), rarity_phone=pl.lit(40, pl.UInt8)),
        [FIELD_OF["phone"]],
    )
    (states,) = comparer.compare(np.zeros(4, np.int32), np.arange(1, 5, dtype=np.int32))
    comparer.close()
    line, mobile, different = 40, RARITY_STATES + 1, RARITY_STATES + 3
    assert states["phone"].tolist() == [line, mobile, mobile, different]
