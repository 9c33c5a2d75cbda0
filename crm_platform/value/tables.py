"""Every table of the stage, and its views.

Here: the list. Not here: the contracts (each next to what makes it).
"""

from crm_platform.value.profitability.contracts import PROFITABILITY_CONTRACTS
from crm_platform.value.scores.contracts import DIM_CUSTOMER_SCORED, SCORE_CONTRACTS
from crm_platform.warehouse.contract import Contract, View

VALUE_CONTRACTS: tuple[Contract, ...] = (*PROFITABILITY_CONTRACTS, *SCORE_CONTRACTS)
VALUE_VIEWS: tuple[View, ...] = (DIM_CUSTOMER_SCORED,)
