"""From weighed pairs to people: who belongs together when all evidence inside a group is looked at.

Here: connected components, and average linkage for all components at once. Not here: the weights (`model.py`) and the
limits that hold between records (`limits.py`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def connected_components(number_of_records: int, left: Numbers, right: Numbers) -> Numbers:
    """For each record the smallest row number that it hangs together with.

    By labels passed along the pairs and halved paths: a few rounds of column arithmetic whatever the shape of the
    graph.
    """
    label = np.arange(number_of_records, dtype=np.int64)
    one, other = left.astype(np.int64), right.astype(np.int64)
    while len(one):
        low = np.minimum(label[one], label[other])
        np.minimum.at(label, label[one], low)
        np.minimum.at(label, label[other], low)
        while True:
            shorter = label[label]
            if np.array_equal(shorter, label):
                break
            label = shorter
        is_open = label[one] != label[other]
        one, other = one[is_open], other[is_open]
    return label


@dataclass(frozen=True)
class Once:
    """Sources that hold most people once.

    held: per record the bit of its source, 0 for any other; worth: per bit, from the lowest, what a second record of a
    person weighs (0 or less). Each source that has records of both of two clusters speaks against their being one:
    where three systems know two Bens each, there are two.
    """

    held: NDArray[np.uint64]
    worth: tuple[float, ...]

    def again(self, both: NDArray[np.uint64]) -> NDArray[np.float64]:
        """What the sources of these bits, which both sides have records of, say against their being one."""
        result = np.zeros(len(both))
        for bit, worth in enumerate(self.worth):
            result += np.where(both >> np.uint64(bit) & np.uint64(1), worth, 0.0)
        return result


def average_linkage(
    number_of_records: int,
    left: Numbers,
    right: Numbers,
    weights: NDArray[np.float64],
    sizes: Numbers,
    missing: float,
    once: Once | None = None,
) -> Numbers:
    """For each record the smallest row number of its cluster, and the weight at which each cluster was last joined.

    Clusters join while the mean weight of all pairs between them, with what the sources say that have records of both
    (`once`), is above 0; a pair that was never weighed counts as `missing`. In each round every cluster finds its
    nearest, and those that are nearest to each other join: for average linkage this gives the same clusters as joining
    the nearest two of all, one after the other (reciprocal nearest neighbours, Murtagh 1983; a joined cluster is never
    nearer to a third than the nearer of its parts was), in as many rounds as the deepest cluster has levels. `sizes`
    are the records that a row stands for.
    """
    cluster = np.arange(number_of_records, dtype=np.int64)
    size = sizes.astype(np.int64).copy()
    held = np.zeros(number_of_records, dtype=np.uint64) if once is None else once.held.copy()
    between = _ordered(pl.DataFrame({"a": left, "b": right, "total": weights * (size[left] * size[right]),
                                     "pairs": (size[left] * size[right])}))  # fmt: skip
    while between.height:
        possible = size[between["a"].to_numpy()] * size[between["b"].to_numpy()]
        mean = (between["total"].to_numpy() + missing * (possible - between["pairs"].to_numpy())) / possible
        if once is not None:
            mean += once.again(held[between["a"].to_numpy()] & held[between["b"].to_numpy()])
        between = between.with_columns(mean=pl.Series(np.round(mean, 6)))
        joined = _nearest_to_each_other(between)
        if not len(joined[0]):
            break
        keep, gone = joined
        target = np.arange(number_of_records, dtype=np.int64)
        target[gone] = keep
        size[keep] += size[gone]
        held[keep] |= held[gone]
        cluster = target[cluster]
        between = _ordered(
            between.with_columns(
                a=pl.Series(target[between["a"].to_numpy()]), b=pl.Series(target[between["b"].to_numpy()])
            )
        )
    return cluster


def _ordered(between: pl.DataFrame) -> pl.DataFrame:
    """One row per pair of different clusters, a < b, with the summed weights."""
    return (
        between.lazy().filter(pl.col("a") != pl.col("b"))
        .with_columns(a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b"))
        .group_by("a", "b").agg(pl.col("total").sum(), pl.col("pairs").sum()).sort("a", "b").collect()
    )  # fmt: skip


def _nearest_to_each_other(between: pl.DataFrame) -> tuple[Numbers, Numbers]:
    """Pairs of clusters, each the other's nearest and near enough; ties go to the smallest number."""
    near = between.lazy().filter(pl.col("mean") > 0)
    both = pl.concat([near.select("mean", one="a", other="b"), near.select("mean", one="b", other="a")])
    nearest = both.sort(["mean", "other"], descending=[True, False]).group_by("one").agg(pl.col("other").first())
    mutual = (
        nearest.join(nearest, left_on=["one", "other"], right_on=["other", "one"], how="semi")
        .filter(pl.col("one") < pl.col("other")).sort("one").collect()
    )  # fmt: skip
    return mutual["one"].to_numpy(), mutual["other"].to_numpy()
