"""The contracts of what customers are worth: by the end of each month, and the newest of it beside the customer.

Here: what the tables promise. Not here: how they are made (`build.py`, `customer_score.py`).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.scv.customers.dim_customer import DimCustomer
from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import code, number, pattern, text
from crm_platform.value.insight import PRICE_HABITS
from crm_platform.value.profitability.settings import BANDS as PROFIT_BANDS
from crm_platform.value.rfm import BANDS
from crm_platform.warehouse.contract import Amount, TableModel, View, contract_of

_RFM = f"^[1-{BANDS}]{{3}}$"


def certain_number(description: str, ge: float | None = None, le: float | None = None) -> Any:
    """A number that is always known."""
    return number(description, ge, le, nullable=False)


class _Month(TableModel):
    as_of_date: pl.Date = pa.Field(description="Last day (UTC) of a month: nothing after it counts.")
    customer_key: int = key("The customer, who has bought at least once up to the day.")


class CustomerRfm(_Month):
    """Recency, frequency and monetary value of every purchaser at the end of a month, in fifths, and the segment."""

    recency_days: int = certain_number("Days since the last purchase.", ge=0)
    tenure_days: int = certain_number("Days since the first purchase.", ge=0)
    number_of_purchases: int = certain_number("Days with a purchase.", ge=1)
    spend_amount: Amount = certain_number("Spent in all, without VAT, returns not taken off, in `currency`.", ge=0)
    returned_amount: Amount = certain_number("Cancelled and paid back in all, in `currency`.", ge=0)
    recency_band: int = certain_number("Fifth by recency, 5 bought last.", 1, BANDS)
    frequency_band: int = certain_number("Fifth by number of purchases, 5 bought most often.", 1, BANDS)
    monetary_band: int = certain_number("Fifth by spend, 5 spent most.", 1, BANDS)
    rfm: str = pattern("The three bands, such as 543.", _RFM, nullable=False)
    segment: str = text("Named segment; empty: none takes these bands.")
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)

    class Config(TableModel.Config):
        name = "value.customer_rfm"
        unique = ["as_of_date", "customer_key"]
        metadata = {
            "grain": "one row per purchaser and month",
            "kind": "fact",
            "partition": ("as_of_date", "month"),
        }


class CustomerInsight(_Month):
    """How every purchaser shopped up to the end of a month: how often, when, what, at which price, and when next."""

    number_of_purchases: int = certain_number("Days with a purchase.", ge=1)
    mean_gap_days: float = number("Mean days between consecutive purchases; empty: bought once.", ge=0)
    gap_deviation_days: float = number("Standard deviation of the gaps; empty: fewer than two.", ge=0)
    last_gap_days: float = number("The last gap.", ge=0)
    usual_weekday: int = number("Weekday with most purchases, 1 Monday to 7.", 1, 7)
    usual_day_of_month: int = number("Day of the month with most purchases.", 1, 31)
    usual_hour: int = number("Hour (UTC) at which most purchases begin.", 0, 23)
    top_product_id: str = text("Product bought on most lines.")
    top_category: str = text("Category bought on most lines.")
    price_habit: str = code("Buys at the full price, at markdown, or both.", PRICE_HABITS)
    next_purchase_date: pl.Date = pa.Field(nullable=True, description="When the next one is due; empty: none expected.")

    class Config(TableModel.Config):
        name = "value.customer_insight"
        unique = ["as_of_date", "customer_key"]
        metadata = {
            "grain": "one row per purchaser and month",
            "kind": "fact",
            "partition": ("as_of_date", "month"),
        }


class CustomerValue(_Month):
    """What every purchaser is expected to buy in the days after the end of a month: of 365 days, the lifetime value."""

    horizon_days: int = certain_number("Days after `as_of_date` that are forecast.", ge=1)
    no_purchase_prob: float = certain_number("Probability of no purchase in them.", 0, 1)
    expected_purchases: float = certain_number("Days with a purchase expected.", ge=0)
    expected_purchases_low: float = number("Lower bound of what 80 % of like customers came to.", ge=0)
    expected_purchases_high: float = number("Upper bound.", ge=0)
    expected_spend_amount: Amount = certain_number("Spend expected, without VAT, in `currency`.", ge=0)
    expected_spend_low_amount: Amount = number("Lower bound of what 80 % of like customers came to.", ge=0)
    expected_spend_high_amount: Amount = number("Upper bound.", ge=0)
    learnt_days: int = certain_number("Horizon of the earlier dates learnt from, shorter where history is.", ge=0)
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)

    class Config(TableModel.Config):
        name = "value.customer_value"
        unique = ["as_of_date", "customer_key", "horizon_days"]
        metadata = {
            "grain": "one row per purchaser, month and horizon",
            "kind": "fact",
            "partition": ("as_of_date", "month"),
        }


class _Scores(TableModel):
    scored_as_of_date: pl.Date = pa.Field(nullable=True, description="Day (UTC) of the newest scores.")
    rfm: str = pattern("Bands of recency, frequency and monetary value then; empty: no purchaser.", _RFM)
    rfm_segment: str = text("Named segment then.")
    no_purchase_90d_prob: float = number("Probability of no purchase in the 90 days after.", 0, 1)
    expected_purchases_90d: float = number("Purchases expected in the 90 days after.", ge=0)
    expected_spend_90d_amount: Amount = number("Spend expected in the 90 days after, in `score_currency`.", ge=0)
    lifetime_value_amount: Amount = number("Spend expected in the 365 days after, in `score_currency`.", ge=0)
    next_purchase_date: pl.Date = pa.Field(nullable=True, description="When the next purchase is due.")
    profit_as_of_date: pl.Date = pa.Field(nullable=True, description="Day (UTC) of the newest profitability.")
    profit_band: str = code("Band of profitability then, A the best.", PROFIT_BANDS)
    margin_amount: Amount = number("Margin of the months before it, in `score_currency`.")
    loyalty_tier: str = text("Tier of the loyalty scheme; empty: none.")
    loyalty_points: int = number("Balance of points; empty: no member.")
    score_currency: str = pattern("The company's currency, ISO 4217; empty: no amount.", CURRENCY)


class CustomerScore(_Scores):
    """Every customer's newest scores, at whatever time each was made."""

    customer_key: int = key("The customer.")

    class Config(TableModel.Config):
        name = "value.customer_score"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer", "kind": "mart"}


class DimCustomerScored(_Scores, DimCustomer):
    """Every customer as in scv.dim_customer, with the newest scores beside it."""

    class Config(TableModel.Config):
        name = "value.dim_customer_scored"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer", "kind": "dimension"}


CUSTOMER_RFM = contract_of(CustomerRfm)
CUSTOMER_INSIGHT = contract_of(CustomerInsight)
CUSTOMER_VALUE = contract_of(CustomerValue)
CUSTOMER_SCORE = contract_of(CustomerScore)
MONTHLY_CONTRACTS = (CUSTOMER_RFM, CUSTOMER_INSIGHT, CUSTOMER_VALUE)
SCORE_CONTRACTS = (*MONTHLY_CONTRACTS, CUSTOMER_SCORE)

_SCORED = contract_of(DimCustomerScored)
DIM_CUSTOMER_SCORED = View(
    _SCORED,
    _SCORED.table,
    _SCORED.summary,
    "SELECT dim_customer.*, customer_score.* EXCLUDE (customer_key) FROM scv.dim_customer "
    "LEFT JOIN value.customer_score ON dim_customer.customer_key = customer_score.customer_key",
)
