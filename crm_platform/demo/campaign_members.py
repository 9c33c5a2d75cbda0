"""Who is selected for a campaign, in which cell, whether it is sent, and whether it arrives.

Selection, sending and delivery belong here; opens, clicks and orders stand in `responses`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.campaigns import CELLS, UNIVERSAL, Campaign
from crm_platform.demo.dice import chance, choose, dice, span_of
from crm_platform.demo.settings import Chunk

TRAITS = ["opens_prob", "clicks_prob", "lift_prob", "is_universal_control", "leaves_date", "death_date"]
HARD_STATUS = (["5.1.1", "5.1.10", "5.4.4", "5.1.2"], [0.75, 0.1, 0.1, 0.05])
SOFT_STATUS = (["4.2.2", "5.2.2", "4.4.1", "4.7.0", "5.7.1"], [0.35, 0.2, 0.2, 0.15, 0.1])


def make_members(
    campaigns: list[Campaign],
    permissions: pl.DataFrame,
    records: pl.DataFrame,
    people: pl.DataFrame,
    chunk: Chunk,
    seed: int,
) -> pl.DataFrame:
    """One row per customer selected for a campaign, of the call centre's records.

    Columns: campaign_id, channel, cell_id, is_control, member_id, record, person, country, email, mobile_phone,
    message_id, selected_dt, sent_dt, not_sent_reason, outcome (delivered, hard, soft, pending; null when not sent),
    status (RFC 3463, of a bounce), delivered_dt, the postal address and the person's TRAITS.
    """
    known = records.select(
        "number",
        "updated_dt",
        "phone",
        "address_line",
        "postcode",
        "city",
        original_email="email",
        original_mobile="mobile_phone",
    )
    given = permissions.filter((pl.col("system") == "crm") & pl.col("subscribed_dt").is_not_null()).join(
        known, left_on="record", right_on="number", how="left", maintain_order="left"
    )
    given = given.join(people.select("person", *TRAITS), on="person", how="left", maintain_order="left")
    return pl.concat([_members_of(campaign, given, chunk, seed) for campaign in campaigns])


def _members_of(campaign: Campaign, given: pl.DataFrame, chunk: Chunk, seed: int) -> pl.DataFrame:
    rng = dice(seed, chunk.index, f"members {campaign.campaign_id}")
    selected = _select(rng, campaign, given)
    celled = _put_into_cells(rng, campaign, selected)
    return _deliver(rng, campaign, _send(rng, campaign, celled))


def _select(rng: np.random.Generator, campaign: Campaign, given: pl.DataFrame) -> pl.DataFrame:
    """A share of those whose permission holds when sending starts."""
    start = pl.lit(campaign.sent_at)
    holds = (pl.col("subscribed_dt") < start) & (
        (pl.col("unsubscribed_dt") > start) | pl.col("unsubscribed_dt").is_null()
    )
    fits = (pl.col("communication_type") == campaign.permission_type) & (pl.col("channel") == campaign.channel)
    if campaign.permission_type == "subscription":
        fits &= pl.col("communication") == campaign.communication
    else:
        fits &= pl.col("brand") == campaign.brand
    if campaign.locale is not None:
        fits &= pl.col("locale") == campaign.locale
    rows = given.filter(holds & fits).unique("record", keep="first", maintain_order=True)
    return rows.filter(pl.Series(chance(rng, rows.height, campaign.share)))


def _put_into_cells(rng: np.random.Generator, campaign: Campaign, selected: pl.DataFrame) -> pl.DataFrame:
    cells = {cell: share for cell, (_, level, share) in CELLS.items() if campaign.has_controls or level is None}
    drawn = choose(rng, list(cells), selected.height, list(cells.values()))
    universal = pl.col("is_universal_control") & campaign.has_controls
    controls = [UNIVERSAL, *(cell for cell, (_, level, _) in CELLS.items() if level is not None)]
    return selected.with_columns(cell_id=pl.when(universal).then(pl.lit(UNIVERSAL)).otherwise(drawn)).with_columns(
        is_control=pl.col("cell_id").is_in(controls)
    )


def _send(rng: np.random.Generator, campaign: Campaign, celled: pl.DataFrame) -> pl.DataFrame:
    """Say who is not sent it and why; the address is what the system knew when it selected."""
    count = celled.height
    start = pl.lit(campaign.sent_at)
    has_heard = (pl.col("updated_dt") <= start).fill_null(False) & (
        pl.col("email_changed_date") <= pl.col("updated_dt").cast(pl.Date)
    ).fill_null(False)
    has_moved_mail = (pl.col("email_changed_date") <= pl.lit(campaign.day)).fill_null(False)
    invalid = pl.Series(chance(rng, count, 0.01))
    reason = pl.when("is_control").then(pl.lit("control_group")).when(invalid).then(pl.lit("invalid_address"))
    spread = span_of(rng.integers(0, 5_400_000, count) / 1_000)
    return celled.with_columns(
        campaign_id=pl.lit(campaign.campaign_id),
        campaign_channel=pl.lit(campaign.channel),
        email=pl.when(has_heard).then("changed_email").otherwise("original_email"),
        is_stale=has_moved_mail & ~has_heard,
        not_sent_reason=reason,
        selected_dt=start - pl.duration(hours=14),
        member_id=pl.format("M{}-{}", pl.lit(campaign.campaign_id[2:]), "record"),
    ).with_columns(
        sent_dt=pl.when(pl.col("not_sent_reason").is_null()).then(start + spread),
        message_id=pl.format("{}.{}@mail.ivory.example", pl.lit(campaign.campaign_id.lower()), "record"),
    )


def _deliver(rng: np.random.Generator, campaign: Campaign, sent: pl.DataFrame) -> pl.DataFrame:
    count = sent.height
    draw = pl.Series(rng.random(count))
    outcome = pl.when(pl.col("sent_dt").is_not_null()).then(_outcome(campaign, draw))
    status = (
        pl.when(pl.col("outcome") == "hard")
        .then(choose(rng, HARD_STATUS[0], count, HARD_STATUS[1]))
        .when(pl.col("outcome") == "soft")
        .then(choose(rng, SOFT_STATUS[0], count, SOFT_STATUS[1]))
    )
    arrives = pl.col("sent_dt") + span_of(2 + rng.exponential(20.0, count))
    return (
        sent.with_columns(outcome=outcome)
        .with_columns(
            status=status,
            delivered_dt=pl.when(pl.col("outcome") == "delivered").then(arrives),
        )
        .select(
            "campaign_id",
            "cell_id",
            "is_control",
            "member_id",
            "record",
            "person",
            "country",
            "locale",
            "brand",
            "email",
            "mobile_phone",
            "message_id",
            "selected_dt",
            "sent_dt",
            "not_sent_reason",
            "outcome",
            "status",
            "delivered_dt",
            "address_line",
            "postcode",
            "city",
            *TRAITS,
            channel="campaign_channel",
        )
    )


def _outcome(campaign: Campaign, draw: pl.Series) -> pl.Expr:
    """What becomes of what is sent; a mail to an address given up bounces nearly always."""
    if campaign.channel != "email":
        return pl.when(draw > 0.96).then(pl.lit("hard")).otherwise(pl.lit("delivered"))
    is_hard = (pl.col("is_stale") & (draw < 0.92)) | (draw > 0.996)
    bounced = pl.when(is_hard).then(pl.lit("hard")).when(draw > 0.984).then(pl.lit("soft"))
    return bounced.when(draw > 0.983).then(pl.lit("pending")).otherwise(pl.lit("delivered"))
