"""What comes of what is delivered.

Opens and clicks by people and by machines, and orders that would not have come without it.

Who or what responds, when, and the truth about it belong here; the lines of the logs stand in `mail_logs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from crm_platform.demo.agents import APPLE_AGENT, BROWSERS, GMAIL_AGENT, PREFETCHERS, SCANNERS, draw_address
from crm_platform.demo.campaigns import LINK_PAGES, Campaign
from crm_platform.demo.dice import chance, choose, dice, span_of
from crm_platform.demo.permissions import home_addresses
from crm_platform.demo.settings import Chunk, Period

HIT = ["campaign_id", "member_id", "link_id", "event_dt", "ip", "user_agent", "method", "actor", "is_caused_by_person"]


@dataclass(frozen=True)
class Responses:
    """Hits on the pixel and on the redirect, and the people's clicks alone.

    opens, clicks: the columns of HIT. human_clicks: member_id, link_id, clicked_dt.
    """

    opens: pl.DataFrame
    clicks: pl.DataFrame
    human_clicks: pl.DataFrame


def make_responses(members: pl.DataFrame, chunk: Chunk, period: Period, seed: int) -> Responses:
    """Let people and machines open and click the e-mails delivered; members as `persuade` gives them."""
    rng = dice(seed, chunk.index, "responses")
    mails = members.filter((pl.col("channel") == "email") & pl.col("delivered_dt").is_not_null())
    # Three in four of the persuaded were so by the link.
    by_link = pl.col("is_persuaded") & pl.Series(chance(rng, mails.height, 0.75))
    mails = mails.with_columns(
        pl.when(by_link).then(1.0).otherwise(column).alias(column) for column in ("opens_prob", "clicks_prob")
    )
    mails = mails.with_columns(provider=pl.col("email").str.split("@").list.last(), device=pl.col("person") % 100)
    opened = _human_opens(rng, mails)
    human_clicks = _human_clicks(rng, opened)
    scanned = mails.filter(pl.col("device") < 7)
    opens = pl.concat([_as_hits(opened), _apple_opens(rng, mails), _scans(rng, scanned, False), _previews(rng, opened)])
    clicks = pl.concat([_as_hits(human_clicks), _scans(rng, scanned, True), _previews(rng, human_clicks)])
    end = pl.lit(period.as_of + timedelta(days=1)).cast(pl.Datetime("us", "UTC"))
    by_people = human_clicks.filter(pl.col("event_dt") < end).select("member_id", "link_id", clicked_dt="event_dt")
    return Responses(opens.filter(pl.col("event_dt") < end), clicks.filter(pl.col("event_dt") < end), by_people)


def _later(rng: np.random.Generator, rows: pl.DataFrame, start: str, mean_seconds: float) -> pl.Expr:
    wait = (2 + rng.exponential(mean_seconds, rows.height)).astype(np.int64)
    return pl.col(start) + span_of(wait)


def _human_opens(rng: np.random.Generator, mails: pl.DataFrame) -> pl.DataFrame:
    """People who open, some of them twice; through their provider's proxy where it has one."""
    openers = mails.filter(pl.Series(rng.random(mails.height)) < pl.col("opens_prob"))
    again = openers.filter(pl.Series(chance(rng, openers.height, 0.3)))
    opened = pl.concat([openers, again])
    by_gmail = pl.col("provider") == "gmail.com"
    return opened.with_columns(
        event_dt=_later(rng, opened, "delivered_dt", 30_000.0),
        link_id=pl.lit(None, pl.String),
        method=pl.lit("GET"),
        ip=pl.when(by_gmail)
        .then(draw_address(rng, "66.249.", opened.height))
        .otherwise(home_addresses(rng, opened.height)),
        user_agent=pl.when(by_gmail).then(pl.lit(GMAIL_AGENT)).otherwise(choose(rng, BROWSERS, opened.height)),
        actor=pl.when(by_gmail).then(pl.lit("privacy_proxy")).otherwise(pl.lit("human")),
        is_caused_by_person=pl.lit(True),
    )


def _human_clicks(rng: np.random.Generator, opened: pl.DataFrame) -> pl.DataFrame:
    clicked = opened.filter(pl.Series(rng.random(opened.height)) < pl.col("clicks_prob"))
    count = clicked.height
    return clicked.with_columns(
        event_dt=_later(rng, clicked, "event_dt", 90.0),
        link_id=choose(rng, list(LINK_PAGES), count, [0.5, 0.42, 0.08]),
        ip=home_addresses(rng, count),
        user_agent=choose(rng, BROWSERS, count),
        actor=pl.lit("human"),
    )


