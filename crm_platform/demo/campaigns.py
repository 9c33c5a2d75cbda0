"""The campaigns of the two years: what is sent, under which communication, to which cells, with which links.

The plan of the campaigns belongs here, the same whatever the number of customers; who gets them stands in
`campaign_members`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import yaml

from crm_platform.demo.names import DATA
from crm_platform.demo.settings import Period

WEEKLY_ISSUES = 9
MONTHLY_OFFERS = 14
NEWSLETTER = "routine newsletter"
OFFER_BRANDS = ("ivory", "amber", "ivory", "ebony")
SITE = "https://www.ivory.example"
SUCCESS = {"ivory": "EL-1014", "ebony": "MU-1037", "amber": "TR-1047"}
LINK_PAGES = {"offer": "/c/offers", "product": "/p/{product}", "footer": "/account/preferences"}
# Shares of the cells: two treatments and, where there are some, the control groups.
CELLS = {
    "A": ("First subject line", None, 0.44),
    "B": ("Second subject line", None, 0.44),
    "A0": ("Control of the first", "cell", 0.04),
    "K": ("Control", "campaign", 0.08),
}
UNIVERSAL = "U"


@dataclass(frozen=True)
class Campaign:
    """A campaign; lift is the odds that one treated buys who would not have, weighed by the person's own."""

    name: str
    kind: str
    communication: str
    permission_type: str
    channel: str
    brand: str
    day: date
    share: float
    lift: float
    locale: str | None = None
    has_controls: bool = True
    success_days: int = 30
    campaign_id: str = ""

    @property
    def sent_at(self) -> datetime:
        """The moment sending starts."""
        return datetime.combine(self.day, time(8, 30), UTC)

    @property
    def promotion_code(self) -> str | None:
        """The code that the offer is ordered with; a newsletter has none."""
        return None if self.kind == NEWSLETTER else f"{self.brand[:2].upper()}{self.campaign_id[-3:]}"

    @property
    def success_product(self) -> str:
        """The product whose purchase counts."""
        return SUCCESS[self.brand]


def plan_campaigns(period: Period) -> list[Campaign]:
    """All campaigns by their day, numbered in that order."""
    planned = sorted(
        [*_newsletters(period), *_offers(period), *_others(period)], key=lambda campaign: (campaign.day, campaign.name)
    )
    return [_numbered(campaign, number) for number, campaign in enumerate(planned, start=1)]


def _numbered(campaign: Campaign, number: int) -> Campaign:
    return replace(campaign, campaign_id=f"CP{number:03d}")


def _newsletters(period: Period) -> list[Campaign]:
    titles = {"ivory_weekly": ("Ivory Weekly", None), "ivory_ukentlig": ("Ivory Ukentlig", "nordic")}
    days = [period.as_of - timedelta(days=2 + 7 * week) for week in range(WEEKLY_ISSUES)]
    return [
        Campaign(
            name=f"{title} {day.isoformat()}",
            kind=NEWSLETTER,
            communication=code,
            permission_type="subscription",
            channel="email",
            brand="ivory",
            locale=locale,
            day=day,
            share=1.0,
            lift=0.1,
            has_controls=False,
            success_days=14,
        )
        for code, (title, locale) in titles.items()
        for day in days
    ]


def _offers(period: Period) -> list[Campaign]:
    days = [period.as_of - timedelta(days=12 + 30 * month) for month in range(MONTHLY_OFFERS)]
    brands = [OFFER_BRANDS[month % len(OFFER_BRANDS)] for month in range(MONTHLY_OFFERS)]
    return [
        Campaign(
            name=f"{brand.title()} offer of the month {day:%Y-%m}",
            kind="promotional offer",
            communication=f"{brand}_offers",
            permission_type="promotional",
            channel="email",
            brand=brand,
            day=day,
            share=0.9,
            lift=1.0,
        )
        for brand, day in zip(brands, days, strict=True)
    ]


def _others(period: Period) -> list[Campaign]:
    declared: list[dict[str, Any]] = yaml.safe_load((DATA / "campaigns.yaml").read_text(encoding="utf-8"))
    days = [period.as_of - timedelta(days=each.pop("days_ago")) for each in declared]
    return [Campaign(**each, day=day) for each, day in zip(declared, days, strict=True)]


def campaign_rows(campaigns: list[Campaign]) -> pl.DataFrame:
    """One row per campaign, as the call centre's system exports it."""
    return pl.DataFrame(
        [
            {
                "CampaignRef": each.campaign_id,
                "Name": each.name,
                "Kind": each.kind,
                "Communication": each.communication,
                "Channel": each.channel,
                "Brand": each.brand,
                "Locale": each.locale,
                "Offer": None if each.promotion_code is None else "10% off until the end",
                "PromoCode": each.promotion_code,
                "Budget": 5000.0,
                "Cost": 1250.0 + 37.5 * len(each.name),
                "Currency": "EUR",
                "SuccessSKU": each.success_product,
                "SuccessDays": each.success_days,
                "Starts": each.day.isoformat(),
                "Ends": (each.day + timedelta(days=each.success_days)).isoformat(),
            }
            for each in campaigns
        ]
    )


def cell_rows(campaigns: list[Campaign]) -> pl.DataFrame:
    """One row per cell of a campaign."""
    universal = (UNIVERSAL, "Universal control", "universal")
    rows = []
    for each in campaigns:
        cells = [(cell, name, level) for cell, (name, level, _) in CELLS.items() if each.has_controls or level is None]
        rows += [
            {
                "CampaignRef": each.campaign_id,
                "Cell": cell,
                "Name": name,
                "Control": "0" if level is None else "1",
                "Level": level,
                "Treatment": name if level is None else None,
            }
            for cell, name, level in [*cells, *([universal] if each.has_controls else [])]
        ]
    return pl.DataFrame(rows, schema_overrides={"Level": pl.String, "Treatment": pl.String})


def link_rows(campaigns: list[Campaign]) -> pl.DataFrame:
    """One row per link of an e-mail campaign."""
    return pl.DataFrame(
        [
            {
                "CampaignRef": each.campaign_id,
                "Link": link,
                "URL": SITE + page.format(product=each.success_product) + f"?cid={each.campaign_id}",
            }
            for each in campaigns
            if each.channel == "email"
            for link, page in LINK_PAGES.items()
        ]
    )
