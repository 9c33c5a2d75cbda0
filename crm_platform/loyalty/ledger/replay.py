"""What becomes of points: events in their order, to what each puts into and takes out of which points.

All accounts go forward together, each by its next event, so that the number of steps is that of the busiest account and
each step is one of arrays. Here: the account's arithmetic. Not here: what earns and reverses (`rule_step.sql`).

An account holds points by the last day on which they are good (`expires_date`), and what it owes. Points are spent and
taken back from those that lapse soonest; a reversal first takes those that the same order earned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
OWED = -1
"""In place of a day: points below zero, which belong to no day."""


class Kind(IntEnum):
    """What an event does, in the order in which events of one moment count."""

    EXPIRE = 0
    EARN = 1
    REVERSE = 2
    BURN = 3


ENTRY_SCHEMA = {
    "event_number": pl.Int64,
    "expires_date": pl.Date,
    "points": pl.Int64,
    "waived_points": pl.Int64,
    "is_settlement": pl.Boolean,
}
REFUSAL_SCHEMA = {"event_number": pl.Int64, "balance_points": pl.Int64}


@dataclass(frozen=True)
class Replayed:
    """What the events came to.

    entries: event_number, expires_date (null: owed), points (signed), waived_points (what a reversal could not take),
    is_settlement (points earned that pay what is owed). refusals: event_number, balance_points of each redemption that
    the balance did not allow.
    """

    entries: pl.DataFrame
    refusals: pl.DataFrame


def replay(events: pl.DataFrame) -> Replayed:
    """Replay events: event_number, customer_key, kind, points (above zero), expires_date (of what is earned, or of what
    a reversal takes back; null: of no day), is_lapsed, lowest_balance; sorted by customer and order."""
    if events.is_empty():
        return Replayed(pl.DataFrame(schema=ENTRY_SCHEMA), pl.DataFrame(schema=REFUSAL_SCHEMA))
    days = events["expires_date"].drop_nulls().unique().sort()
    accounts = _Accounts(events, days)
    for rows in _steps(events["customer_key"].to_numpy()):
        accounts.take(rows)
    return accounts.replayed(events["event_number"].to_numpy(), days)


def _steps(customers: npt.NDArray[np.int64]) -> list[Integers]:
    """The rows of everybody's first event, of everybody's second, and so on."""
    starts = np.flatnonzero(np.r_[True, customers[1:] != customers[:-1]])
    lengths = np.diff(np.r_[starts, len(customers)])
    rank = np.arange(len(customers)) - np.repeat(starts, lengths)
    order = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))
    return [order[start:end] for start, end in pairwise([0, *ends.tolist()])]


class _Accounts:
    """The state of every account, and what has been written so far."""

    def __init__(self, events: pl.DataFrame, days: pl.Series) -> None:
        customers = events["customer_key"].to_numpy()
        self._account = np.cumsum(np.r_[False, customers[1:] != customers[:-1]])
        self._kind = events["kind"].to_numpy()
        self._points = events["points"].to_numpy()
        place = days.search_sorted(events["expires_date"]).to_numpy().astype(np.int64)
        self._day = np.where(events["expires_date"].is_null().to_numpy(), OWED, place)
        self._is_lapsed = events["is_lapsed"].to_numpy()
        self._lowest = events["lowest_balance"].to_numpy()
        number = int(self._account[-1]) + 1
        self._held: Integers = np.zeros((number, max(len(days), 1)), dtype=np.int64)
        self._owed: Integers = np.zeros(number, dtype=np.int64)
        self._entries: list[tuple[Integers, Integers, Integers, Integers, Booleans]] = []
        self._refusals: list[tuple[Integers, Integers]] = []

    def take(self, rows: Integers) -> None:
        """Let each of these events, of different accounts, happen."""
        kinds = self._kind[rows]
        for kind, happen in (
            (Kind.EXPIRE, self._expire),
            (Kind.EARN, self._earn),
            (Kind.REVERSE, self._reverse),
            (Kind.BURN, self._burn),
        ):
            chosen = rows[kinds == kind]
            if chosen.size:
                happen(chosen)

    def _expire(self, rows: Integers) -> None:
        account, day = self._account[rows], self._day[rows]
        lapsed = self._held[account, day]
        self._held[account, day] = 0
        self._write(rows, day, -lapsed)

    def _earn(self, rows: Integers) -> None:
        account, day, points = self._account[rows], self._day[rows], self._points[rows]
        paid = np.minimum(points, self._owed[account])
        self._held[account, day] += points - paid
        self._owed[account] -= paid
        self._write(rows, day, points)
        self._write(rows, day, -paid, is_settlement=True)
        self._write(rows, np.full_like(day, OWED), paid, is_settlement=True)

    def _reverse(self, rows: Integers) -> None:
        account, day, asked = self._account[rows], self._day[rows], self._points[rows]
        # What lapsed before it was taken back is lost already: nothing more is taken for it.
        wanted = np.where(self._is_lapsed[rows], 0, asked)
        has_day = day != OWED
        own = np.where(has_day, np.minimum(wanted, self._held[account, np.maximum(day, 0)]), 0)
        self._held[account[has_day], day[has_day]] -= own[has_day]
        self._write(rows, day, -own)
        left = wanted - own
        left -= self._spend(rows, np.minimum(left, self._held[account].sum(axis=1)))
        owing = np.minimum(left, np.maximum(-self._lowest[rows] - self._owed[account], 0))
        self._owed[account] += owing
        waived = asked - (wanted - left) - owing
        self._write(rows, np.full_like(day, OWED), -owing, waived)

    def _burn(self, rows: Integers) -> None:
        account = self._account[rows]
        balance = self._held[account].sum(axis=1) - self._owed[account]
        is_covered = balance >= self._points[rows]
        self._refusals.append((rows[~is_covered], balance[~is_covered]))
        self._spend(rows[is_covered], self._points[rows[is_covered]])

    def _spend(self, rows: Integers, points: Integers) -> Integers:
        """Take points that are there from those that lapse soonest; gives them back."""
        account = self._account[rows]
        held = self._held[account]
        before = np.cumsum(held, axis=1) - held
        taken = np.clip(points[:, None] - before, 0, held)
        self._held[account] = held - taken
        event, day = np.nonzero(taken)
        self._write(rows[event], day, -taken[event, day])
        return points

    def _write(
        self,
        rows: Integers,
        day: Integers,
        points: Integers,
        waived: Integers | None = None,
        is_settlement: bool = False,
    ) -> None:
        waived = np.zeros_like(points) if waived is None else waived
        says = (points != 0) | (waived != 0)
        if says.any():
            self._entries.append(
                (rows[says], day[says], points[says], waived[says], np.full(int(says.sum()), is_settlement))
            )

    def replayed(self, event_number: Integers, days: pl.Series) -> Replayed:
        """What has been written, with the events' own numbers and days."""
        rows, day, points, waived, is_settlement = _joined(self._entries, 5)
        refused, balance = _joined(self._refusals, 2)
        known = pl.Series(day)
        entries = pl.DataFrame(
            {
                "event_number": event_number[rows],
                "expires_date": days.gather(pl.select(pl.when(known >= 0).then(known)).to_series()),
                "points": points,
                "waived_points": waived,
                "is_settlement": is_settlement.astype(np.bool_),
            },
            schema=ENTRY_SCHEMA,
        )
        return Replayed(
            entries, pl.DataFrame({"event_number": event_number[refused], "balance_points": balance}, REFUSAL_SCHEMA)
        )


def _joined(parts: Sequence[tuple[npt.NDArray[Any], ...]], width: int) -> list[Integers]:
    if not parts:
        return [np.zeros(0, dtype=np.int64) for _ in range(width)]
    return [np.concatenate(columns).astype(np.int64) for columns in zip(*parts, strict=True)]
