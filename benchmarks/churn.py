"""Churn out of time: our one default beside a plain gradient boosting, a logistic regression and BG/NBD alone.

`python -m benchmarks churn [set ...]`; sets: cdnow, retail_90, retail_30, two_years, telco, and `million` for the time
and memory of a million customers (`churn_million.py`). The data lie in the folder `CRM_EVAL_DATA`
(default `../shared/data`); sets that are missing are skipped, and said to be. All of a set are fitted to the same
snapshots, none of which looks past the as-of date; what came after is read by the figures alone. Ours less the best
peer's AUC has a paired bootstrap interval. `by chance` is the ECE to expect of so many customers, were every chance
right. Two rows say how far anybody could come, by answers that nobody has: ours `were the total known`, and the same
learners `by the answers`, five-fold on what came itself. Telco is stratified five-fold. `demo [customers or home ...]`
measures the demo company against its truth (`leavers.py`).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from benchmarks import churn_million as million
from benchmarks import leavers
from crm_platform.churn.calibration import UNCHANGED, log_odds_of, probability
from crm_platform.churn.columns import learn_columns
from crm_platform.churn.labelled_tables import TableForm, folded, labelled_table, read_table
from crm_platform.churn.metrics import Metrics, measure, paired_auc_difference
from crm_platform.churn.model import SILENCE
from crm_platform.churn.season import with_total
from crm_platform.churn.snapshots import labelled_snapshot, training_dates
from crm_platform.churn.training import fit_model, fit_silence_model
from crm_platform.value.orders_file import read_orders
from crm_platform.value.purchase_models.bg_nbd import BgNbd
from crm_platform.value.purchase_models.histories import Floats

CONSOLE = Console(width=150)
SECONDS_GOAL = 30.0
MEMORY_GOAL = 3_000
_NO_FEATURES = ("customer_id", "has_left", SILENCE, "fold", "snapshot")


@dataclass(frozen=True)
class Goal:
    """The least AUC and the most of the others; None where there is no goal."""

    auc: float
    brier: float | None
    log_loss: float | None
    ece: float

    def missed_by(self, metrics: Metrics) -> list[str]:
        """The figures that are not reached."""
        most = {"brier": self.brier, "log_loss": self.log_loss, "ece": self.ece}
        missed = [name for name, bound in most.items() if bound is not None and getattr(metrics, name) > bound]
        return missed if metrics.auc is not None and metrics.auc >= self.auc else ["auc", *missed]


@dataclass(frozen=True)
class Split:
    """Orders, the as-of date, the horizon and the goal."""

    lines: Callable[[Path], pl.DataFrame]
    files: tuple[str, ...]
    as_of: date
    horizon: int
    goal: Goal


def _cdnow(data: Path) -> pl.DataFrame:
    text = (data / "orders/CDNOW_master.txt").read_text().split()
    customers, days, amounts = text[0::4], text[1::4], text[3::4]
    rows = pl.DataFrame({"customer_id": customers, "order_dt": days, "amount": amounts})
    return _read(rows.filter(pl.col("order_dt").str.contains(r"^\d{8}$")))


def _retail(data: Path) -> pl.DataFrame:
    rows = pl.read_parquet(data / "orders/online_retail_2010_2011.parquet")
    return _read(
        rows.select(
            "Quantity", "UnitPrice", customer_id=pl.col("CustomerID").cast(pl.Int64), order_dt=pl.col("InvoiceDate")
        )
    )


def _two_years(data: Path) -> pl.DataFrame:
    rows = pl.read_parquet(data / "orders/online_retail_2009_2010.parquet")
    first = _read(
        rows.select(
            "Quantity", UnitPrice="Price", customer_id=pl.col("Customer ID").cast(pl.Int64), order_dt="InvoiceDate"
        )
    )
    return pl.concat([first.filter(pl.col("purchase_date") < date(2010, 12, 1)), _retail(data)])


def _read(rows: pl.DataFrame) -> pl.DataFrame:
    """The lines as any company's order file gives them."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "orders.parquet"
        rows.write_parquet(file)
        return read_orders(file, Path(folder)).lines


