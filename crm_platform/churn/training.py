"""Fits a churn model: learners on labelled rows of several dates, blended, and calibrated on rows they did not see.

Here: what is fitted to what. Not here: the rows (`snapshots.py`, `subscriptions.py`, `labelled_tables.py`) and the
learners (`learners.py`).
One default for every company: nothing here is to be set per data set.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from crm_platform.churn import learners
from crm_platform.churn.calibration import (
    NEWEST_SHARE,
    UNCHANGED,
    Calibration,
    calibrate,
    level_offset,
    probability,
)
from crm_platform.churn.families import EventFamily
from crm_platform.churn.model import PURCHASES_PART, SILENCE, ChurnModel, ModelCard
from crm_platform.churn.season import at_expected_total, expected_share
from crm_platform.churn.snapshots import (
    Memory,
    Snapshot,
    labelled_snapshot,
    of_customers,
    one_in,
    snapshot_as_of,
    some_of,
    training_dates,
)
from crm_platform.churn.terms import FOLDS, OLDER, design_of, fit_terms, unseen_contributions
from crm_platform.value.purchase_models.bg_nbd import BgNbd

MOST_ROWS = 200_000
"""More training rows than these teach a sum of terms nothing: on each date an even share of the customers is taken."""

DOUBTED = 20.0
"""Customers that are needed for a purchase model without any test to be believed by half."""

SEED = 0
_CODE = ("columns.py", "calibration.py", "families.py", "labels.py", "learners.py", "model.py", "season.py",
         "snapshots.py", "subscriptions.py", "terms.py", "training.py", "../value/features.py",
         "../value/purchase_models/bg_nbd.py", "../value/purchase_models/histories.py",
         "../value/purchase_models/maximum_likelihood.py")  # fmt: skip

OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fitted:
    """A model, and the labelled rows it was fitted to with `out_of_fold`: the probability by learners that did not see
    the row's customer."""

    model: ChurnModel
    rows: pl.DataFrame


def fit_silence_model(
    lines: pl.DataFrame,
    as_of: date,
    horizon: int,
    families: Sequence[EventFamily] = (),
    on_step: OnStep = lambda step, done, total: None,
    memory: Memory | None = None,
    most_rows: int = MOST_ROWS,
) -> tuple[ChurnModel, Snapshot]:
    """The model of buying nothing in the next `horizon` days, and the customers as of that date.

    Trained on snapshots whose window had passed by `as_of`; nothing after it is looked at.
    """
    known = lines.filter(pl.col("purchase_date") <= as_of)
    memory = memory or Memory()
    now = snapshot_as_of(known, as_of, horizon, families, memory=memory)
    dates = training_dates(known["purchase_date"].min(), as_of, horizon) if known.height else []  # type: ignore[arg-type]
    first = known.filter(pl.col("amount") > 0).group_by("customer_id").agg(pl.col("purchase_date").min())
    every = one_in(sum(int((first["purchase_date"] <= day).sum()) for day in dates), most_rows)
    snapshots = []
    for number, day in enumerate(dates):
        on_step(f"Looking at {day}", number, len(dates) + 1)
        if every == 1:
            snapshots.append(labelled_snapshot(known, day, horizon, as_of, families, memory))
        else:
            some = some_of(first.filter(pl.col("purchase_date") <= day)["customer_id"], every, number)
            snapshots.append(labelled_snapshot(of_customers(known, some), day, horizon, as_of, families))
    on_step("Learning", len(dates), len(dates) + 1)
    fitted = fit_model(stacked(snapshots), now.purchases, as_of, horizon, tuple(dates))
    if not dates:
        return _untaught(fitted.model, now), now
    model = fitted.model
    calibration = at_expected_total(
        model.calibration, model.blended(now.rows), lambda share: expected_share(known, now, horizon, share, memory)
    )
    return replace(model, calibration=calibration), now


