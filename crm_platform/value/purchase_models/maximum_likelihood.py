"""Fits positive parameters by maximum likelihood, from several starts, with the gradient given.

Every start is followed roughly, the best of them to the end. One thread does it: on arrays of this size more of them
wait for each other twenty times as long as they work.

Here: the search. Not here: any model's likelihood.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from crm_platform.problem import Problem
from crm_platform.value.purchase_models.histories import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
"""Mean log-likelihood of positive parameters, and its derivatives by them."""

_LARGEST_LOGARITHM = 14.0
_ROUGHLY, _EXACTLY = 1e-5, 1e-12
"""Relative gains of likelihood below which a search ends."""


class FitError(Problem):
    """No start led to a maximum; the message says of which model."""


def maximise(objective: Objective, starts: Sequence[Sequence[float]], model: str) -> Floats:
    """The parameters with the highest likelihood that any start led to; raises FitError where none did.

    The search is over logarithms, bounded, so that a likelihood without a maximum ends at the bound.
    """

    def negative(logarithms: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logarithms)
        value, gradient = objective(parameters)
        return -value, -gradient * parameters

    with _thread_pools().limit(limits=1):
        tried = [_search(negative, np.log(start), _ROUGHLY) for start in starts]
        finite = [(value, place) for value, place in tried if np.isfinite(value)]
        if not finite:
            raise FitError(f"{model} cannot be fitted to these purchases.")
        _, nearest = min(finite, key=lambda found: found[0])
        _, best = _search(negative, nearest, _EXACTLY)
    return np.exp(best)


@cache
def _thread_pools() -> ThreadpoolController:
    """Found once: looking for them takes as long as a fit."""
    return ThreadpoolController()


def _search(negative: Objective, start: Floats, tolerance: float) -> tuple[float, Floats]:
    """The lowest value that a search from a start came to, and where."""
    found = minimize(
        negative,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_LARGEST_LOGARITHM, _LARGEST_LOGARITHM)] * len(start),
        options={"maxiter": 1_000, "ftol": tolerance, "gtol": 1e-9},
    )
    return float(found.fun), np.asarray(found.x)
