"""Who is one person, once the pairs are weighed: groups that hang together, looked at as a whole.

Here: cutting giant groups, weighing the pairs that blocking did not find, copies, the probability of each record. Not
here: components and linkage themselves (`clustering.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.bare import Said, attached, said_by
from crm_platform.scv.match.clustering import Once, average_linkage, connected_components
from crm_platform.scv.match.compare import Comparer
from crm_platform.scv.match.model import Weigher
from crm_platform.scv.match.settings import VETO, MatchSettings
from crm_platform.scv.match.sources import NEVER, once_of, shift_of_pairs
from crm_platform.scv.match.trained import Trained
from crm_platform.scv.match.vetoes import vetoed
from crm_platform.scv.match.weighed import WeighedPairs

CUT_STEP = 2.0


@dataclass(frozen=True)
class Groups:
    """Per row the smallest row of its cluster, the probability that it belongs there, and whether its copies say too
    little to be one person (`John`, and nothing else)."""

    cluster: NDArray[np.int64]
    probability: NDArray[np.float64]
    is_weak: NDArray[np.bool_]


def group_records(
    records: pl.DataFrame,
    copies: NDArray[np.int64],
    pairs: WeighedPairs,
    comparer: Comparer,
    weigher: Weigher,
    trained: Trained,
    settings: MatchSettings,
) -> Groups:
    """Clusters of the rows of `records`: source and the rows' order are read, the rest of it by the comparer.

    records: the columns that `bare.said_by` names are read too. copies: how many records each row stands for; they
    count as so many in the means.
    """
    number = records.height
    group = _groups(number, pairs, settings)
    inside = pairs.only(group[pairs.left] == group[pairs.right])
    inside = inside.joined(_missing(group, inside, comparer, weigher, settings))
    comparer.release_memory()
    shift = shift_of_pairs(records["source"], trained.within_source, inside.left, inside.right)
    is_vetoed = inside.veto | (shift <= NEVER)
    alike, bounded = (
        np.where(is_vetoed, VETO, np.clip(weight, settings.least_weight, settings.greatest_weight))
        for weight in (inside.weight, inside.weight + shift)
    )
    once = once_of(records["source"], trained.within_source)
    cluster = linked(inside, alike, said_by(records, weigher.model), copies, settings, once)
    probability = _probabilities(cluster, pairs, inside.left, inside.right, bounded)
    alone = np.bincount(cluster, minlength=number)[cluster] == 1
    return _with_copies(cluster, probability, np.flatnonzero((copies > 1) & alone), records, comparer, weigher, trained)


def linked(
    pairs: WeighedPairs,
    weight: NDArray[np.float64],
    said: Said,
    copies: NDArray[np.int64],
    settings: MatchSettings,
    once: Once | None = None,
) -> NDArray[np.int64]:
    """Clusters of the records that tell something of their own; the others with those, else with each other."""

    def of(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        left, right = pairs.left[chosen], pairs.right[chosen]
        return average_linkage(len(copies), left, right, weight[chosen], copies, settings.missing_weight, once)

    telling = said.telling
    cluster = of(telling[pairs.left] & telling[pairs.right])
    if telling.all():
        return cluster
    cluster, fits_none = attached(cluster, said, pairs.left, pairs.right, weight, once)
    among_themselves = of(fits_none[pairs.left] & fits_none[pairs.right])
    result: NDArray[np.int64] = np.where(fits_none, among_themselves, cluster)
    return result


def _with_copies(
    cluster: NDArray[np.int64],
    probability: NDArray[np.float64],
    copied: NDArray[np.int64],
    records: pl.DataFrame,
    comparer: Comparer,
    weigher: Weigher,
    trained: Trained,
) -> Groups:
    """Rows that stand for copies and for nothing else are one person if a copy's evidence is enough."""
    is_weak = np.zeros(len(cluster), dtype=np.bool_)
    itself = copied.astype(np.int32)
    weights = [weights for _, weights, _ in _weighed(comparer, weigher, itself, itself)]
    weight = np.concatenate(weights).astype(np.float64) if weights else np.empty(0)
    weight += shift_of_pairs(records["source"], trained.within_source, copied, copied)
    is_weak[copied] = weight <= 0
    probability = probability.copy()
    probability[copied] = 1.0 / (1.0 + 2.0 ** -np.clip(np.abs(weight), 0, 50))
    return Groups(cluster, probability, is_weak)


