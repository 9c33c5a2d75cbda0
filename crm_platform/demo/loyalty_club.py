"""The loyalty club: members spend their points on orders of the web shop, some of them more than they have.

What members ask for belongs here; what their points come to does not: the platform keeps that account.
"""

from __future__ import annotations

import polars as pl

from crm_platform.demo.bad_rows import DUPLICATED, Fault
from crm_platform.demo.dice import chance, choose, dice
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.settings import Chunk
from crm_platform.demo.shop import customer_id, order_id
from crm_platform.demo.writers import TextForm

FORM = TextForm()
REDEEMING_SHARE = 0.12
POINTS = (["100", "200", "250", "500", "1000", "5000"], [0.3, 0.3, 0.05, 0.2, 0.1, 0.05])
REWARDS = (["voucher", "free delivery", "gift"], [0.6, 0.25, 0.15])
FAULTS = (Fault("missing_key", "Ref"), Fault("value_out_of_range", "Points", "0"), DUPLICATED)


def write_redemptions(landing: Landing, orders: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write what members spent on their second and later orders of the shop."""
    rng = dice(seed, chunk.index, "redemptions")
    later = orders.sort("order_dt", "order_number").filter(pl.int_range(pl.len()).over("record") > 0)
    spent = later.filter(pl.Series(chance(rng, later.height, REDEEMING_SHARE), dtype=pl.Boolean))
    written = spent.with_columns(told_on("order_dt", landing.period)).select(
        DELIVERED,
        Ref=pl.format("LR{}", "order_number"),
        Member=customer_id(),
        Points=choose(rng, POINTS[0], spent.height, POINTS[1]),
        Reward=choose(rng, REWARDS[0], spent.height, REWARDS[1]),
        OrderNo=order_id(),
        At=pl.col("order_dt").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    landing.deliver("club/redemptions", written, FORM, FAULTS, dice(seed, chunk.index, "club bad redemptions"))
