"""The making of `permission.suppression`.

Here: its inputs and its publishing. Not here: the rules (`suppression.sql`, `config/permission.yaml`).
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from crm_platform.permission.settings import PermissionSettings
from crm_platform.permission.suppression.contracts import SUPPRESSION
from crm_platform.sources.feeds.codes import CHANNELS
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish_sql_file

_READ = ("permission.consent_event", "scv.dim_customer_history")
_NO_FURTHER = """
SELECT
    CAST(NULL AS VARCHAR) AS named, CAST(NULL AS BIGINT) AS customer_key, CAST(NULL AS VARCHAR) AS party,
    CAST(NULL AS VARCHAR) AS reason, CAST(NULL AS VARCHAR) AS channel, CAST(NULL AS BOOLEAN) AS is_ended_by_consent,
    CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS evidence_id,
    CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS since_dt, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS known_dt,
    CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS taken_dt, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS expires_dt,
    CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS lifted_dt, CAST(NULL AS VARCHAR) AS lifted_by
WHERE FALSE
"""


def publish_suppression(
    engine: Engine, settings: PermissionSettings, further: Sequence[str] = ()
) -> dict[str, Publication]:
    """Publish what keeps customers from being sent to.

    further: queries for suppressions of other stages, with the columns of `_NO_FURTHER`: `named` is what each is
    known by for good.

    Raises:
        ContractViolation: a row breaks the contract; nothing was published.
    """
    for name in _READ:
        engine.refresh_view(engine.contracts[name])
    rules = settings.suppression
    undone = [(each.suppression_id, each.undone_by) for each in settings.undone_suppressions]
    frames = {
        "suppressed_channel": pl.DataFrame({"channel": rules.complaint_channels}, schema={"channel": pl.String}),
        "every_channel": pl.DataFrame({"channel": CHANNELS}, schema={"channel": pl.String}),
        "undone": pl.DataFrame(undone, schema={"suppression_id": pl.String, "undone_by": pl.String}, orient="row"),
    }
    parameters: dict[str, Parameter] = {
        "complaint_months": rules.complaint_expires_after_months,
        "invalid_address": rules.invalid_address,
        "invalid_months": rules.invalid_address_expires_after_months,
        "deleted_customer": rules.deleted_customer,
    }
    query = " UNION ALL BY NAME ".join(f"({text})" for text in (_NO_FURTHER, *further))
    with engine.registered(**frames), engine.temporary_view("further_suppression", query):
        made = publish_sql_file(engine, SUPPRESSION, Path(__file__).with_name("suppression.sql"), parameters)
    return {SUPPRESSION.table: made}
