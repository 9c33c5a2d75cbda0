"""A stage as steps: tables that are published together, and how Dagster hears of it.

Here: turning a step into assets, and a build's outcome into materialisations, checks and failures. Not here: the steps
themselves (each stage's own module) and what they build (`crm_platform/<stage>/`).
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.days import day_events, input_keys
from assets.metadata import definition_metadata, publication_metadata
from assets.publishing import asset_key, contract_check, ended_by, failed_contract, held_contract
from assets.standing import LEAVE_STANDING, KeptReport, Report, evaluation_of
from crm_platform.problem import Problem
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.basis import Surroundings, settings_digest
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import ContractViolation, Publication
from resources.warehouse import WarehouseResource

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult
Events = Iterator[Event]


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

    The tables stand as they are while nothing has changed that they are made of: the tables that the build looks at,
    code and configuration, `models`, the folder below the models that it reads and writes, and its `secrets`.
    """

    name: str
    contracts: tuple[Contract, ...]
    build: Callable[[Engine, Call], Made]
    tables: tuple[Contract, ...] = ()
    feeds: tuple[str, ...] = ()
    checks: tuple[dg.AssetCheckSpec, ...] = ()
    partitions: dg.PartitionsDefinition[str] | None = None
    by_day: tuple[Contract, ...] = ()
    models: str | None = None
    secrets: Callable[[], str] = str


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
            call = _call(warehouse, partition_keys)
            kept = _kept_report(stage, step, warehouse, feeds)
            report = kept.standing(engine, call.now) if _may_stand(step, context) else None
            if report is None:
                made = yield from _published_together(step, engine, call, context)
                report = _report(step, made, engine)
                if not step.partitions:
                    kept.keep(report, engine, call.now)
            for check in report.checks:
                context.log_event(evaluation_of(check))
            yield from report.tables

    return tables


def _may_stand(step: Step, context: dg.AssetExecutionContext) -> bool:
    return step.partitions is None and LEAVE_STANDING.items() <= context.run.tags.items()


def _kept_report(stage: str, step: Step, warehouse: WarehouseResource, feeds: Sequence[StagedFeed]) -> KeptReport:
    home = warehouse.paths
    around = Surroundings(
        settings=settings_digest(Path(warehouse.config_folder), step.secrets()),
        foreign={feed.contract.name: feed.name for feed in feeds if feed.contract_name not in step.feeds},
        folders=(home.models / step.models,) if step.models else (),
    )
    return KeptReport(home.reports / f"{stage}__{step.name}.json", around)


def _published_together(
    step: Step, engine: Engine, call: Call, context: dg.AssetExecutionContext
) -> Generator[Event, None, Made]:
    """Make a step's tables; a broken contract or a guard ends the step, and what hangs on it waits."""
    try:
        made = step.build(engine, call)
    except ContractViolation as violation:
        if violation.contract in step.by_day:
            context.log_event(evaluation_of(failed_contract(violation)))
        else:
            yield failed_contract(violation)
        raise ended_by(violation) from None
    except Problem as problem:
        figures = getattr(problem, "figures", {})
        raise dg.Failure(str(problem), metadata=dict(figures), allow_retries=False) from None
    for contract in step.by_day:
        _log_days(context, contract, made, engine)
    return made


def _report(step: Step, made: Made, engine: Engine) -> Report:
    days = [contract for contract in step.by_day if contract.table in made.publications]
    keys = {asset_key(contract) for contract in step.by_day}
    checks = [held_contract(contract) for contract in days] + [
        check for check in made.checks if check.asset_key in keys
    ]
    return Report([_reported(contract, made, engine) for contract in step.contracts], checks)


def _reported(contract: Contract, made: Made, engine: Engine) -> dg.MaterializeResult[Any]:
    total = sum(engine.lake.rows_by_partition(contract).values())
    publication = made.publications.get(contract.table)
    metadata = publication_metadata(publication, total) if publication else {"dagster/row_count": total}
    key = asset_key(contract)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**metadata, **made.metadata.get(contract.table, {})},
        check_results=[held_contract(contract), *(check for check in made.checks if check.asset_key == key)],
    )


def _log_days(context: dg.AssetExecutionContext, contract: Contract, made: Made, engine: Engine) -> None:
    """Tell of the days of another step's table that were made."""
    publication = made.publications.get(contract.table)
    if publication is None:
        return
    rows = engine.lake.rows_by_partition(contract)
    figures = publication_metadata(publication, sum(rows.values())) | dict(made.metadata.get(contract.table, {}))
    for event in day_events(contract, {day: rows[day] for day in publication.partition_keys}, figures):
        context.log_event(event)


def _call(warehouse: WarehouseResource, partition_keys: tuple[str, ...]) -> Call:
    return Call(warehouse.now(), Path(warehouse.config_folder), warehouse.paths.models, partition_keys)
