"""Customers' worth: what is forecast beside what came, lifetimes beside the purchase models, and features at scale.

`python -m benchmarks value [part ...]`; parts: cdnow, retail, bounds (how near anybody could come, `value_bounds.py`),
lifetimes, features (with RFM and insight). The orders lie in `orders/` of the folder `CRM_EVAL_DATA` (default
`../shared/data`); what is missing is skipped, and said to be. What came is read by the figures alone. lifetimes runs
where it can be imported (it is a dependency of nothing here).
"""

import importlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.value_bounds import bounds_of, top_share
from benchmarks.value_features import LINES, measured_features
from crm_platform.value.base_model import outcomes
from crm_platform.value.features import features_as_of
from crm_platform.value.forecast import forecast
from crm_platform.value.orders_file import OrdersForm, read_orders
from crm_platform.value.purchase_models.bg_nbd import fit_bg_nbd
from crm_platform.value.purchase_models.gamma_gamma import fit_gamma_gamma
from crm_platform.value.purchase_models.histories import Floats, histories_of
from crm_platform.value.purchase_models.pareto_nbd import fit_pareto_nbd

CDNOW_AS_OF, CDNOW_DAYS = date(1997, 9, 30), 273
RETAIL_AS_OF, RETAIL_DAYS, SECOND_YEAR = date(2011, 9, 9), 90, date(2010, 12, 1)
MAE_GOAL, RMSE_GOAL, TOP_GOAL = 0.750, 1.600, 0.605
PARAMETER_GOAL = 0.001
SPEED_GOAL = 1.1
MEMORY_GOAL = 3_000
CONSOLE = Console(width=150)


@dataclass(frozen=True)
class Figure:
    """A measured figure, its goal, and whether it is reached."""

    name: str
    measured: float
    goal: str
    is_reached: bool


def main(arguments: Sequence[str]) -> bool:
    """Run the parts named, or all; whether every goal was reached."""
    data = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data")) / "orders"
    parts: dict[str, Callable[[], list[Figure]]] = {
        "cdnow": lambda: _cdnow(data),
        "retail": lambda: _retail(data),
        "bounds": lambda: _bounds(data),
        "lifetimes": lambda: _lifetimes(data),
        "features": _features,
    }
    table = Table("part", "figure", "measured", "goal", "", title="Customers' worth, one default for all sets")
    reached = []
    for name in arguments or parts:
        needed = {"cdnow": "CDNOW_sample.txt", "lifetimes": "CDNOW_sample.txt"}.get(
            name, "online_retail_2009_2010.parquet"
        )
        if name != "features" and not (data / needed).exists():
            table.add_row(name, "skipped", "", "", f"no {data / needed}")
            continue
        for figure in parts[name]():
            table.add_row(
                name, figure.name, f"{figure.measured:,.4f}", figure.goal, "reached" if figure.is_reached else "missed"
            )
            reached.append(figure.is_reached)
    CONSOLE.print(table)
    return all(reached)


def _at_most(name: str, measured: float, goal: float) -> Figure:
    return Figure(name, measured, f"at most {goal:,}", measured <= goal)


def _at_least(name: str, measured: float, goal: float) -> Figure:
    return Figure(name, measured, f"at least {goal:,}", measured >= goal)


def cdnow_lines(file: Path) -> pl.DataFrame:
    """The lines of a CDNOW file: columns without a header, cut by spaces."""
    fields = [line.split() for line in file.read_text().splitlines()]
    rows = [(each[-4], each[-3], each[-1]) for each in fields if each and each[-1][0].isdigit()]
    with tempfile.TemporaryDirectory() as folder:
        orders = Path(folder) / "orders.csv"
        pl.DataFrame(rows, schema=["customer_id", "order_dt", "amount"], orient="row").write_csv(orders)
        return read_orders(orders, Path(folder), OrdersForm()).lines


def _cdnow(data: Path) -> list[Figure]:
    lines = cdnow_lines(data / "CDNOW_sample.txt")
    customers = forecast(lines, CDNOW_AS_OF, CDNOW_DAYS).customers
    purchases, _ = outcomes(customers, lines, CDNOW_AS_OF, CDNOW_DAYS)
    error = customers["expected_purchases"].to_numpy() - purchases
    return [
        _at_most("MAE of purchases", float(np.abs(error).mean()), MAE_GOAL),
        _at_most("RMSE of purchases", float(np.sqrt((error**2).mean())), RMSE_GOAL),
        _at_most("error of the total, absolute", abs(float(error.sum() / purchases.sum())), 0.10),
        _at_least(
            "AUC of buying at all", area_under_curve(purchases > 0, customers["p_no_purchase"].to_numpy()), 0.780
        ),
    ]


