"""BG/NBD: purchases at a rate of one's own, and after each purchase a chance of never coming again.

Here: likelihood, fit and what it expects. Source: Fader, Hardie, Lee, "Counting Your Customers the Easy Way", Marketing
Science 24 (2005). What it says of being alive is kept inside: a customer of one purchase counts as alive for ever, so
that figure ranks backwards; the probability of no purchase does not.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, gammaln, hyp2f1

from crm_platform.value.purchase_models.histories import Floats, Histories
from crm_platform.value.purchase_models.maximum_likelihood import maximise

_SURE = 50.0
"""With a above it chances vary by less than a seventh, and the hypergeometric function runs out of numbers."""

_STARTS = ((1.0, 0.5, 1.0, 2.0), (0.3, 0.1, 0.5, 3.0))


@dataclass(frozen=True)
class BgNbd:
    """Rates are gamma (shape r, rate alpha in days), chances of leaving beta (a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, histories: Histories) -> Floats:
        """Of each distinct history."""
        return _log_likelihood(np.array([self.r, self.alpha, self.a, self.b]), histories)[0]

    def probability_no_purchase(self, histories: Histories, days: float) -> Floats:
        """That a customer of each distinct history buys nothing in the next `days`."""
        shape, rate = self.r + histories.frequency, self.alpha + histories.age
        bought = -np.expm1(-shape * np.log1p(days / rate))
        return 1.0 - self._probability_active(histories) * bought

    def expected_purchases(self, histories: Histories, days: float) -> Floats:
        """Of each distinct history in the next `days`."""
        while_active = self._at_one_chance if self.a > _SURE else self._over_all_chances
        expected = while_active(histories, days) * self._probability_active(histories)
        return np.maximum(expected, 0.0)

    def _over_all_chances(self, histories: Histories, days: float) -> Floats:
        """Of who is active: the paper's formula (10) after Euler's transformation, whose parameters stay small."""
        a = self.a if abs(self.a - 1.0) > 1e-6 else 1.0 + 1e-6
        total = a + self.b + histories.frequency - 1.0
        part = days / (self.alpha + histories.age + days)
        hypergeometric = hyp2f1(a + self.b - 1.0 - self.r, a - 1.0, total, part)
        expected: Floats = total / (a - 1.0) * (1.0 - (1.0 - part) ** (a - 1.0) * hypergeometric)
        return expected

    def _at_one_chance(self, histories: Histories, days: float) -> Floats:
        """Of who is active, where everybody's chance of leaving is nearly the same: at its mean."""
        shape = self.r + histories.frequency
        chance = self.a / (self.a + self.b + histories.frequency)
        expected: Floats = -np.expm1(-shape * np.log1p(chance * days / (self.alpha + histories.age))) / chance
        return expected

    def _probability_active(self, histories: Histories) -> Floats:
        x, shape = histories.frequency, self.r + histories.frequency
        odds = np.log(self.a) - np.log(self.b + np.maximum(x, 1.0) - 1.0)
        odds += shape * (np.log(self.alpha + histories.age) - np.log(self.alpha + histories.recency))
        active: Floats = 1.0 / (1.0 + np.where(x > 0, np.exp(np.minimum(odds, 700.0)), 0.0))
        return active


def fit_bg_nbd(histories: Histories) -> BgNbd:
    """The most likely parameters; raises FitError."""
    used = histories.to_fit()
    scale = max(float(np.average(used.age, weights=used.weight)), 1.0)
    scaled = Histories(used.frequency, used.recency / scale, used.age / scale, used.weight, used.place)
    weight = scaled.weight / scaled.weight.sum()

    def objective(parameters: Floats) -> tuple[float, Floats]:
        values, gradients = _log_likelihood(parameters, scaled)
        return float(weight @ values), gradients @ weight

    r, alpha, a, b = maximise(objective, _STARTS, "BG/NBD")
    return BgNbd(float(r), float(alpha * scale), float(a), float(b))


def _log_likelihood(parameters: Floats, histories: Histories) -> tuple[Floats, Floats]:
    """Logarithm of the likelihood of each history, and its derivatives by r, alpha, a, b (a row each)."""
    r, alpha, a, b = parameters
    x, recency, age = histories.frequency, histories.recency, histories.age
    repeated = np.maximum(x, 1.0)
    shape = r + x
    # Gamma functions are dear and frequencies few.
    counts, place = np.arange(x.max(initial=0.0) + 1.0), x.astype(np.int64)
    by_count = gammaln(r + counts) - gammaln(r) + betaln(a, b + counts) - betaln(a, b)
    by_shape, by_total = digamma(r + counts) - digamma(r), digamma(a + b) - digamma(a + b + counts)
    by_b = digamma(b + counts) - digamma(b) + by_total
    common = by_count[place] + r * np.log(alpha)
    stays = -shape * np.log(alpha + age)
    leaves = np.where(x > 0, np.log(a) - np.log(b + repeated - 1.0) - shape * np.log(alpha + recency), -np.inf)
    total = np.logaddexp(stays, leaves)
    p, q = np.exp(stays - total), np.exp(leaves - total)
    gradients = np.stack(
        [
            by_shape[place] + np.log(alpha) - p * np.log(alpha + age) - q * np.log(alpha + recency),
            r / alpha - shape * (p / (alpha + age) + q / (alpha + recency)),
            by_total[place] + q / a,
            by_b[place] - q / (b + repeated - 1.0),
        ]
    )
    return common + total, gradients
