"""What is known of every customer as of a date, with the purchase model's word on it: the rows of training and scoring.

Here: dates of snapshots, and rows of a snapshot. Not here: the figures themselves (`crm_platform/value/features.py`,
`families.py`) and the learners.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crm_platform.churn.calibration import log_odds_of
from crm_platform.churn.families import EventFamily, with_families
from crm_platform.churn.labels import silence_labels
from crm_platform.churn.model import SILENCE
from crm_platform.value.features import features_as_of
from crm_platform.value.purchase_models.bg_nbd import BgNbd, fit_bg_nbd
from crm_platform.value.purchase_models.histories import histories_of
from crm_platform.value.purchase_models.maximum_likelihood import FitError

MOST_SNAPSHOTS = 12
DAYS_BETWEEN = 30
LEAST_HISTORY = 60
"""A snapshot has at least these days of purchases behind it, or the horizon where that is shorter, but 30."""

_DIGITS = 10


@dataclass(frozen=True)
class Snapshot:
    """Customers with a purchase up to a date.

    rows: customer_id, the features, `silence_log_odds` where there is a purchase model; by customer_id.
    """

    as_of: date
    rows: pl.DataFrame
    purchases: BgNbd | None


def training_dates(first_purchase: date, known_until: date, horizon: int) -> list[date]:
    """As-of dates whose window has passed by `known_until`, the newest first; none where the history is too short."""
    least = max(min(horizon, LEAST_HISTORY), 30)
    newest = known_until - timedelta(days=horizon)
    dates = [newest - timedelta(days=DAYS_BETWEEN * number) for number in range(MOST_SNAPSHOTS)]
    return [day for day in dates if (day - first_purchase).days >= least]


def snapshot_as_of(
    lines: pl.DataFrame,
    as_of: date,
    horizon: int,
    families: Sequence[EventFamily] = (),
    purchases: BgNbd | None = None,
) -> Snapshot:
    """The customers as of a date; the purchase model is the one given, else fitted to what was known then.

    Amounts are rounded to ten digits: in which order they were summed is not to be seen in a model.
    """
    features = with_families(features_as_of(lines, as_of), families, as_of)
    rounded = features.with_columns(pl.col(pl.Float64).round_sig_figs(_DIGITS))
    histories = histories_of(rounded)
    if purchases is None:
        try:
            purchases = fit_bg_nbd(histories)
        except FitError:
            return Snapshot(as_of, rounded, None)
    silence = log_odds_of(purchases.probability_no_purchase(histories, horizon)[histories.place])
    return Snapshot(as_of, rounded.with_columns(pl.Series(SILENCE, silence).round_sig_figs(_DIGITS)), purchases)


def labelled_snapshot(
    lines: pl.DataFrame, as_of: date, horizon: int, known_until: date, families: Sequence[EventFamily] = ()
) -> Snapshot:
    """A snapshot whose rows tell in `has_left` who bought nothing in the horizon.

    Raises:
        LabelNotMatured: the horizon ends after `known_until`.
    """
    snapshot = snapshot_as_of(lines, as_of, horizon, families)
    has_left = silence_labels(lines, snapshot.rows["customer_id"], as_of, horizon, known_until)
    return Snapshot(as_of, snapshot.rows.with_columns(has_left), snapshot.purchases)
