"""The stage `campaign`: what came back of what was sent, what became of it, and what came of it.

Here: the assets, their checks and pictures. Not here: mails, events, facts and results (`crm_platform/campaign/`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from secrets import token_bytes

import dagster as dg
import polars as pl

from assets.days import DAYS
from assets.metadata import bar_chart, interval_chart, line_chart, markdown_table
from assets.publishing import asset_key
from assets.steps import Call, Made, Step, step_assets
from crm_platform.campaign.dimensions.build import MEMBER_FEED, PLAN_FEEDS, publish_campaign_dimensions
from crm_platform.campaign.dimensions.contracts import CAMPAIGN_DIMENSIONS, DIM_CAMPAIGN, DIM_CELL, DIM_REASON, DIM_URL
from crm_platform.campaign.events.build import EVENT_FEEDS, LOG_FEED, PROVIDER_FEED, publish_events, rebuild_events
from crm_platform.campaign.events.contracts import EVENT, EVENT_FILE, REJECTED_EVENT
from crm_platform.campaign.events.settings import load_event_settings
from crm_platform.campaign.facts.build import FACTS, publish_delivery_facts, rebuild_delivery_facts
from crm_platform.campaign.facts.checks import reconciliation
from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, FACT_INPUT
from crm_platform.campaign.feedback.build import FEEDBACK_FEEDS, publish_feedback
from crm_platform.campaign.feedback.contracts import BOUNCE_SCORE, FEEDBACK_CONTRACTS, OBJECTION
from crm_platform.campaign.mail.contracts import MAIL_DAY, MAIL_REPORT
from crm_platform.campaign.mail.stage import MAIL_FEEDS, publish_mail_reports, rebuild_mail_reports
from crm_platform.campaign.orders.build import ORDER_FEEDS, publish_campaign_orders
from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.campaign.results import report
from crm_platform.campaign.results.build import publish_results
from crm_platform.campaign.results.contracts import CAMPAIGN_LIFT, CAMPAIGN_RESULTS, DELIVERABILITY
from crm_platform.campaign.settings import CampaignSettings, load_campaign_settings
from crm_platform.campaign.tracking.signatures import Keyring
from crm_platform.problem import Problem
from crm_platform.scv.golden.contracts import DIM_CUSTOMER_HISTORY
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.sales.exchange_rates import ExchangeRates, load_exchange_rates
from crm_platform.sources.sales.known import SALES_FEEDS
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication

GROUP = "campaign"
RECONCILED = "selected_sent_and_delivered_add_up"
FEW_REJECTED = "few_events_are_put_aside"
FAIR_DRAW = "control_groups_were_alike_before"
MOST_REJECTED_SHARE = 0.05
MOST_CAMPAIGNS = 8
LINK_FEED = "campaign_links"


def campaign_assets(feeds: Sequence[StagedFeed], keyring: Callable[[], Keyring | None]) -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds. keyring: gives the keys of opaque identifiers, when asked."""
    return step_assets(GROUP, _steps(feeds, keyring), feeds)


