"""Feeds of what is sold, for how much and where: products, prices and stores.

Here: master data as the stock system holds it. Not here: what was sold (`orders.py`) and the dimensions made from
these feeds (`crm_platform/sources/dimensions`).
"""

import polars as pl

from crm_platform.sources.feeds.codes import COUNTRY, CURRENCY
from crm_platform.sources.feeds.fields import FeedModel, calendar_date, code, identifier, number, pattern, text
from crm_platform.warehouse.contract import Amount

PRODUCT_LINES = ("electronics", "music", "travel")
_LONGEST_DAYS = 36_500


class Products(FeedModel):
    """One row is a product that is, was or will be sold."""

    product_id: str = identifier("The product's key.")
    product_name: str = text("Name of the product.")
    brand: str = text("Code of the brand that sells it.")
    product_line: str = code("Line of products that it belongs to.", PRODUCT_LINES)
    category: str = text("Category within the line, in the source's words.")
    list_price_amount: Amount = number("List price of one piece without VAT, in `currency`.", ge=0)
    cost_amount: Amount = number("What one piece costs the company, without VAT, in `currency`.", ge=0)
    currency: str = pattern("Currency of the amounts, ISO 4217.", CURRENCY)
    vat_pct: float = number("VAT in percent, 20.0 for twenty percent.", ge=0, le=100)
    replenishment_days: int = number("Days after which a buyer is likely to need it again.", ge=0, le=_LONGEST_DAYS)
    reorder_level: int = number("Pieces in stock at which more is ordered from the supplier.", ge=0)
    lead_time_days: int = number("Days from ordering at the supplier to having it.", ge=0, le=_LONGEST_DAYS)
    launched_date: pl.Date = calendar_date("First day of sale; may lie ahead.")
    discontinued_date: pl.Date = calendar_date("First day on which it is not sold any more; empty while it is.")

    class Config(FeedModel.Config):
        name = "feeds.products"
        metadata = {"grain": "one row per product of the source", "natural_key": ["product_id"]}


class Prices(FeedModel):
    """One row is the price of a product in a locale from a day on."""

    product_id: str = identifier("The product's key.")
    locale: str = identifier("Code of the locale that the price holds in.")
    valid_from_date: pl.Date = calendar_date("First day on which the price holds.", nullable=False)
    valid_until_date: pl.Date = calendar_date("Last day on which the price holds; empty: until the next one.")
    price_type: str = code("Whether it is the full price or a markdown.", ("full", "markdown"))
    price_amount: Amount = number("Price of one piece without VAT, in `currency`.", ge=0)
    currency: str = pattern("Currency of the price, ISO 4217.", CURRENCY)

    class Config(FeedModel.Config):
        name = "feeds.prices"
        metadata = {
            "grain": "one row per product, locale and first day of a price",
            "natural_key": ["product_id", "locale", "valid_from_date"],
        }


class Stores(FeedModel):
    """One row is a store or branch."""

    store_id: str = identifier("The store's key.")
    store_name: str = text("Name of the store.")
    brand: str = text("Code of the brand on its front.")
    locale: str = text("Code of the locale that it belongs to.")
    country: str = pattern("Country it stands in, ISO 3166-1 alpha-2.", COUNTRY)
    city: str = text("Town or city it stands in.")
    postcode: str = text("Postcode it stands in.", rule="postcode")
    latitude: float = number("Degrees north, WGS 84; below zero is south.", ge=-90, le=90)
    longitude: float = number("Degrees east, WGS 84; below zero is west.", ge=-180, le=180)
    opened_date: pl.Date = calendar_date("First day of business; may lie ahead.")
    closed_date: pl.Date = calendar_date("First day on which it is shut for good; empty while it is open.")

    class Config(FeedModel.Config):
        name = "feeds.stores"
        metadata = {"grain": "one row per store of the source", "natural_key": ["store_id"]}
