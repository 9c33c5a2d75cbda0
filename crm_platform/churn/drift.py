"""How far the customers of today are from those a model was trained on: per column, and of the scores.

Here: the population stability index against what the model file remembers. Source: Siddiqi, "Credit Risk Scorecards"
(2006): below 0.1 little has moved, above 0.25 so much that the model should be trained anew.
"""

import numpy as np
import polars as pl

from crm_platform.churn.model import ChurnModel, Term
from crm_platform.value.purchase_models.histories import Floats

MOVED = 0.1
FAR = 0.25
SCORE = "churn_prob"

_GROUPS = 10
_EMPTY = 1e-4


def drift_of(model: ChurnModel, rows: pl.DataFrame) -> pl.DataFrame:
    """column_name, stability_index, verdict (steady, moved, far) of each column of the model and of `churn_prob`."""
    found = {term.column.name: _column_index(term, rows) for term in model.terms}
    if model.score_deciles:
        scores = np.searchsorted(np.array(model.score_deciles), model.probabilities(rows), side="left")
        shares = np.bincount(scores, minlength=_GROUPS) / max(rows.height, 1)
        found[SCORE] = stability_index(np.full(_GROUPS, 1.0 / _GROUPS), shares)
    drifts = pl.DataFrame(
        {"column_name": list(found), "stability_index": list(found.values())},
        schema={"column_name": pl.String, "stability_index": pl.Float64},
    )
    index = pl.col("stability_index")
    verdict = (
        pl.when(index < MOVED).then(pl.lit("steady")).when(index < FAR).then(pl.lit("moved")).otherwise(pl.lit("far"))
    )
    return drifts.with_columns(verdict=verdict).sort("column_name")


def stability_index(before: Floats, now: Floats) -> float:
    """Sum of (now - before) log(now / before) over groups whose shares are given; empty groups count as 0.01 %."""
    before, now = np.maximum(before, _EMPTY), np.maximum(now, _EMPTY)
    return float(((now - before) * np.log(now / before)).sum())


def _column_index(term: Term, rows: pl.DataFrame) -> float:
    """Of the column's codes, neighbours taken together to about ten groups; missing stays alone."""
    before = np.array(term.shares)
    now = np.bincount(term.column.codes(rows), minlength=len(before)) / max(rows.height, 1)
    middle = np.cumsum(before) - before / 2.0
    group = np.minimum((middle * _GROUPS).astype(np.int64), _GROUPS - 1)
    group[-1] = _GROUPS
    taken = [np.bincount(group, shares, minlength=_GROUPS + 1).astype(np.float64) for shares in (before, now)]
    is_used = (taken[0] > 0) | (taken[1] > 0)
    return stability_index(taken[0][is_used], taken[1][is_used])
