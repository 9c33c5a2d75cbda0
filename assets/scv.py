"""The stage `scv`, the single customer view: who is who, and what is known of each.

Here: the assets. Not here: matching, keys, the golden record (`crm_platform/scv/`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import bar_chart, definition_metadata, markdown_table, publication_metadata
from assets.publishing import CONTRACT_CHECK, asset_key, contract_check
from crm_platform.scv.customers.dim_customer import DIM_CUSTOMER, publish_dim_customer
from crm_platform.scv.golden.build import ENDING_FEEDS, publish_ended_identifiers, publish_golden_record
from crm_platform.scv.golden.contracts import (
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
    ENDED_IDENTIFIER,
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
from crm_platform.scv.identity.contracts import (
    CUSTOMER_REDIRECT,
    CUSTOMER_REF_KEY,
    CUSTOMER_XREF,
    CUSTOMER_XREF_CHANGE,
    KEY_EVENT,
)
from crm_platform.scv.identity.guard import TooManyChanges
from crm_platform.scv.identity.key_log import OutOfOrderRun
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
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import ContractViolation, Publication
from resources.warehouse import WarehouseResource

GROUP = "scv"
WITHIN_LIMITS = "figures_are_within_limits"
EVERY_RECORD = "every_record_has_a_customer"
Events = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


@dataclass(frozen=True)
class Made:
    """What a step has made: publications by table, metadata and check results by table."""

    publications: Mapping[str, Publication]
    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks: Sequence[dg.AssetCheckResult] = ()


@dataclass(frozen=True)
class Step:
    """Tables that are published together, what they are made from, and how. `feeds` are canonical feeds."""

    name: str
    contracts: tuple[Contract, ...]
    build: Callable[[Engine, WarehouseResource], Made]
    tables: tuple[Contract, ...] = ()
    feeds: tuple[str, ...] = ()
    checks: tuple[dg.AssetCheckSpec, ...] = ()


def scv_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """The assets of the stage, on these staged feeds."""
    return [_step_assets(step, feeds) for step in _steps(feeds)]


def _steps(feeds: Sequence[StagedFeed]) -> list[Step]:
    return [
        Step(
            "records",
            (SOURCE_STATEMENT, SOURCE_RECORD),
            lambda engine, warehouse: Made(publish_records(engine, feeds, warehouse.now())),
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
            lambda engine, warehouse: _identity(engine, warehouse, feeds),
            tables=(SOURCE_RECORD,),
            feeds=(VERDICT_FEED,),
            checks=_identity_checks(),
        ),
        Step(
            "ended_identifiers",
            (ENDED_IDENTIFIER,),
            lambda engine, warehouse: _ended_identifiers(engine, warehouse, feeds),
            feeds=ENDING_FEEDS,
        ),
        Step(
            "golden",
            (GOLDEN_RECORD, CUSTOMER_PROVENANCE, DIM_CUSTOMER_HISTORY),
            lambda engine, warehouse: Made(publish_golden_record(engine, _settings(warehouse), warehouse.now())),
            tables=(SOURCE_STATEMENT, CUSTOMER_XREF, CUSTOMER_REF_KEY, ENDED_IDENTIFIER),
        ),
        Step(
            "roles",
            (CUSTOMER_ROLE,),
            lambda engine, warehouse: _roles(engine, warehouse, feeds),
            tables=(SOURCE_RECORD, CUSTOMER_XREF, CUSTOMER_REF_KEY, GOLDEN_RECORD),
            feeds=ROLE_FEEDS,
        ),
        Step(
            "households",
            (HOUSEHOLD_CHANGE, HOUSEHOLD_MEMBER, DIM_HOUSEHOLD),
            lambda engine, warehouse: Made(publish_households(engine, warehouse.now())),
            tables=(SOURCE_RECORD, CUSTOMER_XREF, CUSTOMER_REF_KEY, GOLDEN_RECORD),
        ),
        Step(
            "organisations",
            (ORGANISATION_CHANGE, ORGANISATION_CONTACT, DIM_ORGANISATION),
            lambda engine, warehouse: Made(publish_organisations(engine, warehouse.now())),
            tables=(SOURCE_RECORD, CUSTOMER_XREF, CUSTOMER_REF_KEY, GOLDEN_RECORD),
        ),
        Step(
            "customers",
            (DIM_CUSTOMER,),
            lambda engine, warehouse: Made({DIM_CUSTOMER.table: publish_dim_customer(engine)}),
            tables=(GOLDEN_RECORD, HOUSEHOLD_MEMBER, ORGANISATION_CONTACT, DIM_ORGANISATION, CUSTOMER_ROLE),
        ),
    ]


def _step_assets(step: Step, feeds: Sequence[StagedFeed]) -> dg.AssetsDefinition:
    inputs = [
        *(asset_key(feed.contract) for feed in feeds if feed.contract_name in step.feeds),
        *(asset_key(contract) for contract in step.tables),
    ]

    @dg.multi_asset(
        name=f"scv__{step.name}",
        group_name=GROUP,
        specs=[
            dg.AssetSpec(
                key=asset_key(contract),
                deps=inputs,
                owners=["team:data"],
                kinds={"parquet", "duckdb"},
                description=contract.description,
                metadata=definition_metadata(contract),
            )
            for contract in step.contracts
        ],
        check_specs=[*(contract_check(contract) for contract in step.contracts), *step.checks],
    )
    def tables(warehouse: WarehouseResource) -> Events:
        with warehouse.engine() as engine:
            yield from _published_together(step, engine, warehouse)

    return tables


def _published_together(step: Step, engine: Engine, warehouse: WarehouseResource) -> Events:
    """Make a step's tables and report each; a broken contract or a guard ends the step, and what hangs on it waits."""
    try:
        made = step.build(engine, warehouse)
    except ContractViolation as violation:
        failures = {str(number): str(failure) for number, failure in enumerate(violation.failures, start=1)}
        key = asset_key(violation.contract)
        yield dg.AssetCheckResult(passed=False, check_name=CONTRACT_CHECK, asset_key=key, metadata=dict(failures))
        raise dg.Failure(str(violation), metadata=dict(failures), allow_retries=False) from None
    except TooManyChanges as stopped:
        raise dg.Failure(str(stopped), metadata=dict(stopped.figures), allow_retries=False) from None
    except OutOfOrderRun as stopped:
        raise dg.Failure(str(stopped), allow_retries=False) from None
    for contract in step.contracts:
        yield _reported(contract, made, engine)


