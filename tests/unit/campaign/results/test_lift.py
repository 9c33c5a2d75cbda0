"""Lift: the difference of two groups with Wald's interval, against an arithmetic of its own."""

import math
import os
from pathlib import Path
from statistics import fmean, variance

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.campaign.results.lift import lift, sums_of

HILLSTROM = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data")) / "campaigns" / "hillstrom.csv"
_VALUES = st.lists(st.floats(0, 1_000), min_size=2, max_size=30)


def lift_of(treated: pl.Series, control: pl.Series, confidence: float = 0.95) -> dict[str, float]:
    """The lift of one group over the other."""
    groups = pl.concat([sums_of(treated, "treated"), sums_of(control, "control")], how="horizontal")
    return lift(groups, confidence).row(0, named=True)


@given(treated=_VALUES, control=_VALUES)
def test_the_interval_is_that_of_two_samples(treated: list[float], control: list[float]) -> None:
    found = lift_of(pl.Series(treated, dtype=pl.Float64), pl.Series(control, dtype=pl.Float64))
    difference = fmean(treated) - fmean(control)
    half = 1.959963984540054 * math.sqrt(variance(treated) / len(treated) + variance(control) / len(control))
    assert math.isclose(found["lift"], difference, abs_tol=1e-6)
    # Sums of squares lose digits where values are large and alike.
    assert math.isclose(found["lift_high"] - found["lift_low"], 2 * half, rel_tol=1e-4, abs_tol=1e-2)
    assert 0 <= found["p_value"] <= 1


def test_a_group_of_nobody_has_no_lift_and_one_of_one_no_interval() -> None:
    nobody, one, two = (pl.Series(values, dtype=pl.Float64) for values in ([], [1.0], [0.0, 1.0]))
    assert lift_of(two, nobody)["lift"] is None
    found = lift_of(two, one)
    assert found["lift"] == -0.5 and found["lift_low"] is None


@pytest.mark.skipif(not HILLSTROM.exists(), reason=f"no evaluation data at {HILLSTROM}")
@pytest.mark.parametrize(
    ("arm", "outcome", "expected", "incremental"),
    [
        ("Mens E-Mail", "visit", (0.07659, 0.069953, 0.083226), None),
        ("Mens E-Mail", "conversion", (0.006805, 0.0050, 0.00861), None),
        ("Mens E-Mail", "spend", (0.7698, 0.4851, 1.0545), 16_402.71),
        ("Womens E-Mail", "visit", (0.045233, 0.038894, 0.051573), None),
        ("Womens E-Mail", "conversion", (0.003111, 0.001499, 0.004723), None),
        ("Womens E-Mail", "spend", (0.4244, 0.1690, 0.6799), 9_076.90),
    ],
)
def test_a_published_test_is_worked_out_to_the_digit(
    arm: str, outcome: str, expected: tuple[float, float, float], incremental: float | None
) -> None:
    customers = pl.read_csv(HILLSTROM, infer_schema_length=None)
    treated, control = (customers.filter(pl.col("segment") == name)[outcome] for name in (arm, "No E-Mail"))
    found = lift_of(treated, control)
    for name, figure in zip(("lift", "lift_low", "lift_high"), expected, strict=True):
        digits = len(f"{figure}".partition(".")[2])
        assert round(found[name], digits) == figure
    assert incremental is None or round(found["incremental"], 2) == incremental