def _bounds(data: Path) -> list[Figure]:
    """By models of the answers themselves: a goal that even they miss is out of reach."""
    cdnow = bounds_of(cdnow_lines(data / "CDNOW_sample.txt"), CDNOW_AS_OF, CDNOW_DAYS, of_total=0.9)
    retail = bounds_of(retail_lines(data), RETAIL_AS_OF, RETAIL_DAYS, of_total=1.0)
    return [
        _at_most("CDNOW, by the answers: MAE of purchases", cdnow.mae, MAE_GOAL),
        _at_most("CDNOW, by the answers: RMSE of purchases", cdnow.rmse, RMSE_GOAL),
        _at_least("retail, by the answers: spend of the top decile", retail.top_share, TOP_GOAL),
    ]


def retail_lines(data: Path) -> pl.DataFrame:
    """The lines of two years of Online Retail."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (
            read_orders(data / f"online_retail_{years}.parquet", Path(folder)).lines
            for years in ("2009_2010", "2010_2011")
        )
    return pl.concat([first.filter(pl.col("purchase_date") < SECOND_YEAR), second])


def _retail(data: Path) -> list[Figure]:
    lines = retail_lines(data)
    customers = forecast(lines, RETAIL_AS_OF, RETAIL_DAYS).customers
    purchases, spend = outcomes(customers, lines, RETAIL_AS_OF, RETAIL_DAYS)
    expected = customers["expected_spend"].to_numpy()
    return [
        _at_most("MAE of spend", float(np.abs(expected - spend).mean()), 395),
        _at_least("spend of the top decile", top_share(expected, spend), TOP_GOAL),
        _at_most("error of the total, absolute", abs(float(expected.sum() / spend.sum() - 1)), 0.07),
        _at_least(
            "AUC of buying at all", area_under_curve(purchases > 0, customers["p_no_purchase"].to_numpy()), 0.803
        ),
    ]


def area_under_curve(is_active: np.ndarray, no_purchase: Floats) -> float:
    """The share of pairs in which the active customer has the lower probability of no purchase, ties by half."""
    rank = pl.Series(-no_purchase).rank("average").to_numpy()
    active = int(is_active.sum())
    return float((rank[is_active].sum() - active * (active + 1) / 2) / (active * (len(rank) - active)))


def _lifetimes(data: Path) -> list[Figure]:
    """Our parameters and seconds beside those of lifetimes on one summary."""
    try:
        lifetimes: Any = importlib.import_module("lifetimes")
    except ImportError:
        CONSOLE.print("lifetimes cannot be imported: its part is skipped. Put it on PYTHONPATH to run it beside.")
        return []
    features = features_as_of(cdnow_lines(data / "CDNOW_sample.txt"), CDNOW_AS_OF)
    histories = histories_of(features)
    x, recency, age = (array[histories.place] for array in (histories.frequency, histories.recency, histories.age))
    repeated = features.filter(pl.col("number_of_purchases") > 1)
    amounts = repeated["number_of_purchases"].to_numpy().astype(float), repeated["spend_mean"].to_numpy()
    pairs: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
        ("BG/NBD", lambda: fit_bg_nbd(histories), lambda: lifetimes.BetaGeoFitter().fit(x, recency, age)),
        ("Pareto/NBD", lambda: fit_pareto_nbd(histories), lambda: lifetimes.ParetoNBDFitter().fit(x, recency, age)),
        ("Gamma-Gamma", lambda: fit_gamma_gamma(*amounts), lambda: lifetimes.GammaGammaFitter().fit(*amounts)),
    ]
    figures = []
    for name, ours, theirs in pairs:
        (mine, seconds), (peer, peer_seconds) = _timed(ours), _timed(theirs)
        furthest = max(abs(getattr(mine, key) / value - 1) for key, value in peer.params_.items())
        figures.append(_at_most(f"{name}: furthest parameter, relative", float(furthest), PARAMETER_GOAL))
        figures.append(_at_most(f"{name}: seconds by those of lifetimes", seconds / peer_seconds, 1.0))
    return figures


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the seconds of the quickest of three."""
    seconds = []
    for _ in range(3):
        started = perf_counter()
        result = work()
        seconds.append(perf_counter() - started)
    return result, min(seconds)


def _features() -> list[Figure]:
    """Features, RFM and insight of ten million lines beside the bare programs of the same figures."""
    runs = measured_features()
    for name, run in runs.items():
        parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in run.seconds.items())
        CONSOLE.print(f"{LINES:,} lines, {name}: {run.total:.1f} s ({parts}), {run.megabytes:,.0f} MB")
    ratio = runs["ours"].total / min(runs["polars"].total, runs["DuckDB"].total)
    return [
        _at_most("features, RFM, insight: seconds by the faster bare program", ratio, SPEED_GOAL),
        _at_most("peak MB", runs["ours"].megabytes, MEMORY_GOAL),
    ]