def _steps(feeds: Sequence[StagedFeed], keyring: Callable[[], Keyring | None]) -> list[Step]:
    return [
        Step("mail", (MAIL_DAY,), lambda engine, call: _mails(engine, feeds), feeds=MAIL_FEEDS, by_day=(MAIL_REPORT,)),
        Step(
            "mail_days",
            (MAIL_REPORT,),
            lambda engine, call: _mail_days(engine, call, feeds),
            tables=(MAIL_DAY,),
            feeds=MAIL_FEEDS,
            partitions=DAYS,
        ),
        Step(
            "events",
            (REJECTED_EVENT, EVENT_FILE),
            lambda engine, call: _events(engine, call, feeds, keyring()),
            feeds=(*EVENT_FEEDS, MEMBER_FEED, LINK_FEED),
            by_day=(EVENT,),
            checks=(
                dg.AssetCheckSpec(
                    FEW_REJECTED,
                    asset=asset_key(REJECTED_EVENT),
                    description=f"At most {MOST_REJECTED_SHARE:.0%} of the events are of unknown type or forged.",
                ),
            ),
            secrets=lambda: _text_of(keyring()),
        ),
        Step(
            "event_days",
            (EVENT,),
            lambda engine, call: _event_days(engine, call, feeds, keyring()),
            tables=(EVENT_FILE,),
            feeds=(*EVENT_FEEDS, MEMBER_FEED, LINK_FEED),
            partitions=DAYS,
        ),
        Step(
            "dimensions",
            CAMPAIGN_DIMENSIONS,
            lambda engine, call: Made(publish_campaign_dimensions(engine, feeds)),
            feeds=(*PLAN_FEEDS, MEMBER_FEED),
        ),
        Step(
            "feedback",
            FEEDBACK_CONTRACTS,
            lambda engine, call: _feedback(engine, call, feeds),
            tables=(MAIL_REPORT, EVENT, EVENT_FILE, DIM_CAMPAIGN, *_dimensions("dim_communication")),
            feeds=FEEDBACK_FEEDS,
        ),
        Step(
            "deliveries",
            (FACT_INPUT,),
            lambda engine, call: _deliveries(engine, call, feeds),
            tables=_DELIVERY_TABLES,
            feeds=(MEMBER_FEED,),
            by_day=FACTS,
        ),
        Step(
            "delivery_days",
            FACTS,
            lambda engine, call: _delivery_days(engine, call, feeds),
            tables=(*_DELIVERY_TABLES, FACT_INPUT),
            feeds=(MEMBER_FEED,),
            partitions=DAYS,
            checks=(
                dg.AssetCheckSpec(
                    RECONCILED,
                    asset=asset_key(FACT_CAMPAIGN_DELIVERY),
                    description="Of every campaign, cell and day: selected = not sent + sent as the campaign system "
                    "says, and sent = delivered + failed + pending.",
                ),
            ),
        ),
        Step(
            "orders",
            (FACT_CAMPAIGN_ORDER,),
            lambda engine, call: _orders(engine, call, feeds),
            tables=(
                *(FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, DIM_CAMPAIGN, DIM_CELL, DIM_URL, CUSTOMER_REF_KEY),
                *_dimensions("dim_product", "dim_communication", "dim_channel"),
            ),
            feeds=ORDER_FEEDS,
        ),
        Step(
            "results",
            (CAMPAIGN_RESULTS, CAMPAIGN_LIFT, DELIVERABILITY),
            lambda engine, call: _results(engine, call, feeds),
            tables=(
                *(FACT_CAMPAIGN_DELIVERY, FACT_CAMPAIGN_ORDER, DIM_CAMPAIGN, DIM_CELL, CUSTOMER_REF_KEY),
                *_dimensions("dim_communication", "dim_channel"),
            ),
            feeds=SALES_FEEDS,
            checks=(
                dg.AssetCheckSpec(
                    FAIR_DRAW,
                    asset=asset_key(CAMPAIGN_LIFT),
                    description="No control group bought more or less before the campaign than chance explains: else "
                    "the draw was skewed, and the lift is not to be trusted.",
                ),
            ),
        ),
    ]


def _dimensions(*names: str) -> tuple[Contract, ...]:
    return tuple(DIMENSIONS[name].contract for name in names)


_DELIVERY_TABLES = (
    *(MAIL_REPORT, EVENT, DIM_CAMPAIGN, DIM_CELL, DIM_REASON, DIM_URL),
    *(CUSTOMER_REF_KEY, DIM_CUSTOMER_HISTORY),
    *_dimensions("dim_communication", "dim_channel", "dim_brand", "dim_locale"),
)


def _settings(call: Call) -> CampaignSettings:
    return load_campaign_settings(call.config_folder / "campaign.yaml")


def _rates(call: Call) -> ExchangeRates:
    return load_exchange_rates(call.config_folder / "exchange_rates.yaml")


