"""Earlier dates at which a forecast is made as it would have been then, with what came of it: what is learnt from.

Here: which dates, and the snapshots. A snapshot's horizon has ended by as-of; nothing after as-of is looked at.
Not here: what is learnt (`correction.py`, `level.py`).
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from crm_platform.value.base_model import Base, BaseChoice, Baseline, fit_base, outcomes
from crm_platform.value.features import features_as_of
from crm_platform.value.purchase_models.histories import Floats

YEAR_DAYS = 364
"""Weekdays and most seasons stand where they stood 52 weeks ago."""

MAXIMUM_SNAPSHOTS = 8
MAXIMUM_CUSTOMERS = 30_000
"""Of more customers an even sample is learnt from; all are scored."""

_SHORTEST_HISTORY = 60
_SHORTEST_HORIZON = 7
_FEWEST_CUSTOMERS = 50
_FEWEST_PURCHASES = 20


@dataclass(frozen=True)
class Plan:
    """The horizon in days that is learnt with and the dates to learn from, newest first."""

    horizon: int
    dates: tuple[date, ...]


@dataclass(frozen=True)
class Snapshot:
    """Customers as they were on a date, what the base expected, and their purchases and spend in the horizon."""

    as_of: date
    features: pl.DataFrame
    base: Baseline
    purchases: Floats
    spend: Floats


def plan_snapshots(first: date, as_of: date, horizon: int) -> Plan:
    """Which dates to learn from, given the first purchase of all.

    The horizon is the one asked for where enough history stands before it, else a shorter one. Dates go back half a
    horizon at a time (30 days at least), over the last fifteen months; the date a year ago is one of them if it can be.
    """
    span = (as_of - first).days
    is_long = span - horizon >= max(_SHORTEST_HISTORY, horizon // 2)
    learnt = horizon if is_long else min(horizon, int(span / 2.5))
    if learnt < min(horizon, _SHORTEST_HORIZON):
        return Plan(horizon, ())
    history = timedelta(days=max(min(_SHORTEST_HISTORY, span // 4), learnt // 2))
    step = timedelta(days=max(30, learnt // 2))
    newest = as_of - timedelta(days=learnt)
    dates = [newest - place * step for place in range(MAXIMUM_SNAPSHOTS)]
    dates = [day for day in dates if day >= max(first + history, as_of - timedelta(days=460))]
    year_ago = as_of - timedelta(days=YEAR_DAYS)
    if learnt == horizon <= YEAR_DAYS and year_ago >= first + history:
        dates = [*(day for day in dates if day != year_ago), year_ago]
    return Plan(learnt, tuple(sorted(dates, reverse=True)))


class History:
    """Lines up to a date, and what they say of the customers as of any day: each day is worked out once, however many
    horizons are forecast."""

    def __init__(self, lines: pl.DataFrame) -> None:
        self.lines = lines
        self._features: dict[date, pl.DataFrame] = {}
        self._bases: dict[tuple[date, BaseChoice], Base] = {}

    def features(self, day: date) -> pl.DataFrame:
        """See `features_as_of`."""
        if day not in self._features:
            self._features[day] = features_as_of(self.lines, day)
        return self._features[day]

    def base(self, day: date, choice: BaseChoice) -> Base:
        """The base fitted to the customers as of a day; raises FitError."""
        if (day, choice) not in self._bases:
            of_all = self.base(day, replace(choice, by_cohort=False)) if choice.by_cohort else None
            self._bases[day, choice] = fit_base(self.features(day), choice, of_all)
        return self._bases[day, choice]

    @cached_property
    def to_learn_from(self) -> "History":
        """The lines of all customers, or of an even sample by customer_id where there are very many."""
        customers = self.lines["customer_id"].unique().sort()
        if len(customers) <= MAXIMUM_CUSTOMERS:
            return self
        places = np.linspace(0, len(customers) - 1, MAXIMUM_CUSTOMERS).astype(np.int64)
        return History(self.lines.join(customers.gather(places).to_frame(), on="customer_id", how="semi"))


def take_snapshot(history: History, as_of: date, horizon: int, choice: BaseChoice) -> Snapshot | None:
    """The customers as of a date and what they did in the horizon; None where too few to learn from.

    Raises FitError where the base cannot be fitted.
    """
    features = history.features(as_of)
    purchases, spend = outcomes(features, history.lines, as_of, horizon)
    if features.height < _FEWEST_CUSTOMERS or purchases.sum() < _FEWEST_PURCHASES:
        return None
    base = history.base(as_of, choice).expect(horizon)
    return Snapshot(as_of, features, base, purchases, spend) if base.purchases.sum() > 0 else None
