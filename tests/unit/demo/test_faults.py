"""Faults and mistakes: counted where they stand, everything else left as it was."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.demo.bad_rows import DUPLICATED, TORN, Fault, spoil
from crm_platform.demo.dice import dice, fill_patterns, seasonal_days
from crm_platform.demo.mistakes import in_capitals, mistype, swap_names

FAULTS = (Fault("email", "email", "none", rate=0.1), Fault(DUPLICATED.rule, rate=0.1), Fault(TORN.rule, rate=0.1))


@given(seed=st.integers(0, 2**31), height=st.integers(0, 200))
def test_every_row_is_written_and_every_fault_stands_where_it_is_told(seed: int, height: int) -> None:
    rows = pl.DataFrame(
        {"id": [str(number) for number in range(height)], "email": ["a@b.example"] * height},
        schema={"id": pl.String, "email": pl.String},
    )
    spoilt = spoil(rows, FAULTS, dice(seed, 0, "faults"))
    written = pl.concat([spoilt.rows, spoilt.torn])
    assert set(written["id"]) == set(rows["id"])
    told = {rule: spoilt.faults.filter(pl.col("rule") == rule)["row"].to_list() for rule in ("email", DUPLICATED.rule)}
    assert [row for row, value in enumerate(written["email"]) if value == "none"] == told["email"]
    assert all(written["id"][row] == written["id"][row - 1] for row in told[DUPLICATED.rule])
    assert written.height == height + len(told[DUPLICATED.rule])


@given(seed=st.integers(0, 2**31))
def test_a_typing_error_changes_a_name_by_one_letter_at_most(seed: int) -> None:
    names = pl.DataFrame({"name": ["Johannessen", "Ed", None, "Hämäläinen"]})
    wrong = mistype(dice(seed, 0, "typing"), names, ["name"], 1.0)["name"].to_list()
    assert abs(len(wrong[0]) - len("Johannessen")) <= 1
    assert wrong[1:3] == ["Ed", None]


def test_capitals_lose_their_accents() -> None:
    names = in_capitals(pl.DataFrame({"name": ["Søren Ågård", "Hélène", "Mäkelä"]}), ["name"])
    assert names["name"].to_list() == ["SOREN AGARD", "HELENE", "MAKELA"]


def test_swapped_names_change_places() -> None:
    people = pl.DataFrame({"first_name": ["Anna"], "last_name": ["Rossi"]})
    assert swap_names(dice(1, 0, "swap"), people, 1.0).row(0) == ("Rossi", "Anna")


@given(seed=st.integers(0, 2**31), first=st.integers(18_000, 20_000), days=st.integers(0, 900))
def test_a_day_is_drawn_within_its_bounds(seed: int, first: int, days: int) -> None:
    bounds = pl.Series([first] * 20), pl.Series([first + days] * 20)
    drawn = seasonal_days(dice(seed, 0, "days"), bounds[0].to_numpy(), bounds[1].to_numpy())
    assert drawn.min() >= first
    assert drawn.max() <= first + days


def test_a_pattern_keeps_its_shape() -> None:
    filled = fill_patterns(dice(3, 0, "patterns"), pl.Series(["SW# #@@", "L-1###", "SW# #@@"]))
    assert filled.str.contains(r"^(SW\d \d[A-Z]{2}|L-1\d{3})$").all()