def _reported(contract: Contract, made: Made, engine: Engine) -> dg.MaterializeResult[Any]:
    total = sum(engine.lake.rows_by_partition(contract).values())
    publication = made.publications.get(contract.table)
    metadata = publication_metadata(publication, total) if publication else {"dagster/row_count": total}
    key = asset_key(contract)
    held = dg.AssetCheckResult(passed=True, check_name=CONTRACT_CHECK, asset_key=key)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**metadata, **made.metadata.get(contract.table, {})},
        check_results=[held, *(check for check in made.checks if check.asset_key == key)],
    )


def _settings(warehouse: WarehouseResource) -> ScvSettings:
    return load_scv_settings(Path(warehouse.config_folder) / "scv.yaml")


def _identity(engine: Engine, warehouse: WarehouseResource, feeds: Sequence[StagedFeed]) -> Made:
    settings = _settings(warehouse)
    result = publish_identity(engine, feeds, settings, warehouse.paths.models / "scv", warehouse.now())
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


def _ended_identifiers(engine: Engine, warehouse: WarehouseResource, feeds: Sequence[StagedFeed]) -> Made:
    staged = staging_refs(feed for feed in feeds if feed.contract_name in ENDING_FEEDS)
    ended = publish_ended_identifiers(engine, _settings(warehouse).ended_identifiers, staged, warehouse.now())
    return Made({ENDED_IDENTIFIER.table: ended})


def _roles(engine: Engine, warehouse: WarehouseResource, feeds: Sequence[StagedFeed]) -> Made:
    published = publish_roles(engine, _settings(warehouse).roles, feeds, warehouse.now())
    return Made({CUSTOMER_ROLE.table: published}, {CUSTOMER_ROLE.table: {"roles": _roles_in_figures(engine)}})


def _roles_in_figures(engine: Engine) -> dg.MarkdownMetadataValue:
    counts = engine.query(
        "SELECT role, reason, is_active, count(*) AS customers FROM scv.customer_role GROUP BY ALL ORDER BY ALL"
    )
    return markdown_table(counts)
