"""Fits positive parameters by maximum likelihood, from several starts, with the gradient given.

Here: the search. Not here: any model's likelihood.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize

from crm_platform.problem import Problem
from crm_platform.value.purchase_models.histories import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
"""Mean log-likelihood of positive parameters, and its derivatives by them."""

_LARGEST_LOGARITHM = 14.0
_TOLERANCE = 1e-14


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

    found = [
        minimize(
            negative,
            np.log(start),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-_LARGEST_LOGARITHM, _LARGEST_LOGARITHM)] * len(start),
            options={"maxiter": 1_000, "ftol": _TOLERANCE, "gtol": 1e-9},
        )
        for start in starts
    ]
    finite = [result for result in found if np.isfinite(result.fun)]
    if not finite:
        raise FitError(f"{model} cannot be fitted to these purchases.")
    best: Floats = np.exp(min(finite, key=lambda result: float(result.fun)).x)
    return best
