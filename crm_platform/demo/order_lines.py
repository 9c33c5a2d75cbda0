"""What is in the orders: products, quantities, prices of the day and market, discounts, cancellations and adjustments.

Order lines and the totals made of them belong here; orders themselves stand in `orders`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.catalogue import FOLLOWERS, Catalogue
from crm_platform.demo.dice import Integers, chance, choose_index, dice, span_of
from crm_platform.demo.orders import number_orders, repeat
from crm_platform.demo.settings import Chunk, CompanySettings, Period

LINE_COLUMNS = [
    "order_number",
    "line_number",
    "order_dt",
    "system",
    "record",
    "person",
    "country",
    "locale",
    "product_id",
    "product_name",
    "line_type",
    "quantity",
    "unit_price",
    "discount",
    "vat_pct",
    "currency",
]


def make_order_lines(
    orders: pl.DataFrame, catalogue: Catalogue, chunk: Chunk, settings: CompanySettings, seed: int, purpose: str
) -> pl.DataFrame:
    """One row per line of the orders: the columns of LINE_COLUMNS.

    Prices and discounts per piece, excluding VAT, in the market's currency.
    """
    rng = dice(seed, chunk.index, f"order lines {purpose}")
    is_company = (orders["buyer"] == "company").to_numpy()
    times = 1 + np.minimum(rng.poisson(np.where(is_company, 1.5, 0.8)), 6)
    lines = repeat(orders, times).with_columns(line_number=pl.int_range(1, pl.len() + 1).over("order_number"))
    number = _draw_products(rng, lines, catalogue)
    wanted = pl.when(pl.col("line_number") == 1).then("wanted_number")
    lines = lines.with_columns(
        product_number=pl.coalesce(wanted, pl.Series(number)), quantity=pl.Series(_quantities(rng, lines))
    )
    priced = price(
        lines.join(
            catalogue.products.select("product_number", "product_id", "product_name"),
            on="product_number",
            maintain_order="left",
        ),
        catalogue,
    )
    return with_vat(_adjust(rng, priced), settings).select(LINE_COLUMNS)


def _draw_products(rng: np.random.Generator, lines: pl.DataFrame, catalogue: Catalogue) -> Integers:
    """Products by popularity, three in four of the line of the customer's own brand.

    Who buys at markdown takes what is marked down.
    """
    products = catalogue.products
    popularity = products["popularity"].cast(pl.Float64).to_numpy()
    drawn = choose_index(rng, products.height, lines.height, popularity)
    for brand in products["brand"].unique(maintain_order=True):
        own = np.flatnonzero((lines["brand"] == brand).to_numpy() & chance(rng, lines.height, 0.75))
        drawn[own] = choose_index(rng, products.height, len(own), popularity * (products["brand"] == brand).to_numpy())
    bargains = np.flatnonzero((lines["buyer"] == "markdown_only").to_numpy())
    drawn[bargains] = choose_index(
        rng, products.height, len(bargains), popularity * products["is_marked_down"].to_numpy()
    )
    return _only_what_is_sold(drawn, lines, products)


def _only_what_is_sold(drawn: Integers, lines: pl.DataFrame, products: pl.DataFrame) -> Integers:
    """Put the neighbour in the list in the place of a product that is not launched yet or is discontinued."""
    sold = products.select(
        launched=pl.col("launched_date"),
        until=pl.col("discontinued_date").fill_null(pl.lit("2999-12-31").str.to_date()),
    ).with_row_index("n")
    day = lines["order_dt"].cast(pl.Date)
    for _ in range(2):
        at = sold.select("launched", "until")[drawn]
        is_sold = ((at["launched"] <= day) & (day <= at["until"])).to_numpy()
        drawn = np.where(is_sold, drawn, (drawn + products.height - 1) % products.height)
    return drawn.astype(np.int64)


def _quantities(rng: np.random.Generator, lines: pl.DataFrame) -> Integers:
    few = 1 + np.minimum(rng.geometric(0.82, lines.height) - 1, 5)
    many = 2 + rng.geometric(0.08, lines.height)
    return np.where((lines["buyer"] == "company").to_numpy(), many, few).astype(np.int64)


def price(lines: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Add unit_price, currency and price_type: what the product cost that day in that market."""
    prices = catalogue.prices.select(
        "product_id", "locale", "valid_from_date", "currency", "price_type", unit_price="price"
    ).sort("valid_from_date")
    dated = lines.with_row_index("place").with_columns(order_date=pl.col("order_dt").cast(pl.Date)).sort("order_date")
    priced = dated.join_asof(
        prices,
        left_on="order_date",
        right_on="valid_from_date",
        by=["product_id", "locale"],
        strategy="backward",
        check_sortedness=False,
    )
    return priced.sort("place").drop("place", "order_date", "valid_from_date")


