"""The web shop's order system.

Semicolons, decimal commas, Windows' code page, London time, and whatever its customers type.

The shop's files (customers, orders, order_lines, order_events, returns) belong here; other systems have their own
module.
"""

from __future__ import annotations

import polars as pl

from crm_platform.demo.addresses import as_dialled_at_home
from crm_platform.demo.bad_rows import DUPLICATED, TORN, Fault
from crm_platform.demo.dice import dice
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.mistakes import in_small_letters, left_out, misspell_titles, mistype, swap_names
from crm_platform.demo.order_life_cycle import STATUSES, order_events, status_on
from crm_platform.demo.order_lines import line_discount
from crm_platform.demo.people import calling_codes
from crm_platform.demo.records import versions
from crm_platform.demo.settings import Chunk, CompanySettings
from crm_platform.demo.writers import TextForm

FORM = TextForm(separator=";", encoding="cp1252", decimal_comma=True)
PACKED = TextForm(separator=";", encoding="cp1252", decimal_comma=True, is_gzip=True)
ZONE = "Europe/London"
CUSTOMER_FAULTS = (
    Fault("email", "Email", "not an address"),
    Fault("date_in_future", "DOB", "14/03/2091"),
    Fault("date_before_1900", "DOB", "02/02/1822"),
    Fault("impossible_title", "Title", "Xylophone"),
    Fault("missing_key", "CustNo"),
    DUPLICATED,
    TORN,
)
ORDER_FAULTS = (
    Fault("missing_key", "OrderNo"),
    Fault("date_in_future", "OrderDate", "01/01/2099 10:00"),
    DUPLICATED,
    TORN,
)
LINE_FAULTS = (
    Fault("missing_key", "OrderNo", rate=0.0003),
    Fault("unknown_product", "SKU", "NEW-0001", rate=0.0005),
    DUPLICATED,
)
GENDERS = {"male": "M", "female": "F"}
STATUS_CODES = {
    "ordered": "10 ORD",
    "dispatched": "20 DSP",
    "delivered": "30 DLV",
    "invoiced": "25 INV",
    "paid": "40 PAI",
    "returned": "50 RET",
    "refunded": "60 RFD",
    "cancelled": "90 CAN",
    "closed": "99 CLO",
}


def customer_id(number: str = "record") -> pl.Expr:
    """The shop's number of a customer."""
    return pl.format("S{}", pl.col(number).cast(pl.String).str.zfill(8))


def order_id(system: str = "shop") -> pl.Expr:
    """An order's number, in the shop or at a till."""
    return pl.format({"shop": "W{}", "till": "T{}"}[system], pl.col("order_number").cast(pl.String).str.zfill(9))


def local_time(column: str, form: str = "%d/%m/%Y %H:%M", zone: str = ZONE) -> pl.Expr:
    """A moment as the system writes it, in its own time zone."""
    return pl.col(column).dt.convert_time_zone(zone).dt.strftime(form)


def write_customers(
    landing: Landing, records: pl.DataFrame, chunk: Chunk, settings: CompanySettings, seed: int
) -> None:
    """Write the accounts of the shop, and whose they are to the truth."""
    rng = dice(seed, chunk.index, "shop customers")
    rows = versions(records, landing.period)
    landing.truth.add_records("shop", "customers", rows.with_columns(record=customer_id("number")), "record")
    rows = mistype(rng, swap_names(rng, rows, 0.01), ["first_name", "last_name", "address_line", "city"], 0.015)
    rows = in_small_letters(rng, rows, ["first_name", "last_name", "city"], 0.03)
    rows = left_out(
        rng,
        misspell_titles(rng, rows, 0.02),
        {"title": 0.15, "birth_date": 0.35, "sex": 0.1, "phone": 0.4, "mobile_phone": 0.3, "region": 0.5},
    )
    countries = {code: country.name for code, (_, country) in settings.countries().items()}
    calling = calling_codes(settings)
    written = rows.select(
        DELIVERED,
        CustNo=customer_id("number"),
        Title="title",
        Forename="first_name",
        Middle="middle_name",
        Surname="last_name",
        Gender=pl.col("sex").replace_strict(GENDERS, return_dtype=pl.String),
        DOB=pl.col("birth_date").dt.strftime("%d/%m/%Y"),
        Company="company_name",
        Email="email",
        Tel=as_dialled_at_home(pl.col("phone"), pl.col("country"), calling),
        Mobile=as_dialled_at_home(pl.col("mobile_phone"), pl.col("country"), calling),
        Addr1="address_line",
        Addr2="address_line_2",
        Town="city",
        County="region",
        Postcode="postcode",
        Country=pl.col("country").replace_strict(countries, return_dtype=pl.String),
        Lang=pl.col("language").str.to_uppercase(),
        Brand="brand",
        Market="locale",
        Created=local_time("created_dt"),
        LastMod=local_time("updated_dt"),
        Deleted=pl.when(pl.col("death_date") <= pl.col("state_date")).then(pl.lit("Y")).otherwise(pl.lit("N")),
    )
    landing.deliver("shop/customers", written, FORM, CUSTOMER_FAULTS, dice(seed, chunk.index, "shop bad customers"))