def _as_hits(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(HIT)


def _apple_opens(rng: np.random.Generator, mails: pl.DataFrame) -> pl.DataFrame:
    """Apple's proxy fetches every picture soon after delivery, read or not."""
    fetched = mails.filter((pl.col("provider") == "icloud.com") | (pl.col("device") >= 88))
    return fetched.with_columns(
        event_dt=_later(rng, fetched, "delivered_dt", 1_800.0),
        link_id=pl.lit(None, pl.String),
        method=pl.lit("GET"),
        ip=draw_address(rng, "17.58.", fetched.height),
        user_agent=pl.lit(APPLE_AGENT),
        actor=pl.lit("privacy_proxy"),
        is_caused_by_person=pl.lit(False),
    ).select(HIT)


def _scans(rng: np.random.Generator, mails: pl.DataFrame, clicks: bool) -> pl.DataFrame:
    """A security gateway looks at the picture and at every link within seconds, by HEAD or GET."""
    links = list(LINK_PAGES) if clicks else [None]
    looked = mails.join(
        pl.DataFrame({"link_id": pl.Series(links, dtype=pl.String)}), how="cross", maintain_order="left"
    )
    return looked.with_columns(
        event_dt=_later(rng, looked, "delivered_dt", 6.0),
        method=choose(rng, ["GET", "HEAD"], looked.height, [0.7, 0.3]),
        ip=draw_address(rng, "52.34.", looked.height),
        user_agent=choose(rng, SCANNERS, looked.height),
        actor=pl.lit("machine"),
        is_caused_by_person=pl.lit(False),
    ).select(HIT)


def _previews(rng: np.random.Generator, hits: pl.DataFrame) -> pl.DataFrame:
    """Some who forward or paste a mail make a messenger's prefetcher fetch it."""
    shared = hits.filter(pl.Series(chance(rng, hits.height, 0.03)))
    return shared.with_columns(
        event_dt=_later(rng, shared, "event_dt", 5.0),
        ip=draw_address(rng, "31.13.", shared.height),
        user_agent=choose(rng, PREFETCHERS, shared.height),
        actor=pl.lit("machine"),
        is_caused_by_person=pl.lit(False),
    ).select(HIT)


def persuade(
    campaigns: list[Campaign], members: pl.DataFrame, orders: pl.DataFrame, chunk: Chunk, period: Period, seed: int
) -> pl.DataFrame:
    """Tell who bought of their own will within the campaign's days, and who among those reached buys because of it.

    Adds bought_anyway, is_persuaded and buys_dt (of the persuaded) to the members.
    """
    rng = dice(seed, chunk.index, "persuasion")
    windows = pl.DataFrame(
        {
            "campaign_id": [c.campaign_id for c in campaigns],
            "lift": [c.lift for c in campaigns],
            "success_days": [c.success_days for c in campaigns],
        }
    )
    judged = members.join(windows, on="campaign_id", how="left", maintain_order="left").with_row_index("place")
    bought = judged.select("place", "person", "selected_dt", "success_days").join(
        orders.select("person", "order_dt"), on="person"
    )
    until = pl.col("selected_dt") + pl.duration(days=pl.col("success_days"))
    anyway = bought.filter(pl.col("order_dt").is_between("selected_dt", until)).select("place").unique()
    reached = (pl.col("outcome") == "delivered").fill_null(False)
    draw, wait = pl.Series(rng.random(judged.height)), pl.Series(rng.random(judged.height) ** 2)
    moment = pl.col("sent_dt") + pl.duration(seconds=(3_600 + wait * pl.col("success_days") * 80_000).cast(pl.Int64))
    lives = (moment.cast(pl.Date) < pl.col("death_date")).fill_null(True) & (moment.cast(pl.Date) <= period.as_of)
    marked = judged.with_columns(bought_anyway=pl.col("place").is_in(anyway["place"].implode())).with_columns(
        is_persuaded=reached
        & ~pl.col("bought_anyway")
        & lives.fill_null(False)
        & (draw < pl.col("lift_prob") * pl.col("lift"))
    )
    return marked.with_columns(buys_dt=pl.when("is_persuaded").then(moment)).drop("place")
