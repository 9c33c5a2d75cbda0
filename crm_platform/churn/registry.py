"""The rows of the registry: models, decisions between them, backtests, and drift.

Here: making rows of the contracts' shape from a month of a model's life. Not here: the contracts (`contracts.py`) and
the figures themselves.
"""

import json
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from crm_platform.churn.contracts import CHURN_BACKTEST, CHURN_DECISION, CHURN_DRIFT, CHURN_MODEL
from crm_platform.churn.drift import drift_of
from crm_platform.churn.life import MonthOfLife
from crm_platform.churn.metrics import Metrics
from crm_platform.churn.store import model_digest


def model_rows(life: MonthOfLife, kind: str, closed_dt: datetime) -> pl.DataFrame:
    """One row of `churn.churn_model`: the model trained at the end of the month."""
    card = life.trained.card
    alike = next((result.metrics for result in life.backtest if result.as_of == life.held_back), None)
    row = {
        **_named(life, kind),
        "model_digest": model_digest(life.trained),
        "number_of_snapshots": len(card.snapshots),
        "number_of_rows": card.number_of_rows,
        "left_prob": card.left_share,
        "number_of_terms": len(life.trained.terms),
        "data_digest": card.data_digest,
        "code_digest": card.code_digest,
        "parameters": json.dumps(card.parameters, sort_keys=True),
        "seed": card.seed,
        "versions": json.dumps(card.versions, sort_keys=True),
        "auc": alike.auc if alike else None,
        "brier": alike.brier if alike else None,
        "log_loss": alike.log_loss if alike else None,
        "calibration_error": alike.ece if alike else None,
        "total_error": alike.total_error if alike else None,
        "closed_dt": closed_dt,
    }
    return pl.DataFrame([row], schema=CHURN_MODEL.polars_schema)


def decision_rows(life: MonthOfLife, kind: str, champion_digest: str | None) -> pl.DataFrame:
    """One row of `churn.churn_decision`."""
    compared = life.comparison
    gain = compared.auc_gain if compared else None
    row = {
        **_named(life, kind),
        "in_force_digest": model_digest(life.in_force),
        "learnt_date": life.in_force.card.as_of,
        "challenger_digest": model_digest(life.trained),
        "champion_digest": champion_digest,
        "is_replaced": life.is_replaced,
        "verdict": life.reason,
        "held_back_date": life.held_back,
        "number_of_customers": compared.champion.customers if compared else None,
        "auc_gain": gain.value if gain else None,
        "auc_gain_low": gain.low if gain else None,
        "auc_gain_high": gain.high if gain else None,
        **_compared("champion", compared.champion if compared else None),
        **_compared("challenger", compared.challenger if compared else None),
    }
    return pl.DataFrame([row], schema=CHURN_DECISION.polars_schema)


def backtest_rows(life: MonthOfLife, kind: str) -> pl.DataFrame:
    """Rows of `churn.churn_backtest`: of each date everybody, and each group."""
    rows = [
        {**_named(life, kind), "prediction_date": result.as_of, "grouping": grouping, "group_name": name}
        | _figures(metrics)
        for result in life.backtest
        for grouping, groups in {"all": {"all": result.metrics}, **result.groups}.items()
        for name, metrics in groups.items()
    ]
    return pl.DataFrame(rows, schema=CHURN_BACKTEST.polars_schema)


def drift_rows(life: MonthOfLife, kind: str) -> pl.DataFrame:
    """Rows of `churn.churn_drift`: the customers of the month against those that the model in force was trained on."""
    found = drift_of(life.in_force, life.customers.rows)
    named = found.with_columns(
        model_digest=pl.lit(model_digest(life.in_force)),
        **{name: pl.lit(value) for name, value in _named(life, kind).items()},
    )
    return named.select(pl.col(name).cast(dtype) for name, dtype in CHURN_DRIFT.polars_schema.items())


def _named(life: MonthOfLife, kind: str) -> Mapping[str, object]:
    return {"as_of_date": life.as_of, "kind": kind, "horizon_days": life.horizon}


def _compared(role: str, metrics: Metrics | None) -> dict[str, object]:
    figures = {"auc": "auc", "calibration_error": "ece", "total_error": "total_error"}
    return {f"{role}_{name}": getattr(metrics, figure) if metrics else None for name, figure in figures.items()}


def _figures(metrics: Metrics) -> dict[str, object]:
    return {
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