def _adjust(rng: np.random.Generator, lines: pl.DataFrame) -> pl.DataFrame:
    """Discounts on some lines; a few cancelled again by a line of their own, a few adjustments of the price."""
    count = lines.height
    discounted = pl.Series(chance(rng, count, 0.06))
    sold = lines.with_columns(
        line_type=pl.lit("sale"),
        discount=pl.when(discounted).then((pl.col("unit_price") * 0.1).round(2)).otherwise(0.0),
    )
    again = pl.Series(chance(rng, count, 0.012))
    cancelled = sold.filter(again).with_columns(line_type=pl.lit("cancellation"), quantity=-pl.col("quantity"))
    adjusted = sold.filter(pl.Series(chance(rng, count, 0.004))).with_columns(
        line_type=pl.lit("adjustment"),
        quantity=pl.lit(1, pl.Int64),
        unit_price=(pl.col("unit_price") * -0.05).round(2),
        discount=pl.lit(0.0),
    )
    every = pl.concat([sold, cancelled, adjusted]).sort("order_number", "line_number", maintain_order=True)
    return every.with_columns(line_number=pl.int_range(1, pl.len() + 1).over("order_number"))


def with_vat(lines: pl.DataFrame, settings: CompanySettings) -> pl.DataFrame:
    """Add vat_pct of the customer's country."""
    vat = {code: country.vat_pct for code, (_, country) in settings.countries().items()}
    return lines.with_columns(vat_pct=pl.col("country").replace_strict(vat, return_dtype=pl.Float64))


def make_replenishments(
    people: pl.DataFrame,
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    catalogue: Catalogue,
    chunk: Chunk,
    settings: CompanySettings,
    period: Period,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders, with their line, of what is used up with a product bought before.

    Ink some three months after the printer. Gives orders, lines.
    """
    rng = dice(seed, chunk.index, "replenishments")
    products = catalogue.products.select("product_name", "product_id", "product_number", "replenishment_days")
    bought = lines.filter(pl.col("product_name").is_in(list(FOLLOWERS)) & (pl.col("line_type") == "sale"))
    bought = bought.filter(pl.Series(chance(rng, bought.height, 0.6))).unique(
        "order_number", keep="first", maintain_order=True
    )
    wanted = bought.select(
        "order_number", product_name=pl.col("product_name").replace_strict(FOLLOWERS, return_dtype=pl.String)
    ).join(products, on="product_name", maintain_order="left")
    pause = wanted["replenishment_days"].to_numpy() * rng.normal(1.0, 0.12, wanted.height)
    later = wanted.join(orders, on="order_number", maintain_order="left").with_columns(
        order_dt=pl.col("order_dt") + span_of(pause * 86_400),
        member_id=pl.lit(None, pl.String),
        promotion_code=pl.lit(None, pl.String),
    )
    later = _of_customers_still_there(later, people, period).pipe(number_orders, chunk, orders.height)
    more = later.with_columns(
        line_number=pl.lit(1, pl.Int64), line_type=pl.lit("sale"), quantity=pl.lit(1, pl.Int64), discount=pl.lit(0.0)
    )
    return later.select(orders.columns), with_vat(price(more, catalogue), settings).select(LINE_COLUMNS)


def _of_customers_still_there(orders: pl.DataFrame, people: pl.DataFrame, period: Period) -> pl.DataFrame:
    lives = people.select("person", "leaves_date", "death_date")
    last = pl.min_horizontal(pl.lit(period.as_of), "leaves_date", "death_date")
    return orders.join(lives, on="person", how="left", maintain_order="left").filter(
        pl.col("order_dt").cast(pl.Date) <= last
    )


def line_discount() -> pl.Expr:
    """What a line is cheaper by: the systems tell it of the line, and reckon it by the piece."""
    return (pl.col("discount") * pl.col("quantity")).round(2)


def with_totals(orders: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Add currency, net_total (excluding VAT), vat_total and number_of_lines to the orders."""
    net = pl.col("quantity") * (pl.col("unit_price") - pl.col("discount"))
    totals = lines.group_by("order_number", maintain_order=True).agg(
        pl.col("currency").first(),
        net_total=net.sum().round(2),
        vat_total=(net * pl.col("vat_pct") / 100).sum().round(2),
        number_of_lines=pl.len().cast(pl.Int64),
    )
    return orders.join(totals, on="order_number", how="left", maintain_order="left")
