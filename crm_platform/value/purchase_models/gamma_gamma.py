"""Gamma-Gamma: each customer's purchases spread around a mean of their own, whatever their number.

Here: likelihood, fit and the expected amount of a purchase. Source: Fader, Hardie, "The Gamma-Gamma Model of Monetary
Value" (2013).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from crm_platform.value.purchase_models.histories import FITTED_HISTORIES, Floats
from crm_platform.value.purchase_models.maximum_likelihood import FitError, maximise

_STARTS = ((2.0, 4.0, 4.0), (6.0, 2.0, 1.0))


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
    x, mean = purchases[chosen], mean_amount[chosen]
    scale = float(np.exp(np.log(mean).mean()))

    def objective(parameters: Floats) -> tuple[float, Floats]:
        values, gradients = _log_likelihood(parameters, x, mean / scale)
        return float(values.mean()), gradients.mean(axis=1)

    p, q, v = maximise(objective, _STARTS, "Gamma-Gamma")
    return GammaGamma(float(p), float(q), float(v * scale))


def _log_likelihood(parameters: Floats, x: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the likelihood of each mean of x purchases, and its derivatives by p, q, v (a row each)."""
    p, q, v = parameters
    rate = v + x * mean
    # Gamma functions are dear and numbers of purchases few.
    counts, place = np.arange(1.0, x.max(initial=1.0) + 1.0), x.astype(np.int64) - 1
    by_count = gammaln(p * counts + q) - gammaln(p * counts) + p * counts * np.log(counts)
    by_shape = digamma(p * counts + q)
    by_p = counts * (by_shape - digamma(p * counts) + np.log(counts))
    values = by_count[place] - gammaln(q) + q * np.log(v) - (p * x + q) * np.log(rate) + (p * x - 1.0) * np.log(mean)
    gradients = np.stack(
        [
            by_p[place] + x * (np.log(mean) - np.log(rate)),
            by_shape[place] - digamma(q) + np.log(v) - np.log(rate),
            q / v - (p * x + q) / rate,
        ]
    )
    return values, gradients
