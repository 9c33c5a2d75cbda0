"""The stage `scv`, the single customer view: who is who, and what is known of each.

Here: the assets. Not here: matching, keys, the golden record (`crm_platform/scv/`).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import bar_chart, markdown_table
from assets.publishing import asset_key
from assets.steps import Call, Made, Step, step_assets
from crm_platform.campaign.facts.member_version import MEMBER_FEED
from crm_platform.campaign.feedback.ended import ENDING_TABLES, ended_emails
from crm_platform.scv.customers.dim_customer import DIM_CUSTOMER, publish_dim_customer
from crm_platform.scv.golden.build import ENDING_FEEDS, publish_ended_identifiers, publish_golden_record
from crm_platform.scv.golden.contracts import (
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
    ENDED_IDENTIFIER,
    GOLDEN_INPUT,
    GOLDEN_RECORD,
)
from crm_platform.scv.groups.contracts import (
    DIM_HOUSEHOLD,
    DIM_ORGANISATION,
    HOUSEHOLD_CHANGE,
    HOUSEHOLD_MEMBER,
    ORGANISATION_CHANGE,
    ORGANISATION_CONTACT,
)
from crm_platform.scv.groups.households import publish_households
from crm_platform.scv.groups.organisations import publish_organisations
from crm_platform.scv.identity.contacts import CONTACT_FEEDS
from crm_platform.scv.identity.contracts import (
    CUSTOMER_REDIRECT,
    CUSTOMER_REF_KEY,
    CUSTOMER_XREF,
    CUSTOMER_XREF_CHANGE,
    KEY_EVENT,
)
from crm_platform.scv.identity.stage import IdentityResult, publish_identity
from crm_platform.scv.identity.verdicts import VERDICT_FEED
from crm_platform.scv.records.build import RECORD_FEEDS, publish_records
from crm_platform.scv.records.contracts import SOURCE_RECORD, SOURCE_STATEMENT
from crm_platform.scv.review.contracts import MATCH_QUALITY, SCV_REVIEW
from crm_platform.scv.review.quality import broken_limits
from crm_platform.scv.roles.build import ROLE_FEEDS, publish_roles
from crm_platform.scv.roles.contracts import CUSTOMER_ROLE
from crm_platform.scv.settings import ScvSettings, load_scv_settings
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine

GROUP = "scv"
WITHIN_LIMITS = "figures_are_within_limits"
EVERY_RECORD = "every_record_has_a_customer"


def scv_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds."""
    return step_assets(GROUP, _steps(feeds), feeds)


def _steps(feeds: Sequence[StagedFeed]) -> list[Step]:
    return [
        Step(
            "records",
            (SOURCE_STATEMENT, SOURCE_RECORD),
            lambda engine, call: Made(publish_records(engine, feeds, call.now)),
            feeds=RECORD_FEEDS,
        ),
        Step(
            "identity",
            (
                CUSTOMER_XREF_CHANGE,
                KEY_EVENT,
                CUSTOMER_XREF,
                CUSTOMER_REDIRECT,
                CUSTOMER_REF_KEY,
                SCV_REVIEW,
                MATCH_QUALITY,
            ),
            lambda engine, call: _identity(engine, call, feeds),
            tables=(SOURCE_STATEMENT, SOURCE_RECORD),
            feeds=(VERDICT_FEED, *CONTACT_FEEDS),
            checks=_identity_checks(),
            models="scv",
        ),
        Step(
            "ended_identifiers",
            (ENDED_IDENTIFIER,),
            lambda engine, call: _ended_identifiers(engine, call, feeds),
            tables=ENDING_TABLES,
            feeds=(*ENDING_FEEDS, MEMBER_FEED),
        ),
        Step(
            "golden",
            (GOLDEN_RECORD, CUSTOMER_PROVENANCE, DIM_CUSTOMER_HISTORY, GOLDEN_INPUT),
            lambda engine, call: Made(publish_golden_record(engine, _settings(call), call.now)),
            tables=(SOURCE_STATEMENT, CUSTOMER_XREF, CUSTOMER_REF_KEY, ENDED_IDENTIFIER),
        ),
        Step(
            "roles",
            (CUSTOMER_ROLE,),
            lambda engine, call: _roles(engine, call, feeds),
            tables=(SOURCE_RECORD, CUSTOMER_XREF, CUSTOMER_REF_KEY, GOLDEN_RECORD),
            feeds=ROLE_FEEDS,
        ),
        Step(
            "households",
            (HOUSEHOLD_CHANGE, HOUSEHOLD_MEMBER, DIM_HOUSEHOLD),
            lambda engine, call: Made(publish_households(engine, call.now)),
            tables=(SOURCE_RECORD, CUSTOMER_XREF, CUSTOMER_REF_KEY, GOLDEN_RECORD),
        ),
        Step(
            "organisations",
            (ORGANISATION_CHANGE, ORGANISATION_CONTACT, DIM_ORGANISATION),
            lambda engine, call: Made(publish_organisations(engine, call.now)),
            tables=(SOURCE_RECORD, CUSTOMER_XREF, CUSTOMER_REF_KEY, GOLDEN_RECORD),
        ),
        Step(
            "customers",
            (DIM_CUSTOMER,),
            lambda engine, call: Made({DIM_CUSTOMER.table: publish_dim_customer(engine)}),
            tables=(GOLDEN_RECORD, HOUSEHOLD_MEMBER, ORGANISATION_CONTACT, DIM_ORGANISATION, CUSTOMER_ROLE),
        ),
    ]


