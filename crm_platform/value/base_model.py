"""The purchase models as one base of a forecast: which model, for all customers together or by cohort, and how much.

Here: fitting the models per cohort and the choice between them by held-out likelihood. Not here: the models
(`purchase_models/`), what is learnt on top of them (`correction.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    """Which model, and whether it is fitted by cohort."""

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


def baseline(features: pl.DataFrame, days: int, choice: BaseChoice) -> Baseline:
    """Fit the chosen model to the customers and say what it expects of them in the next `days`; raises FitError."""
    expected, silent = np.zeros(features.height), np.zeros(features.height)
    cohorts = _cohorts(features) if choice.by_cohort else np.zeros(features.height, dtype=np.int64)
    for cohort in np.unique(cohorts):
        members = cohorts == cohort
        histories = histories_of(features.filter(pl.Series(members)))
        model = FITS[choice.model](histories)
        expected[members] = model.expected_purchases(histories, days)[histories.place]
        silent[members] = model.probability_no_purchase(histories, days)[histories.place]
    return Baseline(expected, np.clip(silent, 0.0, 1.0), _amounts(features))


def choose_base(features: pl.DataFrame, purchases: Floats, days: int) -> BaseChoice:
    """The choice under which the purchases that followed were clearly more likely than under the first.

    The likelihood is of counts around what was expected, first brought to the true total: how busy the period was is
    not the models' to know (`level.py`).
    """
    if purchases.sum() == 0:
        return CHOICES[0]
    first, *others = (_log_likelihood(purchases, baseline(features, days, choice).purchases) for choice in CHOICES)
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


def _cohorts(features: pl.DataFrame) -> np.ndarray:
    """The third in which each customer's first purchase falls, 0 for all where thirds would be too small."""
    age = features["tenure_days"].to_numpy()
    cohorts = np.digitize(age, np.quantile(age, np.arange(1, COHORTS) / COHORTS))
    sizes = np.bincount(cohorts, minlength=COHORTS)
    return cohorts if sizes.min() >= SMALLEST_COHORT else np.zeros_like(cohorts)


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
