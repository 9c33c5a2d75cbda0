"""Feeds of what was bought and where it stands: orders, their lines and events, returns and shipments.

Here: the order's life as the selling systems tell it. Not here: invoices and payments (`finance.py`) and products
(`catalogue.py`).
"""

import polars as pl

from crm_platform.sources.feeds.codes import COUNTRY, CURRENCY, LARGEST_QUANTITY
from crm_platform.sources.feeds.fields import (
    FeedModel,
    calendar_date,
    code,
    event_time,
    identifier,
    number,
    pattern,
    text,
)
from crm_platform.warehouse.contract import Amount, Timestamp


class Orders(FeedModel):
    """One row is an order as its system last told of it."""

    order_id: str = identifier("The source's own key of the order.")
    customer_id: str = text("The source's key of the customer who ordered; empty for an unnamed buyer at a till.")
    payer_customer_id: str = text("The source's key of the customer who pays, where that is somebody else.")
    order_dt: Timestamp = event_time("When the order was placed, UTC.", nullable=False)
    status: str = text("Status of the order, in the source's words.")
    channel: str = text("Channel the order came by, such as web, store or telephone.")
    store_id: str = text("The store where the order was placed.")
    brand: str = text("Code of the brand that sold.")
    locale: str = text("Code of the locale that sold.")
    currency: str = pattern("Currency of the amounts, ISO 4217.", CURRENCY)
    # No lower bounds: a credit note is an order below zero.
    total_amount: Amount = number("Value of the order without VAT, in `currency`; below zero for a credit.")
    vat_amount: Amount = number("VAT on the order, in `currency`; below zero for a credit.")
    promotion_code: str = text("Code that the customer entered to have an offer.")
    payment_method: str = text("How the order is paid, in the source's words.")

    class Config(FeedModel.Config):
        name = "feeds.orders"
        metadata = {
            "grain": "one row per order of the source",
            "natural_key": ["order_id"],
            "partition": ("order_dt", "month"),
        }


class OrderLines(FeedModel):
    """One row is a product on an order: sold, cancelled, or put right."""

    order_id: str = identifier("The source's key of the order.")
    line_number: int = number("Number of the line within the order, where the source numbers them.", ge=0)
    product_id: str = identifier("The product's key.")
    product_description: str = text("What the line calls the product.")
    line_type: str = code(
        "A sale, the cancellation of one, or an adjustment of the books.", ("sale", "cancellation", "adjustment")
    )
    quantity: int = number(
        "Pieces; below zero where a line takes a sale back.", ge=-LARGEST_QUANTITY, le=LARGEST_QUANTITY
    )
    # No lower bounds on the price and the discount. An adjustment, such as a bad debt written off, has a price below
    # zero, and a bound on the column knows nothing of the line's type: it would send true adjustments to quarantine.
    unit_price_amount: Amount = number(
        "Price of one piece without VAT, before the discount, in `currency`; below zero only for an adjustment."
    )
    discount_amount: Amount = number(
        "Taken off the whole line without VAT, in `currency`; below zero where a cancellation gives it back."
    )
    vat_pct: float = number("VAT of the line in percent, 20.0 for twenty percent.", ge=0, le=100)
    currency: str = pattern("Currency of the amounts, ISO 4217.", CURRENCY)
    order_dt: Timestamp = event_time("When the order was placed, UTC.", nullable=False)
    customer_id: str = text("The source's key of the customer who ordered, where the line names one.")
    country: str = pattern("Country that the order goes to, ISO 3166-1 alpha-2.", COUNTRY)

    class Config(FeedModel.Config):
        name = "feeds.order_lines"
        metadata = {
            "grain": "one row per line of an order",
            "natural_key": ["order_id", "line_number", "product_id", "order_dt"],
            "partition": ("order_dt", "month"),
        }


ORDER_STATUSES = (
    "quoted",
    "ordered",
    "dispatched",
    "delivered",
    "invoiced",
    "paid",
    "returned",
    "refunded",
    "cancelled",
    "closed",
)


class OrderEvents(FeedModel):
    """One row is a step that an order took in its life."""

    order_id: str = identifier("The source's key of the order.")
    status: str = code("Status that the order came to.", ORDER_STATUSES, nullable=False)
    event_dt: Timestamp = event_time("When the order came to the status, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.order_events"
        metadata = {
            "grain": "one row per order, status and time",
            "natural_key": ["order_id", "status", "event_dt"],
            "partition": ("event_dt", "month"),
        }


class Returns(FeedModel):
    """One row is goods of one product that came back."""

    return_id: str = identifier("The source's own key of the return.")
    order_id: str = text("The source's key of the order that the goods were sold on.")
    line_number: int = number("Number of the order's line that the goods were sold on.", ge=0)
    product_id: str = text("The product's key.")
    quantity: int = number("Pieces that came back, above zero.", ge=1, le=LARGEST_QUANTITY)
    reason: str = text("Why the goods came back, in the source's words.")
    returned_dt: Timestamp = event_time("When the goods came back, UTC.", nullable=False)
    refund_amount: Amount = number("What is paid back, without VAT, above zero, in `currency`.", ge=0)
    currency: str = pattern("Currency of the refund, ISO 4217.", CURRENCY)
    refunded_dt: Timestamp = event_time("When the refund was paid, UTC; empty before.")

    class Config(FeedModel.Config):
        name = "feeds.returns"
        metadata = {
            "grain": "one row per return of the source",
            "natural_key": ["return_id"],
            "partition": ("returned_dt", "month"),
        }


class Shipments(FeedModel):
    """One row is a shipment to a customer, from its promise on."""

    shipment_id: str = identifier("The source's own key of the shipment.")
    order_id: str = text("The selling source's key of the order.")
    carrier: str = text("Who carries the shipment.")
    number_of_parcels: int = number("Parcels in the shipment.", ge=0, le=LARGEST_QUANTITY)
    promised_date: pl.Date = calendar_date("Day by which the customer was promised to have it.")
    dispatched_dt: Timestamp = event_time("When the shipment left, UTC; empty before.")
    delivered_dt: Timestamp = event_time("When the shipment was handed over, UTC; empty before.")

    class Config(FeedModel.Config):
        name = "feeds.shipments"
        metadata = {
            "grain": "one row per shipment of the source",
            "natural_key": ["shipment_id"],
        }
