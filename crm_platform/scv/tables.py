"""Every table of the stage.

Here: the list. Not here: the contracts (each next to what makes it).
"""

from crm_platform.scv.customers.dim_customer import DIM_CUSTOMER
from crm_platform.scv.golden.contracts import (
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
    ENDED_IDENTIFIER,
    GOLDEN_INPUT,
    GOLDEN_RECORD,
)
from crm_platform.scv.groups.contracts import (
    DIM_HOUSEHOLD,
    DIM_ORGANISATION,
    HOUSEHOLD_CHANGE,
    HOUSEHOLD_MEMBER,
    ORGANISATION_CHANGE,
    ORGANISATION_CONTACT,
)
from crm_platform.scv.identity.contracts import (
    CUSTOMER_REDIRECT,
    CUSTOMER_REF_KEY,
    CUSTOMER_XREF,
    CUSTOMER_XREF_CHANGE,
    KEY_EVENT,
)
from crm_platform.scv.records.contracts import SOURCE_RECORD, SOURCE_STATEMENT
from crm_platform.scv.review.contracts import MATCH_QUALITY, SCV_REVIEW
from crm_platform.scv.roles.contracts import CUSTOMER_ROLE
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
    GOLDEN_INPUT,
    CUSTOMER_ROLE,
    HOUSEHOLD_CHANGE,
    HOUSEHOLD_MEMBER,
    DIM_HOUSEHOLD,
    ORGANISATION_CHANGE,
    DIM_ORGANISATION,
    ORGANISATION_CONTACT,
    DIM_CUSTOMER,
    SCV_REVIEW,
    MATCH_QUALITY,
)
