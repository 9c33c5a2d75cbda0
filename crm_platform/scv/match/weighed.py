"""Pairs of rows with what they weigh.

Here: the pairs. Not here: what they weigh (`model.py`), who is one person by them (`grouping.py`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class WeighedPairs:
    """left < right (row numbers), weight (base-2 logarithm of odds), veto (must not be one person)."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float32]
    veto: NDArray[np.bool_]

    @staticmethod
    def of(
        batches: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]],
    ) -> "WeighedPairs":
        """The pairs of several batches, in their order."""
        if not batches:
            return WeighedPairs(
                np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.bool_)
            )
        left, right, weight, veto = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return WeighedPairs(left.astype(np.int64), right.astype(np.int64), weight, veto)

    def joined(self, other: "WeighedPairs") -> "WeighedPairs":
        """Both, ordered by their rows."""
        left, right = np.r_[self.left, other.left], np.r_[self.right, other.right]
        order = np.lexsort((right, left))
        return WeighedPairs(
            left[order], right[order], np.r_[self.weight, other.weight][order], np.r_[self.veto, other.veto][order]
        )

    def frame(self) -> pl.LazyFrame:
        """left, right (Int32), weight, veto, left < right."""
        return pl.LazyFrame(
            {
                "left": np.minimum(self.left, self.right).astype(np.int32),
                "right": np.maximum(self.left, self.right).astype(np.int32),
                "weight": self.weight,
                "veto": self.veto,
            }
        )

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """left, right, weight, veto."""
        return self.left, self.right, self.weight, self.veto

    def above(self, weight: float) -> NDArray[np.bool_]:
        """Which pairs weigh more than that and may be one person."""
        return (self.weight > weight) & ~self.veto

    def only(self, chosen: NDArray[np.bool_]) -> "WeighedPairs":
        """Some of the pairs."""
        return WeighedPairs(self.left[chosen], self.right[chosen], self.weight[chosen], self.veto[chosen])
