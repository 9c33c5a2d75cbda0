"""The purchase models as one base of a forecast: which model, for all customers together or by cohort, and how much.

Here: fitting the models per cohort and the choice between them by held-out likelihood. Not here: the models
(`purchase_models/`), what is learnt on top of them (`correction.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

import numpy as np
import polars as pl

from crm_platform.value.features import purchases_between
from crm_platform.value.purchase_models.bg_nbd import fit_bg_nbd
from crm_platform.value.purchase_models.gamma_gamma import GammaGamma, fit_gamma_gamma
from crm_platform.value.purchase_models.histories import Floats, Histories, histories_of
from crm_platform.value.purchase_models.pareto_nbd import fit_pareto_nbd

COHORTS = 3
SMALLEST_COHORT = 300
"""Cohorts are thirds by the day of the first purchase; with fewer customers in each all are fitted together."""

ModelName = Literal["pareto_nbd", "bg_nbd"]


class PurchaseModel(Protocol):
    """What a purchase model tells of each distinct history."""

    def probability_no_purchase(self, histories: Histories, days: float) -> Floats: ...
    def expected_purchases(self, histories: Histories, days: float) -> Floats: ...


FITS: dict[ModelName, Callable[[Histories], PurchaseModel]] = {"pareto_nbd": fit_pareto_nbd, "bg_nbd": fit_bg_nbd}


@dataclass(frozen=True)
class BaseChoice:
    """Which model, and whether it is fitted by cohort too: a customer's expectation is then the mean of what the model
    of their cohort and the one of all customers say."""

    model: ModelName
    by_cohort: bool


CHOICES = tuple(BaseChoice(model, by_cohort) for by_cohort in (True, False) for model in FITS)
"""The first was best on most companies; another takes its place where the held-out snapshot says so clearly."""

CLEARLY = 2.0
"""Standard errors by which the likelihood per customer must be better."""


@dataclass(frozen=True)
class Baseline:
    """Of each customer of the features, in their order: purchases expected, probability of none, amount of the next."""

    purchases: Floats
    no_purchase: Floats
    amount: Floats


@dataclass(frozen=True)
class _Fitted:
    """A model, the customers of the features that it was fitted to, their histories, and how much it counts."""

    model: PurchaseModel
    members: np.ndarray
    histories: Histories
    weight: float = 1.0


@dataclass(frozen=True)
class Base:
    """A choice fitted to customers: what it expects of them in any number of days."""

    fitted: Sequence[_Fitted]
    amount: Floats

    def expect(self, days: int) -> Baseline:
        """Of each customer in the next `days`."""
        purchases, no_purchase = np.zeros_like(self.amount), np.zeros_like(self.amount)
        for each in self.fitted:
            place = each.histories.place
            purchases[each.members] += each.weight * each.model.expected_purchases(each.histories, days)[place]
            no_purchase[each.members] += each.weight * each.model.probability_no_purchase(each.histories, days)[place]
        return Baseline(purchases, np.clip(no_purchase, 0.0, 1.0), self.amount)


def fit_base(features: pl.DataFrame, choice: BaseChoice, of_all: Base | None = None) -> Base:
    """Fit the chosen model to the customers of the features; raises FitError.

    of_all: the same model fitted to all of them together, where it is known.
    """
    if not choice.by_cohort:
        everybody = np.ones(features.height, dtype=np.bool_)
        return Base([_fit(features, everybody, choice.model)], _amounts(features))
    of_all = of_all or fit_base(features, replace(choice, by_cohort=False))
    cohorts = [_fit(features, members, choice.model) for members in _cohorts(features)]
    halves = [replace(each, weight=0.5) for each in (*of_all.fitted, *cohorts)]
    return Base(halves, of_all.amount) if cohorts else of_all


def _fit(features: pl.DataFrame, members: np.ndarray, model: ModelName) -> _Fitted:
    histories = histories_of(features.filter(pl.Series(members)))
    return _Fitted(FITS[model](histories), members, histories)


def choose_base(expect: Callable[[BaseChoice], Floats], purchases: Floats) -> BaseChoice:
    """The choice under which the purchases that followed were clearly more likely than under the first.

    expect: the purchases expected by a choice. purchases: those that came, of the same customers.

    The likelihood is of counts around what was expected, first brought to the true total: how busy the period was is
    not the models' to know (`level.py`).
    """
    if purchases.sum() == 0:
        return CHOICES[0]
    first, *others = (_log_likelihood(purchases, expect(choice)) for choice in CHOICES)
    gains = [0.0] + [_standard_errors(other - first) for other in others]
    best = int(np.argmax(gains))
    return CHOICES[best] if gains[best] > CLEARLY else CHOICES[0]


def _log_likelihood(purchases: Floats, expected: Floats) -> Floats:
    """Of each customer's number of purchases."""
    rate = np.maximum(expected * (purchases.sum() / max(float(expected.sum()), 1e-9)), 1e-9)
    likelihood: Floats = purchases * np.log(rate) - rate
    return likelihood


def _standard_errors(differences: Floats) -> float:
    """The mean difference in its standard errors; none where all are the same."""
    error = differences.std() / np.sqrt(len(differences))
    return float(differences.mean() / error) if error > 0 else 0.0


def _cohorts(features: pl.DataFrame) -> list[np.ndarray]:
    """Who is of each third by the first purchase; none where thirds would be too small."""
    age = features["tenure_days"].to_numpy()
    third = np.digitize(age, np.quantile(age, np.arange(1, COHORTS) / COHORTS))
    members = [third == place for place in range(COHORTS)]
    return members if min(each.sum() for each in members) >= SMALLEST_COHORT else []


def _amounts(features: pl.DataFrame) -> Floats:
    purchases = features["number_of_purchases"].cast(pl.Float64).to_numpy()
    mean = features["spend_mean"].to_numpy()
    model: GammaGamma = fit_gamma_gamma(purchases, mean)
    return model.expected_amount(purchases, mean)


def outcomes(features: pl.DataFrame, lines: pl.DataFrame, after: date, days: int) -> Sequence[Floats]:
    """What the customers of the features bought in (after, after + days]: number of purchases, and spend."""
    bought = features.select("customer_id").join(
        purchases_between(lines, after, days), on="customer_id", how="left", maintain_order="left"
    )
    return [bought[name].fill_null(0).cast(pl.Float64).to_numpy() for name in ("purchases", "spend")]
