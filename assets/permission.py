"""The stage `permission`: what was agreed to, what follows from it, and its history.

Here: the assets and their checks. Not here: what an event does and what may be sent (`crm_platform/permission/`).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.metadata import bar_chart, markdown_table
from assets.publishing import asset_key
from assets.steps import Call, Made, Step, step_assets
from crm_platform.campaign.feedback.build import bouncing_addresses, objection_statements
from crm_platform.campaign.feedback.contracts import BOUNCE_SCORE, OBJECTION
from crm_platform.permission.consent.build import publish_consent
from crm_platform.permission.consent.contracts import CONSENT_EVENT, CONSENT_PARTY, REFUSED_EVENT
from crm_platform.permission.consent.inputs import CONSENT_FEEDS
from crm_platform.permission.facts.build import publish_facts, publish_lists
from crm_platform.permission.facts.checks import Promise, broken_promises
from crm_platform.permission.facts.contracts import (
    ACTIVE_SUBSCRIBER,
    FACT_PERMISSION,
    FACT_SUBSCRIPTION,
    PERMISSION_HISTORY,
    RE_PERMISSION,
)
from crm_platform.permission.settings import PermissionSettings, load_permission_settings
from crm_platform.permission.suppression.build import publish_suppression
from crm_platform.permission.suppression.contracts import SUPPRESSION
from crm_platform.scv.golden.contracts import DIM_CUSTOMER_HISTORY, GOLDEN_RECORD
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY, CUSTOMER_XREF, CUSTOMER_XREF_CHANGE
from crm_platform.scv.records.contracts import SOURCE_RECORD
from crm_platform.scv.roles.contracts import CUSTOMER_ROLE
from crm_platform.sources.company import load_company
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine

GROUP = "permission"
EVERY_EVENT_COUNTS = "every_event_has_its_effect"


def permission_assets(feeds: Sequence[StagedFeed], hash_key: str = "") -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds.

    hash_key: the secret by which addresses of requests are hashed; without one none is kept.
    """
    return step_assets(GROUP, _steps(feeds, hash_key), feeds)


def _steps(feeds: Sequence[StagedFeed], hash_key: str) -> list[Step]:
    return [
        Step(
            "consent",
            (CONSENT_EVENT, REFUSED_EVENT, CONSENT_PARTY),
            lambda engine, call: _consent(engine, call, feeds, hash_key),
            tables=(
                CUSTOMER_REF_KEY,
                CUSTOMER_XREF,
                CUSTOMER_XREF_CHANGE,
                SOURCE_RECORD,
                OBJECTION,
                *_dimensions("dim_communication", "dim_brand", "dim_locale"),
            ),
            feeds=CONSENT_FEEDS,
            checks=(
                dg.AssetCheckSpec(
                    EVERY_EVENT_COUNTS,
                    asset=asset_key(REFUSED_EVENT),
                    description="No event of consent had to be put aside.",
                ),
            ),
            secrets=lambda: hash_key,
        ),
        Step(
            "suppression",
            (SUPPRESSION,),
            lambda engine, call: Made(publish_suppression(engine, _settings(call), [bouncing_addresses(engine)])),
            tables=(CONSENT_EVENT, DIM_CUSTOMER_HISTORY, BOUNCE_SCORE),
        ),
        Step(
            "facts",
            (FACT_SUBSCRIPTION, FACT_PERMISSION),
            _facts,
            tables=(
                CONSENT_EVENT,
                CONSENT_PARTY,
                *_dimensions(
                    "dim_communication",
                    "dim_channel",
                    "dim_promotion_source",
                    "dim_brand",
                    "dim_locale",
                    "dim_language",
                    "dim_subscription_period",
                ),
            ),
            checks=tuple(
                dg.AssetCheckSpec(str(promise), asset=asset_key(contract), description=promise.text)
                for contract in (FACT_SUBSCRIPTION, FACT_PERMISSION)
                for promise in Promise
            ),
        ),
        Step(
            "lists",
            (PERMISSION_HISTORY, ACTIVE_SUBSCRIBER, RE_PERMISSION),
            _lists,
            tables=(
                FACT_SUBSCRIPTION,
                FACT_PERMISSION,
                SUPPRESSION,
                GOLDEN_RECORD,
                CUSTOMER_ROLE,
                *_dimensions("dim_communication", "dim_channel", "dim_date"),
            ),
        ),
    ]


def _dimensions(*names: str) -> tuple[Contract, ...]:
    return tuple(DIMENSIONS[name].contract for name in names)


def _settings(call: Call) -> PermissionSettings:
    return load_permission_settings(call.config_folder / "permission.yaml")


def _consent(engine: Engine, call: Call, feeds: Sequence[StagedFeed], hash_key: str) -> Made:
    company = load_company(call.config_folder / "company.yaml")
    objections = [objection_statements(engine)]
    published = publish_consent(engine, _settings(call), company, feeds, call.now, hash_key, objections)
    refused = engine.query(
        "SELECT reason, event_type, count(*) AS events FROM permission.refused_event GROUP BY ALL ORDER BY ALL"
    )
    heard = engine.query(
        "SELECT event_type, effect, count(*) AS events FROM permission.consent_event GROUP BY ALL ORDER BY ALL"
    )
    metadata = {
        CONSENT_EVENT.table: {"events": markdown_table(heard)},
        REFUSED_EVENT.table: {"reasons": markdown_table(refused)},
    }
    check = dg.AssetCheckResult(
        check_name=EVERY_EVENT_COUNTS,
        asset_key=asset_key(REFUSED_EVENT),
        passed=refused.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"refused": published[REFUSED_EVENT.table].number_of_rows},
    )
    return Made(published, metadata, (check,))


def _facts(engine: Engine, call: Call) -> Made:
    published = publish_facts(engine, _settings(call), call.now)
    checks = [
        dg.AssetCheckResult(
            check_name=str(promise),
            asset_key=asset_key(contract),
            passed=broken == 0,
            metadata={"rows": broken},
        )
        for contract in (FACT_SUBSCRIPTION, FACT_PERMISSION)
        for promise, broken in broken_promises(engine, contract, call.now).items()
    ]
    return Made(published, {}, checks)


def _lists(engine: Engine, call: Call) -> Made:
    published = publish_lists(engine, _settings(call), call.now)
    return Made(published, _growth(engine))


def _growth(engine: Engine) -> dict[str, dict[str, Any]]:
    months = engine.query(
        "SELECT strftime(month_date, '%Y-%m') AS month, CAST(sum(number_active) AS BIGINT) AS active "
        "FROM permission.permission_history GROUP BY ALL ORDER BY ALL"
    )
    return {PERMISSION_HISTORY.table: {"active_by_month": bar_chart("Permissions in force by month", months.rows())}}
