"""Every table of the stage.

Here: the list. Not here: the contracts (each next to what makes it).
"""

from crm_platform.permission.consent.contracts import CONSENT_EVENT, CONSENT_PARTY, REFUSED_EVENT
from crm_platform.permission.facts.contracts import (
    ACTIVE_SUBSCRIBER,
    FACT_PERMISSION,
    FACT_SUBSCRIPTION,
    PERMISSION_HISTORY,
    RE_PERMISSION,
)
from crm_platform.permission.suppression.contracts import SUPPRESSION
from crm_platform.warehouse.contract import Contract

PERMISSION_CONTRACTS: tuple[Contract, ...] = (
    CONSENT_EVENT,
    REFUSED_EVENT,
    CONSENT_PARTY,
    SUPPRESSION,
    FACT_SUBSCRIPTION,
    FACT_PERMISSION,
    PERMISSION_HISTORY,
    ACTIVE_SUBSCRIBER,
    RE_PERMISSION,
)
