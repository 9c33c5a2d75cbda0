"""Why two records are one person or two: the evidence field by field, in points.

Here: the evidence of given pairs. A point doubles the odds; the sum of a pair's points is its weight. Not here: the
words of the review list.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.compare import Comparer
from crm_platform.scv.match.fields import Field
from crm_platform.scv.match.model import KINDS, Weigher, level_of_state, likeliest
from crm_platform.scv.match.trained import Trained, with_rarities
from crm_platform.scv.match.vetoes import vetoed

PRIOR = "how frequent such pairs are"
OTHER_EXPLANATIONS = "what else may explain it"
VETO_LABEL = "must not be one"


@dataclass(frozen=True)
class Explanation:
    """evidence: field, one, other (the values compared), outcome,
    points; weight: their sum; rival: the likeliest of the
    other kinds of pairs; is_vetoed: whether no evidence counts."""

    evidence: pl.DataFrame
    weight: float
    rival: str
    is_vetoed: bool

    @property
    def probability(self) -> float:
        """That the two are one person, by their own evidence alone."""
        return 0.0 if self.is_vetoed else float(1.0 / (1.0 + 2.0 ** -np.clip(self.weight, -50, 50)))


def explain_pair(records: pl.DataFrame, trained: Trained, one: str, other: str) -> Explanation:
    """The evidence for and against two records being one person.

    records: record_id and the comparable columns (`Matched.records`), at least of the two.

    Raises:
        KeyError: one of them is not there.
    """
    both = records.filter(pl.col("record_id").is_in([one, other])).sort("record_id")
    missing = sorted({one, other} - set(both["record_id"]))
    if missing or both.height != 2:
        raise KeyError(missing[0] if missing else one)
    fields = trained.model.fields
    comparer = Comparer(with_rarities(both, fields, trained.frequencies), fields)
    try:
        (states,) = comparer.compare(np.array([0], np.int32), np.array([1], np.int32))
    finally:
        comparer.close()
    weigher = Weigher(trained.model)
    own, rival = likeliest(weigher.by_kind(states))
    parts = weigher.points(states, own, rival)
    weight = float(weigher.weights(states)[0])
    rows = [_row(field, both, int(level_of_state(states[field.name])[0]), parts[field.name]) for field in fields]
    prior = float(weigher.prior_points(states, own, rival)[0])
    against = KINDS[rival[0]]
    explained = sum(row[4] for row in rows) + prior
    rows = sorted((row for row in rows if row[3]), key=lambda row: -abs(row[4]))
    rows.append((PRIOR, None, None, against, prior))
    rows.append((OTHER_EXPLANATIONS, None, None, "", weight - explained))
    evidence = pl.DataFrame(
        rows,
        schema={"field": pl.String, "one": pl.String, "other": pl.String, "outcome": pl.String, "points": pl.Float64},
        orient="row",
    )
    return Explanation(evidence, weight, against, bool(vetoed(states, trained.model)[0]))


def _row(
    field: Field, both: pl.DataFrame, level: int, points: NDArray[np.float64]
) -> tuple[str, str | None, str | None, str, float]:
    shown = field.value or field.columns[0]
    one, other = both[shown].to_list()
    return field.title, one, other, field.levels[level].label if level >= 0 else "", float(points[0])
