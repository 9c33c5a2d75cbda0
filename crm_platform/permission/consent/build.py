"""The making of the consent events, of those that are refused, and of whose they were when.

Here: the steps and their publishing. Not here: the rules (the `.sql` files, `config/permission.yaml`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from crm_platform.permission.consent.contracts import CONSENT_EVENT, CONSENT_PARTY, REFUSED_EVENT
from crm_platform.permission.consent.inputs import stated_consent
from crm_platform.permission.consent.validity import validity_ends
from crm_platform.permission.settings import PermissionSettings
from crm_platform.sources.company import Company
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, Parameter, bound
from crm_platform.warehouse.publish import Publication, publish_sql_file

_READ = (
    "sources.dim_communication",
    "sources.dim_brand",
    "sources.dim_locale",
    "scv.customer_ref_key",
    "scv.source_record",
    "scv.customer_xref",
    "scv.customer_xref_change",
)
_STEPS = ("consent_statement", "consent_customer", "judged_statement")


def publish_consent(
    engine: Engine,
    settings: PermissionSettings,
    company: Company,
    feeds: Sequence[StagedFeed],
    as_of: datetime,
    hash_key: str = "",
    further: Sequence[str] = (),
) -> dict[str, Publication]:
    """Publish the events of consent that were told up to `as_of` (UTC), and those without effect.

    hash_key: the secret by which addresses of requests are hashed; without one none is kept.
    further: queries for statements of other stages, as in `stated_consent`.

    Raises:
        ContractViolation: a table breaks its contract.
    """
    for name in _READ:
        engine.refresh_view(engine.contracts[name])
    with stated_consent(engine, settings, feeds, further), _judged(engine, settings, as_of):
        ends = validity_ends(company, engine.query(_DAYS))
        with engine.registered(validity_end=ends):
            events = publish_sql_file(engine, CONSENT_EVENT, _sql("consent_event"), {"hash_key": hash_key})
        refused = publish_sql_file(engine, REFUSED_EVENT, _sql("refused_event"))
    parties = publish_sql_file(engine, CONSENT_PARTY, _sql("consent_party"))
    return {CONSENT_EVENT.table: events, REFUSED_EVENT.table: refused, CONSENT_PARTY.table: parties}


_DAYS = """
SELECT DISTINCT coalesce(told_locale, '') AS locale, valid_until_date
FROM judged_statement WHERE valid_until_date IS NOT NULL AND effect = 'grant'
"""


@contextmanager
def _judged(engine: Engine, settings: PermissionSettings, as_of: datetime) -> Iterator[None]:
    """Let SQL read `judged_statement`, every event with its customer and its refusal, for the time of the block."""
    parameters: dict[str, Parameter] = {"as_of": as_of, "confirm_within_days": settings.confirm_within_days}
    made: list[str] = []
    try:
        for name in _STEPS:
            text = bound(_sql(name).read_text(encoding="utf-8"), parameters).rstrip().rstrip(";")
            engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {text}")
            made.append(name)
        yield
    finally:
        for name in reversed(made):
            engine.execute(f"DROP TABLE {name}")


def _sql(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.sql")