def _settings(call: Call) -> ScvSettings:
    return load_scv_settings(call.config_folder / "scv.yaml")


def _identity(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    settings = _settings(call)
    result = publish_identity(engine, feeds, settings, call.models / "scv", call.now)
    return Made(result.publications, _identity_metadata(result), _identity_results(result, settings))


def _identity_metadata(result: IdentityResult) -> dict[str, dict[str, Any]]:
    quality = result.quality
    figures = pl.DataFrame(
        {"figure": list(quality.figures), "number": list(quality.figures.values())},
        schema={"figure": pl.String, "number": pl.Int64},
    )
    return {
        MATCH_QUALITY.table: {
            **quality.figures,
            "figures": markdown_table(figures),
            "records_of_a_customer": bar_chart("Customers by their number of records", quality.sizes),
            "evidence_of_pairs": bar_chart("Pairs by their evidence in points", quality.weights),
        },
        SCV_REVIEW.table: {"most_in_doubt": markdown_table(result.most_in_doubt)},
    }


def _identity_checks() -> tuple[dg.AssetCheckSpec, ...]:
    return (
        dg.AssetCheckSpec(
            EVERY_RECORD, asset=asset_key(CUSTOMER_XREF), description="Every record of a source is in the xref, once."
        ),
        dg.AssetCheckSpec(
            WITHIN_LIMITS,
            asset=asset_key(MATCH_QUALITY),
            description="The largest customer and the share of pairs in doubt keep the limits of config/scv.yaml.",
        ),
    )


def _identity_results(result: IdentityResult, settings: ScvSettings) -> list[dg.AssetCheckResult]:
    figures = result.quality.figures
    complaints = broken_limits(figures, settings.quality)
    return [
        dg.AssetCheckResult(
            check_name=EVERY_RECORD,
            asset_key=asset_key(CUSTOMER_XREF),
            passed=figures["number_of_records"] == result.number_of_records,
            metadata={"records": result.number_of_records, "in_the_xref": figures["number_of_records"]},
        ),
        dg.AssetCheckResult(
            check_name=WITHIN_LIMITS,
            asset_key=asset_key(MATCH_QUALITY),
            passed=not complaints,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={str(number): complaint for number, complaint in enumerate(complaints, start=1)},
        ),
    ]


def _ended_identifiers(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    staged = staging_refs(feed for feed in feeds if feed.contract_name in ENDING_FEEDS)
    rules = _settings(call).ended_identifiers
    with ended_emails(engine, feeds, call.now) as emails:
        ended = publish_ended_identifiers(engine, rules, staged, call.now, [emails])
    return Made({ENDED_IDENTIFIER.table: ended})


def _roles(engine: Engine, call: Call, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_roles(engine, _settings(call).roles, feeds, call.now)
    return Made({CUSTOMER_ROLE.table: published}, {CUSTOMER_ROLE.table: {"roles": _roles_in_figures(engine)}})


def _roles_in_figures(engine: Engine) -> dg.MarkdownMetadataValue:
    counts = engine.query(
        "SELECT role, reason, is_active, count(*) AS customers FROM scv.customer_role GROUP BY ALL ORDER BY ALL"
    )
    return markdown_table(counts)
