"""Every table of the stage.

Here: the list. Not here: the contracts (each next to what makes it).
"""

from crm_platform.scv.golden.contracts import (
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
    ENDED_IDENTIFIER,
    GOLDEN_RECORD,
)
from crm_platform.scv.identity.contracts import (
    CUSTOMER_REDIRECT,
    CUSTOMER_REF_KEY,
    CUSTOMER_XREF,
    CUSTOMER_XREF_CHANGE,
    KEY_EVENT,
)
from crm_platform.scv.records.contracts import SOURCE_RECORD, SOURCE_STATEMENT
from crm_platform.warehouse.contract import Contract

SCV_CONTRACTS: tuple[Contract, ...] = (
    SOURCE_STATEMENT,
    SOURCE_RECORD,
    CUSTOMER_XREF_CHANGE,
    KEY_EVENT,
    CUSTOMER_XREF,
    CUSTOMER_REDIRECT,
    CUSTOMER_REF_KEY,
    ENDED_IDENTIFIER,
    GOLDEN_RECORD,
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
)
