"""The contracts of what customers bring and cost: by month, in bands, and held against the sources' totals.

Here: what the tables promise. Not here: how they are made (the `.sql` files).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import code, number, pattern, text
from crm_platform.value.profitability.settings import BANDS
from crm_platform.warehouse.contract import Amount, TableModel, contract_of

COMPONENTS = ("revenue", "refund", "goods", "order", "parcel", "return", "contact", "campaign", "overhead")
COST_COLUMNS = (
    "goods_cost_amount",
    "order_cost_amount",
    "parcel_cost_amount",
    "return_cost_amount",
    "contact_cost_amount",
    "campaign_cost_amount",
    "overhead_amount",
)


def money(description: str) -> Any:
    """An amount that is always known, in `currency`."""
    return number(f"{description}, in `currency`.", nullable=False)


class _Figures(TableModel):
    number_of_orders: int = number("Orders placed.", ge=0, nullable=False)
    revenue_amount: Amount = money("Sales without VAT, less what was cancelled")
    refund_amount: Amount = money("Paid back for returns")
    goods_cost_amount: Amount = money("What the goods cost, less what came back is worth")
    order_cost_amount: Amount = money("Cost of handling orders")
    parcel_cost_amount: Amount = money("Cost of parcels")
    return_cost_amount: Amount = money("Cost of handling returns")
    contact_cost_amount: Amount = money("Cost of support cases")
    campaign_cost_amount: Amount = money("Cost of the campaign pieces that were sent")
    overhead_amount: Amount = money("Share of the overheads")
    margin_amount: Amount = money("Revenue less refunds and all costs")
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)


class _CustomerMonth(TableModel):
    customer_key: int = pa.Field(ge=0, description="The customer; 0: nobody whom we know, so that the parts add up.")
    month_date: pl.Date = pa.Field(description="First day of the month (UTC).")


class FactCustomerMonth(_Figures, _CustomerMonth):
    """What each customer brought and cost in a month: a periodic snapshot whose parts add up to the sources' totals."""

    class Config(TableModel.Config):
        name = "value.fact_customer_month"
        unique = ["customer_key", "month_date"]
        metadata = {
            "grain": "one row per customer and month with revenue or costs",
            "kind": "fact",
            "partition": ("month_date", "month"),
        }


class _Snapshot(TableModel):
    as_of_date: pl.Date = pa.Field(description="First day (UTC) of a month: the whole months before it count.")
    customer_key: int = key("The customer.")
    band: str = code("A, the best, to E, by the declared limits.", BANDS, nullable=False)
    margin_share: float = number(
        "Share of the customers whose margin is above this one's, ties taken whole: 0 is the best.", 0, 1, False
    )


class CustomerProfit(_Figures, _Snapshot):
    """What customers brought and cost in the months before a day, and their band."""

    class Config(TableModel.Config):
        name = "value.customer_profit"
        unique = ["as_of_date", "customer_key"]
        metadata = {
            "grain": "one row per customer and snapshot, of who brought or cost anything in its months",
            "kind": "fact",
            "partition": ("as_of_date", "month"),
        }


class UnprofitableCustomer(TableModel):
    """Who loses us money, by the latest snapshot, the most first, and what it is lost by."""

    customer_key: int = key("The customer.")
    as_of_date: pl.Date = pa.Field(description="Day of the snapshot.")
    place: int = number("Place among them, 1 loses most.", ge=1, nullable=False)
    number_of_orders: int = number("Orders placed.", ge=0, nullable=False)
    revenue_amount: Amount = money("Sales without VAT, less what was cancelled")
    margin_amount: Amount = money("Margin, below zero")
    main_cost: str = text("The cost that stands out most against what it is of everybody's revenue.")
    main_cost_amount: Amount = number("That cost, in `currency`.")
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)

    class Config(TableModel.Config):
        name = "value.unprofitable_customer"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer with a margin below zero", "kind": "mart"}


class ProfitReconciliation(TableModel):
    """The sources' totals beside what customers were given of them: the difference is nil, to the cent."""

    month_date: pl.Date = pa.Field(description="First day of the month (UTC).")
    component: str = code("What is compared.", COMPONENTS, nullable=False)
    source_amount: Amount = money("What the sources, or the declared costs, come to")
    attributed_amount: Amount = money("What customers were given of it, those not known among them")
    difference_amount: Amount = money("What is missing")
    unconverted: str = text("Currencies without a rate, whose amounts are left out of both.")
    currency: str = pattern("The company's currency, ISO 4217.", CURRENCY, nullable=False)

    class Config(TableModel.Config):
        name = "value.profit_reconciliation"
        unique = ["month_date", "component"]
        metadata = {"grain": "one row per month and component", "kind": "record"}


FACT_CUSTOMER_MONTH = contract_of(FactCustomerMonth)
CUSTOMER_PROFIT = contract_of(CustomerProfit)
UNPROFITABLE_CUSTOMER = contract_of(UnprofitableCustomer)
PROFIT_RECONCILIATION = contract_of(ProfitReconciliation)
PROFITABILITY_CONTRACTS = (FACT_CUSTOMER_MONTH, CUSTOMER_PROFIT, UNPROFITABLE_CUSTOMER, PROFIT_RECONCILIATION)
