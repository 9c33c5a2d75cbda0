"""What counts as a purchase: the rules by which rows of an order file become lines of purchases and returns.

Here: which rows are left out and why, and the sign of an amount. Not here: reading files (`orders_file.py`), figures
per customer (`features.py`).

The rules, in this order; a row is left out for the first that it breaks, and counted:

`no_customer`     nobody can be credited with it: no customer_id, or a text that stands for none (`nan`, `null`, `n/a`).
`no_date`         the date is missing, cannot be read, or lies before 1900.
`no_amount`       the amount is missing or cannot be read, and quantity and unit price do not give it.
`zero_amount`     a gift, a sample or a correction of the stock: neither a purchase nor a return.

What stays is a purchase where the amount is above zero. Below zero it is a return: a cancellation, a refund, a
credit, whether or not the file has the purchase it belongs to. A return never counts as a purchase and never takes one
away; the customer is one of the population from the first purchase on, not from a return. A negative quantity beside a
positive amount makes it negative. Rows that repeat others are kept: two pieces of one thing may be scanned one by one.
"""

from dataclasses import dataclass

import polars as pl

REASONS = ("no_customer", "no_date", "no_amount", "zero_amount")
OPTIONAL_COLUMNS = {
    "order_id": pl.String,
    "product_id": pl.String,
    "category": pl.String,
    "quantity": pl.Float64,
    "discount": pl.Float64,
}
"""Columns of the lines that are there only where the file has them."""

_NO_CUSTOMER = ["", "nan", "null", "none", "n/a", "<na>", "#n/a"]
_EARLIEST = pl.date(1900, 1, 1)


@dataclass(frozen=True)
class OrderLines:
    """Purchases and returns, and how many rows were left out for which reason.

    lines: customer_id, purchase_date, purchase_hour (null where no time is known), amount (Float64, above zero a
    purchase, below zero a return), and those of `OPTIONAL_COLUMNS` that are known; one row per line or order, in the
    order they came. left_out: reason -> rows.
    """

    lines: pl.DataFrame
    left_out: dict[str, int]


def order_lines(rows: pl.DataFrame) -> OrderLines:
    """Apply the rules to rows of customer_id, purchase_date, purchase_hour, amount and any of the optional columns.

    customer_id is text, purchase_date a date, amount a number; each may be null.
    """
    reasoned = rows.with_columns(amount=_signed_amount(rows.columns)).with_columns(reason=_reason())
    left_out = dict(reasoned["reason"].drop_nulls().value_counts().iter_rows())
    lines = reasoned.filter(pl.col("reason").is_null())
    known = [name for name in OPTIONAL_COLUMNS if name in rows.columns]
    return OrderLines(
        lines.select("customer_id", "purchase_date", "purchase_hour", "amount", *known),
        {reason: left_out.get(reason, 0) for reason in REASONS},
    )


def _signed_amount(names: list[str]) -> pl.Expr:
    amount = pl.col("amount")
    return pl.when(pl.col("quantity") < 0).then(-amount.abs()).otherwise(amount) if "quantity" in names else amount


def _reason() -> pl.Expr:
    customer, amount = pl.col("customer_id"), pl.col("amount")
    return (
        pl.when(customer.is_null() | customer.str.strip_chars().str.to_lowercase().is_in(_NO_CUSTOMER))
        .then(pl.lit("no_customer"))
        .when(pl.col("purchase_date").is_null() | (pl.col("purchase_date") < _EARLIEST))
        .then(pl.lit("no_date"))
        .when(amount.is_null() | amount.is_nan() | amount.is_infinite())
        .then(pl.lit("no_amount"))
        .when(amount == 0)
        .then(pl.lit("zero_amount"))
    )
