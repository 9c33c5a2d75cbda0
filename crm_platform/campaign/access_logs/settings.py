"""Where the pixel and the redirecting page are, and which proxies stand before the server.

Here: the model. Not here: the file it is part of (`campaign/events/settings.py`).
"""

import ipaddress

from pydantic import Field, field_validator

from crm_platform.configuration import Declared


class TrackingSettings(Declared):
    """How the access logs of a mail's pictures and links are read."""

    pixel_path: str = Field(default="/o.gif", pattern=r"^/", description="Path of the picture of one pixel.")
    redirect_path: str = Field(default="/r", pattern=r"^/", description="Path of the page that redirects.")
    unsubscribe_path: str = Field(
        default="/unsubscribe",
        pattern=r"^/",
        description="Path of List-Unsubscribe: a POST to it unsubscribes (RFC 8058).",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="Ranges of the company's own proxies: only they are believed whom they speak for."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_ranges(cls, ranges: tuple[str, ...]) -> tuple[str, ...]:
        for text in ranges:
            ipaddress.ip_network(text)
        return ranges
