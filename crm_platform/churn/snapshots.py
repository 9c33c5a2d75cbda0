"""What is known of every customer as of a date, with the purchase model's word on it: the rows of training and scoring.

Here: dates of snapshots, and rows of a snapshot. Not here: the figures themselves (`crm_platform/value/features.py`,
`families.py`) and the learners.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crm_platform.churn.calibration import log_odds_of
from crm_platform.churn.families import EventFamily, with_families
from crm_platform.churn.labels import silence_labels
from crm_platform.churn.model import SILENCE
from crm_platform.value.features import features_as_of
from crm_platform.value.purchase_models.bg_nbd import BgNbd, fit_bg_nbd
from crm_platform.value.purchase_models.histories import Histories, histories_of
from crm_platform.value.purchase_models.maximum_likelihood import FitError

MOST_SNAPSHOTS = 12
DAYS_BETWEEN = 30
LEAST_HISTORY = 60
"""A snapshot has at least these days of purchases behind it, or the horizon where that is shorter, but 30."""

_DIGITS = 10
ROUNDED = pl.col(pl.Float64).round_sig_figs(_DIGITS)
"""In which order amounts were summed is not to be seen in a model."""


@dataclass(frozen=True)
class Snapshot:
    """Customers with a purchase up to a date.

    rows: customer_id, the features, `silence_log_odds` where there is a purchase model; by customer_id.
    """

    as_of: date
    rows: pl.DataFrame
    purchases: BgNbd | None


class Memory:
    """Features and purchase models of dates that were looked at, for other horizons and the next look: these are the
    same whenever they are made. Of a large company the features of the first dates alone are kept."""

    def __init__(self, most_rows: int = 200_000) -> None:
        self._room = most_rows
        self._features: dict[date, pl.DataFrame] = {}
        self._purchases: dict[date, BgNbd | None] = {}

    def features(self, as_of: date, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The features of the date: those made before, or now."""
        if as_of in self._features:
            return self._features[as_of]
        made = make()
        if made.height <= self._room:
            self._room -= made.height
            self._features[as_of] = made
        return made

    def purchases(self, as_of: date, fit: Callable[[], BgNbd | None]) -> BgNbd | None:
        """The purchase model of the date: that fitted before, or now."""
        if as_of not in self._purchases:
            self._purchases[as_of] = fit()
        return self._purchases[as_of]


def training_dates(first_purchase: date, known_until: date, horizon: int) -> list[date]:
    """As-of dates whose window has passed by `known_until`, the newest first; none where the history is too short."""
    least = max(min(horizon, LEAST_HISTORY), 30)
    newest = known_until - timedelta(days=horizon)
    dates = [newest - timedelta(days=DAYS_BETWEEN * number) for number in range(MOST_SNAPSHOTS)]
    return [day for day in dates if (day - first_purchase).days >= least]


def one_in(rows: int, most_rows: int) -> int:
    """Of how many customers one is taken on each date, so that all dates together have at most about so many rows."""
    return max(-(-rows // most_rows), 1)


def some_of(customers: pl.Series, every: int, number: int) -> pl.Series:
    """Each `every`th of the customers, others on the date of each number."""
    return customers.sort().gather_every(every, offset=number % every if len(customers) > every else 0)


def of_customers(rows: pl.DataFrame, customers: pl.Series) -> pl.DataFrame:
    """The rows that these customers have."""
    return rows.join(customers.to_frame("customer_id"), on="customer_id", how="semi", maintain_order="left")


def snapshot_as_of(
    lines: pl.DataFrame,
    as_of: date,
    horizon: int,
    families: Sequence[EventFamily] = (),
    purchases: BgNbd | None = None,
    memory: Memory | None = None,
) -> Snapshot:
    """The customers as of a date; the purchase model is the one given, else fitted to what was known then.

    Amounts are rounded to ten digits: in which order they were summed is not to be seen in a model.
    """
    memory = memory or Memory()
    features = memory.features(as_of, lambda: _features(lines, as_of, families))
    return _with_silence(as_of, features, horizon, purchases, memory)


def _with_silence(as_of: date, rows: pl.DataFrame, horizon: int, purchases: BgNbd | None, memory: Memory) -> Snapshot:
    histories = histories_of(rows)
    used = purchases or memory.purchases(as_of, lambda: _fitted(histories))
    if used is None:
        return Snapshot(as_of, rows, None)
    silence = log_odds_of(used.probability_no_purchase(histories, horizon)[histories.place])
    return Snapshot(as_of, rows.with_columns(pl.Series(SILENCE, silence).round_sig_figs(_DIGITS)), used)


def _features(lines: pl.DataFrame, as_of: date, families: Sequence[EventFamily]) -> pl.DataFrame:
    return with_families(features_as_of(lines, as_of), families, as_of).with_columns(ROUNDED)


def _fitted(histories: Histories) -> BgNbd | None:
    """None where too little is known for a fit."""
    try:
        return fit_bg_nbd(histories)
    except FitError:
        return None


def labelled_snapshot(
    lines: pl.DataFrame,
    as_of: date,
    horizon: int,
    known_until: date,
    families: Sequence[EventFamily] = (),
    memory: Memory | None = None,
) -> Snapshot:
    """A snapshot whose rows tell in `has_left` who bought nothing in the horizon.

    Raises:
        LabelNotMatured: the horizon ends after `known_until`.
    """
    return _labelled(snapshot_as_of(lines, as_of, horizon, families, memory=memory), lines, horizon, known_until)


def labelled_silence(
    lines: pl.DataFrame, as_of: date, horizon: int, known_until: date, memory: Memory | None = None
) -> Snapshot:
    """A labelled snapshot of what the purchase model sees and says, without the other features: a fraction of the work.

    Raises:
        LabelNotMatured: the horizon ends after `known_until`.
    """
    day = pl.col("purchase_date")
    bought = lines.lazy().filter((day <= as_of) & (pl.col("amount") > 0))
    customers = bought.group_by("customer_id").agg(
        number_of_purchases=day.n_unique().cast(pl.Int32),
        active_days=(day.max() - day.min()).dt.total_days().cast(pl.Int32),
        tenure_days=(pl.lit(as_of) - day.min()).dt.total_days().cast(pl.Int32),
    )
    rows = customers.sort("customer_id").collect()
    return _labelled(_with_silence(as_of, rows, horizon, None, memory or Memory()), lines, horizon, known_until)


def _labelled(snapshot: Snapshot, lines: pl.DataFrame, horizon: int, known_until: date) -> Snapshot:
    has_left = silence_labels(lines, snapshot.rows["customer_id"], snapshot.as_of, horizon, known_until)
    return Snapshot(snapshot.as_of, snapshot.rows.with_columns(has_left), snapshot.purchases)
