"""The guard against a night in which everything changes: it stops a run before it publishes anything.

Here: how much a run would change, and whether that may be. Not here: what the limits are (`config/scv.yaml`).
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from crm_platform.problem import Problem
from crm_platform.scv.settings import GuardSettings


class TooManyChanges(Problem):
    """A run would merge, split or retire more customers at once than is allowed; nothing was published."""

    def __init__(self, message: str, figures: dict[str, int]) -> None:
        self.figures = figures
        super().__init__(message)


@dataclass(frozen=True)
class KeyChanges:
    """How many customers there were before a run, and how many of them it merges away, splits and retires."""

    customers_before: int
    merged: int
    split: int
    retired: int

    @property
    def changed(self) -> int:
        """Customers that were and are not what they were."""
        return self.merged + self.split + self.retired


def count_changes(customers_before: int, events: pl.DataFrame) -> KeyChanges:
    """Count the customers that a run's events (event_type, customer_key, other_customer_key) change."""

    def number(event_type: str, column: str) -> int:
        return events.filter(event_type=event_type)[column].n_unique()

    # A customer that is split counts once, into however many it falls.
    return KeyChanges(
        customers_before,
        number("merge", "customer_key"),
        number("split", "other_customer_key"),
        number("retire", "customer_key"),
    )


def guard(changes: KeyChanges, settings: GuardSettings, today: date) -> None:
    """Let a run pass that changes a bearable share of the customers.

    Raises:
        TooManyChanges: it changes more, and today is not the day for which that is allowed.
    """
    if changes.customers_before < settings.from_customers or settings.allow_on == today:
        return
    share = changes.changed / changes.customers_before
    if share <= settings.largest_changed_share:
        return
    figures = {
        "customers_before": changes.customers_before,
        "merged": changes.merged,
        "split": changes.split,
        "retired": changes.retired,
    }
    raise TooManyChanges(
        f"Of {changes.customers_before:,} customers this run would merge {changes.merged:,}, split {changes.split:,} "
        f"and retire {changes.retired:,}: {share:.1%}, more than the {settings.largest_changed_share:.1%} allowed. "
        f"Nothing was published. If it is meant, write `guard: {{allow_on: {today}}}` into config/scv.yaml and run "
        "again today.",
        figures,
    )
