"""Every customer's chance of leaving now, by the models in force: made between two trainings.

Here: scoring as of the last whole day. Not here: training and the scores by month (`build.py`).
"""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from crm_platform.churn.contracts import CUSTOMER_CHURN
from crm_platform.churn.inputs.build import Inputs, read_inputs
from crm_platform.churn.leaving import FallingSilent, GivingUpSubscriptions, Leaving
from crm_platform.churn.monthly.build import SILENCE_HORIZONS
from crm_platform.churn.monthly.models import in_force_digest, kept_model
from crm_platform.churn.monthly.scoring import scores_of
from crm_platform.churn.snapshots import Memory
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication, publish_frame

TOLD_HORIZON = 90
"""Days of the chance whose band and reasons are given."""

_REASONS = ("reason_1", "reason_2", "reason_3")


def publish_customer_churn(
    engine: Engine, models: Path, rates: ExchangeRates, feeds: Sequence[StagedFeed], now: datetime
) -> Publication:
    """Publish the scores as of the last whole day before `now` (UTC), by what was loaded until then.

    Without a model in force there are no rows.

    Raises:
        ContractViolation: a row breaks the contract; nothing was published.
        ModelRefused: a model in force was changed or is gone.
    """
    inputs = read_inputs(engine, rates, feeds, now.date() - timedelta(days=1), now)
    return publish_frame(engine, CUSTOMER_CHURN, _rows(engine, models, inputs))


def _rows(engine: Engine, models: Path, inputs: Inputs) -> pl.DataFrame:
    # One day is looked at: its features serve all horizons, however many customers there are.
    silence = FallingSilent(inputs.lines, inputs.families, memory=Memory(most_rows=sys.maxsize))
    subscriptions = GivingUpSubscriptions(inputs.periods, inputs.lines, inputs.families)
    parts = [_silence_part(engine, models, inputs, silence, horizon) for horizon in SILENCE_HORIZONS]
    scored = _scored(engine, models, inputs, subscriptions, TOLD_HORIZON)
    parts.append(
        scored.select(
            "customer_key",
            subscription_end_prob="churn_prob",
            **{f"subscription_{reason}": pl.col(reason) for reason in _REASONS},
        )
    )
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.join(part, on="customer_key", how="full", coalesce=True)
    return rows.sort("customer_key").with_columns(as_of_date=pl.lit(inputs.as_of)).select(CUSTOMER_CHURN.column_names)


def _silence_part(engine: Engine, models: Path, inputs: Inputs, leaving: Leaving, horizon: int) -> pl.DataFrame:
    scored = _scored(engine, models, inputs, leaving, horizon).rename({"churn_prob": f"churn_{horizon}d_prob"})
    return scored if horizon == TOLD_HORIZON else scored.select("customer_key", f"churn_{horizon}d_prob")


def _scored(engine: Engine, models: Path, inputs: Inputs, leaving: Leaving, horizon: int) -> pl.DataFrame:
    """customer_key, churn_prob, risk_band and reasons; no rows where no model is in force."""
    digest = in_force_digest(engine, leaving.kind, horizon, inputs.as_of + timedelta(days=1))
    if digest is None:
        texts = dict.fromkeys(_REASONS, pl.String)
        return pl.DataFrame(schema={"customer_key": pl.Int64, "churn_prob": pl.Float64, "risk_band": pl.Int64, **texts})
    model = kept_model(models, digest)
    customers = leaving.seen(inputs.as_of, horizon, model.purchases).rows
    # Reasons cost more than chances: they are made where they are told.
    return scores_of(model, customers, leaving.topics() if horizon == TOLD_HORIZON else ())
