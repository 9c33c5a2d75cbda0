"""The contract of how content customers say they are.

Here: what the table promises. Not here: how it is made (`satisfaction_month.sql`).
"""

import pandera.polars as pa
import polars as pl

from crm_platform.sources.feeds.fields import code, number, text
from crm_platform.warehouse.contract import TableModel, contract_of


class SatisfactionMonth(TableModel):
    """Answers to surveys by month, brand and locale: net promoter score and customer satisfaction."""

    month_date: pl.Date = pa.Field(description="First day of the month (UTC) of the answers.")
    survey: str = code("Net promoter score (nps) or customer satisfaction (csat).", ("nps", "csat"), nullable=False)
    brand: str = text("Brand of the order that the survey asked about, else the customer's; empty: not known.")
    locale: str = text("Locale of that order, else the customer's; empty: not known.")
    number_of_responses: int = number("Answers with a score.", ge=1, nullable=False)
    number_of_customers: int = number("Customers who gave them, as far as they are known.", ge=0, nullable=False)
    number_of_promoters: int = number("nps: answers of 9 and 10.", ge=0)
    number_of_passives: int = number("nps: answers of 7 and 8.", ge=0)
    number_of_detractors: int = number("nps: answers up to 6.", ge=0)
    nps: float = number("Promoters less detractors, in percent of the answers.", ge=-100, le=100)
    number_of_satisfied: int = number("csat: answers from the declared score on.", ge=0)
    satisfied_pct: float = number("csat: their share, in percent.", ge=0, le=100)
    score_mean: float = number("Mean score.", ge=0, le=10, nullable=False)

    class Config(TableModel.Config):
        name = "loyalty.satisfaction_month"
        unique = ["month_date", "survey", "brand", "locale"]
        metadata = {"grain": "one row per month, survey, brand and locale with answers", "kind": "mart"}


SATISFACTION_MONTH = contract_of(SatisfactionMonth)
