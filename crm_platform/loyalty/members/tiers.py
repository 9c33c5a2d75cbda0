"""Which tier members come into, keep and lose: judged month by month, all members at once.

Here: the judgement, on points by month. Not here: what counts (`qualifying_month.sql`) and the rules (`settings.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from crm_platform.loyalty.settings import LoyaltySettings, Scheme, Tiers

Integers = npt.NDArray[np.int64]
NONE = 0
"""In place of a tier: there is none. The tiers of a scheme are numbered from 1."""

CHANGE_SCHEMA = {
    "customer_key": pl.Int64,
    "valid_from_date": pl.Date,
    "tier": pl.String,
    "qualifying_points": pl.Int64,
    "reason": pl.String,
}
STANDING_SCHEMA = {
    "customer_key": pl.Int64,
    "qualifying_points": pl.Int64,
    "months_below_retention": pl.Int64,
    "next_tier": pl.String,
    "points_to_next_tier": pl.Int64,
}


@dataclass(frozen=True)
class Judged:
    """changes: as `CHANGE_SCHEMA`, by customer and day. standing: as `STANDING_SCHEMA`, at the last judgement."""

    changes: pl.DataFrame
    standing: pl.DataFrame


def judge_tiers(points: pl.DataFrame, settings: LoyaltySettings, as_of: datetime) -> Judged:
    """Judge members on the first day of every month from the first one with points up to `as_of` (UTC).

    points: customer_key, month_date, qualifying_points of the month; a month without any has no row.
    """
    members = points["customer_key"].unique().sort()
    if members.is_empty():
        return Judged(pl.DataFrame(schema=CHANGE_SCHEMA), pl.DataFrame(schema=STANDING_SCHEMA))
    matrix, first_month = _by_month(points, members)
    court = _Court(members)
    for month in range(first_month + 1, _month_number(as_of.date()) + 1):
        if scheme := _scheme_on(settings.schemes, _first_day(month)):
            court.judge(_first_day(month), scheme.tiers, _window(matrix, month - first_month, scheme.tiers))
    return Judged(court.changes(), court.standing())


class _Court:
    """How every member stands, and the changes so far."""

    def __init__(self, members: pl.Series) -> None:
        self._members = members
        self._tier: Integers = np.zeros(len(members), dtype=np.int64)
        self._below: Integers = np.zeros(len(members), dtype=np.int64)
        self._counted: Integers = np.zeros(len(members), dtype=np.int64)
        self._tiers = Tiers()
        self._changes: list[pl.DataFrame] = []

    def judge(self, day: date, tiers: Tiers, counted: Integers) -> None:
        """Judge everybody by the points that count."""
        before = self._renamed(day, tiers)
        entry = np.array([step.entry_points for step in tiers.steps], dtype=np.int64)
        retention = np.array([0, *(step.retention_points for step in tiers.steps)], dtype=np.int64)
        reached = np.searchsorted(entry, counted, side="right")
        kept = np.searchsorted(retention[1:], counted, side="right")
        is_below = counted < retention[before]
        self._below = np.where(is_below, self._below + 1, 0)
        falls = is_below & (self._below > tiers.grace_months)
        tier = np.maximum(np.where(falls, np.minimum(kept, before), before), reached)
        self._below[tier != before] = 0
        self._counted = counted
        self._record(day, tier > before, tier, "entry")
        self._record(day, tier < before, tier, "retention_lost")
        self._tier = tier

    def _renamed(self, day: date, tiers: Tiers) -> Integers:
        """Everybody's tier by its number in this scheme; a tier that it does not have is lost."""
        if tiers.steps == self._tiers.steps:
            self._tiers = tiers
            return self._tier
        places = {step.tier: place for place, step in enumerate(tiers.steps, start=1)}
        moved = np.array([NONE, *(places.get(step.tier, NONE) for step in self._tiers.steps)], dtype=np.int64)
        tier = moved[self._tier]
        is_gone = (tier == NONE) & (self._tier != NONE)
        self._tiers = tiers
        self._record(day, is_gone, tier, "scheme_changed")
        self._below[is_gone] = 0
        return tier

    def _record(self, day: date, which: npt.NDArray[np.bool_], tier: Integers, reason: str) -> None:
        if not which.any():
            return
        rows = {
            "customer_key": self._members.filter(pl.Series(which)),
            "valid_from_date": [day] * int(which.sum()),
            "tier": self._names(1).gather(tier[which]),
            "qualifying_points": self._counted[which],
            "reason": [reason] * int(which.sum()),
        }
        self._changes.append(pl.DataFrame(rows, schema=CHANGE_SCHEMA))

    def _names(self, beyond: int) -> pl.Series:
        """The tiers' names by number, none before them and after."""
        names = [None, *(step.tier for step in self._tiers.steps), *([None] * beyond)]
        return pl.Series(names, dtype=pl.String)

    def changes(self) -> pl.DataFrame:
        """Every change; of two on one day the later counts."""
        rows = pl.concat(self._changes) if self._changes else pl.DataFrame(schema=CHANGE_SCHEMA)
        return rows.unique(["customer_key", "valid_from_date"], keep="last", maintain_order=True).sort(
            "customer_key", "valid_from_date"
        )

    def standing(self) -> pl.DataFrame:
        """How everybody stands."""
        entry = pl.Series([None, *(step.entry_points for step in self._tiers.steps), None], dtype=pl.Int64)
        above = entry.gather(self._tier + 1)
        return pl.DataFrame(
            {
                "customer_key": self._members,
                "qualifying_points": self._counted,
                "months_below_retention": self._below,
                "next_tier": self._names(1).gather(self._tier + 1),
                "points_to_next_tier": (above - pl.Series(self._counted)).clip(0),
            },
            schema=STANDING_SCHEMA,
        )


def _by_month(points: pl.DataFrame, members: pl.Series) -> tuple[Integers, int]:
    """Cumulative points by member and month, a leading column of zeros; and the number of the first month."""
    numbers = (points["month_date"].dt.year().cast(pl.Int64) * 12 + points["month_date"].dt.month() - 1).to_numpy()
    first = int(numbers.min())
    matrix: Integers = np.zeros((len(members), int(numbers.max()) - first + 2), dtype=np.int64)
    rows = members.search_sorted(points["customer_key"]).to_numpy()
    np.add.at(matrix, (rows, numbers - first + 1), points["qualifying_points"].to_numpy())
    return np.cumsum(matrix, axis=1), first


def _window(cumulative: Integers, months: int, tiers: Tiers) -> Integers:
    """Points of the months before the one that is `months` after the first, as far back as they count."""
    last = cumulative.shape[1] - 1
    end, start = min(months, last), min(max(months - tiers.qualifying_months, 0), last)
    counted: Integers = cumulative[:, end] - cumulative[:, start]
    return counted


def _scheme_on(schemes: Sequence[Scheme], day: date) -> Scheme | None:
    holding: Iterator[Scheme] = (scheme for scheme in reversed(schemes) if scheme.from_date <= day)
    return next(holding, None)


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
