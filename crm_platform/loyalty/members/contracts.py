"""The contracts of the members of the loyalty scheme: how they stand, the tiers that they had, and the scheme's months.

Here: what the tables promise. Not here: how they are made (`tiers.py`, the `.sql` files).
"""

import pandera.polars as pa
import polars as pl

from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.codes import CURRENCY
from crm_platform.sources.feeds.fields import code, number, pattern, text
from crm_platform.warehouse.contract import Amount, TableModel, Timestamp, contract_of

TIER_REASONS = ("entry", "retention_lost", "scheme_changed")


class LoyaltyTierHistory(TableModel):
    """Which tier a member had from when to when, judged on the first day of each month by the scheme then."""

    customer_key: int = key("The customer.")
    valid_from_date: pl.Date = pa.Field(description="First day (UTC) in the tier.")
    valid_until_date: pl.Date = pa.Field(nullable=True, description="First day after it; empty: it is the present one.")
    tier: str = text("The tier; empty: none any more.")
    qualifying_points: int = number("Points that counted when it was judged.", nullable=False)
    reason: str = code(
        "entry: enough points; retention_lost: too few beyond the grace; scheme_changed: the new scheme lacks it.",
        TIER_REASONS,
        nullable=False,
    )

    class Config(TableModel.Config):
        name = "loyalty.loyalty_tier_history"
        unique = ["customer_key", "valid_from_date"]
        metadata = {"grain": "one row per member and change of tier", "kind": "dimension"}


class LoyaltyMember(TableModel):
    """How every member stands: balance, what lapses next, tier and what is missing to the next one."""

    customer_key: int = key("The customer.")
    joined_dt: Timestamp = pa.Field(description="First movement of points, UTC.")
    last_movement_dt: Timestamp = pa.Field(description="Last movement of points, UTC.")
    balance_points: int = number("Points now: the sum of the member's ledger.", nullable=False)
    earned_points: int = number("Points ever earned.", ge=0, nullable=False)
    reversed_points: int = number("Points ever taken back.", ge=0, nullable=False)
    burnt_points: int = number("Points ever spent.", ge=0, nullable=False)
    expired_points: int = number("Points ever lapsed.", ge=0, nullable=False)
    next_expiry_date: pl.Date = pa.Field(nullable=True, description="Last day of those points that lapse soonest.")
    next_expiring_points: int = number("How many lapse then.", ge=0, nullable=False)
    qualifying_points: int = number("Points that count for the tier at present.", nullable=False)
    tier: str = text("The tier; empty: none.")
    tier_since_date: pl.Date = pa.Field(nullable=True, description="First day in it.")
    months_below_retention: int = number("Months in a row in which too few points counted to keep it.", 0, None, False)
    next_tier: str = text("The next tier; empty: there is none above.")
    points_to_next_tier: int = number("Points missing to it.", ge=0)

    class Config(TableModel.Config):
        name = "loyalty.loyalty_member"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer who ever had points", "kind": "dimension"}


class LoyaltyMovement(TableModel):
    """The scheme's points by month: what came, what went, and what is open, with its worth."""

    month_date: pl.Date = pa.Field(description="First day of the month (UTC).")
    opening_points: int = number("Open at its beginning.", nullable=False)
    earned_points: int = number("Earned.", ge=0, nullable=False)
    reversed_points: int = number("Taken back.", ge=0, nullable=False)
    burnt_points: int = number("Spent.", ge=0, nullable=False)
    expired_points: int = number("Lapsed.", ge=0, nullable=False)
    closing_points: int = number("Open at its end; of the current one, now.", nullable=False)
    waived_points: int = number("Points that were to be taken back and were not.", ge=0, nullable=False)
    number_of_earning_members: int = number("Members who earned.", ge=0, nullable=False)
    number_of_burning_members: int = number("Members who spent.", ge=0, nullable=False)
    closing_amount: Amount = number("Worth of the open points, in `currency`.")
    currency: str = pattern("Currency of the worth, ISO 4217.", CURRENCY, nullable=False)

    class Config(TableModel.Config):
        name = "loyalty.loyalty_movement"
        unique = ["month_date"]
        metadata = {"grain": "one row per month since the first points", "kind": "mart"}


LOYALTY_TIER_HISTORY = contract_of(LoyaltyTierHistory)
LOYALTY_MEMBER = contract_of(LoyaltyMember)
LOYALTY_MOVEMENT = contract_of(LoyaltyMovement)
