"""The making of a month: models are trained and compared, and every customer is scored as of its last day.

Here: reading what was known, who is in force, and publishing. Not here: when a month is over
(`crm_platform/value/scores/months.py`), the life of a model (`crm_platform/churn/life.py`), the scores of today
(`current.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

import polars as pl

from crm_platform.churn import registry
from crm_platform.churn.backtest import FEWEST_DATES
from crm_platform.churn.contracts import (
    CHURN_BACKTEST,
    CHURN_DECISION,
    CHURN_DRIFT,
    CHURN_MODEL,
    CHURN_SCORE,
)
from crm_platform.churn.families import with_families
from crm_platform.churn.feature_contract import CHURN_FEATURE, SUBSCRIPTION_COLUMNS
from crm_platform.churn.inputs.build import Inputs, read_inputs
from crm_platform.churn.leaving import FallingSilent, GivingUpSubscriptions, Leaving
from crm_platform.churn.life import MonthOfLife, live_month
from crm_platform.churn.model import ChurnModel
from crm_platform.churn.monthly.models import champion_digest, keep_model, kept_model
from crm_platform.churn.monthly.scoring import scores_of
from crm_platform.churn.snapshots import ROUNDED
from crm_platform.churn.store import model_digest
from crm_platform.churn.subscriptions import subscribers_as_of
from crm_platform.churn.tables import MONTHLY_CONTRACTS
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.staging import StagedFeed
from crm_platform.value.features import features_as_of
from crm_platform.value.scores.build import SCORE_FEEDS
from crm_platform.value.scores.months import closing_dt, known_at, last_day
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication, publish

SILENCE_HORIZONS = (30, 90, 180)
SUBSCRIPTION_HORIZONS = (90,)
TRAINING_ROWS = 60_000
"""A month has four fits a horizon, of which three look back. On CDNOW these rows lost 0.0004 of AUC against seven
times as many."""


@dataclass(frozen=True)
class MonthlyChurn:
    """What was published; and what came of each month, kind of leaving and horizon, by these three."""

    publications: dict[str, Publication]
    lives: dict[tuple[str, str, int], MonthOfLife]


def publish_churn_months(
    engine: Engine,
    models: Path,
    rates: ExchangeRates,
    feeds: Sequence[StagedFeed],
    months: Sequence[str],
    silence_horizons: Sequence[int] = SILENCE_HORIZONS,
    subscription_horizons: Sequence[int] = SUBSCRIPTION_HORIZONS,
    look_back: int = FEWEST_DATES,
) -> MonthlyChurn:
    """Publish models, decisions, features and scores as of the last day of each of these months (`yyyy-mm`).

    One month after the other, for which model is in force hangs on the months before; each is tested on `look_back`
    earlier dates. A kind of leaving of which nobody is at risk has no rows.

    Raises:
        ContractViolation: a month of a table breaks its contract; it and those after it are not in place.
        ModelRefused: the model in force was changed or is gone.
    """
    publications: dict[str, Publication] = {}
    lives: dict[tuple[str, str, int], MonthOfLife] = {}
    sales = [feed for feed in feeds if feed.contract_name in SCORE_FEEDS]
    for month in sorted(months):
        inputs = read_inputs(engine, rates, feeds, last_day(month), known_at(engine, sales, month))
        silence = FallingSilent(inputs.lines, inputs.families, TRAINING_ROWS)
        subscriptions = GivingUpSubscriptions(inputs.periods, inputs.lines, inputs.families, TRAINING_ROWS)
        wanted: list[tuple[Leaving, Sequence[int]]] = [
            (silence, silence_horizons),
            (subscriptions, subscription_horizons),
        ]
        rows: dict[str, list[pl.DataFrame]] = {contract.table: [] for contract in MONTHLY_CONTRACTS}
        rows[CHURN_FEATURE.table].append(_features(inputs))
        for leaving, horizon in ((each, horizon) for each, horizons in wanted for horizon in horizons):
            champion = champion_digest(engine, leaving.kind, horizon, inputs.as_of)
            life = _lived(leaving, inputs.as_of, horizon, kept_model(models, champion) if champion else None, look_back)
            if life is not None:
                keep_model(life.trained, models)
                keep_model(life.in_force, models)
                lives[month, leaving.kind, horizon] = life
                _add(rows, life, leaving, champion, closing_dt(month))
        for contract in MONTHLY_CONTRACTS:
            published = _publish(engine, contract, month, rows[contract.table])
            publications[contract.table] = _together(publications.get(contract.table), published)
    return MonthlyChurn(publications, lives)


def _lived(
    leaving: Leaving, as_of: date, horizon: int, champion: ChurnModel | None, look_back: int
) -> MonthOfLife | None:
    """None where nobody is at risk."""
    if leaving.first_date is None or leaving.first_date > as_of:
        return None
    life = live_month(leaving, as_of, horizon, champion, look_back)
    return life if life.customers.rows.height else None


def _features(inputs: Inputs) -> pl.DataFrame:
    bought = features_as_of(inputs.lines, inputs.as_of)
    subscribed = subscribers_as_of(inputs.periods, inputs.lines.clear(), inputs.as_of).rows
    subscribed = subscribed.select("customer_id", *SUBSCRIPTION_COLUMNS)
    joined = bought.join(subscribed, on="customer_id", how="full", coalesce=True).sort("customer_id")
    known = with_families(joined, inputs.families, inputs.as_of)
    return known.select(
        as_of_date=pl.lit(inputs.as_of),
        customer_key=pl.col("customer_id").cast(pl.Int64),
        **{name: pl.col(name).cast(pl.Float64) for name in CHURN_FEATURE.column_names[2:]},
    ).with_columns(ROUNDED)


def _add(
    rows: Mapping[str, list[pl.DataFrame]],
    life: MonthOfLife,
    leaving: Leaving,
    champion: str | None,
    closed_dt: datetime,
) -> None:
    """Add what came of a kind and horizon to the rows of each table."""
    kind = leaving.kind
    scored = scores_of(life.in_force, life.customers.rows, leaving.topics()).with_columns(
        as_of_date=pl.lit(life.as_of),
        kind=pl.lit(kind),
        horizon_days=pl.lit(life.horizon, dtype=pl.Int64),
        model_digest=pl.lit(model_digest(life.in_force)),
    )
    rows[CHURN_SCORE.table].append(scored.select(CHURN_SCORE.column_names))
    rows[CHURN_MODEL.table].append(registry.model_rows(life, kind, closed_dt))
    rows[CHURN_DECISION.table].append(registry.decision_rows(life, kind, champion))
    rows[CHURN_BACKTEST.table].append(registry.backtest_rows(life, kind))
    rows[CHURN_DRIFT.table].append(registry.drift_rows(life, kind))


def _publish(engine: Engine, contract: Contract, month: str, parts: Sequence[pl.DataFrame]) -> Publication:
    rows = pl.concat([contract.empty(), *parts]).sort(contract.key)
    return publish(engine, contract, {month: partial(_write, rows)})


def _together(before: Publication | None, published: Publication) -> Publication:
    """The publications of two months as one."""
    if before is None:
        return published
    return Publication(
        published.contract,
        before.number_of_rows + published.number_of_rows,
        before.number_of_bytes + published.number_of_bytes,
        (*before.partition_keys, *published.partition_keys),
    )


def _write(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="zstd")
