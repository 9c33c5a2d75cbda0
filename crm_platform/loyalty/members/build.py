"""The making of the members, their tiers and the scheme's months out of the ledger.

Here: the steps and their publishing. Not here: the ledger (`ledger/`), the judgement (`tiers.py`).
"""

from datetime import datetime
from pathlib import Path

from crm_platform.loyalty.members.contracts import LOYALTY_MEMBER, LOYALTY_MOVEMENT, LOYALTY_TIER_HISTORY
from crm_platform.loyalty.members.tiers import judge_tiers
from crm_platform.loyalty.settings import LoyaltySettings
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish_sql_file


def publish_members(
    engine: Engine, settings: LoyaltySettings, rates: ExchangeRates, as_of: datetime
) -> dict[str, Publication]:
    """Publish tiers, members and movements of the published ledger, which must be of the same `as_of` (UTC).

    Raises:
        ContractViolation: a table breaks its contract.
    """
    engine.refresh_view(engine.contracts["loyalty.fact_loyalty_points"])
    judged = judge_tiers(engine.query(_sql("qualifying_month").read_text(encoding="utf-8")), settings, as_of)
    parameters: dict[str, Parameter] = {
        "as_of": as_of,
        "point_value": str(settings.point_value_amount),
        "currency": rates.currency,
    }
    with engine.registered(tier_change=judged.changes, tier_standing=judged.standing):
        return {
            contract.table: publish_sql_file(engine, contract, _sql(contract.table), parameters)
            for contract in (LOYALTY_TIER_HISTORY, LOYALTY_MEMBER, LOYALTY_MOVEMENT)
        }


def _sql(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.sql")
