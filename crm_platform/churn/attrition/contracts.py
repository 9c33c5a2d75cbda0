"""The contracts of the attrition marts: who came and left, whom campaigns kept, and what to offer whom.

Here: what the tables promise. Not here: how they are made (the `.sql` files, `build.py`).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.churn.contracts import RISK_BANDS, share
from crm_platform.churn.labels import KINDS
from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.value.profitability.settings import BANDS
from crm_platform.warehouse.contract import Amount, TableModel, contract_of

MOVEMENTS = ("joined", "left", "came_back", "changed_line")
AGE_BANDS = ("under 25", "25 to 39", "40 to 59", "60 and over")
_SEXES = ("female", "male", "other")
_KIND = "silence: purchases stopped; subscription: the last one ended."


def count(description: str) -> Any:
    """How many."""
    return number(description, ge=0, nullable=False)


class AttritionMovement(TableModel):
    """Who came, left, came back and changed to another product line, and who they were then."""

    kind: str = code(_KIND, KINDS, nullable=False)
    customer_key: int = key("The customer.")
    moved_date: pl.Date = pa.Field(description="Day (UTC) of the change: of leaving, when the silence had lasted.")
    movement: str = code("What changed.", MOVEMENTS, nullable=False)
    product_line: str = text("Product line of the purchase by which, or after which, the customer moved.")
    from_product_line: str = text("Product line of the purchase before.")
    profit_band: str = code("Newest band of profitability from before that day.", BANDS)
    sex: str = code("Sex.", _SEXES)
    age_band: str = code("Age on that day.", AGE_BANDS)
    country: str = text("Country, ISO 3166-1 alpha-2.")

    class Config(TableModel.Config):
        name = "churn.attrition_movement"
        unique = ["kind", "customer_key", "moved_date", "movement"]
        metadata = {"grain": "one row per customer, kind and change of state", "kind": "fact"}


class _Period(TableModel):
    period_date: pl.Date = pa.Field(description="First day (UTC) of the period.")
    kind: str = code(_KIND, KINDS, nullable=False)
    profit_band: str = code("Band of profitability before they moved.", BANDS)
    sex: str = code("Sex.", _SEXES)
    age_band: str = code("Age when they moved.", AGE_BANDS)
    country: str = text("Country, ISO 3166-1 alpha-2.")
    product_line: str = text("Product line of their purchase.")
    number_joined: int = count("Customers who bought or subscribed for the first time.")
    number_left: int = count("Customers who left.")
    number_came_back: int = count("Customers who had left and came back.")
    number_changed_line: int = count("Purchases of another product line than the one before.")


_SLICE = ["period_date", "kind", "profit_band", "sex", "age_band", "country", "product_line"]


class AttritionWeek(_Period):
    """Leavers and joiners of each week, which begins on Monday, by who they were."""

    class Config(TableModel.Config):
        name = "churn.attrition_week"
        unique = _SLICE
        metadata = {"grain": "one row per week, kind and group of customers with a movement", "kind": "mart"}


class AttritionMonth(_Period):
    """Leavers and joiners of each month, by who they were."""

    class Config(TableModel.Config):
        name = "churn.attrition_month"
        unique = _SLICE
        metadata = {"grain": "one row per month, kind and group of customers with a movement", "kind": "mart"}


class CampaignSaved(TableModel):
    """Whom each campaign kept who was likely to leave, and won back who had left, beside its control group."""

    campaign_id: str = identifier("The campaign.")
    number_at_risk: int = count("Members sent to who had left, or were in the highest fifth by the newest scores then.")
    number_bought: int = count("Of them bought anything within the days of churn.yaml.")
    number_kept: int = count("Of them had not left and ordered because of the campaign.")
    number_won_back: int = count("Of them had left and ordered because of the campaign.")
    saved_amount: Amount = number("What these ordered and kept, without VAT, in `currency`.", ge=0, nullable=False)
    number_of_control: int = count("Members held back who were at risk alike.")
    number_of_control_bought: int = count("Of them bought anything within these days.")
    lift: float = number("Share who bought of those sent to, less that of those held back; empty: nobody.", -1, 1)
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)

    class Config(TableModel.Config):
        name = "churn.campaign_saved"
        unique = ["campaign_id"]
        metadata = {"grain": "one row per campaign with a member at risk", "kind": "mart"}


class RiskOffer(TableModel):
    """Profitable households that are likely to leave, and the product to keep them by."""

    customer_key: int = key("The member likeliest to leave.")
    household_key: int = key("The household; empty: the customer is in none.", nullable=True)
    number_of_customers: int = number("Customers in it.", ge=1, nullable=False)
    as_of_date: pl.Date = pa.Field(description="Day (UTC) of the score.")
    churn_90d_prob: float = share("The member's chance of no purchase in the 90 days after.")
    risk_band: int = number("Its fifth among all purchasers, 5 the likeliest to leave.", 1, RISK_BANDS, nullable=False)
    reason_1: str = text("What raises the chance most.")
    profit_band: str = code("Best band of profitability in the household.", BANDS, nullable=False)
    margin_amount: Amount = number("Margin of the household, in `currency`.", ge=0, nullable=False)
    product_id: str = text("The product; empty: nothing goes with what the household has.")
    product_name: str = text("Its name.")
    product_line: str = text("Its line.")
    affinity: float = number("How often those who have what the household has bought it too: sum of cosines.", ge=0)
    unit_margin_amount: Amount = number("Margin of one piece at the list price, in `currency`.", ge=0)
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)

    class Config(TableModel.Config):
        name = "churn.risk_offer"
        unique = ["customer_key"]
        metadata = {"grain": "one row per household, or customer outside any", "kind": "mart"}


ATTRITION_MOVEMENT = contract_of(AttritionMovement)
ATTRITION_WEEK = contract_of(AttritionWeek)
ATTRITION_MONTH = contract_of(AttritionMonth)
CAMPAIGN_SAVED = contract_of(CampaignSaved)
RISK_OFFER = contract_of(RiskOffer)
