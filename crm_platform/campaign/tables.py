"""Every table of the stage.

Here: the list. Not here: the contracts (each next to what makes it).
"""

from crm_platform.campaign.dimensions.contracts import CAMPAIGN_DIMENSIONS
from crm_platform.campaign.events.contracts import EVENT_CONTRACTS
from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, FACT_INPUT
from crm_platform.campaign.feedback.contracts import FEEDBACK_CONTRACTS
from crm_platform.campaign.mail.contracts import MAIL_DAY, MAIL_REPORT
from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.campaign.results.contracts import CAMPAIGN_LIFT, CAMPAIGN_RESULTS, DELIVERABILITY
from crm_platform.warehouse.contract import Contract

CAMPAIGN_CONTRACTS: tuple[Contract, ...] = (
    MAIL_REPORT,
    MAIL_DAY,
    *EVENT_CONTRACTS,
    *CAMPAIGN_DIMENSIONS,
    *FEEDBACK_CONTRACTS,
    FACT_CAMPAIGN_DELIVERY,
    FACT_CLICKTHROUGH,
    FACT_INPUT,
    FACT_CAMPAIGN_ORDER,
    CAMPAIGN_RESULTS,
    CAMPAIGN_LIFT,
    DELIVERABILITY,
)
