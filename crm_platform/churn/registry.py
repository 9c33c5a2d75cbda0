"""The rows of the registry: models, their backtests, and drift.

Here: making rows of the contracts' shape. Not here: the contracts (`contracts.py`) and the figures themselves.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from crm_platform.churn.backtest import BacktestDate
from crm_platform.churn.contracts import BACKTEST, DRIFT, MODEL
from crm_platform.churn.drift import drift_of
from crm_platform.churn.metrics import Metrics
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.store import model_digest
from crm_platform.churn.succession import Succession


def model_rows(
    model: ChurnModel, trained_dt: datetime, is_champion: bool, succession: Succession | None = None
) -> pl.DataFrame:
    """One row of `churn.model`; of a model of silence, which has a date and a horizon."""
    card = model.card
    row = {
        "model_digest": model_digest(model),
        "as_of_date": card.as_of,
        "horizon_days": card.horizon,
        "number_of_snapshots": len(card.snapshots),
        "number_of_rows": card.number_of_rows,
        "left_prob": card.left_share,
        "data_digest": card.data_digest,
        "code_digest": card.code_digest,
        "parameters": json.dumps(card.parameters, sort_keys=True),
        "seed": card.seed,
        "versions": json.dumps(card.versions, sort_keys=True),
        "is_champion": is_champion,
        "verdict": succession.reason if succession else None,
        "trained_dt": trained_dt,
    }
    return pl.DataFrame([row], schema=MODEL.polars_schema)


def backtest_rows(results: Sequence[BacktestDate], horizon: int) -> pl.DataFrame:
    """Rows of `churn.backtest`: of each date everybody, and each group."""
    rows = [
        _backtest_row(result.as_of, horizon, grouping, name, metrics)
        for result in results
        for grouping, groups in {"all": {"all": result.metrics}, **result.groups}.items()
        for name, metrics in groups.items()
    ]
    return pl.DataFrame(rows, schema=BACKTEST.polars_schema)


def drift_rows(model: ChurnModel, rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Rows of `churn.drift` for the customers as of a date."""
    named = drift_of(model, rows).with_columns(model_digest=pl.lit(model_digest(model)), as_of_date=pl.lit(as_of))
    return named.select(DRIFT.polars_schema.keys())


def _backtest_row(as_of: date, horizon: int, grouping: str, name: str, metrics: Metrics) -> dict[str, object]:
    return {
        "as_of_date": as_of,
        "horizon_days": horizon,
        "grouping": grouping,
        "group_name": name,
        "number_of_customers": metrics.customers,
        "left_prob": metrics.left_share,
        "predicted_prob": metrics.predicted_share,
        "auc": metrics.auc,
        "brier": metrics.brier,
        "log_loss": metrics.log_loss,
        "calibration_error": metrics.ece,
        "top_decile_lift": metrics.top_decile_lift,
        "total_error": metrics.total_error,
    }