_I, _II = "orders/online_retail_2010_2011.parquet", "orders/online_retail_2009_2010.parquet"
SPLITS = {
    "cdnow": Split(_cdnow, ("orders/CDNOW_master.txt",), date(1997, 12, 31), 90, Goal(0.809, 0.104, None, 0.010)),
    "retail_90": Split(_retail, (_I,), date(2011, 9, 9), 90, Goal(0.750, None, None, 0.04)),
    "retail_30": Split(_retail, (_I,), date(2011, 11, 9), 30, Goal(0.745, None, None, 0.04)),
    "two_years": Split(_two_years, (_I, _II), date(2011, 9, 9), 90, Goal(0.807, 0.184, None, 0.04)),
}
TELCO = "churn/telco_customer_churn.csv"
TELCO_GOAL = Goal(0.849, 0.1335, 0.412, 0.006)


def main(arguments: Sequence[str]) -> bool:
    """Run the sets named, or all; whether every goal was reached."""
    if arguments and arguments[0] == "demo":
        return _run_demo(arguments[1:] or ["2000"])
    data = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data"))
    table = Table("set", "model", "AUC", "Brier", "log loss", "ECE", "by chance", "total", "seconds", "goal",
                  title="Churn, one default for all sets")  # fmt: skip
    reached = []
    for name in arguments or (*SPLITS, "telco", "million"):
        if name == "million":
            reached.append(_run_million(table))
            continue
        files = (TELCO,) if name == "telco" else SPLITS[name].files
        if not all((data / file).exists() for file in files):
            table.add_row(name, "skipped", "", "", "", "", "", "", "", f"no {', '.join(files)}")
            continue
        reached.append(_run_telco(data, table) if name == "telco" else _run_split(name, data, table))
    CONSOLE.print(table)
    return all(reached)


def _run_demo(named: Sequence[str]) -> bool:
    table = Table(
        *("company", "customers", "AUC", "ECE", "by chance", "total", "AUC of who had left", "had left"),
        *("silence told", "trouble told", "of"),
        title=f"The demo company, {leavers.HORIZON} days",
    )
    reached = []
    for name in named:
        found = leavers.measured(name)
        metrics = found.metrics
        table.add_row(
            name, f"{metrics.customers:,}", f"{metrics.auc or 0:.4f}", f"{metrics.ece:.4f}",
            f"{found.ece_by_chance:.4f}", f"{metrics.total_error or 0:+.1%}", f"{found.gone_auc or 0:.4f}",
            f"{found.gone:,}", f"{found.silent_told:.1%}", f"{found.told:.1%} (who stayed: {found.stayed_told:.1%})",
            ", ".join(f"{trouble} {told}/{people}" for trouble, (people, told) in found.troubled.items()),
        )  # fmt: skip
        told = min(found.told, found.silent_told)
        reached.append(metrics.ece <= leavers.MOST_CALIBRATION_ERROR and told >= leavers.LEAST_TOLD)
    CONSOLE.print(table)
    return all(reached)


def _run_split(name: str, data: Path, table: Table) -> bool:
    split = SPLITS[name]
    lines = split.lines(data)
    until = split.as_of + timedelta(days=split.horizon)
    came = labelled_snapshot(lines, split.as_of, split.horizon, until).rows
    has_left = came["has_left"].cast(pl.Float64).to_numpy()
    started = perf_counter()
    model, now = fit_silence_model(lines, split.as_of, split.horizon)
    ours = model.probabilities(now.rows)
    seconds = perf_counter() - started
    peers = _peers(_training_rows(lines, split), now.rows)
    peers["BG/NBD"] = probability(now.rows[SILENCE].to_numpy())
    peers["were the total known"] = _at_total(ours, float(has_left.mean()))
    peers["by the answers"] = _crosswise(came, has_left, now.purchases)
    return _tell(name, ours, peers, has_left, seconds, split.goal, table)


def _training_rows(lines: pl.DataFrame, split: Split) -> pl.DataFrame:
    first = lines["purchase_date"].min()
    dates = training_dates(first, split.as_of, split.horizon)  # type: ignore[arg-type]
    return pl.concat([labelled_snapshot(lines, day, split.horizon, split.as_of).rows for day in dates])


