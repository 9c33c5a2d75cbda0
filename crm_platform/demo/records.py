"""Which system knows whom, since when, and which versions of a record it delivers.

The lot of a record (its person, its days, its number) belongs here; what a system writes of it, and how wrongly, stands
with the system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crm_platform.demo.dice import SECONDS_A_DAY, chance, day_number, dice, span_of, timestamps, waking_seconds
from crm_platform.demo.feeds import DELIVERED
from crm_platform.demo.life_events import as_they_stood, last_change_date
from crm_platform.demo.settings import Chunk, Period


@dataclass(frozen=True)
class System:
    """A customer-bearing system.

    Of it: the share of the people it knows, the odds that it hears of a change, the share of those with two records,
    mean days until the first record.
    """

    name: str
    share: float
    update_odds: float
    twice_share: float
    mean_lag_days: float


SYSTEMS = (
    System("shop", 0.60, 0.45, 0.03, 40.0),
    System("web", 0.50, 0.50, 0.04, 60.0),
    System("till", 0.38, 0.10, 0.04, 120.0),
    System("crm", 0.55, 0.60, 0.02, 90.0),
)


def make_records(people: pl.DataFrame, chunk: Chunk, period: Period, seed: int) -> dict[str, pl.DataFrame]:
    """The records of each system.

    Columns: the person's, number (unique in the system), created_dt, updated_dt (null: never touched).
    """
    rng = dice(seed, chunk.index, "memberships")
    known = {system.name: chance(rng, people.height, system.share) for system in SYSTEMS}
    # Everybody is a customer somewhere.
    known["shop"] |= ~(known["shop"] | known["web"] | known["till"] | known["crm"])
    return {system.name: _records_of(people, known[system.name], system, chunk, period, seed) for system in SYSTEMS}


def _records_of(
    people: pl.DataFrame,
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    system: System,
    chunk: Chunk,
    period: Period,
    seed: int,
) -> pl.DataFrame:
    rng = dice(seed, chunk.index, f"records {system.name}")
    members = people.filter(pl.Series(known))
    twice = members.filter(pl.Series(chance(rng, members.height, system.twice_share)))
    records = pl.concat([members, twice])
    count = records.height
    lag = rng.exponential(system.mean_lag_days, count).astype(np.int64)
    lag[members.height :] += rng.integers(60, 500, twice.height)
    joined = records["joined_date"].cast(pl.Int32).cast(pl.Int64).to_numpy()
    created_day = np.minimum(joined + lag, day_number(period.as_of))
    created = timestamps(created_day * SECONDS_A_DAY + waking_seconds(rng, count))
    return records.with_columns(
        number=pl.Series(np.arange(count) + chunk.record_base),
        created_dt=created,
        updated_dt=_updates(rng, records, created, system, period),
    )


def _updates(
    rng: np.random.Generator, records: pl.DataFrame, created: pl.Series, system: System, period: Period
) -> pl.Series:
    """When the system last heard of the customer: after a change of life, or for no reason in the last days."""
    count = records.height
    heard = pl.Series(chance(rng, count, system.update_odds))
    lag = rng.exponential(25.0, count).astype(np.int64) * SECONDS_A_DAY + waking_seconds(rng, count)
    told = last_change_date().cast(pl.Datetime("us", "UTC")) + span_of(lag)
    touched = timestamps(
        day_number(period.as_of) * SECONDS_A_DAY
        - rng.integers(0, 3, count) * SECONDS_A_DAY
        + waking_seconds(rng, count)
    )
    is_touched = pl.Series(chance(rng, count, 0.006))
    end = pl.lit(period.as_of).cast(pl.Datetime("us", "UTC")) + pl.duration(days=1)
    updated = pl.when(is_touched).then(touched).when(heard & (told < end)).then(told)
    return records.select(pl.when(updated > created).then(updated))[:, 0]


def versions(records: pl.DataFrame, period: Period) -> pl.DataFrame:
    """The rows a system delivers of its records, with delivery_date and the person as they stood when last touched.

    The initial delivery holds each record once, as it is then; later days hold what is new or was touched. updated_dt
    is null in a version that was not touched yet.
    """
    first = period.first_delivery
    created, updated = pl.col("created_dt").cast(pl.Date), pl.col("updated_dt").cast(pl.Date)
    is_early_update = (updated <= first).fill_null(False)
    initial = (
        records.filter(created <= first)
        .with_columns(updated_dt=pl.when(is_early_update).then("updated_dt"))
        .with_columns(pl.lit(first).alias(DELIVERED))
    )
    new = records.filter(created > first).with_columns(
        created.alias(DELIVERED), updated_dt=pl.lit(None, pl.Datetime("us", "UTC"))
    )
    touched = records.filter((updated > first).fill_null(False)).with_columns(updated.alias(DELIVERED))
    delivered = pl.concat([initial, new, touched], how="diagonal").sort(DELIVERED, "number", maintain_order=True)
    state = pl.coalesce("updated_dt", "created_dt").cast(pl.Date)
    return as_they_stood(delivered.with_columns(state_date=state), "state_date")
