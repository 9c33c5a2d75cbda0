"""Gamma-Gamma: each customer's purchases spread around a mean of their own, whatever their number.

Here: likelihood, fit and the expected amount of a purchase. Source: Fader, Hardie, "The Gamma-Gamma Model of Monetary
Value" (2013).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from crm_platform.value.purchase_models.histories import FITTED_HISTORIES, Floats
from crm_platform.value.purchase_models.maximum_likelihood import FitError, maximise

_STARTS = ((4.0, 4.0, 1.0), (1.0, 1.5, 1.0))
"""Of p, q and p v / q, which the likelihood tells better apart than v."""


@dataclass(frozen=True)
class _Amounts:
    """What the likelihood needs of the customers.

    purchases, spend: of each customer; counts, share: each number of purchases there is, and the share of customers who
    have it; log_mean, log_mean_by_purchase: means over customers of the logarithm of their mean amount, and of that
    times their purchases.
    """

    purchases: Floats
    spend: Floats
    counts: Floats
    share: Floats
    log_mean: float
    log_mean_by_purchase: float


@dataclass(frozen=True)
class GammaGamma:
    """Amounts are gamma of shape p, their rates gamma of shape q and rate v (in the amounts' currency)."""

    p: float
    q: float
    v: float

    def expected_amount(self, purchases: Floats, mean_amount: Floats) -> Floats:
        """Of a customer's next purchase, from how many amounts were seen (one or more) and their mean.

        Between the customer's mean and everybody's; with q up to 1 everybody's is infinite, and one's own stands.
        """
        if self.q <= 1.0:
            return mean_amount
        return self.p * (self.v + purchases * mean_amount) / (self.p * purchases + self.q - 1.0)


def fit_gamma_gamma(purchases: Floats, mean_amount: Floats) -> GammaGamma:
    """The most likely parameters for customers with purchases and a mean above zero; raises FitError."""
    used = (purchases > 0) & (mean_amount > 0)
    if not used.any():
        raise FitError("Gamma-Gamma cannot be fitted: nobody has an amount above zero.")
    # An even sample of the means in their order tells three parameters as much as a million of them.
    ordered = np.flatnonzero(used)[np.argsort(mean_amount[used], kind="stable")]
    chosen = ordered[np.linspace(0, len(ordered) - 1, min(len(ordered), FITTED_HISTORIES)).astype(np.int64)]
    scale = float(np.exp(np.log(mean_amount[chosen]).mean()))
    amounts = _amounts_of(purchases[chosen], mean_amount[chosen] / scale)

    def objective(parameters: Floats) -> tuple[float, Floats]:
        p, q, ratio = parameters
        v = ratio * q / p
        value, (by_p, by_q, by_v) = _log_likelihood(p, q, v, amounts)
        return value, np.array([by_p - by_v * v / p, by_q + by_v * v / q, by_v * v / ratio])

    p, q, ratio = maximise(objective, _STARTS, "Gamma-Gamma")
    return GammaGamma(float(p), float(q), float(ratio * q / p * scale))


def _amounts_of(x: Floats, mean: Floats) -> _Amounts:
    counts, customers = np.unique(x, return_counts=True)
    log_mean = np.log(mean)
    return _Amounts(x, x * mean, counts, customers / len(x), float(log_mean.mean()), float((x * log_mean).mean()))


def _log_likelihood(p: float, q: float, v: float, amounts: _Amounts) -> tuple[float, tuple[float, float, float]]:
    """Mean logarithm of the likelihood of a customer's mean amount, and its derivatives by p, q, v.

    Gamma functions are taken once for each number of purchases, and everything that no parameter moves is summed
    beforehand: of each customer there is left one logarithm and one division.
    """
    x, counts, share = amounts.purchases, amounts.counts, amounts.share
    rate = v + amounts.spend
    log_rate, inverse = np.log(rate), 1.0 / rate
    mean_log, mean_inverse = float(log_rate.mean()), float(inverse.mean())
    log_by_purchase, inverse_by_purchase = float(x @ log_rate) / len(x), float(x @ inverse) / len(x)
    log_counts = np.log(counts)
    by_shape, shape = digamma(p * counts + q), p * counts
    of_counts = gammaln(shape + q) - gammaln(shape) + shape * log_counts
    value = (
        float(share @ of_counts) - float(gammaln(q)) + q * (np.log(v) - mean_log)
        - p * log_by_purchase + p * amounts.log_mean_by_purchase - amounts.log_mean
    )  # fmt: skip
    by_p = float(share @ (counts * (by_shape - digamma(shape) + log_counts)))
    return value, (
        by_p + amounts.log_mean_by_purchase - log_by_purchase,
        float(share @ by_shape) - float(digamma(q)) + np.log(v) - mean_log,
        q / v - p * inverse_by_purchase - q * mean_inverse,
    )
