"""Who leaves the demo company, against its truth: ranking, calibration, and whether the reason is among those given.

`python -m benchmarks churn demo [customers or home ...]`: a demo company of so many customers (2000 where nothing is
named) is made and refreshed, a home that was refreshed is read. What is scored is the company as it was known a horizon
before its last day; what came is its own later purchases, and who had left by then is what the truth says. Some leave
over a trouble that the truth knows, such as a late delivery, which befalls others who stay; the rest fall silent
against a rhythm of their own. Not here: other sets (`churn.py`).
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from benchmarks.identity import CRM, labelled
from crm_platform.churn.inputs.build import read_inputs
from crm_platform.churn.leaving import FallingSilent
from crm_platform.churn.metrics import Metrics, area_under_curve, calibration_error, measure
from crm_platform.churn.monthly.build import TRAINING_ROWS
from crm_platform.churn.monthly.scoring import scores_of
from crm_platform.churn.reasons import REASONS
from crm_platform.demo.troubles import REGULARS
from crm_platform.settings import REPOSITORY
from crm_platform.sources.sales.exchange_rates import load_exchange_rates
from crm_platform.tables import tables_of
from crm_platform.value.purchase_models.histories import Floats
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake

HORIZON = 90
LAST_DAY = datetime(2026, 10, 31, tzinfo=UTC)
AFTER_ALL_LOADS = datetime(2100, 1, 1, tzinfo=UTC)
MOST_CALIBRATION_ERROR = 0.03
LEAST_TOLD = 0.8
FALLEN_SILENT = "last purchase"
"""How the reason begins of who left without a trouble."""

TOLD_BY = {
    "late_delivery": "late deliveries",
    "damaged_goods": "returns of goods",
    "unsolved_cases": "support cases",
    "bad_answer": "low survey answers",
    "too_many_mails": "opt-outs",
}
"""Trouble of the truth -> how the reason begins that names it."""

DRAWS = 50
RECENT = 180
"""A trouble of this many days before is still looked for among the reasons."""


@dataclass(frozen=True)
class LeaverFigures:
    """metrics: of the chances against the purchases that came; gone_auc: of the chances of regular buyers against who
    had left by the truth; gone: how many had; ece_by_chance: see the function.

    silent_told: share of who had left without a trouble whose silence is among the three reasons given; troubled:
    trouble -> who leaves over one of the last RECENT days, and for how many of them it is among the reasons;
    stayed_told: share of those who stayed, trouble or not, for whom it is."""

    metrics: Metrics
    ece_by_chance: float
    gone_auc: float | None
    gone: int
    silent_told: float
    troubled: dict[str, tuple[int, int]]
    stayed_told: float

    @property
    def told(self) -> float:
        """Share of all who left over a trouble whose trouble is among their reasons."""
        number = sum(people for people, _ in self.troubled.values())
        return sum(told for _, told in self.troubled.values()) / number if number else 0.0


def leaver_figures(home: Path, horizon: int = HORIZON) -> LeaverFigures:
    """The figures of a home of the demo company that was refreshed, its history ending on LAST_DAY."""
    as_of = (LAST_DAY - timedelta(days=horizon)).date()
    scores = _scores(home, horizon)
    metrics = measure(scores["churn_prob"].to_numpy(), scores["has_left"].cast(pl.Float64).to_numpy())
    is_gone = (pl.min_horizontal("leaves_date", "death_date") <= as_of).fill_null(False)
    begins = pl.col("trouble").replace_strict(TOLD_BY, default=FALLEN_SILENT, return_dtype=pl.String)
    is_told = pl.any_horizontal(pl.col(f"reason_{number}").str.starts_with(begins) for number in range(1, REASONS + 1))
    regulars = scores.join(_people(home), on="customer_key").filter(pl.col("buyer").is_in(REGULARS))
    regulars = regulars.with_columns(is_told=is_told.fill_null(False), is_gone=is_gone)
    has_trouble = pl.col("trouble").is_not_null()
    recent = regulars.filter(pl.col("trouble_date").is_between(as_of - timedelta(days=RECENT), as_of))
    leaves = pl.col("leaves_date").is_not_null()
    by_trouble = recent.filter(leaves).group_by("trouble").agg(pl.len(), pl.col("is_told").sum()).sort("trouble")
    flags = regulars["is_gone"].cast(pl.Float64).to_numpy()
    return LeaverFigures(
        metrics,
        ece_by_chance(scores["churn_prob"].to_numpy()),
        area_under_curve(regulars["churn_prob"].to_numpy(), flags),
        regulars.filter("is_gone").height,
        _share(regulars.filter(pl.col("is_gone") & ~has_trouble)),
        {trouble: (people, told) for trouble, people, told in by_trouble.iter_rows()},
        _share(recent.filter(~leaves)),
    )


def _share(people: pl.DataFrame) -> float:
    return float(people["is_told"].sum()) / max(people.height, 1)


def ece_by_chance(probabilities: Floats) -> float:
    """The calibration error to expect of so many customers, were every chance exactly right."""
    dice = np.random.default_rng(0)
    drawn = [(dice.random(len(probabilities)) < probabilities).astype(float) for _ in range(DRAWS)]
    return float(np.mean([calibration_error(probabilities, left) for left in drawn]))


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
    """customer_key and the truth (buyer, leaves_date, death_date, trouble, trouble_date) of the person most of whose
    records a customer holds."""
    held = labelled(home).group_by("customer_key", "person_id").len().sort("len", "person_id", descending=[True, False])
    truth = pl.read_parquet(home / "landing" / "_truth" / "churn.parquet")
    return held.unique("customer_key", keep="first", maintain_order=True).join(truth, on="person_id")