def _mails(engine: Engine, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_mail_reports(engine, staging_refs(feeds))
    return Made(published, {MAIL_REPORT.table: {"reports": markdown_table(report.mails_by_kind(engine))}})


def _mail_days(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    return Made({MAIL_REPORT.table: rebuild_mail_reports(engine, staging_refs(feeds), call.partition_keys)})


def _text_of(keyring: Keyring | None) -> str:
    return ",".join(f"{name}:{key.hex()}" for name, key in keyring.keys.items()) if keyring else ""


def _readable(feeds: Sequence[StagedFeed], keyring: Keyring | None) -> list[StagedFeed]:
    """What is signed waits until there are keys: read without them it would count as forged, for good."""
    return [feed for feed in feeds if keyring or feed.contract_name not in (LOG_FEED, PROVIDER_FEED)]


def _events(engine: Engine, call: Call, feeds: Sequence[StagedFeed], keyring: Keyring | None) -> Made:
    settings = load_event_settings(call.config_folder / "events.yaml")
    keys, work = keyring or Keyring({"none": token_bytes(32)}), call.models.parent / "work"
    published = publish_events(engine, _readable(feeds, keyring), staging_refs(feeds), keys, settings, work)
    told, aside = report.events_by_type(engine), report.rejected_by_reason(engine)
    put_aside = int(aside["events"].sum())
    share = put_aside / max(put_aside + int(told["events"].sum()), 1)
    check = dg.AssetCheckResult(
        check_name=FEW_REJECTED,
        asset_key=asset_key(REJECTED_EVENT),
        passed=share <= MOST_REJECTED_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"share": share, "put_aside": put_aside, "has_keys": keyring is not None},
    )
    metadata = {EVENT.table: {"events": markdown_table(told)}, REJECTED_EVENT.table: {"reasons": markdown_table(aside)}}
    return Made(published, metadata, (check,))


def _feedback(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_feedback(engine, feeds, _settings(call).bounces, call.now)
    metadata = {
        OBJECTION.table: {"objections": markdown_table(report.objections_by_type(engine))},
        BOUNCE_SCORE.table: {"scores": bar_chart("Addresses by their score", report.addresses_by_score(engine))},
    }
    return Made(published, metadata)


def _event_days(engine: Engine, call: Call, feeds: Sequence[StagedFeed], keyring: Keyring | None) -> Made:
    if len(_readable(feeds, keyring)) < len(feeds):
        raise Problem("Without keys what is signed would be lost from these days: set CRM_TRACKING_KEYS.")
    settings = load_event_settings(call.config_folder / "events.yaml")
    first, last = (date.fromisoformat(call.partition_keys[place]) for place in (0, -1))
    work = call.models.parent / "work"
    keys = keyring or Keyring({"none": token_bytes(32)})
    made = rebuild_events(engine, feeds, staging_refs(feeds), keys, settings, work, (first, last))
    return Made({EVENT.table: made} if made else {})


def _deliveries(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    return _counted(engine, publish_delivery_facts(engine, feeds, _settings(call).delivery, call.now), feeds)


def _delivery_days(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    rules = _settings(call).delivery
    return _counted(engine, rebuild_delivery_facts(engine, feeds, rules, call.now, call.partition_keys), feeds)


def _counted(engine: Engine, published: Mapping[str, Publication], feeds: Sequence[StagedFeed]) -> Made:
    """The facts with their check and pictures."""
    slices, broken = reconciliation(engine, feeds)
    check = dg.AssetCheckResult(
        check_name=RECONCILED,
        asset_key=asset_key(FACT_CAMPAIGN_DELIVERY),
        passed=broken.is_empty(),
        metadata={"slices": slices, "broken": markdown_table(broken.head(20))},
    )
    metadata = {
        "funnel": bar_chart("From selected to clicked", report.funnel(engine)),
        "statuses": markdown_table(report.deliveries_by_status(engine)),
    }
    return Made(published, {FACT_CAMPAIGN_DELIVERY.table: metadata}, (check,))


def _orders(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_campaign_orders(engine, feeds, _settings(call).orders, _rates(call), call.now)
    evidence = markdown_table(report.orders_by_evidence(engine))
    return Made(published, {FACT_CAMPAIGN_ORDER.table: {"evidence": evidence}})


def _results(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    settings = _settings(call)
    published = publish_results(engine, feeds, settings, _rates(call), call.now)
    skewed = report.skewed_draws(engine, settings.results.skewed_draw_below)
    check = dg.AssetCheckResult(
        check_name=FAIR_DRAW,
        asset_key=asset_key(CAMPAIGN_LIFT),
        passed=skewed.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"skewed": markdown_table(skewed)},
    )
    campaigns = report.results_by_campaign(engine)
    metadata = {
        CAMPAIGN_RESULTS.table: {"campaigns": markdown_table(campaigns), "rates": _rates_picture(campaigns)},
        CAMPAIGN_LIFT.table: {
            "lift": markdown_table(report.lift_by_campaign(engine)),
            "purchases": interval_chart(
                "Buyers in percent points over the control group", report.lift_of_purchases(engine)
            ),
        },
        DELIVERABILITY.table: {
            "failed": bar_chart("Mails that failed, by mailbox provider", report.failures_by_provider(engine))
        },
    }
    return Made(published, metadata, (check,))


def _rates_picture(campaigns: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """What people did with each of the newest campaigns."""
    newest = campaigns.tail(MOST_CAMPAIGNS)
    lines = {name: newest[f"{name}_pct"].to_list() for name in ("bounce", "open", "click_through")}
    return line_chart("Percent of what was sent or delivered, by campaign", newest["campaign_id"].to_list(), lines)
