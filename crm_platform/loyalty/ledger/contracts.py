"""The contracts of the points ledger, of the redemptions that it refuses, and of what it was made of.

Here: what the tables promise. Not here: how they are made (the `.sql` files, `replay.py`).
"""

import pandera.polars as pa
import polars as pl

from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.fields import code, identifier, number, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

ENTRY_TYPES = ("earn", "burn", "expire", "reverse", "adjust")
REFUSALS = ("unknown_customer", "takes_no_part", "no_scheme", "below_smallest", "not_in_steps", "beyond_balance")


class FactLoyaltyPoints(TableModel):
    """Every movement of points: a customer's balance at any time is the sum of the points up to then."""

    entry_id: str = pa.Field(
        str_length={"min_value": 32, "max_value": 32}, description="Digest of what the entry is: the same in every run."
    )
    customer_key: int = key("The customer.")
    entry_type: str = code(
        "earn; burn: spent; expire: lapsed; reverse: taken back; adjust: points earned that pay what is owed.",
        ENTRY_TYPES,
        nullable=False,
    )
    points: int = number("Points, below zero where they leave the account.", nullable=False)
    waived_points: int = number(
        "Points of a reversal that were not taken, as they had lapsed or the lowest balance was reached.",
        ge=0,
        nullable=False,
    )
    rule: str = text("The earning rule, of what is earned and taken back.")
    counts_for_tier: bool = pa.Field(description="Whether the points count for the tier.")
    source: str = text("Source of the order or redemption.")
    order_id: str = text("The order that it is about, as its source numbers it.")
    redemption_id: str = text("The redemption, of points spent.")
    expires_date: pl.Date = pa.Field(
        nullable=True, description="Last day (UTC) of these points, 9999-12-31: for good; empty: points owed."
    )
    event_dt: Timestamp = pa.Field(description="When it happened, UTC.")
    loaded_dt: Timestamp = pa.Field(description="When the platform had taken in what it rests on, UTC.")

    class Config(TableModel.Config):
        name = "loyalty.fact_loyalty_points"
        unique = ["entry_id"]
        metadata = {
            "grain": "one row per movement of points of one expiry date",
            "kind": "fact",
            "partition": ("event_dt", "month"),
        }


class RefusedRedemption(TableModel):
    """Redemptions that the scheme does not allow, each with its reason."""

    source: str = identifier("The source.")
    redemption_id: str = identifier("The source's own key of the redemption.")
    customer_key: int = key("The customer, where one is known.", nullable=True)
    reason: str = code(
        "unknown_customer; takes_no_part: not of a type that does; no_scheme: before the first; below_smallest, "
        "not_in_steps: not a number of points that can be spent; beyond_balance.",
        REFUSALS,
        nullable=False,
    )
    points: int = number("Points that were to be spent.", ge=1, nullable=False)
    balance_points: int = number("The balance at that time, where that is the reason.")
    redeemed_dt: Timestamp = pa.Field(description="When they were to be spent, UTC.")
    loaded_dt: Timestamp = pa.Field(description="When the platform took the row in, UTC.")

    class Config(TableModel.Config):
        name = "loyalty.refused_redemption"
        unique = ["source", "redemption_id"]
        metadata = {"grain": "one row per redemption that was refused", "kind": "record"}


class LedgerInput(TableModel):
    """What the ledger was made of, by digest: what rests on something else since is made anew. Written last."""

    input: str = identifier("Table or feed that was read.")
    part: str = identifier("File, group of customers, or whole of it.")
    digest: str = identifier("Tells whether it is the same.")

    class Config(TableModel.Config):
        name = "loyalty.ledger_input"
        unique = ["input", "part"]
        metadata = {"grain": "one row per part of an input", "kind": "record"}


FACT_LOYALTY_POINTS = contract_of(FactLoyaltyPoints)
REFUSED_REDEMPTION = contract_of(RefusedRedemption)
LEDGER_INPUT = contract_of(LedgerInput)
