"""Why two records may be one customer, field by field, in plain words and in points.

Here: the words. Not here: the model that gives the points (`match/model.py`), and which pairs are shown (`pairs.py`).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from crm_platform.scv.identity.links import Found
from crm_platform.scv.match.compare import Comparer, States
from crm_platform.scv.match.model import Weigher, level_of_state, likeliest
from crm_platform.scv.match.trained import with_rarities

EVIDENCE_SCHEMA = {"record_id_a": pl.String, "record_id_b": pl.String, "evidence": pl.String}


def evidence_of(pairs: pl.DataFrame, matched: Sequence[Found]) -> pl.DataFrame:
    """record_id_a, record_id_b, evidence of pairs (record_id_a, record_id_b) that were matched: a text such as
    `surname: the same (+9.1); birth date: different (-4.0)`, the strongest first.

    A point doubles the odds that the two are one. The text holds no value of a record.
    """
    found = [_evidence(pairs, each) for each in matched]
    return pl.concat([pl.DataFrame(schema=EVIDENCE_SCHEMA), *found])


def _evidence(pairs: pl.DataFrame, matched: Found) -> pl.DataFrame:
    fields = matched.trained.model.fields
    named = pl.concat([pairs["record_id_a"], pairs["record_id_b"]]).unique()
    records = matched.records_of(named)
    places = records.select("record_id").with_row_index("place")
    inside = pairs.join(places, left_on="record_id_a", right_on="record_id").join(
        places, left_on="record_id_b", right_on="record_id", suffix="_b"
    )
    if inside.is_empty() or not fields:
        return pl.DataFrame(schema=EVIDENCE_SCHEMA)
    comparer = Comparer(with_rarities(records, fields, matched.trained.frequencies), fields)
    try:
        left, right = (inside[name].to_numpy().astype(np.int32) for name in ("place", "place_b"))
        texts = [
            text for states in comparer.compare(left, right) for text in _texts(states, Weigher(matched.trained.model))
        ]
    finally:
        comparer.close()
    return inside.select("record_id_a", "record_id_b", pl.Series("evidence", texts, dtype=pl.String))


def _texts(states: States, weigher: Weigher) -> Iterable[str]:
    """One text per pair. Points are measured against the likeliest other explanation of the pair."""
    fields = weigher.model.fields
    own, rival = likeliest(weigher.by_kind(states))
    points = weigher.points(states, own, rival)
    levels = {field.name: level_of_state(states[field.name]) for field in fields}
    for pair in range(len(rival)):
        said = [(points[field.name][pair], field, levels[field.name][pair]) for field in fields]
        known = sorted((each for each in said if each[2] >= 0), key=lambda each: -abs(each[0]))
        yield "; ".join(f"{field.title}: {field.levels[level].label} ({point:+.1f})" for point, field, level in known)
