"""Events of two e-mail service providers as their webhooks post them: SES and SendGrid, with duplicates and late ones.

The shapes of the two and their faults belong here; what happened to a mail stands in `campaign_members`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.dice import SECONDS_A_DAY, chance, span_of
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.tracking import sign_all
from crm_platform.demo.writers import TextForm

FORM = TextForm(kind="json_lines", is_gzip=True)
SES, SENDGRID = "mail/events/ses", "mail/events/sendgrid"
DUPLICATE_SHARE = 0.03
LATE_SHARE = 0.02
STAMP = "%Y-%m-%dT%H:%M:%S.000Z"


def write_events(landing: Landing, mails: pl.DataFrame, rng: np.random.Generator) -> None:
    """Write the events of mails[kind, outcome, provider, ...]: provider 2 is SendGrid, any other SES.

    There are deliveries, bounces and complaints.
    """
    tokens = sign_all(mails["member_id"])
    signed = mails.join(tokens, left_on="member_id", right_on="identifier", how="left", maintain_order="left")
    wait = pl.when(pl.col("kind") == "complaint").then(pl.duration(hours=7)).otherwise(pl.duration(seconds=9))
    timed = signed.with_columns(
        event_dt=pl.coalesce("delivered_dt", pl.col("sent_dt") + pl.duration(seconds=4)),
        feedback_dt=pl.col("sent_dt") + wait,
    )
    for_sendgrid = pl.col("provider") == 2
    _write_ses(landing, timed.filter(~for_sendgrid), rng)
    _write_sendgrid(landing, timed.filter(for_sendgrid), rng)


def _posted(landing: Landing, rows: pl.DataFrame, moment: str, rng: np.random.Generator) -> pl.DataFrame:
    """Rows with the day they are posted on: some days late, and some twice."""
    late = np.where(chance(rng, rows.height, LATE_SHARE), 2, 0)
    told = rows.with_columns(told_on(pl.col(moment) + span_of(late * SECONDS_A_DAY), landing.period))
    return pl.concat([told, told.filter(pl.Series(chance(rng, told.height, DUPLICATE_SHARE)))])


def _ses_mail() -> pl.Expr:
    tags = pl.struct(campaign=pl.concat_list("campaign_id"), member=pl.concat_list("token"))
    return pl.struct(
        timestamp=pl.col("sent_dt").dt.strftime(STAMP),
        messageId="message_id",
        source=pl.lit("news@ivory.example"),
        destination=pl.concat_list("email"),
        tags=tags,
    )


def _write_ses(landing: Landing, mails: pl.DataFrame, rng: np.random.Generator) -> None:
    delivered = mails.filter((pl.col("outcome") == "delivered") & (pl.col("provider") == 1))
    landing.deliver(
        SES,
        _posted(landing, delivered, "event_dt", rng).select(
            DELIVERED,
            eventType=pl.lit("Delivery"),
            mail=_ses_mail(),
            delivery=pl.struct(
                timestamp=pl.col("event_dt").dt.strftime(STAMP),
                recipients=pl.concat_list("email"),
                smtpResponse=pl.lit("250 2.0.0 OK"),
            ),
        ),
        FORM,
    )
    _write_ses_bounces(landing, mails.filter(pl.col("kind").is_in(["hard", "soft"])), rng)
    _write_ses_complaints(landing, mails.filter(pl.col("kind") == "complaint"), rng)


def _write_ses_bounces(landing: Landing, bounced: pl.DataFrame, rng: np.random.Generator) -> None:
    kind = pl.when(pl.col("kind") == "hard").then(pl.lit("Permanent")).otherwise(pl.lit("Transient"))
    recipient = pl.struct(
        emailAddress="email",
        action=pl.lit("failed"),
        status="status",
        diagnosticCode=pl.format("smtp; 550 {} rejected", "status"),
    )
    landing.deliver(
        SES,
        _posted(landing, bounced, "feedback_dt", rng).select(
            DELIVERED,
            eventType=pl.lit("Bounce"),
            mail=_ses_mail(),
            bounce=pl.struct(
                bounceType=kind,
                bounceSubType=pl.lit("General"),
                bouncedRecipients=pl.concat_list(recipient),
                timestamp=pl.col("feedback_dt").dt.strftime(STAMP),
                feedbackId=pl.format("fb-{}", "member_id"),
                reportingMTA=pl.lit("dns; mail.ivory.example"),
            ),
        ),
        FORM,
    )


def _write_ses_complaints(landing: Landing, complained: pl.DataFrame, rng: np.random.Generator) -> None:
    landing.deliver(
        SES,
        _posted(landing, complained, "feedback_dt", rng).select(
            DELIVERED,
            eventType=pl.lit("Complaint"),
            mail=_ses_mail(),
            complaint=pl.struct(
                complainedRecipients=pl.concat_list(pl.struct(emailAddress="email")),
                complaintFeedbackType=pl.lit("abuse"),
                timestamp=pl.col("feedback_dt").dt.strftime(STAMP),
                feedbackId=pl.format("fc-{}", "member_id"),
            ),
        ),
        FORM,
    )


def _sendgrid(event: str, moment: str) -> list[pl.Expr]:
    return [
        pl.col(DELIVERED),
        pl.col("email"),
        pl.col(moment).dt.epoch("s").alias("timestamp"),
        pl.lit(event).alias("event"),
        pl.format("sg-{}-{}", pl.lit(event), "member_id").alias("sg_event_id"),
        pl.format("{}.recvd-1", "message_id").alias("sg_message_id"),
        pl.format("<{}>", "message_id").alias("smtp-id"),
        pl.concat_list("campaign_id").alias("category"),
        pl.col("token").alias("member"),
    ]


def _write_sendgrid(landing: Landing, mails: pl.DataFrame, rng: np.random.Generator) -> None:
    delivered = _posted(landing, mails.filter(pl.col("outcome") == "delivered"), "event_dt", rng)
    landing.deliver(SENDGRID, delivered.select(*_sendgrid("delivered", "event_dt"), response=pl.lit("250 OK")), FORM)
    bounced = _posted(landing, mails.filter(pl.col("kind").is_in(["hard", "soft"])), "feedback_dt", rng)
    is_hard = pl.col("kind") == "hard"
    landing.deliver(
        SENDGRID,
        bounced.select(
            *_sendgrid("bounce", "feedback_dt"),
            "status",
            type=pl.when(is_hard).then(pl.lit("bounce")).otherwise(pl.lit("blocked")),
            bounce_classification=pl.when(is_hard)
            .then(pl.lit("Invalid Address"))
            .otherwise(pl.lit("Mailbox Unavailable")),
            reason=pl.format("550 {} rejected", "status"),
        ),
        FORM,
    )
    complained = _posted(landing, mails.filter(pl.col("kind") == "complaint"), "feedback_dt", rng)
    landing.deliver(SENDGRID, complained.select(*_sendgrid("spamreport", "feedback_dt")), FORM)
