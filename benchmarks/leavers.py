"""Who leaves the demo company, against its truth: ranking, calibration, and whether the reason is among those given.

`python -m benchmarks churn demo [customers or home ...]`: a demo company of so many customers (2000 where nothing is
named) is made and refreshed, a home that was refreshed is read. What is scored is the company as it was known a horizon
before its last day; what came is its own later purchases, and who had left by then is what the truth says. The truth
plants one reason: whoever leaves stops buying, against a rhythm of their own. Not here: other sets (`churn.py`).
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.identity import CRM, labelled
from crm_platform.churn.inputs.build import read_inputs
from crm_platform.churn.leaving import FallingSilent
from crm_platform.churn.metrics import Metrics, area_under_curve, measure
from crm_platform.churn.monthly.build import TRAINING_ROWS
from crm_platform.churn.monthly.scoring import scores_of
from crm_platform.settings import REPOSITORY
from crm_platform.sources.sales.exchange_rates import load_exchange_rates
from crm_platform.tables import tables_of
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake

HORIZON = 90
LAST_DAY = datetime(2026, 10, 31, tzinfo=UTC)
AFTER_ALL_LOADS = datetime(2100, 1, 1, tzinfo=UTC)
MOST_CALIBRATION_ERROR = 0.03
LEAST_TOLD = 0.8
REGULARS = ("occasional", "loyal", "markdown_only", "same_day_each_month")
"""Kinds of buyers who have a rhythm to fall out of."""

FALLEN_SILENT = "last purchase"
"""How the reason begins that the truth has planted."""


@dataclass(frozen=True)
class LeaverFigures:
    """metrics: of the chances against the purchases that came; gone_auc: of the chances of regular buyers against who
    had left by the truth; gone: how many had; told: share of them with the planted reason among the three given."""

    metrics: Metrics
    gone_auc: float | None
    gone: int
    told: float


def leaver_figures(home: Path, horizon: int = HORIZON) -> LeaverFigures:
    """The figures of a home of the demo company that was refreshed, its history ending on LAST_DAY."""
    as_of = (LAST_DAY - timedelta(days=horizon)).date()
    scores = _scores(home, horizon)
    metrics = measure(scores["churn_prob"].to_numpy(), scores["has_left"].cast(pl.Float64).to_numpy())
    is_gone = (pl.min_horizontal("leaves_date", "death_date") <= as_of).fill_null(False)
    regulars = scores.join(_people(home), on="customer_key").filter(pl.col("buyer").is_in(REGULARS))
    gone = regulars.filter(is_gone)
    reasons = pl.concat_str("reason_1", "reason_2", "reason_3", separator="|", ignore_nulls=True)
    told = gone.select(reasons.str.contains(FALLEN_SILENT, literal=True).mean()).item()
    flags = regulars.select(is_gone.cast(pl.Float64)).to_series().to_numpy()
    return LeaverFigures(
        metrics, area_under_curve(regulars["churn_prob"].to_numpy(), flags), gone.height, float(told or 0.0)
    )


def measured(named: str) -> LeaverFigures:
    """The figures of a home, or of a company of so many customers that is made for it."""
    if not named.isdigit():
        return leaver_figures(Path(named))
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CRM_HOME": home}
        for command in (["demo", "--customers", named, "--as-of", str(LAST_DAY.date())], ["refresh"]):
            subprocess.run([CRM, *command], env=environment, check=True, capture_output=True)
        return leaver_figures(Path(home))


def _scores(home: Path, horizon: int) -> pl.DataFrame:
    """Chances and reasons as of the horizon before the last day, with `has_left`."""
    config = REPOSITORY / "config"
    tables = tables_of(config)
    last = LAST_DAY.date()
    with duckdb.connect() as connection:
        engine = Engine(connection, Lake(home / "lake"), tables.by_name, tables.views)
        rates = load_exchange_rates(config / "exchange_rates.yaml")
        inputs = read_inputs(engine, rates, tables.feeds, last, AFTER_ALL_LOADS)
    leaving = FallingSilent(inputs.lines, inputs.families, TRAINING_ROWS)
    as_of = last - timedelta(days=horizon)
    model, now = leaving.fit(as_of, horizon)
    has_left = leaving.has_left(now.rows["customer_id"], as_of, horizon, last)
    return scores_of(model, now.rows, leaving.topics()).with_columns(has_left)


def _people(home: Path) -> pl.DataFrame:
    """customer_key, buyer, leaves_date, death_date: of the person most of whose records a customer holds."""
    held = labelled(home).group_by("customer_key", "person_id").len().sort("len", "person_id", descending=[True, False])
    truth = pl.read_parquet(home / "landing" / "_truth" / "churn.parquet")
    return held.unique("customer_key", keep="first", maintain_order=True).join(truth, on="person_id")
