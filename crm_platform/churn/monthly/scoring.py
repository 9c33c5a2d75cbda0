"""Rows of scores: the chance, its fifth, and the reasons.

Here: one way to score, for the end of a month and for today. Not here: models and customers.
"""

from collections.abc import Sequence

import polars as pl

from crm_platform.churn.contracts import RISK_BANDS
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.reasons import Topic, reasons_of

_DIGITS = 10


def scores_of(model: ChurnModel, customers: pl.DataFrame, topics: Sequence[Topic]) -> pl.DataFrame:
    """customer_key, churn_prob, risk_band, reason_1, reason_2, reason_3 of each customer (customer_id and features)."""
    chances = pl.Series("churn_prob", model.probabilities(customers), dtype=pl.Float64).round_sig_figs(_DIGITS)
    # Ties are of one band: the lowest of theirs.
    place = (pl.col("churn_prob").rank("min") - 1).cast(pl.Int64)
    scored = customers.select(customer_key=pl.col("customer_id").cast(pl.Int64)).with_columns(chances)
    banded = scored.with_columns(risk_band=place * RISK_BANDS // max(customers.height, 1) + 1)
    return banded.hstack(reasons_of(model, customers, topics))