def _peers(training: pl.DataFrame, scored: pl.DataFrame) -> dict[str, Floats]:
    """The usual project: one learner on the same features, its probabilities as they come."""
    columns = learn_columns(training, [name for name in training.columns if name not in _NO_FEATURES])
    has_left = training["has_left"].cast(pl.Float64).to_numpy()
    boosting = HistGradientBoostingClassifier(max_depth=3, max_iter=200, random_state=0)
    boosting.fit(np.column_stack([column.codes(training) for column in columns]), has_left)
    by_boosting = boosting.predict_proba(np.column_stack([column.codes(scored) for column in columns]))
    regression = LogisticRegression(max_iter=2_000)
    regression.fit(np.column_stack([column.standardised(training) for column in columns]), has_left)
    by_regression = regression.predict_proba(np.column_stack([column.standardised(scored) for column in columns]))
    return {"gradient boosting": by_boosting[:, 1], "logistic": by_regression[:, 1]}


def _at_total(chances: Floats, share: float) -> Floats:
    """The chances moved so that their mean is the share."""
    log_odds = log_odds_of(chances)
    return probability(with_total(UNCHANGED, log_odds, share).applied(log_odds))


def _crosswise(rows: pl.DataFrame, has_left: Floats, purchases: BgNbd | None) -> Floats:
    """The chance of each fifth of the customers by a model of the others'."""
    chances = np.empty(len(has_left))
    for training, held_back in _fifths(has_left):
        model = fit_model(folded(rows[training]), purchases).model
        chances[held_back] = model.probabilities(rows[held_back])
    return chances


def _fifths(has_left: Floats) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    return list(StratifiedKFold(5, shuffle=True, random_state=0).split(has_left, has_left))


def _run_telco(data: Path, table: Table) -> bool:
    with TemporaryDirectory() as workspace:
        raw = read_table(data / TELCO, Path(workspace))
    rows = labelled_table(raw, TableForm("Churn")).rows
    has_left = rows["has_left"].cast(pl.Float64).to_numpy()
    peers = dict[str, Any]()
    started = perf_counter()
    ours = _crosswise(rows, has_left, None)
    seconds = perf_counter() - started
    for training, held_back in _fifths(has_left):
        for name, predicted in _peers(rows[training], rows[held_back]).items():
            peers.setdefault(name, np.empty(len(has_left)))[held_back] = predicted
    return _tell("telco", ours, peers, has_left, seconds, TELCO_GOAL, table)


def _tell(
    name: str, ours: Floats, peers: dict[str, Floats], has_left: Floats, seconds: float, goal: Goal, table: Table
) -> bool:
    metrics = measure(ours, has_left)
    missed = goal.missed_by(metrics)
    wanted = " / ".join(str(bound) for bound in (goal.auc, goal.brier, goal.log_loss, goal.ece) if bound is not None)
    table.add_row(name, "ours", *_cells(metrics, ours), f"{seconds:.1f}",
                  f"{wanted} " + (f"missed: {', '.join(missed)}" if missed else "reached"))  # fmt: skip
    for peer, predicted in peers.items():
        gain = paired_auc_difference(ours, predicted, has_left, seed=1)
        table.add_row("", peer, *_cells(measure(predicted, has_left), predicted), "",
                      f"ours {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]")  # fmt: skip
    return not missed


def _cells(metrics: Metrics, chances: Floats) -> tuple[str, ...]:
    figures = (metrics.auc, metrics.brier, metrics.log_loss, metrics.ece, leavers.ece_by_chance(chances))
    return (*("" if figure is None else f"{figure:.4f}" for figure in figures), f"{metrics.total_error or 0:+.1%}")


def _run_million(table: Table) -> bool:
    reached = []
    for figures in million.measured():
        is_reached = figures.scoring_seconds <= SECONDS_GOAL and figures.megabytes <= MEMORY_GOAL
        reached.append(is_reached)
        table.add_row("million", figures.told, "", "", "", "", "", f"{figures.megabytes:,.0f} MB",
                      f"{figures.scoring_seconds:.1f}", f"scoring {SECONDS_GOAL:.0f} s, {MEMORY_GOAL:,} MB "
                      f"{'reached' if is_reached else 'missed'}")  # fmt: skip
    return all(reached)
