"""The feed of requests to a web server: page views, the 1-pixel image of mails, the redirecting landing page.

Here: the request as the log tells it. Not here: who made it, person or machine, and what it says of a campaign
(`crm_platform/campaign`).
"""

from crm_platform.sources.feeds.fields import FeedModel, event_time, number, text
from crm_platform.warehouse.contract import Timestamp


class WebHits(FeedModel):
    """One row is a request that a web server answered."""

    ip_address: str = text("IP address that the request came from, version 4 or 6.")
    remote_user: str = text("User as the server's own authentication knows it.")
    event_dt: Timestamp = event_time("When the request came, UTC.", nullable=False)
    method: str = text("Method of the request, such as GET.")
    # No rule `url`: a log holds the path and query, and whatever else a client sends.
    url: str = text("Path and query of the request, as logged.")
    protocol: str = text("Protocol of the request, such as HTTP/1.1.")
    status: int = number("Status code of the answer.", ge=100, le=999)
    bytes_sent: int = number("Bytes of the answer's body.", ge=0)
    referrer: str = text("Page that the request came from, as the client says.")
    user_agent: str = text("What the client calls itself.")
    visitor_id: str = text("Identifier in the site's cookie.")
    login: str = text("Name that the visitor was logged in with.")
    request_id: str = text("The server's identifier of the request, where it logs one.")
    forwarded_for: str = text("Addresses that the request is said to have come through (X-Forwarded-For), as logged.")

    class Config(FeedModel.Config):
        name = "feeds.web_hits"
        metadata = {
            "grain": "one row per request",
            "natural_key": [],
            "partition": ("event_dt", "day"),
            "repeats_are_events": True,  # two equal requests within a second are two requests
        }
