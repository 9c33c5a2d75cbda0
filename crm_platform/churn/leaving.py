"""The kinds of leaving: falling silent, and giving up the last subscription.

Here: of each kind how customers are seen on a date, who left, and how a model of it is fitted, so that a model's life
(`backtest.py`, `life.py`) is written once. Not here: that life.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Protocol

import polars as pl

from crm_platform.churn.families import EventFamily
from crm_platform.churn.labels import SILENCE_KIND, SUBSCRIPTION_KIND, ended_labels, silence_labels
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.reasons import Topic, purchase_topics, subscription_topics
from crm_platform.churn.season import expected_share
from crm_platform.churn.snapshots import Memory, Snapshot, snapshot_as_of
from crm_platform.churn.subscriptions import fit_subscription_model, subscribers_as_of
from crm_platform.churn.training import MOST_ROWS, fit_silence_model
from crm_platform.value.purchase_models.bg_nbd import BgNbd

OnStep = Callable[[str, int, int], None]


def _quietly(step: str, done: int, total: int) -> None:
    """Nobody looks on."""


class Leaving(Protocol):
    """A kind of leaving, with what is known of the customers."""

    @property
    def kind(self) -> str:
        """One of KINDS."""

    @property
    def first_date(self) -> date | None:
        """The first day of which anything is known; None where nothing is."""

    def fit(self, as_of: date, horizon: int, on_step: OnStep = _quietly) -> tuple[ChurnModel, Snapshot]:
        """The model of leaving within `horizon` days, and the customers as of that date."""

    def seen(self, as_of: date, horizon: int, purchases: BgNbd | None) -> Snapshot:
        """The customers as of a date, for a model with this purchase model."""

    def has_left(self, customers: pl.Series, as_of: date, horizon: int, known_until: date) -> pl.Series:
        """Whether each of the customers as of a date left.

        Raises:
            LabelNotMatured: the window ends after `known_until`.
        """

    def expected_share(self, now: Snapshot, horizon: int, share: float) -> float | None:
        """The share to expect to leave, where a model says `share`; None where nothing else is known."""

    def topics(self) -> list[Topic]:
        """What a reason can be about."""


@dataclass(frozen=True)
class FallingSilent:
    """Buying nothing in the days after: lines as `features_as_of` takes them."""

    lines: pl.DataFrame
    families: Sequence[EventFamily] = ()
    most_rows: int = MOST_ROWS
    memory: Memory = field(default_factory=Memory, compare=False)
    kind: ClassVar[str] = SILENCE_KIND

    @property
    def first_date(self) -> date | None:
        """Of the first line."""
        return self.lines["purchase_date"].min()  # type: ignore[return-value]

    def fit(self, as_of: date, horizon: int, on_step: OnStep = _quietly) -> tuple[ChurnModel, Snapshot]:
        """See `Leaving`."""
        return fit_silence_model(self.lines, as_of, horizon, self.families, on_step, self.memory, self.most_rows)

    def seen(self, as_of: date, horizon: int, purchases: BgNbd | None) -> Snapshot:
        """See `Leaving`."""
        return snapshot_as_of(self.lines, as_of, horizon, self.families, purchases, self.memory)

    def has_left(self, customers: pl.Series, as_of: date, horizon: int, known_until: date) -> pl.Series:
        """See `Leaving`."""
        return silence_labels(self.lines, customers, as_of, horizon, known_until)

    def expected_share(self, now: Snapshot, horizon: int, share: float) -> float | None:
        """See `Leaving`."""
        known = self.lines.filter(pl.col("purchase_date") <= now.as_of)
        return expected_share(known, now, horizon, share, self.memory)

    def topics(self) -> list[Topic]:
        """See `Leaving`."""
        return purchase_topics(self.families)


@dataclass(frozen=True)
class GivingUpSubscriptions:
    """Ending the last subscription without another: of those who have one, and of nobody else.

    periods: customer_id, started_date, ended_date (null while it runs).
    """

    periods: pl.DataFrame
    lines: pl.DataFrame
    families: Sequence[EventFamily] = ()
    most_rows: int = MOST_ROWS
    kind: ClassVar[str] = SUBSCRIPTION_KIND

    @property
    def first_date(self) -> date | None:
        """Of the first subscription."""
        return self.periods["started_date"].min()  # type: ignore[return-value]

    def fit(self, as_of: date, horizon: int, on_step: OnStep = _quietly) -> tuple[ChurnModel, Snapshot]:
        """See `Leaving`."""
        return fit_subscription_model(self.periods, self.lines, as_of, horizon, self.families, on_step, self.most_rows)

    def seen(self, as_of: date, horizon: int, purchases: BgNbd | None) -> Snapshot:
        """See `Leaving`; subscriptions have no purchase model."""
        return subscribers_as_of(self.periods, self.lines, as_of, self.families)

    def has_left(self, customers: pl.Series, as_of: date, horizon: int, known_until: date) -> pl.Series:
        """See `Leaving`."""
        labels = ended_labels(self.periods, as_of, horizon, known_until)
        return customers.to_frame("customer_id").join(labels, on="customer_id", maintain_order="left")["has_left"]

    def expected_share(self, now: Snapshot, horizon: int, share: float) -> float | None:
        """Nothing else is known: the measure is the purchase model's."""
        return None

    def topics(self) -> list[Topic]:
        """See `Leaving`."""
        return subscription_topics(self.families)
