"""The logs of the one-pixel image and of the redirecting page, made of the responses.

The lines of both logs belong here; who opens and clicks stands in `responses`.
"""

from __future__ import annotations

import polars as pl

from crm_platform.demo.log_files import combined_line
from crm_platform.demo.tracking import sign, sign_all

# One hit in so many comes with a forged signature.
FORGED_EVERY = 701


def _signed(hits: pl.DataFrame) -> pl.DataFrame:
    tokens = sign_all(hits["member_id"])
    signed = hits.join(tokens, left_on="member_id", right_on="identifier", how="left", maintain_order="left")
    campaigns = {identifier: sign(identifier, "campaign") for identifier in hits["campaign_id"].unique().sort()}
    forged = pl.int_range(pl.len()) % FORGED_EVERY == FORGED_EVERY - 1
    return signed.with_columns(
        token=pl.when(forged).then(pl.col("token").str.head(-24) + "0123456789abcdef01234567").otherwise("token"),
        campaign_token=pl.col("campaign_id").replace_strict(campaigns, return_dtype=pl.String),
        actor=pl.when(forged).then(pl.lit("machine")).otherwise("actor"),
        is_caused_by_person=pl.when(forged).then(False).otherwise("is_caused_by_person"),
    )


def pixel_lines(opens: pl.DataFrame) -> pl.DataFrame:
    """Lines of the pixel's log: `/o.gif?c=<member>&m=<campaign>`; columns as `LogSpool.add` takes them."""
    hits = _signed(opens)
    request = pl.format("{} /o.gif?c={}&m={} HTTP/1.1", "method", "token", "campaign_token")
    size = pl.when(pl.col("method") == "GET").then(43)
    return hits.select(
        "event_dt",
        combined_line(
            pl.col("ip"),
            pl.lit(None, pl.String),
            request,
            pl.lit(200),
            size,
            pl.lit(None, pl.String),
            pl.col("user_agent"),
        ),
        "actor",
        "is_caused_by_person",
        record="member_id",
    )


def redirect_lines(clicks: pl.DataFrame) -> pl.DataFrame:
    """Lines of the redirect's log: `/r?l=<campaign/link>&c=<member>&m=<campaign>`.

    Columns as `LogSpool.add` takes them.
    """
    hits = _signed(clicks).with_columns(link=pl.format("{}/{}", "campaign_id", "link_id"))
    links = {identifier: sign(identifier, "link") for identifier in hits["link"].unique().sort()}
    request = pl.format(
        "{} /r?l={}&c={}&m={} HTTP/1.1",
        "method",
        pl.col("link").replace_strict(links, return_dtype=pl.String),
        "token",
        "campaign_token",
    )
    size = pl.when(pl.col("method") == "GET").then(178)
    return hits.select(
        "event_dt",
        combined_line(
            pl.col("ip"),
            pl.lit(None, pl.String),
            request,
            pl.lit(302),
            size,
            pl.lit(None, pl.String),
            pl.col("user_agent"),
        ),
        "actor",
        "is_caused_by_person",
        record="member_id",
    )
