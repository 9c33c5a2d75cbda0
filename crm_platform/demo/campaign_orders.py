"""The orders that came of campaigns.

Those of the persuaded, and those of people who clicked and would have bought anyway.

Which order belongs to which campaign belongs here; how orders are placed stands in `orders`.
"""

from __future__ import annotations

import polars as pl

from crm_platform.demo.campaigns import Campaign
from crm_platform.demo.dice import dice
from crm_platform.demo.orders import buyers_known, number_orders, place_orders
from crm_platform.demo.settings import Chunk, Period

CLICK_COUNTS_DAYS = 10


def make_campaign_orders(
    campaigns: list[Campaign],
    judged: pl.DataFrame,
    people: pl.DataFrame,
    records: dict[str, pl.DataFrame],
    stores: pl.DataFrame,
    chunk: Chunk,
    period: Period,
    seed: int,
    already: int,
) -> pl.DataFrame:
    """The orders of the persuaded (judged[is_persuaded, buys_dt, ...]), with the campaign's code and product.

    Columns as in `orders.make_orders`.
    """
    rng = dice(seed, chunk.index, "campaign orders")
    offers = pl.DataFrame(
        {
            "campaign_id": [each.campaign_id for each in campaigns],
            "promotion_code": pl.Series([each.promotion_code for each in campaigns], dtype=pl.String),
            "wanted_number": [int(each.success_product[-4:]) - 1001 for each in campaigns],
        }
    )
    persuaded = judged.filter("is_persuaded").select("person", "member_id", "campaign_id", "buys_dt")
    wanted = persuaded.join(offers, on="campaign_id", how="left", maintain_order="left")
    buyers = buyers_known(people, records, period).drop("promotion_code", "member_id", "wanted_number")
    dated = wanted.join(buyers, on="person", maintain_order="left").with_columns(
        order_day=pl.col("buys_dt").cast(pl.Date).cast(pl.Int32).cast(pl.Int64) + 1, buyer=pl.lit("persuaded")
    )
    dated = dated.filter(pl.col("order_day") <= pl.lit(period.as_of).cast(pl.Int32))
    return place_orders(
        rng, dated.select(*buyers.columns, "promotion_code", "member_id", "wanted_number", "order_day"), stores
    ).pipe(number_orders, chunk, already)


def clicked_before(orders: pl.DataFrame, clicks: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """The last click before each order of the shop within the days that count.

    Columns: order_number, member_id, campaign_id, link_id, clicked_dt.
    """
    who = clicks.filter(pl.col("link_id") != "footer").join(
        members.select("member_id", "person", "campaign_id"), on="member_id"
    )
    pairs = (
        orders.filter(pl.col("system") == "shop").select("order_number", "person", "order_dt").join(who, on="person")
    )
    since = pl.col("order_dt") - pl.col("clicked_dt")
    recent = pairs.filter((since >= pl.duration(minutes=1)) & (since <= pl.duration(days=CLICK_COUNTS_DAYS)))
    latest = recent.sort("order_number", "clicked_dt", "member_id").unique(
        "order_number", keep="last", maintain_order=True
    )
    return latest.select("order_number", "member_id", "campaign_id", "link_id", "clicked_dt")


def give_codes(orders: pl.DataFrame, clicked: pl.DataFrame, campaigns: list[Campaign]) -> pl.DataFrame:
    """Let every other order after a click use the campaign's code, if it has none yet."""
    codes = {each.campaign_id: each.promotion_code for each in campaigns}
    coded = clicked.filter(pl.col("order_number") % 2 == 0).select(
        "order_number", code=pl.col("campaign_id").replace_strict(codes, return_dtype=pl.String)
    )
    joined = orders.join(coded, on="order_number", how="left", maintain_order="left")
    return joined.with_columns(promotion_code=pl.coalesce("promotion_code", "code")).drop("code")


def make_conversions(clicked: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """What the site's analytics export of them: one row per order after a click with its first line.

    One in nine is missed.
    """
    firsts = lines.filter(pl.col("line_number") == 1).select(
        "order_number", "order_dt", "product_id", "quantity", "unit_price", "currency"
    )
    counted = clicked.filter(pl.col("order_number") % 9 != 4).join(firsts, on="order_number", maintain_order="left")
    return counted.with_columns(value=(pl.col("quantity") * pl.col("unit_price")).round(2))
