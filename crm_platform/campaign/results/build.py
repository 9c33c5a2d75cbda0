"""The making of the marts of campaigns: results by cell, lift over the control groups, deliverability.

Here: their inputs and their publishing. Not here: what they say (the `.sql` files, `lift.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import polars as pl

from crm_platform.campaign.results.contracts import CAMPAIGN_LIFT, CAMPAIGN_RESULTS, DELIVERABILITY
from crm_platform.campaign.results.lift import SUMS, lift
from crm_platform.campaign.settings import CampaignSettings, OrderRules
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.sources.sales.known import sold_lines
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.changed import publish_changed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, bound, quoted
from crm_platform.warehouse.publish import Publication, publish, publish_frame
from crm_platform.yaml_text import read_yaml

_READ = (
    "campaign.fact_campaign_delivery", "campaign.fact_campaign_order", "campaign.dim_campaign", "campaign.dim_cell",
    "scv.customer_ref_key", "sources.dim_channel", "sources.dim_communication",
)  # fmt: skip
_TREATED, _ALL = "treated", "all"


def publish_results(
    engine: Engine, feeds: Sequence[StagedFeed], settings: CampaignSettings, rates: ExchangeRates, as_of: datetime
) -> dict[str, Publication]:
    """Publish results, lift and deliverability from the facts, with what was sold as it was known at a time (UTC).

    Raises:
        ContractViolation: rows break a contract; that table was not published.
    """
    for name in _READ:
        engine.refresh_view(engine.contracts[name])
    with engine.registered(exchange_rate=rates.by_span(), mailbox_domain=mailbox_domains()):
        with sold_lines(engine, feeds, as_of):
            lifts = _lifts(engine, settings, rates.currency)
        made = {
            CAMPAIGN_LIFT.table: publish_frame(engine, CAMPAIGN_LIFT, lifts),
            CAMPAIGN_RESULTS.table: _publish_results(engine, rates.currency),
        }
        with _arriving(engine):
            made[DELIVERABILITY.table] = publish_changed(engine, DELIVERABILITY, "arriving_mail")
    return made


@lru_cache
def mailbox_domains() -> pl.DataFrame:
    """domain, provider: who keeps the mailboxes of the domains of `mailbox_providers.yaml`."""
    text = files("crm_platform.campaign.results").joinpath("mailbox_providers.yaml").read_text(encoding="utf-8")
    rows = [(domain, provider) for provider, domains in read_yaml(text).items() for domain in domains]
    return pl.DataFrame(rows, schema={"domain": pl.String, "provider": pl.String}, orient="row")


def _publish_results(engine: Engine, currency: str) -> Publication:
    with engine.temporary_view("counted", bound(_sql("campaign_results"), {"currency": currency})):
        query = _in_order(CAMPAIGN_RESULTS, _sql("rates"))
        return publish(engine, CAMPAIGN_RESULTS, {None: lambda path: engine.write_query(query, path)})


@contextmanager
def _arriving(engine: Engine) -> Iterator[None]:
    with engine.temporary_view("counted", _sql("deliverability")):
        engine.execute(f"CREATE OR REPLACE TEMP TABLE arriving_mail AS {_sql('rates')}")
    try:
        yield
    finally:
        engine.execute("DROP TABLE arriving_mail")


def _in_order(contract: Contract, query: str) -> str:
    names = ", ".join(quoted(name) for name in contract.column_names)
    order = ", ".join(quoted(name) for name in contract.key)
    return f"SELECT {names} FROM (\n{query}\n) AS made ORDER BY {order}"


def _lifts(engine: Engine, settings: CampaignSettings, currency: str) -> pl.DataFrame:
    """The rows of CAMPAIGN_LIFT."""
    sums = _sums(engine, settings.orders)
    control = sums.filter(pl.col("member_group") != _TREATED)
    every = control.group_by("campaign_id", "outcome").agg(pl.col(SUMS).sum()).with_columns(member_group=pl.lit(_ALL))
    controls = pl.concat([control, every.select(control.columns)])
    treated = sums.filter(pl.col("member_group") == _TREATED).drop("member_group")
    pairs = treated.rename({name: f"treated_{name}" for name in SUMS}).join(
        controls.rename({name: f"control_{name}" for name in SUMS}), on=["campaign_id", "outcome"]
    )
    confidence = settings.results.confidence
    judged = lift(pairs, confidence).with_columns(
        control_level="member_group",
        number_treated="treated_number",
        number_control="control_number",
        confidence=pl.lit(confidence),
        currency=pl.when(pl.col("outcome") == "spend").then(pl.lit(currency)),
    )
    rows = judged.select(pl.col(name).cast(dtype) for name, dtype in CAMPAIGN_LIFT.polars_schema.items())
    return rows.sort(CAMPAIGN_LIFT.key)


def _sums(engine: Engine, rules: OrderRules) -> pl.DataFrame:
    return engine.query(
        _sql("member_outcome"),
        {"window_days": rules.window_days, "default_window_days": rules.default_window_days},
    )


def _sql(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8").rstrip().rstrip(";")
