"""A stage as steps: tables that are published together, and how Dagster hears of it.

Here: turning a step into assets, and a build's outcome into materialisations, checks and failures. Not here: the steps
themselves (each stage's own module) and what they build (`crm_platform/<stage>/`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.days import day_events, input_keys
from assets.metadata import definition_metadata, publication_metadata
from assets.publishing import CONTRACT_CHECK, asset_key, contract_check, ended_by, failed_contract
from crm_platform.problem import Problem
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import ContractViolation, Publication
from resources.warehouse import WarehouseResource

Events = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


@dataclass(frozen=True)
class Call:
    """What a build is told from outside: the moment of the run (UTC), the configuration, where models are kept, and the
    partitions asked for, of a step that has them."""

    now: datetime
    config_folder: Path
    models: Path
    partition_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """What a step has made: publications by table, metadata and check results by table."""

    publications: Mapping[str, Publication]
    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks: Sequence[dg.AssetCheckResult] = ()


@dataclass(frozen=True)
class Step:
    """Tables that are published together, what they are made from, and how.

    `feeds` are canonical feeds, `tables` tables of the lake. With `partitions` the step makes those that a run asks
    for, a range of them in one run. `by_day` are tables of another step, of days, of which this one makes the days that
    what arrived touches. A problem ends the step with its message, and with its `figures` where it has any.
    """

    name: str
    contracts: tuple[Contract, ...]
    build: Callable[[Engine, Call], Made]
    tables: tuple[Contract, ...] = ()
    feeds: tuple[str, ...] = ()
    checks: tuple[dg.AssetCheckSpec, ...] = ()
    partitions: dg.PartitionsDefinition[str] | None = None
    by_day: tuple[Contract, ...] = ()


def step_assets(stage: str, steps: Sequence[Step], feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """The assets of a stage's steps, on these staged feeds."""
    return [_step_assets(stage, step, feeds) for step in steps]


def _step_assets(stage: str, step: Step, feeds: Sequence[StagedFeed]) -> dg.AssetsDefinition:
    inputs = [
        *(asset_key(feed.contract) for feed in feeds if feed.contract_name in step.feeds),
        *dict.fromkeys(key for contract in step.tables for key in input_keys(contract)),
    ]

    @dg.multi_asset(
        name=f"{stage}__{step.name}",
        group_name=stage,
        partitions_def=step.partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if step.partitions else None,
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
    def tables(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Events:
        partition_keys = tuple(context.partition_keys) if step.partitions else ()
        with warehouse.engine() as engine:
            yield from _published_together(step, engine, _call(warehouse, partition_keys), context)

    return tables


def _published_together(step: Step, engine: Engine, call: Call, context: dg.AssetExecutionContext) -> Events:
    """Make a step's tables and report each; a broken contract or a guard ends the step, and what hangs on it waits."""
    try:
        made = step.build(engine, call)
    except ContractViolation as violation:
        if violation.contract in step.by_day:
            _log_check(context, failed_contract(violation))
        else:
            yield failed_contract(violation)
        raise ended_by(violation) from None
    except Problem as problem:
        figures = getattr(problem, "figures", {})
        raise dg.Failure(str(problem), metadata=dict(figures), allow_retries=False) from None
    for contract in step.by_day:
        _log_days(context, contract, made, engine)
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


def _log_days(context: dg.AssetExecutionContext, contract: Contract, made: Made, engine: Engine) -> None:
    """Tell of the days of another step's table that were made, and of what was checked of them."""
    publication = made.publications.get(contract.table)
    if publication is not None:
        rows = engine.lake.rows_by_partition(contract)
        figures = publication_metadata(publication, sum(rows.values())) | dict(made.metadata.get(contract.table, {}))
        for event in day_events(contract, {day: rows[day] for day in publication.partition_keys}, figures):
            context.log_event(event)
        _log_check(context, dg.AssetCheckResult(passed=True, check_name=CONTRACT_CHECK, asset_key=asset_key(contract)))
    for check in made.checks:
        if check.asset_key == asset_key(contract):
            _log_check(context, check)


def _log_check(context: dg.AssetExecutionContext, check: dg.AssetCheckResult) -> None:
    """Tell of a check of another step's table."""
    if check.asset_key is None or check.check_name is None:
        raise ValueError("a check of another step's table names the table and itself")
    evaluation = dg.AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.check_name,
        passed=check.passed,
        metadata=check.metadata,
        severity=check.severity,
    )
    context.log_event(evaluation)


def _call(warehouse: WarehouseResource, partition_keys: tuple[str, ...]) -> Call:
    return Call(warehouse.now(), Path(warehouse.config_folder), warehouse.paths.models, partition_keys)
