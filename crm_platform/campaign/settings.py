"""How campaigns are counted: the model of `config/campaign.yaml`.

Here: the settings and their loading, with errors that say what, where and what to do. Not here: how events are read and
judged (`events/settings.py`), nor what the settings bring about.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from crm_platform.campaign.mail.reasons import reason_definitions
from crm_platform.configuration import Declared, load_configuration_or_defaults

Channel = Literal["email", "sms", "post", "telephone", "rss", "web"]
Evidence = Literal["promotion_code", "click", "analytics"]
Touch = Literal["last", "first"]
ScoredKind = Literal["soft", "hard"]
TOUCHES: tuple[Touch, ...] = ("last", "first")
LONGEST_DAYS = 3_650


class DeliveryRules(Declared):
    """What counts as delivered, and whose opens are people's."""

    no_word_means_delivered_after_days: Mapping[Channel, int] = Field(
        default={"email": 3, "post": 30},
        description="Where nobody tells of deliveries, what was not returned after so many days has arrived.",
    )
    opens_of_people: tuple[str, ...] = Field(
        default=("agent:gmail_image_proxy", "agent:yahoo_mail_proxy"),
        description="Rules of actors whose proxy loads the picture only when a person opens the mail.",
    )

    @field_validator("no_word_means_delivered_after_days")
    @classmethod
    def _after_some_days(cls, days: Mapping[Channel, int]) -> Mapping[Channel, int]:
        for channel, number in days.items():
            if not 0 <= number <= LONGEST_DAYS:
                raise ValueError(f"{channel}: {number} days; it is 0 to {LONGEST_DAYS}")
        return days


class BounceRules(Declared):
    """When an address that bounces again and again is left be for a while (`feedback/bounce_score.sql`)."""

    points: Mapping[ScoredKind, float] = Field(
        default={"soft": 1.0, "hard": 2.0},
        description="Points of a bounce that does not prove the address to be no good, by its kind.",
    )
    reasons_without_points: tuple[str, ...] = Field(
        default=(
            *("blocked", "rejected", "authfailure", "badreputation", "requireptr", "policyviolation", "securityerror"),
            *("spamdetected", "virusdetected", "contenterror", "mesgtoobig", "exceedlimit", "speeding", "toomanyconn"),
            *("norelaying", "notcompliantrfc", "syntaxerror", "systemerror", "mailererror", "feedback", "vacation"),
        ),
        description="Reasons (reasons.yaml) that tell of the mail or its sender and not of the address.",
    )
    half_life_days: float = Field(default=60.0, gt=0, le=LONGEST_DAYS, description="After so long points count half.")
    threshold: float = Field(default=3.0, gt=0, description="Score from which an address is not sent to.")
    suppressed_days: int = Field(
        default=30, ge=1, le=LONGEST_DAYS, description="For how long, unless it is shown to be alive before."
    )

    @field_validator("points")
    @classmethod
    def _not_below_zero(cls, points: Mapping[ScoredKind, float]) -> Mapping[ScoredKind, float]:
        for kind, number in points.items():
            if number < 0:
                raise ValueError(f"{kind}: {number} points; they are 0 or more")
        return points

    @field_validator("reasons_without_points")
    @classmethod
    def _are_reasons(cls, reasons: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [reason for reason in reasons if reason not in reason_definitions()]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such reason; docs/bounces.md names them")
        return reasons


class OrderRules(Declared):
    """Which campaign an order came of."""

    evidence: tuple[Evidence, ...] = Field(
        default=("promotion_code", "click", "analytics"),
        min_length=1,
        description="What counts, the strongest first: where two name different campaigns, the first decides.",
    )
    touch: Touch = Field(default="last", description="Of several clicks, which one counts.")
    window_days: int | None = Field(
        default=None, ge=0, le=LONGEST_DAYS, description="Days from the sending; none: the campaign's success_days."
    )
    default_window_days: int = Field(
        default=30, ge=0, le=LONGEST_DAYS, description="Days for campaigns that do not say their own."
    )


class ResultRules(Declared):
    """How results are judged."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of the intervals of lift.")
    skewed_draw_below: float = Field(
        default=0.001, gt=0, lt=0.5, description="A draw of cells less likely than this by chance is reported."
    )


class CampaignSettings(Declared):
    """The whole of `campaign.yaml`."""

    delivery: DeliveryRules = DeliveryRules()
    bounces: BounceRules = BounceRules()
    orders: OrderRules = OrderRules()
    results: ResultRules = ResultRules()


def load_campaign_settings(path: Path) -> CampaignSettings:
    """The settings; those of the package where there is no such file.

    Raises:
        ConfigurationError: the file is not YAML, or says what cannot be.
    """
    return load_configuration_or_defaults(path, CampaignSettings, "how campaigns are counted", "docs/campaigns.md")
