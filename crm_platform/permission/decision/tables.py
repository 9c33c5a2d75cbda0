"""The tables that a decision reads: all that a program which only decides has to know.

Here: the list. Not here: what they promise (each next to what makes it).
"""

from crm_platform.permission.consent.contracts import CONSENT_EVENT, CONSENT_PARTY
from crm_platform.permission.suppression.contracts import SUPPRESSION
from crm_platform.scv.golden.contracts import GOLDEN_RECORD
from crm_platform.scv.identity.contracts import CUSTOMER_REDIRECT, CUSTOMER_REF_KEY
from crm_platform.scv.roles.contracts import CUSTOMER_ROLE
from crm_platform.sources.dimensions.dimensions import DimCommunication
from crm_platform.warehouse.contract import Contract, contract_of

DIM_COMMUNICATION = contract_of(DimCommunication)
DECISION_CONTRACTS: tuple[Contract, ...] = (
    CONSENT_EVENT,
    CONSENT_PARTY,
    SUPPRESSION,
    GOLDEN_RECORD,
    CUSTOMER_ROLE,
    CUSTOMER_REDIRECT,
    CUSTOMER_REF_KEY,
    DIM_COMMUNICATION,
)
