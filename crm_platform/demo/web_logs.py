"""Visits to the sites: page views with the visitor's cookie as JSON Lines, and the plain access log of the travel site.

Which pages are seen, by whom and in which order belongs here, with the crawlers between them; registrations stand in
`web`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.agents import BROWSERS, CRAWLERS, draw_address
from crm_platform.demo.dice import (
    SECONDS_A_DAY,
    chance,
    choose,
    choose_index,
    day_number,
    dice,
    timestamps,
    waking_seconds,
)
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.log_files import LogSpool, combined_line
from crm_platform.demo.orders import repeat
from crm_platform.demo.permissions import home_addresses
from crm_platform.demo.settings import Chunk
from crm_platform.demo.web import iso_time, user_id, visitor_id
from crm_platform.demo.writers import TextForm

FORM = TextForm(kind="json_lines", is_gzip=True)
DAYS = 30
VISITS_EACH = 0.9
# The funnel: a visit of so many pages ends so deep.
DEEPEST = ["/basket", "/checkout", "/checkout/done"]


def write_page_views(
    landing: Landing, records: pl.DataFrame, products: pl.DataFrame, amber_log: LogSpool, chunk: Chunk, seed: int
) -> None:
    """Write the visits of the last weeks: those of the travel brand to its access log, the rest as JSON Lines."""
    rng = dice(seed, chunk.index, "page views")
    views = _views(rng, records, products, landing)
    is_amber = pl.col("brand") == "amber"
    _write_json(landing, views.filter(~is_amber), chunk)
    amber_log.add(
        pl.concat([_lines(views.filter(is_amber)), _crawls(rng, products, landing, max(20, chunk.size // 40))])
    )


def _views(rng: np.random.Generator, records: pl.DataFrame, products: pl.DataFrame, landing: Landing) -> pl.DataFrame:
    visits = repeat(records, rng.poisson(VISITS_EACH, records.height))
    count = visits.height
    start = (
        (day_number(landing.period.as_of) - rng.integers(0, DAYS, count)) * SECONDS_A_DAY
        + waking_seconds(rng, count)
        - 3_600
    )
    visits = visits.select("person", "brand", "email", visitor=visitor_id(), user=user_id("number")).with_columns(
        visit=pl.int_range(pl.len()),
        start_dt=timestamps(start),
        ip=home_addresses(rng, count),
        agent=choose(rng, BROWSERS, count),
        is_signed_in=pl.Series(chance(rng, count, 0.45)),
        pages=pl.Series(1 + np.minimum(rng.geometric(0.24, count), 14)),
    )
    views = repeat(visits, visits["pages"].to_numpy()).with_columns(turn=pl.int_range(pl.len()).over("visit"))
    wait = pl.Series(rng.integers(4, 120, views.height))
    product = products[
        choose_index(rng, products.height, views.height, products["popularity"].cast(pl.Float64).to_numpy())
    ].select("product_id", "category")
    views = pl.concat([views, product], how="horizontal").with_columns(wait=wait)
    since_start = pl.duration(seconds=pl.col("wait").cum_sum().over("visit"))
    return views.with_columns(event_dt=pl.col("start_dt") + since_start, url=_page(rng, views))


def _page(rng: np.random.Generator, views: pl.DataFrame) -> pl.Expr:
    """Home first, then lists and products; one visit in five goes on to the basket and beyond."""
    turn, left = pl.col("turn"), pl.col("pages") - pl.col("turn")
    buys = (pl.col("visit") % 5 == 0) & (pl.col("pages") >= 6)
    category = pl.format("/c/{}", pl.col("category").str.replace_all(" ", "-"))
    return (
        pl.when(turn == 0)
        .then(pl.lit("/"))
        .when(buys & (left == 3))
        .then(pl.lit(DEEPEST[0]))
        .when(buys & (left == 2))
        .then(pl.lit(DEEPEST[1]))
        .when(buys & (left == 1))
        .then(pl.lit(DEEPEST[2]))
        .when(pl.Series(chance(rng, views.height, 0.35)))
        .then(category)
        .otherwise(pl.format("/p/{}", "product_id"))
    )


def _write_json(landing: Landing, views: pl.DataFrame, chunk: Chunk) -> None:
    hits = views.sort("event_dt", "visit", "turn").with_columns(told_on("event_dt", landing.period))
    landing.deliver(
        "web/page_views",
        hits.select(
            DELIVERED,
            ts=iso_time("event_dt"),
            request=pl.struct(
                id=pl.format("rq{}-{}-{}", pl.lit(chunk.index), "visit", "turn"),
                method=pl.lit("GET"),
                path="url",
                proto=pl.lit("HTTP/2.0"),
            ),
            response=pl.struct(status=pl.lit(200), bytes=5_000 + pl.col("person") % 20_000),
            client=pl.struct(
                ip="ip", agent="agent", referrer=pl.when(pl.col("turn") == 0).then(pl.lit("https://search.example/"))
            ),
            visitor="visitor",
            login=pl.when("is_signed_in").then("user"),
            site="brand",
        ),
        FORM,
    )
    landing.truth.add(
        "visitors",
        hits.unique("visitor", keep="first", maintain_order=True).select(
            "visitor", person_id=pl.format("P{}", pl.col("person").cast(pl.String).str.zfill(8))
        ),
    )


def _lines(views: pl.DataFrame) -> pl.DataFrame:
    user = pl.when("is_signed_in").then("user")
    referrer = (
        pl.when(pl.col("turn") == 0)
        .then(pl.lit("https://search.example/"))
        .otherwise(pl.lit("https://www.amber.example/"))
    )
    request = pl.format("GET {} HTTP/1.1", "url")
    return views.select(
        "event_dt",
        combined_line(
            pl.col("ip"), user, request, pl.lit(200), 5_000 + pl.col("person") % 20_000, referrer, pl.col("agent")
        ),
        actor=pl.lit("human"),
        is_caused_by_person=pl.lit(True),
        record="user",
    )


def _crawls(rng: np.random.Generator, products: pl.DataFrame, landing: Landing, count: int) -> pl.DataFrame:
    """Crawlers, day and night; now and then they ask for what is not there, or only by HEAD."""
    seconds = (day_number(landing.period.as_of) - rng.integers(0, DAYS, count)) * SECONDS_A_DAY + rng.integers(
        0, SECONDS_A_DAY, count
    )
    drawn = pl.DataFrame(
        {
            "event_dt": timestamps(seconds),
            "ip": draw_address(rng, "66.249.", count),
            "agent": choose(rng, CRAWLERS, count),
            "sku": choose(rng, products["product_id"].to_list(), count),
            "method": choose(rng, ["GET", "HEAD"], count, [0.85, 0.15]),
            "missing": pl.Series(chance(rng, count, 0.1)),
        }
    )
    path = pl.when("missing").then(pl.lit("/wp-login.php")).otherwise(pl.format("/p/{}", "sku"))
    status = pl.when("missing").then(404).otherwise(200)
    request = pl.format("{} {} HTTP/1.1", "method", path)
    return drawn.select(
        "event_dt",
        combined_line(
            pl.col("ip"),
            pl.lit(None, pl.String),
            request,
            status,
            pl.lit(None, pl.Int64),
            pl.lit(None, pl.String),
            pl.col("agent"),
        ),
        actor=pl.lit("machine"),
        is_caused_by_person=pl.lit(False),
        record=pl.lit(None, pl.String),
    )
