"""The making of `scv.customer_role` from orders, registrations, permissions and leads.

Here: the relations that the SQL reads, among them the rules. Not here: the rules themselves (`config/scv.yaml`).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.scv.records.build import every_version
from crm_platform.scv.roles.contracts import CUSTOMER_ROLE
from crm_platform.scv.settings import Roles
from crm_platform.sources.all_sources import all_sources, staging_refs
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish_sql_file

ROLE_FEEDS = ("orders", "order_events", "permission_events")


def publish_roles(engine: Engine, rules: Roles, feeds: Sequence[StagedFeed], as_of: datetime) -> Publication:
    """Publish who had which role up to `as_of` (UTC).

    Raises:
        ContractViolation: the rows break the contract; nothing was published.
    """
    for name in ("customer_ref_key", "customer_xref", "source_record", "golden_record"):
        engine.refresh_view(engine.contracts[f"scv.{name}"])
    staged = [feed for feed in feeds if feed.contract_name in ROLE_FEEDS]
    telling_steps = sorted({feed.source for feed in staged if feed.contract_name == "order_events"})
    frames = {
        "order_status_rule": _status_rules(rules),
        "role_lapse": _lapses(rules),
        "source_with_steps": pl.DataFrame({"source": telling_steps}, schema={"source": pl.String}),
    }
    parameters: dict[str, Parameter] = {"as_of": as_of, "ends_with_purchase": rules.prospect.ends_with_purchase}
    with (
        engine.registered(**frames),
        all_sources(engine, ("orders",), staging_refs(staged)),
        every_version(engine, ("order_events", "permission_events"), staged),
    ):
        return publish_sql_file(engine, CUSTOMER_ROLE, Path(__file__).with_name("customer_role.sql"), parameters)


def _status_rules(rules: Roles) -> pl.DataFrame:
    rows = [
        (role, status, effect)
        for role, rule in (("purchaser", rules.purchaser), ("payer", rules.payer))
        for effect, statuses in (("makes", rule.made_by), ("ends", rule.ended_by))
        for status in statuses
    ]
    return pl.DataFrame(rows, schema={"role": pl.String, "status": pl.String, "effect": pl.String}, orient="row")


def _lapses(rules: Roles) -> pl.DataFrame:
    months = {name: getattr(rules, name).lapses_after_months for name in type(rules).model_fields}
    rows = [(name, number) for name, number in months.items() if number is not None]
    return pl.DataFrame(rows, schema={"role": pl.String, "months": pl.Int32}, orient="row")
