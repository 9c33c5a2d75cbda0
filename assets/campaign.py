"""The stage `campaign`: what came back of what was sent, what became of it, and what came of it.

Here: the assets, their checks and pictures. Not here: mails, events, facts and results (`crm_platform/campaign/`).
"""

from collections.abc import Callable, Sequence
from secrets import token_bytes

import dagster as dg

from assets.metadata import bar_chart, markdown_table
from assets.publishing import asset_key
from assets.steps import Call, Made, Step, step_assets
from crm_platform.campaign.dimensions.build import MEMBER_FEED, PLAN_FEEDS, publish_campaign_dimensions
from crm_platform.campaign.dimensions.contracts import CAMPAIGN_DIMENSIONS, DIM_CAMPAIGN, DIM_CELL, DIM_REASON, DIM_URL
from crm_platform.campaign.events.build import EVENT_FEEDS, LOG_FEED, PROVIDER_FEED, publish_events
from crm_platform.campaign.events.contracts import EVENT, EVENT_FILE, REJECTED_EVENT
from crm_platform.campaign.events.settings import load_event_settings
from crm_platform.campaign.facts.build import publish_delivery_facts
from crm_platform.campaign.facts.checks import reconciliation
from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, FACT_INPUT
from crm_platform.campaign.mail.contracts import MAIL_REPORT
from crm_platform.campaign.mail.stage import MAIL_FEEDS, publish_mail_reports
from crm_platform.campaign.orders.build import ORDER_FEEDS, publish_campaign_orders
from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.campaign.results import report
from crm_platform.campaign.results.build import publish_results
from crm_platform.campaign.results.contracts import CAMPAIGN_LIFT, CAMPAIGN_RESULTS, DELIVERABILITY
from crm_platform.campaign.settings import CampaignSettings, load_campaign_settings
from crm_platform.campaign.tracking.signatures import Keyring
from crm_platform.scv.golden.contracts import DIM_CUSTOMER_HISTORY
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.sales.exchange_rates import ExchangeRates, load_exchange_rates
from crm_platform.sources.sales.known import SALES_FEEDS
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine

GROUP = "campaign"
RECONCILED = "selected_sent_and_delivered_add_up"
FEW_REJECTED = "few_events_are_put_aside"
FAIR_DRAW = "control_groups_were_alike_before"
MOST_REJECTED_SHARE = 0.05
LINK_FEED = "campaign_links"


def campaign_assets(feeds: Sequence[StagedFeed], keyring: Callable[[], Keyring | None]) -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds. keyring: gives the keys of opaque identifiers, when asked."""
    return step_assets(GROUP, _steps(feeds, keyring), feeds)


def _steps(feeds: Sequence[StagedFeed], keyring: Callable[[], Keyring | None]) -> list[Step]:
    return [
        Step("mail", (MAIL_REPORT,), lambda engine, call: _mails(engine, feeds), feeds=MAIL_FEEDS),
        Step(
            "events",
            (EVENT, REJECTED_EVENT, EVENT_FILE),
            lambda engine, call: _events(engine, call, feeds, keyring()),
            feeds=(*EVENT_FEEDS, MEMBER_FEED, LINK_FEED),
            checks=(
                dg.AssetCheckSpec(
                    FEW_REJECTED,
                    asset=asset_key(REJECTED_EVENT),
                    description=f"At most {MOST_REJECTED_SHARE:.0%} of the events are of unknown type or forged.",
                ),
            ),
        ),
        Step(
            "dimensions",
            CAMPAIGN_DIMENSIONS,
            lambda engine, call: Made(publish_campaign_dimensions(engine, feeds)),
            feeds=(*PLAN_FEEDS, MEMBER_FEED),
        ),
        Step(
            "deliveries",
            (FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, FACT_INPUT),
            lambda engine, call: _deliveries(engine, call, feeds),
            tables=(
                *(MAIL_REPORT, EVENT, EVENT_FILE, DIM_CAMPAIGN, DIM_CELL, DIM_REASON, DIM_URL),
                *(CUSTOMER_REF_KEY, DIM_CUSTOMER_HISTORY),
                *_dimensions("dim_communication", "dim_channel", "dim_brand", "dim_locale"),
            ),
            feeds=(MEMBER_FEED,),
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


def _settings(call: Call) -> CampaignSettings:
    return load_campaign_settings(call.config_folder / "campaign.yaml")


def _rates(call: Call) -> ExchangeRates:
    return load_exchange_rates(call.config_folder / "exchange_rates.yaml")


def _mails(engine: Engine, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_mail_reports(engine, staging_refs(feeds))
    metadata = {MAIL_REPORT.table: {"reports": markdown_table(report.mails_by_kind(engine))}}
    return Made({MAIL_REPORT.table: published}, metadata)


def _events(engine: Engine, call: Call, feeds: Sequence[StagedFeed], keyring: Keyring | None) -> Made:
    settings = load_event_settings(call.config_folder / "events.yaml")
    # What is signed waits until there are keys: read without them it would count as forged, for good.
    readable = [feed for feed in feeds if keyring or feed.contract_name not in (LOG_FEED, PROVIDER_FEED)]
    keys = keyring or Keyring({"none": token_bytes(32)})
    work = call.models.parent / "work"
    published = publish_events(engine, readable, staging_refs(feeds), keys, settings, work)
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


def _deliveries(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_delivery_facts(engine, feeds, _settings(call).delivery, call.now)
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
    metadata = {
        CAMPAIGN_RESULTS.table: {"campaigns": markdown_table(report.results_by_campaign(engine))},
        CAMPAIGN_LIFT.table: {"lift": markdown_table(report.lift_by_campaign(engine))},
        DELIVERABILITY.table: {
            "failed": bar_chart("Mails that failed, by mailbox provider", report.failures_by_provider(engine))
        },
    }
    return Made(published, metadata, (check,))
