"""The feed of points that members spend: what the loyalty scheme's front end takes.

Here: the request as it was made. Not here: whether the balance allows it (`crm_platform/loyalty`).
"""

from crm_platform.sources.feeds.fields import FeedModel, event_time, identifier, number, text
from crm_platform.warehouse.contract import Timestamp

LARGEST_POINTS = 1_000_000_000


class LoyaltyRedemptions(FeedModel):
    """One row is a member's wish to spend points."""

    redemption_id: str = identifier("The source's own key of the redemption.")
    customer_id: str = text("The source's key of the customer who spends.")
    points: int = number("Points to spend, above zero.", ge=1, le=LARGEST_POINTS, nullable=False)
    reward: str = text("What they are spent on, in the source's words.")
    order_id: str = text("The order that they are spent on, where there is one.")
    redeemed_dt: Timestamp = event_time("When they were spent, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.loyalty_redemptions"
        metadata = {
            "grain": "one row per redemption of the source",
            "natural_key": ["redemption_id"],
            "partition": ("redeemed_dt", "month"),
        }
