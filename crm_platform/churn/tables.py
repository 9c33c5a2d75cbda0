"""Every table of the stage.

Here: the list. Not here: the contracts (each next to what makes it).
"""

from crm_platform.churn.attrition.contracts import (
    ATTRITION_MONTH,
    ATTRITION_MOVEMENT,
    ATTRITION_WEEK,
    CAMPAIGN_SAVED,
    RISK_OFFER,
)
from crm_platform.churn.contracts import (
    CHURN_BACKTEST,
    CHURN_DECISION,
    CHURN_DRIFT,
    CHURN_MODEL,
    CHURN_SCORE,
    CUSTOMER_CHURN,
)
from crm_platform.churn.feature_contract import CHURN_FEATURE
from crm_platform.warehouse.contract import Contract

MONTHLY_CONTRACTS: tuple[Contract, ...] = (
    CHURN_FEATURE,
    CHURN_MODEL,
    CHURN_DECISION,
    CHURN_BACKTEST,
    CHURN_SCORE,
    CHURN_DRIFT,
)
"""What is made of a month that is over."""

CURRENT_CONTRACTS: tuple[Contract, ...] = (CUSTOMER_CHURN, RISK_OFFER)
"""What is made between two months by the models in force."""

CHURN_CONTRACTS: tuple[Contract, ...] = (
    *MONTHLY_CONTRACTS,
    *CURRENT_CONTRACTS,
    ATTRITION_MOVEMENT,
    ATTRITION_WEEK,
    ATTRITION_MONTH,
    CAMPAIGN_SAVED,
)
