"""Rows that are bad on purpose, at a known rate, so that what the platform finds can be held against what was put in.

Which faults there are and how they are put into the rows of a file belongs here; how a system is wrong about a customer
stands in `mistakes`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

RATE = 0.0015
DUPLICATE_ROW = "duplicate_row"
WRONG_NUMBER_OF_COLUMNS = "wrong_number_of_columns"


@dataclass(frozen=True)
class Fault:
    """A fault of one rule: the column it is in and what is written there (null: nothing).

    No column: the row as a whole.
    """

    rule: str
    column: str | None = None
    value: str | None = None
    rate: float = RATE


DUPLICATED = Fault(DUPLICATE_ROW)
TORN = Fault(WRONG_NUMBER_OF_COLUMNS, rate=RATE / 3)


@dataclass(frozen=True)
class Spoilt:
    """Rows of a file after the faults.

    `rows` in their order, `torn` the rows to be written with a field too many, `faults` [row, rule].
    """

    rows: pl.DataFrame
    torn: pl.DataFrame
    faults: pl.DataFrame


def spoil(rows: pl.DataFrame, faults: Sequence[Fault], rng: np.random.Generator) -> Spoilt:
    """Put each fault into its share of the rows, at most one fault in a row; row numbers in `faults` start at 0."""
    places = _places(rows.height, faults, rng)
    chosen = pl.DataFrame(
        {
            "row": [row for where in places for row in where.tolist()],
            "rule": [f.rule for f, where in zip(faults, places, strict=True) for _ in where],
        },
        schema={"row": pl.Int64, "rule": pl.String},
    )
    numbered = rows.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    for fault, where in zip(faults, places, strict=True):
        if fault.column is not None and len(where):
            hit = pl.col("row").is_in(pl.Series(where).implode())
            numbered = numbered.with_columns(
                pl.when(hit).then(pl.lit(fault.value, dtype=pl.String)).otherwise(fault.column).alias(fault.column)
            )
    return _doubled_and_torn(numbered, chosen)


def _places(
    height: int, faults: Sequence[Fault], rng: np.random.Generator
) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    counts = [int(rng.binomial(height, fault.rate)) for fault in faults]
    drawn = rng.choice(height, size=min(sum(counts), height), replace=False) if height else np.empty(0, dtype=np.int64)
    edges = np.cumsum([0, *counts])
    return [np.sort(drawn[low:high]).astype(np.int64) for low, high in itertools.pairwise(edges)]


def _doubled_and_torn(numbered: pl.DataFrame, chosen: pl.DataFrame) -> Spoilt:
    doubled = chosen.filter(pl.col("rule") == DUPLICATE_ROW)["row"]
    torn = chosen.filter(pl.col("rule") == WRONG_NUMBER_OF_COLUMNS)["row"]
    whole = numbered.filter(~pl.col("row").is_in(torn.implode()))
    copies = numbered.filter(pl.col("row").is_in(doubled.implode()))
    # A copy stands right behind its row: the sort is stable.
    ordered = (
        pl.concat([whole, copies])
        .sort("row", maintain_order=True)
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64))
    )
    last_place = ordered.group_by("row", maintain_order=True).agg(pl.col("place").last())
    torn_places = (
        pl.DataFrame({"row": torn.sort()})
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64) + ordered.height)
    )
    found = chosen.join(pl.concat([last_place, torn_places.select("row", "place")]), on="row", maintain_order="left")
    return Spoilt(
        rows=ordered.drop("row", "place"),
        torn=numbered.filter(pl.col("row").is_in(torn.implode())).drop("row"),
        faults=found.select(row="place", rule="rule").sort("row"),
    )