def write_orders(
    landing: Landing, orders: pl.DataFrame, lines: pl.DataFrame, returns: pl.DataFrame, chunk: Chunk, seed: int
) -> None:
    """Write the shop's orders (with life cycle, totals and payer), their lines, events and returns."""
    told = orders.with_columns(told_on("order_dt", landing.period))
    landing.deliver(
        "shop/orders",
        _orders(_told_again(told, landing)),
        FORM,
        ORDER_FAULTS,
        dice(seed, chunk.index, "shop bad orders"),
    )
    # A few lines come two days after their order.
    lag = pl.when(pl.col("order_number") % 97 == 3).then(pl.duration(days=2)).otherwise(pl.duration(days=0))
    dated = lines.with_columns(told_on(pl.col("order_dt") + lag, landing.period))
    landing.deliver("shop/order_lines", _lines(dated), PACKED, LINE_FAULTS, dice(seed, chunk.index, "shop bad lines"))
    events = order_events(orders).with_columns(told_on("event_dt", landing.period))
    landing.deliver("shop/order_events", _events(events), PACKED)
    back = returns.with_columns(told_on("returned_dt", landing.period))
    landing.deliver("shop/returns", _returns(_refunds_later(back)), FORM)


def _told_again(orders: pl.DataFrame, landing: Landing) -> pl.DataFrame:
    """Orders of the last weeks are told again, with their newer status, whenever they have moved on."""
    period = landing.period
    moved = pl.max_horizontal(pl.col(f"{status}_dt") for status in STATUSES).cast(pl.Date)
    later = orders.filter((moved > pl.col(DELIVERED)).fill_null(False)).with_columns(moved.alias(DELIVERED))
    told = pl.concat([orders, later]).with_columns(status=status_on(DELIVERED))
    # One in fifty of a day's rows comes once more on the next, unchanged.
    is_recent = (pl.col(DELIVERED) > period.first_delivery) & (pl.col("order_number") % 50 == 0)
    return pl.concat([told, told.filter(is_recent).with_columns(pl.col(DELIVERED) + pl.duration(days=1))])


def _refunds_later(returns: pl.DataFrame) -> pl.DataFrame:
    """A return is told when it comes in, and once more when the money is given back on a later day."""
    refunded = pl.col("refunded_dt").cast(pl.Date)
    is_later = (refunded > pl.col(DELIVERED)).fill_null(False)
    later = returns.filter(is_later).with_columns(refunded.alias(DELIVERED))
    first = returns.with_columns(pl.when(~is_later).then(column).alias(column) for column in ("refund", "refunded_dt"))
    return pl.concat([first, later])


def _orders(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.select(
        DELIVERED,
        OrderNo=order_id(),
        CustNo=customer_id(),
        PayerNo=customer_id("payer_record"),
        OrderDate=local_time("order_dt"),
        Status=pl.col("status").replace_strict(STATUS_CODES, return_dtype=pl.String),
        Channel="channel",
        Brand="brand",
        Market="locale",
        Curr="currency",
        Net="net_total",
        VAT="vat_total",
        Promo="promotion_code",
        PayMethod="payment_method",
    )


def _lines(lines: pl.DataFrame) -> pl.DataFrame:
    invoice = (
        pl.when(pl.col("line_type") == "cancellation")
        .then(pl.lit("C"))
        .when(pl.col("line_type") == "adjustment")
        .then(pl.lit("A"))
        .otherwise(pl.lit("I"))
    )
    return lines.select(
        DELIVERED,
        OrderNo=order_id(),
        Line="line_number",
        Invoice=invoice + pl.col("order_number").cast(pl.String),
        SKU="product_id",
        Description="product_name",
        Qty="quantity",
        UnitPrice="unit_price",
        Discount=line_discount(),
        VATPct="vat_pct",
        Curr="currency",
        OrderDate=local_time("order_dt"),
        CustNo=customer_id(),
        Country="country",
    )


def _events(events: pl.DataFrame) -> pl.DataFrame:
    return events.select(
        DELIVERED,
        OrderNo=order_id(),
        Status=pl.col("status").replace_strict(STATUS_CODES, return_dtype=pl.String),
        At=local_time("event_dt", "%d/%m/%Y %H:%M:%S"),
    )


def _returns(returns: pl.DataFrame) -> pl.DataFrame:
    return returns.select(
        DELIVERED,
        ReturnNo=pl.format("R{}", "return_number"),
        OrderNo=order_id(),
        Line="line_number",
        SKU="product_id",
        Qty="quantity",
        Reason="reason",
        ReturnedAt=local_time("returned_dt"),
        Refund="refund",
        Curr="currency",
        RefundedAt=local_time("refunded_dt"),
    )
