"""Bands of fifths and segments: ties share a band, order does not matter, everybody is in one segment."""

from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from crm_platform.value.rfm import read_segments, rfm_of

SEGMENTS = read_segments()
FIGURES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 6), st.sampled_from([5.0, 10.0, 0.1 + 0.2, 0.3])),
    min_size=1,
    max_size=60,
)


def features(figures: list[tuple[int, int, float]]) -> pl.DataFrame:
    rows = [(f"c{place}", *figure) for place, figure in enumerate(figures)]
    return pl.DataFrame(
        rows, schema=["customer_id", "recency_days", "number_of_purchases", "spend_total"], orient="row"
    )


@given(FIGURES, st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_customers_with_one_figure_share_a_band_in_any_order(
    figures: list[tuple[int, int, float]], dice: object
) -> None:
    customers = features(figures)
    bands = customers.join(rfm_of(customers, SEGMENTS), on="customer_id")
    for figure, band in (("recency_days", "recency"), ("number_of_purchases", "frequency")):
        assert (bands.group_by(figure).agg(pl.col(band).n_unique())[band] == 1).all()
    shuffled = customers.sample(fraction=1.0, shuffle=True, seed=dice.randint(0, 999))  # type: ignore[attr-defined]
    assert_frame_equal(rfm_of(shuffled, SEGMENTS).sort("customer_id"), rfm_of(customers, SEGMENTS).sort("customer_id"))


@given(FIGURES)
@settings(max_examples=80)
def test_a_better_figure_never_has_a_lower_band(figures: list[tuple[int, int, float]]) -> None:
    customers = features(figures)
    bands = customers.join(rfm_of(customers, SEGMENTS), on="customer_id")
    assert bands.sort("recency_days")["recency"].is_sorted(descending=True)
    assert bands.sort("number_of_purchases")["frequency"].is_sorted()


def test_fifths_are_fifths_where_no_figures_tie() -> None:
    bands = rfm_of(features([(day, 1, float(day)) for day in range(100)]), SEGMENTS)
    assert bands["recency"].value_counts()["count"].to_list() == [20] * 5
    assert bands["frequency"].unique().to_list() == [3]


def test_amounts_that_differ_by_rounding_alone_tie() -> None:
    bands = rfm_of(features([(1, 1, 0.1 + 0.2), (1, 1, 0.3)]), SEGMENTS)
    assert bands["monetary"].n_unique() == 1


def test_every_combination_of_bands_has_a_segment() -> None:
    combinations = pl.DataFrame(list(product(range(1, 6), repeat=3)), schema=["r", "f", "m"], orient="row")
    named = [
        next(
            (s.segment for s in SEGMENTS if all(low <= band <= high for band, (low, high) in
             zip(row, (s.recency, s.frequency, s.monetary), strict=True))), None,
        )
        for row in combinations.iter_rows()
    ]  # fmt: skip
    assert None not in named
    assert set(named) == {segment.segment for segment in SEGMENTS}


def test_a_band_out_of_range_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "segments.yaml"
    file.write_text("- {segment: best, recency: 6}\n")
    with pytest.raises(ValidationError):
        read_segments(file)
