"""Pareto/NBD: purchases at a rate of one's own until one leaves, at a time of one's own.

Here: likelihood, fit and what it expects. Source: Schmittlein, Morrison, Colombo, "Counting Your Customers", Management
Science 33 (1987). The likelihood is an integral over the time of leaving; it is taken by Gauss-Legendre quadrature
rather than by the usual hypergeometric functions, which lose their digits for frequent buyers and have no derivative by
their parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from crm_platform.value.purchase_models.histories import Floats, Histories
from crm_platform.value.purchase_models.maximum_likelihood import maximise

_STARTS = ((1.0, 0.5, 0.5, 0.5), (0.5, 0.3, 1.0, 2.0))
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(32)
_NEGLIGIBLE = 36.0
_LARGEST_FALL = 600.0
_CHUNK = 20_000


@dataclass(frozen=True)
class ParetoNbd:
    """Rates are gamma (shape r, rate alpha in days), and so are the rates of leaving (s, beta in days)."""

    r: float
    alpha: float
    s: float
    beta: float

    def log_likelihood(self, histories: Histories) -> Floats:
        """Of each distinct history."""
        return _in_chunks(histories, lambda part: _log_likelihood(self._parameters, part)[0])

    def probability_no_purchase(self, histories: Histories, days: float) -> Floats:
        """That a customer of each distinct history buys nothing in the next `days`."""
        return _in_chunks(histories, lambda part: self._no_purchase(part, days))

    def expected_purchases(self, histories: Histories, days: float) -> Floats:
        """Of each distinct history in the next `days`."""
        rate, leaving = self.alpha + histories.age, self.beta + histories.age
        s = self.s if abs(self.s - 1.0) > 1e-6 else 1.0 + 1e-6
        stay = -np.expm1((s - 1.0) * (np.log(leaving) - np.log(leaving + days))) / (s - 1.0)
        active = _in_chunks(histories, self._probability_active)
        return active * (self.r + histories.frequency) * leaving / rate * stay

    @property
    def _parameters(self) -> Floats:
        return np.array([self.r, self.alpha, self.s, self.beta])

    def _probability_active(self, histories: Histories) -> Floats:
        total, _ = _log_likelihood(self._parameters, histories)
        active: Floats = np.exp(self._log_active(histories, 0.0) + _constant(self._parameters, histories) - total)
        return active

    def _log_active(self, histories: Histories, days: float) -> Floats:
        until = histories.age + days
        shape = self.r + histories.frequency
        log_active: Floats = -shape * np.log(self.alpha + until) - self.s * np.log(self.beta + until)
        return log_active

    def _no_purchase(self, histories: Histories, days: float) -> Floats:
        """One less what is lost from being active now to still being so, or having left unseen, at the end."""
        left, _ = _log_leaving(self._parameters, histories.frequency, histories.age, histories.age + days)
        silent = np.logaddexp(self._log_active(histories, days), left)
        active_now = self._log_active(histories, 0.0)
        active = self._probability_active(histories)
        no_purchase: Floats = 1.0 - active + active * np.exp(np.minimum(silent - active_now, 0.0))
        return no_purchase


def fit_pareto_nbd(histories: Histories) -> ParetoNbd:
    """The most likely parameters; raises FitError."""
    used = histories.to_fit()
    scale = max(float(np.average(used.age, weights=used.weight)), 1.0)
    weight = used.weight / used.weight.sum()
    scaled = Histories(used.frequency, used.recency / scale, used.age / scale, weight, used.place)

    def objective(parameters: Floats) -> tuple[float, Floats]:
        value, gradient = 0.0, np.zeros(4)
        for start in range(0, len(weight), _CHUNK):
            part = _part(scaled, start)
            values, gradients = _log_likelihood(parameters, part)
            value += float(part.weight @ values)
            gradient += gradients @ part.weight
        return value, gradient

    r, alpha, s, beta = maximise(objective, _STARTS, "Pareto/NBD")
    return ParetoNbd(float(r), float(alpha * scale), float(s), float(beta * scale))


def _in_chunks(histories: Histories, work: Callable[[Histories], Floats]) -> Floats:
    """Some histories at a time: the quadrature holds thirty-two numbers of each."""
    parts = [work(_part(histories, start)) for start in range(0, len(histories.weight), _CHUNK)]
    return np.concatenate(parts) if parts else np.empty(0)


def _part(histories: Histories, start: int) -> Histories:
    chosen = slice(start, start + _CHUNK)
    return Histories(
        histories.frequency[chosen], histories.recency[chosen], histories.age[chosen], histories.weight[chosen],
        np.arange(len(histories.weight[chosen])),
    )  # fmt: skip


def _constant(parameters: Floats, histories: Histories) -> Floats:
    r, alpha, s, beta = parameters
    constant: Floats = gammaln(r + histories.frequency) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return constant


def _log_likelihood(parameters: Floats, histories: Histories) -> tuple[Floats, Floats]:
    """Logarithm of the likelihood of each history, and its derivatives by r, alpha, s, beta (a row each)."""
    r, alpha, s, beta = parameters
    x, age = histories.frequency, histories.age
    log_rate, log_leaving = np.log(alpha + age), np.log(beta + age)
    stays = -(r + x) * log_rate - s * log_leaving
    left, by_left = _log_leaving(parameters, x, histories.recency, age)
    total = np.logaddexp(stays, left)
    p, q = np.exp(stays - total), np.exp(left - total)
    by_stays = np.stack([-log_rate, -(r + x) / (alpha + age), -log_leaving, -s / (beta + age)])
    gradients = p * by_stays + q * by_left
    gradients[0] += digamma(r + x) - digamma(r) + np.log(alpha)
    gradients[1] += r / alpha
    gradients[2] += np.log(beta)
    gradients[3] += s / beta
    return _constant(parameters, histories) + total, gradients


def _log_leaving(parameters: Floats, x: Floats, begin: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Logarithm of s times the integral of (alpha+u)^-(r+x) (beta+u)^-(s+1) from begin to end, and its derivatives.

    Taken in the logarithm of u and the smaller of alpha and beta, on which neither factor has a peak between two nodes.
    Where the first factor has fallen by e^-36 the rest is nothing, so the nodes are spent before that.
    """
    r, alpha, s, beta = parameters
    shape, least = r + x, min(alpha, beta)
    fall = np.minimum(_NEGLIGIBLE / np.maximum(shape - 1.0, 1e-9), _LARGEST_FALL)
    until = np.minimum(end, (alpha + begin) * np.exp(fall) - alpha)
    first = np.log(least + begin)
    length = np.log(least + until) - first
    v = first[:, None] + length[:, None] * (_NODES + 1.0) / 2.0
    time = np.exp(v) - least
    rate, leaving = alpha + time, beta + time
    log_rate, log_leaving = (v, np.log(leaving)) if alpha < beta else (np.log(rate), v)
    logs = v - shape[:, None] * log_rate - (s + 1.0) * log_leaving
    highest = logs.max(axis=1)
    weights = np.exp(logs - highest[:, None]) * _NODE_WEIGHTS
    sums = weights.sum(axis=1)
    with np.errstate(divide="ignore"):  # an integral over no time is zero, its logarithm minus infinity
        value = np.log(s) + highest + np.log(sums * length / 2.0)
    weights /= sums[:, None]
    derivatives = np.stack(
        [
            -(weights * log_rate).sum(axis=1),
            -shape * (weights / rate).sum(axis=1),
            1.0 / s - (weights * log_leaving).sum(axis=1),
            -(s + 1.0) * (weights / leaving).sum(axis=1),
        ]
    )
    return value, derivatives
