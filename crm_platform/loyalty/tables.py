"""Every table of the stage.

Here: the list. Not here: the contracts (each next to what makes it).
"""

from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS, LEDGER_INPUT, REFUSED_REDEMPTION
from crm_platform.loyalty.members.contracts import LOYALTY_MEMBER, LOYALTY_MOVEMENT, LOYALTY_TIER_HISTORY
from crm_platform.loyalty.satisfaction.contracts import SATISFACTION_MONTH
from crm_platform.warehouse.contract import Contract

LOYALTY_CONTRACTS: tuple[Contract, ...] = (
    FACT_LOYALTY_POINTS,
    REFUSED_REDEMPTION,
    LEDGER_INPUT,
    LOYALTY_TIER_HISTORY,
    LOYALTY_MEMBER,
    LOYALTY_MOVEMENT,
    SATISFACTION_MONTH,
)
