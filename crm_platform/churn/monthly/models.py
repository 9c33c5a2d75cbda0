"""The models' files and which of them is in force: a file per model, named by its digest.

Here: keeping, finding and reading them. Not here: what a file holds (`crm_platform/churn/store.py`).
"""

from datetime import date
from pathlib import Path

from crm_platform.churn.contracts import CHURN_DECISION
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.store import load_model, model_digest, save_model
from crm_platform.warehouse.engine import Engine


def keep_model(model: ChurnModel, models: Path) -> None:
    """Write the model's file below this folder; one that is there already is the same."""
    save_model(model, model_file(models, model_digest(model)))


def kept_model(models: Path, digest: str) -> ChurnModel:
    """The model that the registry knows by this digest.

    Raises:
        ModelRefused: its file is gone, or is not as it was written.
    """
    return load_model(model_file(models, digest), digest)


def model_file(models: Path, digest: str) -> Path:
    """Where a model's file lies below the folder of all models."""
    return models / "churn" / f"{digest}.json"


def champion_digest(engine: Engine, kind: str, horizon: int, before: date) -> str | None:
    """The model that had last taken over before a day, as it was trained; None where none had been."""
    return _newest(engine, "challenger_digest", "AND is_replaced", kind, horizon, before)


def in_force_digest(engine: Engine, kind: str, horizon: int, before: date) -> str | None:
    """The model that scored just before a day: the champion with its newest calibration."""
    return _newest(engine, "in_force_digest", "", kind, horizon, before)


def _newest(engine: Engine, column: str, condition: str, kind: str, horizon: int, before: date) -> str | None:
    engine.refresh_view(CHURN_DECISION)
    digest: str | None = engine.scalar(
        f"SELECT {column} FROM churn.churn_decision WHERE kind = $kind AND horizon_days = $horizon "
        f"AND as_of_date < $before {condition} ORDER BY as_of_date DESC LIMIT 1",
        {"kind": kind, "horizon": horizon, "before": before},
    )
    return digest
