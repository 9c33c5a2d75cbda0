"""What people agree to be sent, and when they take it back: subscriptions and general permissions with their proof.

Consent and its life belong here, as rows (`make_permissions`) and as the events two systems record
(`permission_events`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crm_platform.demo.dice import SECONDS_A_DAY, chance, choose, dice, span_of
from crm_platform.demo.settings import Chunk, CompanySettings, Period

NEWSLETTERS = {"ivory": "ivory_weekly", "ebony": "ebony_sessions", "amber": "amber_escapes"}
PERIODS = (["open", "year", "two_years"], [0.68, 0.22, 0.1])
PERIOD_DAYS = {"year": 365, "two_years": 730}
FORMS = {"web": ["newsletter", "checkout", "account"], "crm": ["call", "paper form", "trade fair"]}
SOURCES = {"web": ["web_form", "checkout", "competition"], "crm": ["call_centre", "store_card", "trade_fair", "friend"]}
# Wordings of the consent, each from a day of the history on.
WORDINGS = ((0, "2024-1"), (240, "2025-1"), (520, "2026-1"))


@dataclass(frozen=True)
class Offer:
    """Something to agree to, and the share of the records that do."""

    communication: str | None
    communication_type: str
    channel: str
    share: float


OFFERS = (
    Offer("newsletter", "subscription", "email", 0.55),
    Offer("low_price_alert", "subscription", "email", 0.15),
    Offer("low_price_alert", "subscription", "sms", 0.04),
    Offer("amber_escapes", "subscription", "post", 0.03),
    Offer("ivory_weekly", "subscription", "rss", 0.01),
    Offer(None, "promotional", "email", 0.5),
    Offer(None, "promotional", "sms", 0.28),
    Offer(None, "promotional", "post", 0.33),
    Offer(None, "promotional", "telephone", 0.16),
    Offer(None, "marketing", "email", 0.3),
    Offer(None, "third_party", "email", 0.1),
    Offer(None, "promotional", "web", 0.25),
)


def make_permissions(
    records: dict[str, pl.DataFrame], chunk: Chunk, settings: CompanySettings, period: Period, seed: int
) -> pl.DataFrame:
    """One row per consent given through the site or the call centre.

    Columns: system (web or crm), record, person, country, locale, language, brand, email, mobile_phone, communication
    (null: general), communication_type, channel, asked_dt, subscribed_dt (null: never confirmed), subscription_period,
    valid_until_date, unsubscribed_dt, ended_by (opt_out, list_unsubscribe, expiry), permission_id, form,
    wording_version, promotion_source, ip_address, price, currency, number_of_subscriptions.
    """
    rng = dice(seed, chunk.index, "permissions")
    asked = pl.concat(
        [_asked(rng, records[system], system, offer, period) for system in ("web", "crm") for offer in OFFERS]
    )
    answered = _answered(rng, asked, period)
    return _with_proof(rng, answered, chunk, settings, period)


def _asked(rng: np.random.Generator, records: pl.DataFrame, system: str, offer: Offer, period: Period) -> pl.DataFrame:
    """The records that agree to one offer, and when they were asked: at their start, or at any time since."""
    rows = records.filter(pl.Series(chance(rng, records.height, offer.share)))
    weekly = pl.when((pl.col("country") == "NO") & (pl.col("brand") == "ivory")).then(pl.lit("ivory_ukentlig"))
    newsletter = weekly.otherwise(pl.col("brand").replace_strict(NEWSLETTERS, return_dtype=pl.String))
    end = pl.lit(period.as_of).cast(pl.Datetime("us", "UTC")) + pl.duration(hours=18)
    since = (
        (end - pl.max_horizontal(pl.col("created_dt"), pl.lit(period.start).cast(pl.Datetime("us", "UTC"))))
        .dt.total_seconds()
        .clip(0)
    )
    later = pl.Series(
        np.where(chance(rng, rows.height, 0.5), rng.random(rows.height), 1.0 - 0.04 * rng.random(rows.height))
    )
    return (
        rows.select(
            "person",
            "country",
            "locale",
            "language",
            "brand",
            "email",
            "mobile_phone",
            "number",
            "email_changed_date",
            "changed_email",
            system=pl.lit(system),
            communication=newsletter if offer.communication == "newsletter" else pl.lit(offer.communication, pl.String),
            communication_type=pl.lit(offer.communication_type),
            channel=pl.lit(offer.channel),
            asked_dt=pl.max_horizontal("created_dt", end - pl.duration(seconds=(since * later).cast(pl.Int64))),
        )
        .with_columns(record="number")
        .drop("number")
    )


def _answered(rng: np.random.Generator, asked: pl.DataFrame, period: Period) -> pl.DataFrame:
    """When the consent was confirmed and how and when it ended."""
    count = asked.height
    confirms = pl.Series(chance(rng, count, 0.9))
    wait = span_of(30 + rng.exponential(4_000.0, count))
    by_double_opt_in = (pl.col("system") == "web") & (pl.col("channel") == "email")
    subscribed = asked.with_columns(
        is_double_opt_in=by_double_opt_in,
        subscribed_dt=pl.when(~by_double_opt_in).then("asked_dt").when(confirms).then(pl.col("asked_dt") + wait),
        subscription_period=choose(rng, PERIODS[0], count, PERIODS[1]),
    )
    days = pl.col("subscription_period").replace_strict(PERIOD_DAYS, default=None, return_dtype=pl.Int64)
    leaves = pl.Series(chance(rng, count, 0.2))
    stays = span_of(rng.exponential(200.0, count) * SECONDS_A_DAY)
    end = pl.lit(period.as_of).cast(pl.Datetime("us", "UTC")) + pl.duration(hours=23)
    dated = subscribed.with_columns(
        valid_until_date=(pl.col("subscribed_dt") + pl.duration(days=days)).cast(pl.Date),
        left_dt=pl.when(leaves).then(pl.col("subscribed_dt") + stays),
        method=choose(rng, ["opt_out", "list_unsubscribe"], count, [0.6, 0.4]),
    )
    expired = (pl.col("valid_until_date") + pl.duration(days=1)).cast(pl.Datetime("us", "UTC"))
    ended = pl.min_horizontal("left_dt", expired)
    return (
        dated.with_columns(unsubscribed_dt=pl.when(ended < end).then(ended))
        .with_columns(
            ended_by=pl.when(pl.col("unsubscribed_dt").is_null())
            .then(None)
            .when(pl.col("unsubscribed_dt") == expired)
            .then(pl.lit("expiry"))
            .when(pl.col("channel") == "email")
            .then("method")
            .otherwise(pl.lit("opt_out"))
        )
        .drop("left_dt", "method")
    )


def _with_proof(
    rng: np.random.Generator, answered: pl.DataFrame, chunk: Chunk, settings: CompanySettings, period: Period
) -> pl.DataFrame:
    count = answered.height
    currencies = {locale.code: locale.currency for locale in settings.locales}
    day = (pl.col("asked_dt").cast(pl.Date) - pl.lit(period.start)).dt.total_days()
    wording = pl.lit(WORDINGS[0][1])
    for first_day, version in WORDINGS[1:]:
        wording = pl.when(day >= first_day).then(pl.lit(version)).otherwise(wording)
    paid = (pl.col("communication") == "amber_escapes") & (pl.col("channel") == "post")
    is_web = pl.col("system") == "web"
    return answered.with_columns(
        permission_id=pl.format("PM{}", pl.Series(np.arange(count)) + chunk.first * 2 * len(OFFERS)),
        form=pl.when(is_web).then(choose(rng, FORMS["web"], count)).otherwise(choose(rng, FORMS["crm"], count)),
        promotion_source=pl.when(is_web)
        .then(choose(rng, SOURCES["web"], count))
        .otherwise(choose(rng, SOURCES["crm"], count)),
        wording_version=wording,
        ip_address=pl.when(is_web).then(home_addresses(rng, count)),
        price=pl.when(paid).then(3.9),
        currency=pl.when(paid).then(pl.col("locale").replace_strict(currencies, return_dtype=pl.String)),
        number_of_subscriptions=pl.when(pl.Series(chance(rng, count, 0.004))).then(0).otherwise(1),
        brand=pl.coalesce(
            pl.col("communication").replace_strict({c.code: c.brand for c in settings.communications}, default=None),
            "brand",
        ),
    )


def home_addresses(rng: np.random.Generator, count: int) -> pl.Series:
    """Internet addresses out of the ranges kept for documentation and testing."""
    parts = pl.DataFrame(
        {
            "net": choose(rng, ["198.51.100", "203.0.113", "198.18.4", "198.19.7"], count),
            "host": pl.Series(rng.integers(1, 255, count)),
        }
    )
    return parts.select(pl.format("{}.{}", "net", "host").alias("ip"))["ip"]


def permission_events(permissions: pl.DataFrame, period: Period) -> pl.DataFrame:
    """The events of the consents' lives.

    Columns: event_id, event_type, request_method, event_dt, received_dt, and the columns of the consent, by time.
    """
    asked = permissions.filter("is_double_opt_in").with_columns(
        event_type=pl.lit("double_opt_in_request"), event_dt="asked_dt", step=pl.lit("a")
    )
    given = permissions.filter(pl.col("subscribed_dt").is_not_null()).with_columns(
        event_type=pl.when("is_double_opt_in").then(pl.lit("double_opt_in_confirm")).otherwise(pl.lit("opt_in")),
        event_dt="subscribed_dt",
        step=pl.lit("b"),
    )
    ended = permissions.filter(pl.col("unsubscribed_dt").is_not_null()).with_columns(
        event_type="ended_by", event_dt="unsubscribed_dt", step=pl.lit("c")
    )
    events = pl.concat([asked, given, ended, _global_opt_outs(permissions, period), _complaints(permissions, period)])
    is_late = pl.col("event_dt").dt.epoch("s") % 41 == 0
    lag = pl.when(is_late).then(pl.duration(hours=60)).otherwise(pl.duration(minutes=3))
    method = {
        "list_unsubscribe": "one-click header",
        "complaint": "feedback loop",
        "opt_out": "preference centre",
        "global_opt_out": "letter",
        "expiry": "none",
    }
    return events.with_columns(
        event_id=pl.format("{}{}", "permission_id", "step"),
        received_dt=pl.col("event_dt") + lag,
        request_method=pl.col("event_type").replace_strict(method, default=pl.col("form"), return_dtype=pl.String),
        permission_kind=pl.when(pl.col("communication").is_not_null())
        .then(pl.lit("subscription"))
        .otherwise(pl.lit("general")),
        # Who has a new address is known under it from then on.
        email=pl.when((pl.col("email_changed_date") <= pl.col("event_dt").cast(pl.Date)).fill_null(False))
        .then("changed_email")
        .otherwise("email"),
    ).sort("event_dt", "event_id")


def _global_opt_outs(permissions: pl.DataFrame, period: Period) -> pl.DataFrame:
    """One in eighty want nothing any more, whatever they had agreed to."""
    leavers = permissions.filter((pl.col("person") % 80 == 17) & pl.col("subscribed_dt").is_not_null()).unique(
        ["system", "record"], keep="last", maintain_order=True
    )
    moment = pl.col("subscribed_dt") + pl.duration(days=45)
    happened = leavers.with_columns(
        event_type=pl.lit("global_opt_out"),
        event_dt=moment,
        step=pl.lit("g"),
        communication=pl.lit(None, pl.String),
        communication_type=pl.lit(None, pl.String),
        channel=pl.lit(None, pl.String),
    )
    return happened.filter(pl.col("event_dt").cast(pl.Date) <= period.as_of)


def _complaints(permissions: pl.DataFrame, period: Period) -> pl.DataFrame:
    """A few call a mail spam that they had asked for."""
    asked = (pl.col("channel") == "email") & pl.col("subscribed_dt").is_not_null()
    angry = permissions.filter((pl.col("person") % 150 == 31) & asked).unique(
        ["system", "record"], keep="first", maintain_order=True
    )
    happened = angry.with_columns(
        event_type=pl.lit("complaint"), event_dt=pl.col("subscribed_dt") + pl.duration(days=33), step=pl.lit("f")
    )
    return happened.filter(pl.col("event_dt").cast(pl.Date) <= period.as_of)
