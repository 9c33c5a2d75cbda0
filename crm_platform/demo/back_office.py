"""Finance, logistics and the bureau: invoices and payments as Parquet, shipments as CSV, bought-in data with tabs.

What these three write of orders and people belongs here; the orders' life itself stands in `order_life_cycle`.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from crm_platform.demo.bad_rows import DUPLICATED, Fault
from crm_platform.demo.dice import chance, choose, dice
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.mistakes import in_capitals, mistype
from crm_platform.demo.settings import Chunk
from crm_platform.demo.shop import customer_id, order_id
from crm_platform.demo.truth import person_id
from crm_platform.demo.writers import TextForm

CSV = TextForm()
TABS = TextForm(separator="\t")
AMOUNT = pl.Decimal(18, 4)
LIFE_STYLES = ["young city", "growing family", "empty nest", "country comfort", "careful saver", "always on the road"]
SHIPMENT_FAULTS = (Fault("missing_key", "Consignment"), DUPLICATED)
ENRICHMENT_FAULTS = (Fault("missing_key", "RECORD"), Fault("value_out_of_range", "SCORE", "-5"), DUPLICATED)


def write_finance(landing: Landing, orders: pl.DataFrame) -> None:
    """Write an invoice for each order invoiced, and the payments; an invoice paid on a later day is told again."""
    invoiced = orders.filter(pl.col("invoiced_dt").is_not_null()).with_columns(told_on("invoiced_dt", landing.period))
    paid = pl.col("paid_dt").cast(pl.Date)
    later = invoiced.filter((paid > pl.col(DELIVERED)).fill_null(False)).with_columns(paid.alias(DELIVERED))
    told = pl.concat([invoiced, later])
    state = pl.when((paid <= pl.col(DELIVERED)).fill_null(False)).then(pl.lit("paid")).otherwise(pl.lit("open"))
    landing.parquet(
        "finance/invoices",
        told.select(
            DELIVERED,
            invoice_no=pl.format("INV{}", "order_number"),
            order_no=order_id(),
            account=customer_id("payer_record"),
            invoice_date=pl.col("invoiced_dt").cast(pl.Date),
            due_date="due_date",
            net=pl.col("net_total").cast(AMOUNT),
            vat=pl.col("vat_total").cast(AMOUNT),
            currency="currency",
            state=state,
        ),
    )
    settled = orders.filter(pl.col("paid_dt").is_not_null()).with_columns(told_on("paid_dt", landing.period))
    landing.parquet(
        "finance/payments",
        settled.select(
            DELIVERED,
            payment_no=pl.format("PAY{}", "order_number"),
            invoice_no=pl.format("INV{}", "order_number"),
            account=customer_id("payer_record"),
            paid_at="paid_dt",
            amount=(pl.col("net_total") + pl.col("vat_total")).round(2).cast(AMOUNT),
            currency="currency",
            method="payment_method",
        ),
    )


def write_shipments(landing: Landing, shipments: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write the shipments as they leave; one delivered on a later day is told again."""
    told = shipments.with_columns(told_on("dispatched_dt", landing.period))
    arrived = pl.col("delivered_dt").cast(pl.Date)
    is_later = (arrived > pl.col(DELIVERED)).fill_null(False)
    later = told.filter(is_later).with_columns(arrived.alias(DELIVERED))
    first = told.with_columns(delivered_dt=pl.when(~is_later).then("delivered_dt"))
    stamp = "%Y-%m-%d %H:%M"
    landing.deliver(
        "logistics/shipments",
        pl.concat([first, later]).select(
            DELIVERED,
            Consignment=pl.format("SH{}", "order_number"),
            OrderNo=order_id(),
            Carrier="carrier",
            Parcels="number_of_parcels",
            Promised="promised_date",
            Dispatched=pl.col("dispatched_dt").dt.strftime(stamp),
            Delivered=pl.col("delivered_dt").dt.strftime(stamp),
        ),
        CSV,
        SHIPMENT_FAULTS,
        dice(seed, chunk.index, "logistics bad rows"),
    )


def write_enrichments(
    landing: Landing,
    people: pl.DataFrame,
    companies: pl.DataFrame,
    records: dict[str, pl.DataFrame],
    chunk: Chunk,
    seed: int,
) -> None:
    """Write what the bureau sells about one person in three.

    Matched by name and address, without any customer number for most.
    """
    rng = dice(seed, chunk.index, "enrichments")
    accounts = (
        records["shop"]
        .unique("person", keep="first", maintain_order=True)
        .select("person", account=customer_id("number"))
    )
    industries = companies.select("organisation", "industry_code")
    bought = people.filter(pl.Series(chance(rng, people.height, 0.33)))
    bought = bought.join(accounts, on="person", how="left", maintain_order="left").join(
        industries, on="organisation", how="left", maintain_order="left"
    )
    count = bought.height
    size = pl.col("household_kind").replace_strict(
        {"single": 1, "couple": 2, "father_and_son": 2, "flatmates": 2, "shared_mail": 3},
        default=4,
        return_dtype=pl.Int64,
    )
    landing.truth.add("enrichment_person", bought.select(record_id=_record_id(), person_id=person_id()))
    shouted = in_capitals(
        mistype(rng, bought, ["last_name", "address_line"], 0.02), ["first_name", "last_name", "address_line", "city"]
    )
    rows = shouted.select(
        pl.lit(landing.period.first_delivery).alias(DELIVERED),
        RECORD=_record_id(),
        CUST=pl.when(pl.Series(chance(rng, count, 0.2))).then("account"),
        FIRST="first_name",
        LAST="last_name",
        BORN=pl.when(pl.Series(chance(rng, count, 0.6))).then(pl.col("birth_date").dt.strftime("%Y%m%d")),
        STREET="address_line",
        CITY="city",
        ZIP="postcode",
        CTRY="country",
        SCORE=pl.Series(np.clip(rng.normal(640, 110, count), 300, 990).astype(np.int64)).cast(pl.String),
        STYLE=choose(rng, LIFE_STYLES, count),
        INCOME="income_band",
        PERSONS=size,
        OWNER=pl.when("is_home_owner").then(pl.lit("J")).otherwise(pl.lit("N")),
        SIC="industry_code",
        ASOF=pl.lit((landing.period.as_of - timedelta(days=60)).strftime("%Y%m%d")),
    )
    landing.deliver("bureau/enrichments", rows, TABS, ENRICHMENT_FAULTS, dice(seed, chunk.index, "bureau bad rows"))


def _record_id() -> pl.Expr:
    return pl.format("BX{}", ((pl.col("person") * 48_271) % 99_999_989).cast(pl.String).str.zfill(8))