def fit_model(
    rows: pl.DataFrame,
    purchases: BgNbd | None,
    as_of: date | None = None,
    horizon: int | None = None,
    snapshots: tuple[date, ...] = (),
) -> Fitted:
    """The model of labelled rows: has_left, snapshot (0 the newest), fold, and columns to learn from.

    `silence_log_odds` is a part of the blend where `purchases` is given.
    """
    design = design_of(rows, horizon)
    terms = fit_terms(design)
    bare = ChurnModel(
        _card(rows, as_of, horizon, snapshots), terms, purchases,
        float(rows[SILENCE].mean() or 0.0) if purchases and rows.height else 0.0,  # type: ignore[arg-type]
        UNCHANGED, (),
    )  # fmt: skip
    if not rows.height or not bare.parts:
        return Fitted(bare, rows.with_columns(out_of_fold=pl.lit(0.5)))
    unseen = bare.blended_with(rows, unseen_contributions(design, rows["fold"].to_numpy(), terms) if terms else 0.0)
    has_left, is_newest = rows["has_left"].cast(pl.Float64).to_numpy(), (rows["snapshot"] == 0).to_numpy()
    overall = calibrate(unseen, has_left, rows["snapshot"].cast(pl.Int64).to_numpy())
    newest = level_offset(overall.applied(unseen)[is_newest], has_left[is_newest]) if len(snapshots) > 1 else 0.0
    calibration = Calibration(overall.slope, overall.offset + NEWEST_SHARE * newest)
    out_of_fold = probability(calibration.applied(unseen))
    deciles = np.quantile(out_of_fold[is_newest], np.arange(1, 10) / 10)
    model = ChurnModel(
        bare.card, terms, purchases, bare.silence_centre, calibration, tuple(float(bound) for bound in deciles)
    )
    return Fitted(model, rows.with_columns(out_of_fold=pl.Series(out_of_fold)))


def _untaught(model: ChurnModel, now: Snapshot) -> ChurnModel:
    """The purchase model alone, never held against what came: the fewer customers it knows, the nearer to even odds."""
    if not now.purchases:
        return model
    number = now.rows.height
    centre = float(now.rows[SILENCE].mean() or 0.0)  # type: ignore[arg-type]
    return replace(model, silence_centre=centre, calibration=Calibration(number / (number + DOUBTED), 0.0))


def stacked(snapshots: Sequence[Snapshot]) -> pl.DataFrame:
    """The rows of all snapshots; a customer is in one fold on all dates."""
    if not snapshots:
        return pl.DataFrame(schema={"customer_id": pl.String, "has_left": pl.Boolean, "snapshot": pl.Int32})
    numbered = [
        snapshot.rows.with_columns(snapshot=pl.lit(number, dtype=pl.Int32)) for number, snapshot in enumerate(snapshots)
    ]
    rows = pl.concat(numbered, how="diagonal")
    return rows.with_columns(fold=(pl.col("customer_id").rank("dense") % FOLDS).cast(pl.Int32)).pipe(_without_gaps)


def _without_gaps(rows: pl.DataFrame) -> pl.DataFrame:
    """Where a snapshot had no purchase model, its log-odds are even."""
    return rows.with_columns(pl.col(SILENCE).fill_null(0.0)) if SILENCE in rows.columns else rows


def _card(rows: pl.DataFrame, as_of: date | None, horizon: int | None, snapshots: tuple[date, ...]) -> ModelCard:
    parameters = {
        "boosting_rounds": learners.ROUNDS, "learning_rate": learners.LEARNING_RATE,
        "smallest_leaf": learners.SMALLEST_LEAF, "regression_c": learners.REGRESSION_C, "folds": FOLDS,
        "newest_share": NEWEST_SHARE, "purchases_part": PURCHASES_PART, "older": OLDER,
    }  # fmt: skip
    return ModelCard(
        as_of, horizon, snapshots, rows.height, float(rows["has_left"].mean() or 0.0),  # type: ignore[arg-type]
        _data_digest(rows), _code_digest(), parameters, SEED,
        {name: version(name) for name in ("numpy", "polars", "scikit-learn", "scipy")},
    )  # fmt: skip


def _data_digest(rows: pl.DataFrame) -> str:
    """SHA-256 of the training rows' names and values, in their order."""
    digest = hashlib.sha256(",".join(rows.columns).encode())
    for column in rows.iter_columns():
        if column.dtype == pl.String:
            digest.update("\x1f".join("" if value is None else value for value in column).encode())
        else:
            digest.update(column.cast(pl.Float64).fill_null(float("nan")).to_numpy().tobytes())
    return digest.hexdigest()


def _code_digest() -> str:
    """SHA-256 of the source that a fit depends on."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in _CODE)).hexdigest()
