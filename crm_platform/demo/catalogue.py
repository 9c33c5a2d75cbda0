"""What is sold, at what price in which market and when, and the stores it is sold in.

Products, prices and stores belong here, for they are the same whatever the number of customers; who buys them does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import yaml

from crm_platform.demo.addresses import draw_addresses, load_places
from crm_platform.demo.dice import dates, day_number, dice
from crm_platform.demo.feeds import DELIVERED, Landing
from crm_platform.demo.names import DATA
from crm_platform.demo.settings import CompanySettings, Period
from crm_platform.demo.writers import TextForm

FORM = TextForm()
PRICE_LEVEL = {"uk": 0.88, "nordic": 1.08, "benelux": 1.0, "italy": 0.97, "us": 1.05}
YEARLY_INCREASE = 0.035
# Sales: month, first and last day.
SALES = ((1, 2, 31), (7, 1, 31))
STORES = 14
# A printer wants ink: product number within electronics, and what is bought again after it.
FOLLOWERS = {
    "Inkjet printer Scribe 200": "Ink cartridge black",
    "Laser printer Scribe 900": "Toner cartridge",
    "Turntable Orbit": "Turntable needle",
    "Robot vacuum cleaner": "Vacuum cleaner filter set",
    "Electric toothbrush": "Toothbrush heads 4 pack",
}


@dataclass(frozen=True)
class Catalogue:
    """Everything that is for sale.

    products: product_number, product_id, product_name, brand, product_line, category, list_price, popularity,
    replenishment_days, lead_time_days, is_marked_down, launched_date, discontinued_date. prices: product_id, locale,
    valid_from_date, valid_until_date, price_type, price, currency. stores: store_id, brand, country, ...
    """

    products: pl.DataFrame
    prices: pl.DataFrame
    stores: pl.DataFrame


def make_catalogue(settings: CompanySettings, period: Period, seed: int) -> Catalogue:
    """The catalogue for the period; prices hold from a year before its start."""
    products = _products(settings, period)
    return Catalogue(products, _prices(products, settings, period), _stores(settings, period, seed))


def _products(settings: CompanySettings, period: Period) -> pl.DataFrame:
    declared: dict[str, list[list[Any]]] = yaml.safe_load((DATA / "products.yaml").read_text(encoding="utf-8"))
    brands = {brand.product_line: brand.code for brand in settings.brands}
    rows = [(brands[line], line, *product) for line, products in declared.items() for product in products]
    names = [
        "brand",
        "product_line",
        "product_name",
        "category",
        "list_price",
        "popularity",
        "replenishment_days",
        "lead_time_days",
        "is_marked_down",
    ]
    products = (
        pl.DataFrame(rows, schema=names, orient="row")
        .with_row_index("product_number")
        .with_columns(pl.col("product_number").cast(pl.Int64))
    )
    start = day_number(period.start)
    number = products["product_number"].to_numpy()
    # Every ninth product is launched within the history, every eleventh discontinued; others stand beside them.
    launched = np.where(number % 9 == 5, start + 150 + number * 5, start - 400 - number * 11)
    return products.with_columns(
        product_id=pl.format(
            "{}-{}", pl.col("product_line").str.slice(0, 2).str.to_uppercase(), pl.col("product_number") + 1001
        ),
        launched_date=dates(launched),
        discontinued_date=pl.when(pl.col("product_number") % 11 == 7).then(dates(start + 300 + number * 4)),
    )


def _price_dates(period: Period) -> list[tuple[date, date, bool, int]]:
    """Spans of equal price: first day, last day, is it a sale, years since the first price."""
    first = date(period.start.year - 1, 1, 1)
    spans = []
    for year in range(first.year, period.as_of.year + 1):
        starts = [
            date(year, 1, 1),
            *(
                day
                for month, low, high in SALES
                for day in (date(year, month, low), date(year, month, high) + timedelta(days=1))
            ),
        ]
        ends = [day - timedelta(days=1) for day in starts[1:]] + [date(year, 12, 31)]
        spans += [
            (low, high, index % 2 == 1, year - first.year)
            for index, (low, high) in enumerate(zip(starts, ends, strict=True))
        ]
    return spans


def _prices(products: pl.DataFrame, settings: CompanySettings, period: Period) -> pl.DataFrame:
    spans = pl.DataFrame(
        _price_dates(period), schema=["valid_from_date", "valid_until_date", "is_sale", "years"], orient="row"
    )
    locales = pl.DataFrame(
        {"locale": [each.code for each in settings.locales], "currency": [each.currency for each in settings.locales]}
    )
    levels = locales.with_columns(level=pl.col("locale").replace_strict(PRICE_LEVEL, return_dtype=pl.Float64))
    is_markdown = pl.col("is_sale") & pl.col("is_marked_down")
    share = pl.when(is_markdown).then(0.6 + 0.05 * (pl.col("product_number") % 6)).otherwise(1.0)
    price = pl.col("list_price") * pl.col("level") * (1 + YEARLY_INCREASE) ** pl.col("years") * share
    return (
        products.join(levels, how="cross")
        .join(spans, how="cross")
        .with_columns(
            price=price.round(2), price_type=pl.when(is_markdown).then(pl.lit("markdown")).otherwise(pl.lit("full"))
        )
        .select("product_id", "locale", "valid_from_date", "valid_until_date", "price_type", "price", "currency")
        .sort("product_id", "locale", "valid_from_date")
    )


def _stores(settings: CompanySettings, period: Period, seed: int) -> pl.DataFrame:
    rng = dice(seed, 0, "stores")
    places = [(locale.code, country.code) for locale in settings.locales for country in locale.countries]
    homes = pl.DataFrame(
        [places[number % len(places)] for number in range(STORES)], schema=["locale", "country"], orient="row"
    )
    stores = homes.hstack(draw_addresses(rng, homes["country"])).with_row_index("number")
    towns = pl.DataFrame(
        [
            (code, town.name, town.latitude, town.longitude)
            for code, land in load_places().items()
            for town in land.towns
        ],
        schema=["country", "city", "latitude", "longitude"],
        orient="row",
    ).unique(["country", "city"], keep="first", maintain_order=True)
    brands = [brand.code for brand in settings.brands]
    opened = dates(day_number(period.start) - rng.integers(200, 4000, STORES))
    return stores.join(towns, on=["country", "city"], how="left", maintain_order="left").with_columns(
        store_id=pl.format("ST{}", pl.col("number").cast(pl.String).str.zfill(3)),
        brand=pl.Series([brands[number % 3] for number in range(STORES)]),
        opened_date=opened,
        closed_date=pl.when(pl.col("number") == STORES - 1).then(pl.lit(period.start + timedelta(days=500))),
        latitude=(pl.col("latitude") + pl.Series(rng.normal(0, 0.01, STORES))).round(5),
        longitude=(pl.col("longitude") + pl.Series(rng.normal(0, 0.01, STORES))).round(5),
    )


def write_stock(landing: Landing, catalogue: Catalogue, settings: CompanySettings) -> None:
    """Write the files of the stock system: products, prices and stores, and a delta of prices for the last day."""
    _write_products(landing, catalogue.products, settings)
    _write_prices(landing, catalogue.prices)
    _write_stores(landing, catalogue.stores)


def _write_products(landing: Landing, products: pl.DataFrame, settings: CompanySettings) -> None:
    vat = {locale.code: locale.countries[0].vat_pct for locale in settings.locales}["benelux"]
    written = products.with_columns(pl.lit(landing.period.first_delivery).alias(DELIVERED)).select(
        DELIVERED,
        SKU="product_id",
        Description="product_name",
        Brand="brand",
        Line="product_line",
        Category="category",
        ListPrice="list_price",
        Cost=(pl.col("list_price") * 0.55).round(2),
        Currency=pl.lit("EUR"),
        VAT=pl.lit(vat),
        ReplenishDays=pl.when(pl.col("replenishment_days") > 0).then("replenishment_days"),
        ReorderLevel=pl.col("popularity") * 25,
        LeadDays="lead_time_days",
        Launched="launched_date",
        Discontinued="discontinued_date",
    )
    landing.deliver("stock/products", written, FORM)


def _write_prices(landing: Landing, prices: pl.DataFrame) -> None:
    period = landing.period
    known_until = pl.col("valid_from_date") <= period.as_of
    written = (
        prices.filter(known_until)
        .with_columns(pl.lit(period.first_delivery).alias(DELIVERED))
        .select(
            DELIVERED,
            SKU="product_id",
            Market="locale",
            ValidFrom="valid_from_date",
            ValidTo="valid_until_date",
            Kind=pl.col("price_type").str.slice(0, 1).str.to_uppercase(),
            Price="price",
            Currency="currency",
        )
    )
    landing.deliver("stock/prices", pl.concat([written, _corrected(written, period)]), FORM)


def _write_stores(landing: Landing, stores: pl.DataFrame) -> None:
    written = stores.with_columns(pl.lit(landing.period.first_delivery).alias(DELIVERED)).select(
        DELIVERED,
        StoreNo="store_id",
        Name=pl.format("{} {}", pl.col("brand").str.to_titlecase(), "city"),
        Brand="brand",
        Market="locale",
        Country="country",
        City="city",
        Postcode="postcode",
        Latitude=pl.col("latitude").cast(pl.String),
        Longitude=pl.col("longitude").cast(pl.String),
        Opened="opened_date",
        Closed="closed_date",
    )
    landing.deliver("stock/stores", written, FORM)


def _corrected(prices: pl.DataFrame, period: Period) -> pl.DataFrame:
    """A few of the last prices, told again on the last day with a correction."""
    latest = prices.filter(pl.col("ValidFrom") == prices["ValidFrom"].max()).gather_every(17)
    return latest.with_columns(pl.lit(period.as_of).alias(DELIVERED), Price=(pl.col("Price") * 0.98).round(2))