def _groups(number: int, pairs: WeighedPairs, settings: MatchSettings) -> NDArray[np.int64]:
    """Components at the linking weight; a component that is too large falls apart at a higher one."""
    linking = np.flatnonzero(pairs.above(settings.linked_weight))
    group = connected_components(number, pairs.left[linking], pairs.right[linking])
    weight = settings.linked_weight
    while len(linking):
        sizes = np.bincount(group, minlength=number)
        giant = sizes[group] > settings.largest_group
        if not giant.any():
            break
        weight += CUT_STEP
        linking = np.flatnonzero(
            giant[pairs.left] & (group[pairs.left] == group[pairs.right]) & (pairs.weight > weight) & ~pairs.veto
        )
        parts = connected_components(number, pairs.left[linking], pairs.right[linking])
        group = np.where(giant, parts, group)
    return group


def _missing(
    group: NDArray[np.int64], inside: WeighedPairs, comparer: Comparer, weigher: Weigher, settings: MatchSettings
) -> WeighedPairs:
    """The pairs of a group that have not been weighed, in groups small enough to look at every pair."""
    rows = pl.DataFrame({"row": np.arange(len(group)), "group": group})
    sizes = rows.group_by("group").len().filter(pl.col("len").is_between(3, settings.weighed_group))
    held = pl.DataFrame({"group": group[inside.left]}).group_by("group").len("pairs")
    open_groups = sizes.join(held, on="group").filter(pl.col("pairs") < pl.col("len") * (pl.col("len") - 1) // 2)
    chosen = rows.join(open_groups.select("group"), on="group", how="semi").sort("group", "row")
    every = (
        chosen.lazy().join(chosen.lazy(), on="group").filter(pl.col("row") < pl.col("row_right"))
        .select(left="row", right="row_right")
        .join(pl.LazyFrame({"left": inside.left, "right": inside.right}), on=["left", "right"], how="anti")
        .sort("left", "right").collect()
    )  # fmt: skip
    left, right = every["left"].to_numpy().astype(np.int32), every["right"].to_numpy().astype(np.int32)
    return WeighedPairs.of(
        [
            (left[start : start + len(weights)], right[start : start + len(weights)], weights, veto)
            for start, weights, veto in _weighed(comparer, weigher, left, right)
        ]
    )


def _weighed(
    comparer: Comparer, weigher: Weigher, left: NDArray[np.int32], right: NDArray[np.int32]
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.bool_]]]:
    """Per batch of pairs its start, the weights and the vetoes."""
    start = 0
    for states in comparer.compare(left, right):
        weights = weigher.weights(states)
        yield start, weights, vetoed(states, weigher.model)
        start += len(weights)


def _probabilities(
    cluster: NDArray[np.int64],
    pairs: WeighedPairs,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """That a record belongs to its cluster: by its mean weight to the others; alone: by its best weight to anybody."""
    number = len(cluster)
    same = cluster[left] == cluster[right]
    ends = np.r_[left[same], right[same]]
    total = np.bincount(ends, weights=np.r_[weight[same], weight[same]], minlength=number)
    count = np.bincount(ends, minlength=number)
    best = np.full(number, -np.inf)
    apart = (cluster[pairs.left] != cluster[pairs.right]) & ~pairs.veto
    for side in (pairs.left[apart], pairs.right[apart]):
        np.maximum.at(best, side, pairs.weight[apart])
    mean = np.divide(total, count, out=np.zeros(number), where=count > 0)
    belongs = 1.0 / (1.0 + 2.0 ** -np.clip(mean, -50, 50))
    is_alone = 1.0 / (1.0 + 2.0 ** np.clip(best, -50, 50))
    result: NDArray[np.float64] = np.where(count > 0, belongs, is_alone)
    return result
