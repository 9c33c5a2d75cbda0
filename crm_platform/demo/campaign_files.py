"""The campaign side of the call centre's system: the plan, the members, and what came back other than by mail.

The files of campaigns and of SMS, post, telephone and banner results belong here; what happened stands in
`campaign_members` and `responses`.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from crm_platform.demo.bad_rows import DUPLICATED, Fault
from crm_platform.demo.campaigns import Campaign, campaign_rows, cell_rows, link_rows
from crm_platform.demo.crm import FORM, PACKED, customer_ref, moment
from crm_platform.demo.dice import chance, choose, dice, span_of
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.orders import repeat
from crm_platform.demo.settings import Chunk
from crm_platform.demo.shop import order_id
from crm_platform.demo.web import visitor_id
from crm_platform.demo.writers import TextForm

MEMBER_FAULTS = (Fault("missing_key", "MemberRef", rate=0.0003), DUPLICATED)
JSON = TextForm(kind="json_lines")


def write_plan(landing: Landing, campaigns: list[Campaign]) -> None:
    """Write the campaigns, their cells and links."""
    for name, rows in (
        ("campaigns", campaign_rows(campaigns)),
        ("campaign_cells", cell_rows(campaigns)),
        ("campaign_links", link_rows(campaigns)),
    ):
        landing.deliver(f"crm/{name}", rows.with_columns(pl.lit(landing.period.first_delivery).alias(DELIVERED)), FORM)


def write_members(landing: Landing, members: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write who was selected, and what came back by SMS, post, telephone and banner."""
    written = members.with_columns(told_on("selected_dt", landing.period)).select(
        DELIVERED,
        CampaignRef="campaign_id",
        Cell="cell_id",
        MemberRef="member_id",
        CustomerRef=customer_ref(),
        Email="email",
        Phone="mobile_phone",
        MessageId="message_id",
        SelectedAt=moment("selected_dt"),
        SentAt=moment("sent_dt"),
        NotSent="not_sent_reason",
    )
    landing.deliver("crm/campaign_members", written, PACKED, MEMBER_FAULTS, dice(seed, chunk.index, "crm bad members"))
    rng = dice(seed, chunk.index, "returns of campaigns")
    sent = members.filter(pl.col("sent_dt").is_not_null())
    _write_sms(landing, rng, sent.filter(pl.col("channel") == "sms"))
    _write_post(landing, rng, sent.filter((pl.col("channel") == "post") & (pl.col("outcome") == "hard")))
    _write_calls(landing, rng, sent.filter(pl.col("channel") == "telephone"))
    _write_banners(landing, rng, sent.filter(pl.col("channel") == "web"))


def _write_sms(landing: Landing, rng: np.random.Generator, sent: pl.DataFrame) -> None:
    failed = pl.col("outcome") == "hard"
    status = (
        pl.when(failed).then(choose(rng, ["failed", "expired", "rejected"], sent.height)).otherwise(pl.lit("delivered"))
    )
    receipts = sent.with_columns(
        event_dt=pl.col("sent_dt") + span_of(rng.integers(2, 9_000, sent.height)), status=status
    )
    landing.deliver(
        "crm/sms_receipts",
        receipts.with_columns(told_on("event_dt", landing.period)).select(
            DELIVERED,
            receipt=pl.format("SR-{}", "member_id"),
            customer=customer_ref(),
            to="mobile_phone",
            campaign="campaign_id",
            status="status",
            reason=pl.when(failed).then(pl.lit("absent subscriber")),
            sent_at=moment("sent_dt"),
            at=moment("event_dt"),
        ),
        JSON,
    )


def _write_post(landing: Landing, rng: np.random.Generator, returned: pl.DataFrame) -> None:
    days = span_of(rng.integers(5, 30, returned.height) * 86_400)
    items = returned.with_columns(
        returned_date=(pl.col("sent_dt") + days).cast(pl.Date),
        reason=choose(rng, ["moved away", "unknown", "refused", "deceased"], returned.height),
    )
    landing.deliver(
        "crm/returned_post",
        items.with_columns(told_on("returned_date", landing.period)).select(
            DELIVERED,
            ItemRef=pl.format("RP-{}", "member_id"),
            CustomerRef=customer_ref(),
            CampaignRef="campaign_id",
            Reason="reason",
            Street="address_line",
            Zip="postcode",
            Country="country",
            ReturnedOn="returned_date",
        ),
        FORM,
    )


