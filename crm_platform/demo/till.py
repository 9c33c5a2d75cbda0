"""The tills of the stores: a SQLite database, capitals without accents, and a placeholder wherever the queue was long.

The till's tables (customers, orders, order_lines) belong here; other systems have their own module.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from crm_platform.demo.addresses import as_dialled_at_home
from crm_platform.demo.bad_rows import DUPLICATED, Fault, spoil
from crm_platform.demo.dice import chance, dice
from crm_platform.demo.feeds import Landing
from crm_platform.demo.mistakes import (
    PLACEHOLDER_BIRTH_DATE,
    PLACEHOLDER_EMAIL,
    in_capitals,
    left_out,
    mistype,
    some,
    use_initials,
)
from crm_platform.demo.order_lines import line_discount
from crm_platform.demo.people import calling_codes
from crm_platform.demo.records import versions
from crm_platform.demo.settings import Chunk, CompanySettings
from crm_platform.demo.shop import order_id

PLACE = "till/till.db"
CARD_FAULTS = (
    Fault("email", "email", "none given"),
    Fault("date_in_future", "born", "2077-05-05"),
    Fault("date_before_1900", "born", "1811-11-11"),
    Fault("missing_key", "card_no"),
    DUPLICATED,
)


def card_number(number: str = "record") -> pl.Expr:
    """The number of a loyalty card, which is the till's number of a customer."""
    return pl.format("20{}", pl.col(number).cast(pl.String).str.zfill(10))


def _moment(column: str) -> pl.Expr:
    return pl.col(column).dt.strftime("%Y-%m-%d %H:%M:%S")


def write_cards(landing: Landing, records: pl.DataFrame, chunk: Chunk, settings: CompanySettings, seed: int) -> None:
    """Write the loyalty cards: one row each, as it stands at the end, for a database keeps no versions."""
    rng = dice(seed, chunk.index, "till customers")
    rows = versions(records, landing.period).unique("number", keep="last", maintain_order=True)
    landing.truth.add_records("till", "customers", rows.with_columns(record=card_number("number")), "record")
    rows = mistype(rng, use_initials(rng, rows, 0.15), ["first_name", "last_name", "address_line"], 0.02)
    rows = in_capitals(
        left_out(rng, rows, {"address_line": 0.3, "mobile_phone": 0.35, "sex": 0.2}),
        ["first_name", "last_name", "address_line", "city"],
    )
    no_email, no_birth_date = some(rng, rows, 0.25), some(rng, rows, 0.3)
    rows = rows.with_columns(
        email=pl.when(no_email).then(pl.lit(PLACEHOLDER_EMAIL)).otherwise("email"),
        born=pl.when(no_birth_date)
        .then(pl.lit(PLACEHOLDER_BIRTH_DATE))
        .otherwise(pl.col("birth_date").dt.strftime("%Y-%m-%d")),
    )
    written = rows.select(
        card_no=card_number("number"),
        forename="first_name",
        surname="last_name",
        sex=pl.col("sex").replace_strict({"male": "1", "female": "2"}, return_dtype=pl.String),
        born="born",
        email="email",
        phone=as_dialled_at_home(pl.col("mobile_phone"), pl.col("country"), calling_codes(settings)),
        street="address_line",
        town="city",
        postcode="postcode",
        country="country",
        market="locale",
        brand="brand",
        issued_at=_moment("created_dt"),
        changed_at=pl.coalesce(_moment("updated_dt"), _moment("created_dt")),
    )
    spoilt = spoil(written, CARD_FAULTS, dice(seed, chunk.index, "till bad cards"))
    first_row = landing.rows.get("till/customers", 0) + 1
    landing.truth.add_faults(f"{PLACE}#cards", spoilt.faults.select(line=pl.col("row") + first_row, rule="rule"))
    landing.database(landing.root / PLACE, "till/customers", "cards", spoilt.rows)


def write_sales(landing: Landing, orders: pl.DataFrame, lines: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write the receipts and their lines. One in six is without a card; a change of a receipt is seen by changed_at."""
    rng = dice(seed, chunk.index, "till sales")
    anonymous = pl.Series(chance(rng, orders.height, 0.16))
    receipts = orders.with_columns(card=pl.when(~anonymous).then(card_number()))
    recorded = pl.col("order_dt") + timedelta(minutes=2)
    landing.database(
        landing.root / PLACE,
        "till/orders",
        "receipts",
        receipts.with_columns(recorded_dt=recorded).select(
            receipt_no=order_id("till"),
            card_no="card",
            sold_at=_moment("order_dt"),
            store="store_id",
            brand="brand",
            market="locale",
            currency="currency",
            net="net_total",
            vat="vat_total",
            paid_by="payment_method",
            changed_at=_moment("recorded_dt"),
        ),
    )
    sold = lines.join(
        receipts.select("order_number", "card"), on="order_number", how="left", maintain_order="left"
    ).with_columns(recorded_dt=recorded)
    landing.database(
        landing.root / PLACE,
        "till/order_lines",
        "receipt_lines",
        sold.select(
            receipt_no=order_id("till"),
            line_no="line_number",
            sku="product_id",
            text="product_name",
            kind=pl.col("line_type").str.slice(0, 1).str.to_uppercase(),
            qty="quantity",
            price="unit_price",
            discount=line_discount(),
            vat_pct="vat_pct",
            currency="currency",
            sold_at=_moment("order_dt"),
            card_no="card",
            country="country",
            changed_at=_moment("recorded_dt"),
        ),
    )
