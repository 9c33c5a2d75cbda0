"""Feeds of what is owed and paid: invoices and payments of accounts receivable.

Here: the ledger's documents. Not here: orders and refunds of goods (`orders.py`).
"""

import polars as pl

from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import FeedModel, calendar_date, event_time, identifier, number, pattern, text
from crm_platform.warehouse.contract import Amount, Timestamp


class Invoices(FeedModel):
    """One row is an invoice or a credit note."""

    invoice_id: str = identifier("The source's own key of the invoice.")
    order_id: str = text("The selling source's key of the order that is invoiced.")
    customer_id: str = text("The source's key of the customer who owes.")
    # A calendar date: an invoice may be dated ahead.
    invoice_date: pl.Date = calendar_date("Date that the invoice bears.", nullable=False)
    due_date: pl.Date = calendar_date("Last day on which paying is prompt.")
    # No lower bounds: a credit note is an invoice below zero.
    net_amount: Amount = number("Sum without VAT, in `currency`; below zero for a credit note.")
    vat_amount: Amount = number("VAT, in `currency`; below zero for a credit note.")
    currency: str = pattern("Currency of the amounts, ISO 4217.", CURRENCY)
    status: str = text("Status of the invoice, in the source's words.")

    class Config(FeedModel.Config):
        name = "feeds.invoices"
        metadata = {
            "grain": "one row per invoice of the source",
            "natural_key": ["invoice_id"],
            "partition": ("invoice_date", "month"),
        }


class Payments(FeedModel):
    """One row is money that came in, or went back."""

    payment_id: str = identifier("The source's own key of the payment.")
    invoice_id: str = text("The invoice that is paid.")
    customer_id: str = text("The source's key of the customer who paid.")
    paid_dt: Timestamp = event_time("When the money came in, UTC.", nullable=False)
    # No lower bound: a refund and a charge-back are payments below zero.
    payment_amount: Amount = number("Sum paid with VAT, in `currency`; below zero where money went back.")
    currency: str = pattern("Currency of the payment, ISO 4217.", CURRENCY)
    payment_method: str = text("How it was paid, in the source's words.")

    class Config(FeedModel.Config):
        name = "feeds.payments"
        metadata = {
            "grain": "one row per payment of the source",
            "natural_key": ["payment_id"],
            "partition": ("paid_dt", "month"),
        }
