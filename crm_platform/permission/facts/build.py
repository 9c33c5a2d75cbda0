"""The making of the facts of permission, their history, and the lists of who subscribes and whom to ask again.

Here: the steps and their publishing. Not here: the rules (the `.sql` files).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from crm_platform.permission.decision.decide import DECISION_TABLES, Moment, Question, decided
from crm_platform.permission.facts.contracts import (
    ACTIVE_SUBSCRIBER,
    FACT_PERMISSION,
    FACT_SUBSCRIPTION,
    PERMISSION_HISTORY,
    RE_PERMISSION,
)
from crm_platform.permission.settings import PermissionSettings
from crm_platform.warehouse.engine import Engine, Parameter, bound
from crm_platform.warehouse.publish import Publication, publish_sql_file

_READ = (
    "permission.consent_event",
    "permission.consent_party",
    "sources.dim_communication",
    "sources.dim_channel",
    "sources.dim_promotion_source",
    "sources.dim_brand",
    "sources.dim_locale",
    "sources.dim_language",
    "sources.dim_subscription_period",
)
_SUBSCRIBED = "SELECT DISTINCT customer_key FROM permission.fact_subscription WHERE is_active_flag = 1"


def publish_facts(engine: Engine, settings: PermissionSettings, as_of: datetime) -> dict[str, Publication]:
    """Publish subscriptions and general permissions as they stand at `as_of` (UTC): what has expired by then is over.

    Raises:
        ContractViolation: a table breaks its contract.
    """
    _refresh(engine, _READ)
    with _spells(engine, settings, as_of):
        return {
            contract.table: publish_sql_file(engine, contract, _sql(contract.table))
            for contract in (FACT_SUBSCRIPTION, FACT_PERMISSION)
        }


def publish_lists(engine: Engine, settings: PermissionSettings, as_of: datetime) -> dict[str, Publication]:
    """Publish the history of permissions by month, who subscribes now, and whose consent ends soon, at `as_of` (UTC).

    Raises:
        ContractViolation: a table breaks its contract.
    """
    _refresh(engine, (*DECISION_TABLES, "permission.fact_subscription", "permission.fact_permission"))
    parameters: dict[str, Parameter] = {"as_of": as_of, "days": settings.re_permission_days}
    made = {
        contract.table: publish_sql_file(engine, contract, _sql(contract.table), parameters)
        for contract in (PERMISSION_HISTORY, RE_PERMISSION)
    }
    with decided(engine, settings, _SUBSCRIBED, _offered(engine), Moment(as_of, as_of)):
        made[ACTIVE_SUBSCRIBER.table] = publish_sql_file(engine, ACTIVE_SUBSCRIBER, _sql(ACTIVE_SUBSCRIBER.table))
    return made


def _offered(engine: Engine) -> list[Question]:
    """Every communication to subscribe to, by each channel."""
    rows = engine.query(
        "SELECT communication_code, channel_code FROM sources.dim_communication CROSS JOIN sources.dim_channel "
        "WHERE communication_kind = 'subscription' AND channel_key > 0 ORDER BY ALL"
    )
    return [Question(communication, channel) for communication, channel in rows.iter_rows()]


@contextmanager
def _spells(engine: Engine, settings: PermissionSettings, as_of: datetime) -> Iterator[None]:
    """Let SQL read `consent_spell` for the time of the block."""
    text = bound(_sql("consent_spell").read_text(encoding="utf-8"), {"as_of": as_of, "merge": settings.merge})
    engine.execute(f"CREATE OR REPLACE TEMP TABLE consent_spell AS {text}")
    try:
        yield
    finally:
        engine.execute("DROP TABLE consent_spell")


def _refresh(engine: Engine, names: tuple[str, ...]) -> None:
    for name in names:
        engine.refresh_view(engine.contracts[name])


def _sql(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.sql")
