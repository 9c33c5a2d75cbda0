"""The refresh job in this process, on an instance that is thrown away."""

from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg

from assets.jobs import REFRESH_JOB, REFRESHED
from assets.publishing import asset_key as contract_key
from crm_platform.definitions import build_definitions
from crm_platform.settings import Home, Tuning
from crm_platform.sources.dimensions.build import DIMENSIONS

EVERYTHING = dg.AssetSelection.all()
SOURCES = dg.AssetSelection.groups("sources", "serving")
LOADING = SOURCES - dg.AssetSelection.assets(*(contract_key(each.contract) for each in DIMENSIONS.values()))
"""What a delivery changes by itself: staging tables, the records of the ingest, the published database."""
UP_TO_SCV = dg.AssetSelection.groups("sources", "scv")
"""What the single customer view is made of, and its tables."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
SMALL = Tuning(memory_limit="512MB", threads=2, quiet_seconds=0.0)


def up_to(*stages: str) -> dg.AssetSelection:
    """The tables of some stages and all that they hang on."""
    return dg.AssetSelection.groups(*stages).upstream().required_multi_asset_neighbors()


def definitions_of(home: Path, config: Path) -> dg.Definitions:
    """The platform's definitions at a home."""
    return build_definitions(Home(home), config, SMALL)


def refreshed(
    home: Path, config: Path, only: dg.AssetSelection = EVERYTHING, tags: Mapping[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """Run the refresh job, to its end, whatever comes; or some of its assets, or with other tags."""
    return refresh_of(home, config, only, tags)()


def refresh_of(
    home: Path, config: Path, only: dg.AssetSelection = EVERYTHING, tags: Mapping[str, str] | None = None
) -> Callable[[], dg.ExecuteInProcessResult]:
    """The refresh job, or some of its assets, to be run at a call."""
    definitions = definitions_of(home, config)
    keys = (only & REFRESHED).resolve(definitions.resolve_asset_graph())
    job = definitions.resolve_job_def(REFRESH_JOB)

    def run() -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return job.execute_in_process(
                instance=instance,
                run_config=QUIET,
                raise_on_error=False,
                asset_selection=sorted(keys),
                tags=dict(tags or {}),
            )

    return run


def row_count(result: dg.ExecuteInProcessResult, table: str) -> object:
    """The number of rows that a table's materialisation reports."""
    [made] = result.asset_materializations_for_node(f"sources__{table}")
    return made.metadata["dagster/row_count"].value


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    """The tables that the run made."""
    events = (event for event in result.all_events if event.is_step_materialization)
    return {event.asset_key.path[-1] for event in events if event.asset_key}
