"""The feed of events that an e-mail service provider posts: the raw event, filed under the time that it tells.

Here: the event as it came. Not here: what it means (`crm_platform/campaign/providers`).
"""

from crm_platform.sources.feeds.fields import FeedModel, event_time, identifier, text
from crm_platform.warehouse.contract import Timestamp


class ProviderEvents(FeedModel):
    """One row is an event of a mail as an e-mail service provider posted it."""

    provider: str = text("The provider, found by the event's shape or declared; empty: of no known shape.")
    event: str = identifier("The event as it came, JSON, without the envelope it was posted in.")
    event_dt: Timestamp = event_time("When it happened, as the event says, UTC.", nullable=False)
    received_dt: Timestamp = event_time("When the provider sent it, where its envelope says so, UTC.")

    class Config(FeedModel.Config):
        name = "feeds.provider_events"
        metadata = {
            "grain": "one row per event delivered",
            "natural_key": [],  # not every provider gives an event a key of its own
            "partition": ("event_dt", "day"),
        }
