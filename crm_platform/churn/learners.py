"""The two learners of a churn model, both a sum of one term per column: boosting and logistic regression.

Here: fitting them; what comes out are tables and coefficients, so a fitted model holds no object of a library. Not
here: columns (`columns.py`), how the parts are blended (`training.py`).
A boosting whose trees each look at one column was as good as one with trees of three columns on thirteen held-out
splits, and says exactly what each column adds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from crm_platform.churn.columns import CategoryColumn, Codes, ModelColumn
from crm_platform.value.purchase_models.histories import Floats

if TYPE_CHECKING:
    # scikit-learn takes a second to import: whoever fits nothing, such as every process of the UI, does without it.
    from sklearn.ensemble import HistGradientBoostingClassifier

ROUNDS = 50
LEARNING_RATE = 0.15
SMALLEST_LEAF = 40
REGRESSION_C = 0.3
"""By the number of snapshots: rows of one customer on several dates do not say each something new."""


def fit_boosting(columns: Sequence[ModelColumn], codes: Codes, has_left: Floats, weights: Floats) -> list[Floats]:
    """For each column what each of its codes adds to the log-odds, zero on the average of the training rows.

    codes: a row per training row, a column per column.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    is_category = [isinstance(column, CategoryColumn) for column in columns]
    boosting = HistGradientBoostingClassifier(
        max_depth=3, max_iter=ROUNDS, learning_rate=LEARNING_RATE,
        min_samples_leaf=min(SMALLEST_LEAF, max(len(has_left) // 20, 1)), l2_regularization=1.0,
        interaction_cst="no_interactions", categorical_features=is_category, early_stopping=False, random_state=0,
    )  # fmt: skip
    with threadpool_limits(limits=1):
        boosting.fit(codes.astype(np.float64), has_left, sample_weight=weights)
        return _shapes(boosting, columns, codes)


def fit_regression(
    columns: Sequence[ModelColumn], standardised: Floats, has_left: Floats, weights: Floats, number_of_snapshots: int
) -> list[Floats]:
    """For each column the coefficients of its part of `standardised`."""
    from sklearn.linear_model import LogisticRegression

    # Rows are many and columns few: Newton's method takes five steps where quasi-Newton ones take hundreds.
    regression = LogisticRegression(
        C=REGRESSION_C / number_of_snapshots, solver="newton-cholesky", max_iter=1_000, tol=1e-7
    )
    coefficients = np.zeros(standardised.shape[1])
    # Most columns are never missing: what says nothing costs as much to fit as what does.
    says_something = np.ptp(standardised, axis=0) > 0
    with threadpool_limits(limits=1):
        fitted = regression.fit(standardised[:, says_something], has_left, sample_weight=weights)
    coefficients[says_something] = fitted.coef_[0]
    ends = np.cumsum([column.width for column in columns])
    return np.split(coefficients, ends[:-1])


def _shapes(boosting: "HistGradientBoostingClassifier", columns: Sequence[ModelColumn], codes: Codes) -> list[Floats]:
    """What each code of each column adds: the others held still, they cancel out. A code never met adds nothing.

    All are asked at once: every tree is walked through once and not once per column.
    """
    numbers = [column.number_of_codes for column in columns]
    ends = np.cumsum(numbers)
    probes = np.zeros((int(ends[-1]), len(columns)))
    probes[np.arange(len(probes)), np.repeat(np.arange(len(columns)), numbers)] = np.concatenate(
        [np.arange(number) for number in numbers]
    )
    added = np.split(boosting.decision_function(probes), ends[:-1])
    return [_centred(own, codes[:, place]) for place, own in enumerate(added)]


def _centred(added: Floats, codes: Codes) -> Floats:
    share = np.bincount(codes, minlength=len(added)) / len(codes)
    centred: Floats = np.where(share > 0, added - added @ share, 0.0)
    return centred
