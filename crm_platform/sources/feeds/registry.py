"""Every canonical feed by its name: what a declared source can say that its rows are.

Here: the list. Not here: the feeds (the modules beside this one) and the sources that deliver them
(`config/sources/`).
"""

from crm_platform.sources.feeds.campaigns import (
    AnalyticsConversions,
    CampaignCells,
    CampaignLinks,
    CampaignMembers,
    Campaigns,
)
from crm_platform.sources.feeds.catalogue import Prices, Products, Stores
from crm_platform.sources.feeds.contact import (
    BannerImpressions,
    CallOutcomes,
    ReturnedPost,
    SmsReceipts,
    SupportCases,
    Surveys,
)
from crm_platform.sources.feeds.fields import FeedModel
from crm_platform.sources.feeds.finance import Invoices, Payments
from crm_platform.sources.feeds.loyalty import LoyaltyRedemptions
from crm_platform.sources.feeds.mail import MailMessages
from crm_platform.sources.feeds.orders import OrderEvents, OrderLines, Orders, Returns, Shipments
from crm_platform.sources.feeds.people import Customers, CustomerUpdates, Enrichments, Leads, Registrations
from crm_platform.sources.feeds.permission import PermissionEvents
from crm_platform.sources.feeds.provider_events import ProviderEvents
from crm_platform.sources.feeds.steward import MatchVerdicts
from crm_platform.sources.feeds.web import WebHits

FEEDS: dict[str, type[FeedModel]] = {
    "customers": Customers,
    "registrations": Registrations,
    "leads": Leads,
    "customer_updates": CustomerUpdates,
    "enrichments": Enrichments,
    "permission_events": PermissionEvents,
    "orders": Orders,
    "order_lines": OrderLines,
    "order_events": OrderEvents,
    "returns": Returns,
    "invoices": Invoices,
    "payments": Payments,
    "shipments": Shipments,
    "support_cases": SupportCases,
    "surveys": Surveys,
    "products": Products,
    "prices": Prices,
    "stores": Stores,
    "web_hits": WebHits,
    "mail_messages": MailMessages,
    "sms_receipts": SmsReceipts,
    "returned_post": ReturnedPost,
    "call_outcomes": CallOutcomes,
    "banner_impressions": BannerImpressions,
    "campaigns": Campaigns,
    "campaign_cells": CampaignCells,
    "campaign_links": CampaignLinks,
    "campaign_members": CampaignMembers,
    "analytics_conversions": AnalyticsConversions,
    "provider_events": ProviderEvents,
    "match_verdicts": MatchVerdicts,
    "loyalty_redemptions": LoyaltyRedemptions,
}
