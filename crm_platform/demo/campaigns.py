"""The campaigns of the two years: what is sent, under which communication, to which cells, with which links.

The plan of the campaigns belongs here, the same whatever the number of customers; who gets them stands in `campaign_members`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

import polars as pl

from crm_platform.demo.settings import Period

WEEKLY_ISSUES = 9
MONTHLY_OFFERS = 14
SITE = "https://www.ivory.example"
SUCCESS = {"ivory": "EL-1014", "ebony": "MU-1037", "amber": "TR-1047"}
LINK_PAGES = {"offer": "/c/offers", "product": "/p/{product}", "footer": "/account/preferences"}
# Shares of the cells: two treatments and, where there are some, the control groups.
CELLS = {"A": ("First subject line", None, 0.44), "B": ("Second subject line", None, 0.44), "A0": ("Control of the first", "cell", 0.04), "K": ("Control", "campaign", 0.08)}
UNIVERSAL = "U"


@dataclass(frozen=True)
class Campaign:
    """A campaign; lift is the odds that one treated buys who would not have, weighed by the person's own."""

    campaign_id: str
    name: str
    kind: str
    communication: str
    permission_type: str
    channel: str
    brand: str
    locale: str | None
    day: date
    share: float
    has_controls: bool
    lift: float
    success_days: int = 30

    @property
    def sent_at(self) -> datetime:
        """The moment sending starts."""
        return datetime.combine(self.day, time(8, 30), timezone.utc)

    @property
    def promotion_code(self) -> str | None:
        """The code that the offer is ordered with; a newsletter has none."""
        return None if self.kind == "routine newsletter" else f"{self.brand[:2].upper()}{self.campaign_id[-3:]}"

    @property
    def success_product(self) -> str:
        """The product whose purchase counts."""
        return SUCCESS[self.brand]


def plan_campaigns(period: Period) -> list[Campaign]:
    """All campaigns by their day, numbered in that order."""
    planned = sorted([*_newsletters(period), *_offers(period), *_others(period)], key=lambda campaign: (campaign.day, campaign.name))
    return [_numbered(campaign, number) for number, campaign in enumerate(planned, start=1)]


def _numbered(campaign: Campaign, number: int) -> Campaign:
    return Campaign(**{**vars(campaign), "campaign_id": f"CP{number:03d}"})


def _newsletters(period: Period) -> list[Campaign]:
    titles = {"ivory_weekly": ("Ivory Weekly", None), "ivory_ukentlig": ("Ivory Ukentlig", "nordic")}
    issues = [(code, title, locale, period.as_of - timedelta(days=2 + 7 * week)) for code, (title, locale) in titles.items() for week in range(WEEKLY_ISSUES)]
    return [
        Campaign("", f"{title} {day.isoformat()}", "routine newsletter", code, "subscription", "email", "ivory", locale, day, 1.0, False, 0.1, 14)
        for code, title, locale, day in issues
    ]


def _offers(period: Period) -> list[Campaign]:
    brands = ("ivory", "amber", "ivory", "ebony")
    days = [period.as_of - timedelta(days=12 + 30 * month) for month in range(MONTHLY_OFFERS)]
    return [
        Campaign("", f"{brands[month % 4].title()} offer of the month {day:%Y-%m}", "promotional offer", f"{brands[month % 4]}_offers", "promotional", "email",
                 brands[month % 4], None, day, 0.9, True, 1.0)
        for month, day in enumerate(days)
    ]  # fmt: skip


def _others(period: Period) -> list[Campaign]:
    def days_ago(days: int) -> date:
        return period.as_of - timedelta(days=days)

    return [
        Campaign("", "Flash sale by SMS", "promotional offer", "ivory_offers", "promotional", "sms", "ivory", None, days_ago(40), 0.6, True, 0.9, 14),
        Campaign("", "Weekend tickets by SMS", "promotional offer", "ebony_offers", "promotional", "sms", "ebony", None, days_ago(110), 0.5, True, 0.7, 14),
        Campaign("", "Winter brochure", "promotional offer", "amber_offers", "promotional", "post", "amber", None, days_ago(70), 0.6, True, 1.1, 60),
        Campaign("", "Cross-sell of smart home by post", "cross-sell", "ivory_offers", "promotional", "post", "ivory", "uk", days_ago(200), 0.6, True, 0.8, 45),
        Campaign("", "Call before the season", "promotional offer", "amber_offers", "promotional", "telephone", "amber", None, days_ago(55), 0.7, True, 1.6),
        Campaign("", "Home page autumn", "promotional offer", "ivory_offers", "promotional", "web", "ivory", None, days_ago(50), 0.8, True, 0.3),
        Campaign("", "Welcome", "purchaser life cycle", "life_cycle", "marketing", "email", "ivory", None, days_ago(90), 0.3, False, 0.6),
        Campaign("", "We miss you", "purchaser life cycle", "life_cycle", "marketing", "email", "ivory", None, days_ago(28), 0.5, True, 1.2),
    ]


def campaign_rows(campaigns: list[Campaign]) -> pl.DataFrame:
    """One row per campaign, as the call centre's system exports it."""
    return pl.DataFrame(
        [
            {
                "CampaignRef": each.campaign_id, "Name": each.name, "Kind": each.kind, "Communication": each.communication, "Channel": each.channel, "Brand": each.brand,
                "Locale": each.locale, "Offer": None if each.promotion_code is None else "10% off until the end", "PromoCode": each.promotion_code, "Budget": 5000.0,
                "Cost": 1250.0 + 37.5 * len(each.name), "Currency": "EUR", "SuccessSKU": each.success_product, "SuccessDays": each.success_days,
                "Starts": each.day.isoformat(), "Ends": (each.day + timedelta(days=each.success_days)).isoformat(),
            }
            for each in campaigns
        ]
    )  # fmt: skip


def cell_rows(campaigns: list[Campaign]) -> pl.DataFrame:
    """One row per cell of a campaign."""
    universal = (UNIVERSAL, "Universal control", "universal")
    rows = []
    for each in campaigns:
        cells = [(cell, name, level) for cell, (name, level, _) in CELLS.items() if each.has_controls or level is None]
        rows += [
            {"CampaignRef": each.campaign_id, "Cell": cell, "Name": name, "Control": "0" if level is None else "1", "Level": level, "Treatment": name if level is None else None}
            for cell, name, level in [*cells, *([universal] if each.has_controls else [])]
        ]
    return pl.DataFrame(rows, schema_overrides={"Level": pl.String, "Treatment": pl.String})


def link_rows(campaigns: list[Campaign]) -> pl.DataFrame:
    """One row per link of an e-mail campaign."""
    return pl.DataFrame(
        [
            {"CampaignRef": each.campaign_id, "Link": link, "URL": SITE + page.format(product=each.success_product) + f"?cid={each.campaign_id}"}
            for each in campaigns
            if each.channel == "email"
            for link, page in LINK_PAGES.items()
        ]
    )
