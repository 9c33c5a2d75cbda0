"""Recency, frequency, monetary value: bands of fifths and the named segments made of them.

Here: how a band is cut and how a segment is chosen. Not here: the segments themselves (`segments.yaml`) and the figures
(`features.py`).
"""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import BeforeValidator, Field, TypeAdapter

from crm_platform.configuration import Declared
from crm_platform.yaml_text import read_yaml

BANDS = 5
SEGMENTS_FILE = Path(__file__).with_name("segments.yaml")

Band = Annotated[int, Field(ge=1, le=BANDS)]
Bands = Annotated[
    tuple[Band, Band], BeforeValidator(lambda given: (given, given) if isinstance(given, int) else tuple(given))
]


class Segment(Declared):
    """A named segment and the bands, lowest and highest, that a customer in it has."""

    segment: str
    recency: Bands = (1, BANDS)
    frequency: Bands = (1, BANDS)
    monetary: Bands = (1, BANDS)


def read_segments(file: Path = SEGMENTS_FILE) -> list[Segment]:
    """The segments of a file, in the order in which they are tried."""
    return TypeAdapter(list[Segment]).validate_python(read_yaml(file.read_text(encoding="utf-8")))


def rfm_of(features: pl.DataFrame, segments: Sequence[Segment]) -> pl.DataFrame:
    """customer_id, recency, frequency and monetary bands (1 to 5, 5 best), rfm (such as `543`) and segment.

    features: see `features_as_of`. A customer whom no segment takes has none.
    """
    bands = features.select(
        "customer_id",
        recency=_band(-pl.col("recency_days")),
        frequency=_band(pl.col("number_of_purchases")),
        monetary=_band(pl.col("spend_total").round(4)),
    )
    named = reduce(
        lambda later, each: pl.when(_holds(each)).then(pl.lit(each.segment)).otherwise(later),
        reversed(segments),
        pl.lit(None, dtype=pl.String),
    )
    return bands.with_columns(
        rfm=pl.concat_str("recency", "frequency", "monetary"),
        segment=named,
    )


def _band(figure: pl.Expr) -> pl.Expr:
    """The fifth in which a figure stands, by the share of customers whose figure is lower, ties taken by half.

    Customers of one figure get one band, whatever the order of the rows; where half of all have bought once, they
    share the band of their middle.
    """
    middle = figure.rank("average") - 0.5
    return (middle * BANDS / pl.len()).floor().clip(0, BANDS - 1).cast(pl.Int8) + 1


def _holds(segment: Segment) -> pl.Expr:
    return pl.all_horizontal(
        pl.col(name).is_between(*getattr(segment, name)) for name in ("recency", "frequency", "monetary")
    )