def _write_calls(landing: Landing, rng: np.random.Generator, sent: pl.DataFrame) -> None:
    count = sent.height
    outcome = choose(
        rng,
        ["reached", "no_answer", "busy", "wrong_number", "refused", "do_not_call"],
        count,
        [0.45, 0.3, 0.08, 0.05, 0.1, 0.02],
    )
    reached = pl.col("outcome_of_call").is_in(["reached", "refused", "do_not_call"])
    calls = sent.with_columns(
        outcome_of_call=outcome,
        event_dt=pl.col("sent_dt") + span_of(rng.integers(60, 28_000, count)),
    )
    landing.deliver(
        "crm/call_outcomes",
        calls.with_columns(told_on("event_dt", landing.period)).select(
            DELIVERED,
            CallRef=pl.format("CL-{}", "member_id"),
            CustomerRef=customer_ref(),
            Phone="mobile_phone",
            CampaignRef="campaign_id",
            Outcome="outcome_of_call",
            Agent=choose(rng, ["AG01", "AG02", "AG03", "AG04", "AG05"], count),
            Seconds=pl.when(reached).then(pl.Series(rng.integers(15, 600, count))).otherwise(0),
            CalledAt=moment("event_dt"),
        ),
        FORM,
    )


def _write_banners(landing: Landing, rng: np.random.Generator, sent: pl.DataFrame) -> None:
    shown = repeat(sent, rng.poisson(2.5, sent.height)).with_columns(turn=pl.int_range(pl.len()).over("member_id"))
    shown = shown.with_columns(event_dt=pl.col("sent_dt") + span_of(rng.integers(0, 20 * 86_400, shown.height)))
    landing.deliver(
        "crm/banner_impressions",
        shown.with_columns(told_on("event_dt", landing.period)).select(
            DELIVERED,
            ImpressionRef=pl.format("BI-{}-{}", "member_id", "turn"),
            CustomerRef=customer_ref(),
            Visitor=visitor_id(),
            CampaignRef="campaign_id",
            Placement=choose(rng, ["home page top", "home page side", "basket"], shown.height),
            Clicked=pl.when(pl.Series(chance(rng, shown.height, 0.04))).then(pl.lit("1")).otherwise(pl.lit("0")),
            ShownAt=moment("event_dt"),
        ),
        FORM,
    )


def write_conversions(landing: Landing, conversions: pl.DataFrame) -> None:
    """Write what the site's analytics attribute to campaigns, told the night after."""
    told = conversions.with_columns(told_on(pl.col("order_dt") + timedelta(days=1), landing.period))
    landing.deliver(
        "crm/analytics_conversions",
        told.select(
            DELIVERED,
            ConversionRef=pl.format("AC-{}", "order_number"),
            CampaignRef="campaign_id",
            Link="link_id",
            OrderNo=order_id(),
            SKU="product_id",
            Qty="quantity",
            Value="value",
            Currency="currency",
            ConvertedAt=moment("order_dt"),
        ),
        FORM,
    )


def write_response_truth(landing: Landing, judged: pl.DataFrame, orders: pl.DataFrame) -> None:
    """Tell for each member whether they would have bought anyway, were persuaded, and by which order."""
    caused = orders.filter(pl.col("member_id").is_not_null()).select(
        "member_id", order_id=pl.when(pl.col("system") == "shop").then(order_id()).otherwise(order_id("till"))
    )
    landing.truth.add(
        "responses",
        judged.join(caused, on="member_id", how="left", maintain_order="left").select(
            "campaign_id",
            "cell_id",
            "is_control",
            "member_id",
            record_id=customer_ref(),
            person_id=pl.format("P{}", pl.col("person").cast(pl.String).str.zfill(8)),
            outcome="outcome",
            bought_anyway="bought_anyway",
            # Who was persuaded but is known to no system that sells did not order after all.
            is_persuaded=pl.col("order_id").is_not_null(),
            order_id="order_id",
        ),
    )
