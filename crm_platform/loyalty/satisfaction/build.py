"""The making of `loyalty.satisfaction_month`.

Here: its inputs and its publishing. Not here: what is counted (`satisfaction_month.sql`).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from crm_platform.loyalty.satisfaction.contracts import SATISFACTION_MONTH
from crm_platform.loyalty.settings import Satisfaction
from crm_platform.sources.all_sources import all_sources, staging_refs
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish_sql_file

SATISFACTION_FEEDS = ("surveys", "orders")


def publish_satisfaction(
    engine: Engine, settings: Satisfaction, feeds: Sequence[StagedFeed], as_of: datetime
) -> dict[str, Publication]:
    """Publish the answers given up to `as_of` (UTC).

    Raises:
        ContractViolation: a row breaks the contract; nothing was published.
    """
    for name in ("scv.customer_ref_key", "scv.golden_record"):
        engine.refresh_view(engine.contracts[name])
    parameters: dict[str, Parameter] = {"as_of": as_of, "satisfied_from": settings.csat_satisfied_from}
    sql = Path(__file__).with_name("satisfaction_month.sql")
    with all_sources(engine, SATISFACTION_FEEDS, staging_refs(feeds)):
        return {SATISFACTION_MONTH.table: publish_sql_file(engine, SATISFACTION_MONTH, sql, parameters)}
