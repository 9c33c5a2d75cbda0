"""How people buy, pay and leave: the traits behind every order, and so behind the truth of churn and response.

Traits belong here; the orders that come of them stand in `orders`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.dice import chance, choose, dates, day_number, dice
from crm_platform.demo.settings import Chunk, Period

# Kind of buyer: share, and orders a year while a customer.
BUYERS = {
    "one_time": (0.28, 0.0),
    "occasional": (0.34, 1.6),
    "loyal": (0.17, 5.5),
    "markdown_only": (0.08, 2.2),
    "same_day_each_month": (0.03, 12.0),
    "gift_giver": (0.04, 1.0),
    "never": (0.06, 0.0),
}
YEARS_OF_OLD_CUSTOMERS = 5


def add_behaviour(people: pl.DataFrame, chunk: Chunk, period: Period, seed: int) -> pl.DataFrame:
    """Add to each person the traits behind what they do.

    Columns: buyer (kind), orders_a_year, joined_date, leaves_date (null: stays), pays_late_days, opens_prob,
    clicks_prob, lift_prob, is_universal_control.
    """
    rng = dice(seed, chunk.index, "behaviour")
    count = people.height
    buyer = choose(rng, list(BUYERS), count, [share for share, _ in BUYERS.values()])
    # One of each kind stands in the smallest company.
    buyer = pl.concat([pl.Series(list(BUYERS))[:count], buyer[len(BUYERS) :]])
    rate = np.array([yearly for _, yearly in BUYERS.values()])[[list(BUYERS).index(kind) for kind in buyer.to_list()]]
    joined = _joined_days(rng, count, period)
    leaves = np.maximum(joined, day_number(period.start)) + np.ceil(rng.exponential(500.0, count)).astype(np.int64) + 20
    stays = chance(rng, count, 0.55) | (leaves > day_number(period.as_of))
    return people.with_columns(
        buyer=buyer,
        orders_a_year=pl.Series(rate * rng.gamma(4.0, 0.25, count)),
        joined_date=dates(joined),
        leaves_date=pl.when(pl.Series(~stays)).then(dates(leaves)),
        pays_late_days=pl.Series(
            np.where(chance(rng, count, 0.2), rng.exponential(18.0, count), -rng.exponential(5.0, count))
            .round()
            .astype(np.int64)
        ),
        opens_prob=pl.Series(rng.beta(1.6, 3.2, count)),
        clicks_prob=pl.Series(rng.beta(1.4, 6.0, count)),
        lift_prob=pl.Series(np.where(chance(rng, count, 0.35), rng.beta(2.0, 14.0, count), 0.0)),
        is_universal_control=pl.Series(chance(rng, count, 0.02)),
    )


def _joined_days(rng: np.random.Generator, count: int, period: Period) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Six in ten are customers from before the history; the rest come within it, up to the last day."""
    start, end = day_number(period.start), day_number(period.as_of)
    before = rng.integers(start - YEARS_OF_OLD_CUSTOMERS * 365, start, count)
    within = rng.integers(start, end + 1, count)
    return np.where(chance(rng, count, 0.6), before, within).astype(np.int64)
