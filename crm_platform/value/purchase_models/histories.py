"""What the purchase models know of a customer: repeat purchases, when the last was, how long since the first.

Here: the few figures per customer, each distinct history once with the number of customers who have it. Not here: the
models themselves.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

FITTED_HISTORIES = 20_000
"""More distinct histories than these tell a model's four parameters nothing new: a fit takes them evenly spaced."""


@dataclass(frozen=True)
class Histories:
    """Distinct purchase histories, all arrays of one length but `place`.

    frequency: purchases after the first; recency: days from the first to the last; age: days from the first to the
    as-of date; weight: customers with that history; place: for each customer, in their order, the index of theirs.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats
    place: Places

    def to_fit(self) -> "Histories":
        """The same, or an even sample of `FITTED_HISTORIES` where there are more, weighed up to all."""
        number = len(self.weight)
        if number <= FITTED_HISTORIES:
            return self
        chosen = np.linspace(0, number - 1, FITTED_HISTORIES).astype(np.int64)
        weight = self.weight[chosen] * (self.weight.sum() / self.weight[chosen].sum())
        return Histories(self.frequency[chosen], self.recency[chosen], self.age[chosen], weight, chosen)


def histories_of(features: pl.DataFrame) -> Histories:
    """The histories of customers by number_of_purchases, active_days and tenure_days."""
    numbers = features.select(
        frequency=(pl.col("number_of_purchases") - 1).cast(pl.Float64),
        recency=pl.col("active_days").cast(pl.Float64),
        age=pl.col("tenure_days").cast(pl.Float64),
    )
    distinct = numbers.group_by(pl.all()).agg(weight=pl.len().cast(pl.Float64)).sort(numbers.columns)
    placed = numbers.join(distinct.with_row_index("place"), on=numbers.columns, how="left", maintain_order="left")
    frequency, recency, age, weight = (distinct[name].to_numpy() for name in (*numbers.columns, "weight"))
    return Histories(frequency, recency, age, weight, placed["place"].cast(pl.Int64).to_numpy())
