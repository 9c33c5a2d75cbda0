"""What calls on the servers.

Browsers, privacy proxies, scanners, prefetchers and crawlers, by their user agents and networks.

Names and networks belong here; when they call stands with what they call on. The networks of people are those kept for
documentation.
"""

from __future__ import annotations

import numpy as np
import polars as pl

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
BROWSERS = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
]
APPLE_AGENT = "Mozilla/5.0"
GMAIL_AGENT = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SCANNERS = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/79.0.3945.88 Safari/537.36",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
    "python-requests/2.31.0",
]
PREFETCHERS = [
    "facebookexternalhit/1.1",
    "WhatsApp/2.24.20 N",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; BingPreview/1.0b)",
]
CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "curl/8.7.1",
]


def draw_address(rng: np.random.Generator, network: str, count: int) -> pl.Series:
    """Addresses within a network given by its first two numbers, as in `66.249.`."""
    hosts = pl.DataFrame(
        {"third": pl.Series(rng.integers(0, 256, count)), "fourth": pl.Series(rng.integers(1, 255, count))}
    )
    return hosts.select(pl.format(f"{network}{{}}.{{}}", "third", "fourth").alias("ip"))["ip"]
