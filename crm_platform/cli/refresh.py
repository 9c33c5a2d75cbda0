"""`crm refresh`: take in what has arrived and bring every table up to date, as a run that the UI shows too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated, Any
from uuid import uuid4

import dagster as dg
import typer
from rich.box import SIMPLE_HEAD
from rich.progress import Progress
from rich.table import Table

from assets.jobs import MONTHLY_CHURN_JOB, MONTHLY_JOB, REFRESH_JOB
from assets.standing import MAKE_ANEW, STANDS_SINCE
from crm_platform.churn.contracts import CHURN_SCORE
from crm_platform.cli.console import complain, output, progress
from crm_platform.cli.failures import InterruptedCommand
from crm_platform.cli.months import month_to_score
from crm_platform.cli.runs import REFRESH_TAGS, alive, end_abandoned_refreshes
from crm_platform.cli.storage import opened_instance, prepare_dagster_home
from crm_platform.definitions import build_definitions
from crm_platform.environment import config_from, home_from, tuning_from
from crm_platform.settings import Home
from crm_platform.value.scores.contracts import CUSTOMER_RFM

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
INTERRUPTION = "DagsterExecutionInterruptedError"
"""How Dagster calls Ctrl-C: within a step it is a failure of that step."""
MONTHLY_JOBS = {MONTHLY_JOB: CUSTOMER_RFM, MONTHLY_CHURN_JOB: CHURN_SCORE}
"""Jobs of a month that is over, and the scores by which it is known to have been done."""
SHOWN_COUNTS = ("rows_received", "rows_loaded", "rows_quarantined", "rows_known")


@dataclass
class Outcome:
    """What a refresh did: metadata per table, failed checks and failed steps."""

    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed_checks: list[str] = field(default_factory=list)
    broken_checks: list[str] = field(default_factory=list)
    failed_steps: list[str] = field(default_factory=list)
    is_interrupted: bool = False


def refresh(
    is_anew: Annotated[
        bool, typer.Option("--anew", help="Make those tables too of which nothing has changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Take in what has arrived and bring every table up to date; score the newest month that is over, once.

    Tables stand as they are while nothing has changed that they are made of.

    Exit code 1 when a table could not be made or a file could not be read; 0 when rows went to quarantine.

    Example: crm refresh --json
    """
    home = home_from()
    prepare_dagster_home(home)
    definitions = build_definitions(home, config_from(), tuning_from())
    outcome = Outcome()
    started = perf_counter()
    with opened_instance(home) as instance, progress() as bars:
        end_abandoned_refreshes(instance, home)
        tags = REFRESH_TAGS | (MAKE_ANEW if is_anew else {})
        is_success = _run(definitions.resolve_job_def(REFRESH_JOB), home, instance, bars, outcome, tags)
        for job, scores in MONTHLY_JOBS.items():
            month = month_to_score(home, config_from(), datetime.now(UTC), scores) if is_success else None
            if month is not None:
                is_success = _run(definitions.resolve_job_def(job), home, instance, bars, outcome, tags, month)
    seconds = perf_counter() - started
    if as_json:
        output.print_json(data=_as_json(outcome, seconds, is_success))
    else:
        _print_summary(outcome, seconds)
    if not is_success or outcome.broken_checks:
        raise typer.Exit(1)


def _run(
    job: dg.JobDefinition,
    home: Home,
    instance: dg.DagsterInstance,
    bars: Progress,
    outcome: Outcome,
    tags: Mapping[str, str],
    month: str | None = None,
) -> bool:
    """Run a job to its end, of a month where it is one of months, and add what it did to the outcome.

    Raises:
        InterruptedCommand: Ctrl-C.
    """
    run_id = str(uuid4())
    _show_progress(bars, instance, run_id, len(job.graph.nodes), f"Scoring {month}" if month else "Refreshing")
    with alive(home, run_id):
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config=QUIET,
            raise_on_error=False,
            tags=dict(tags),
            partition_key=month,
        )
    _add_to(outcome, result)
    if outcome.is_interrupted:
        raise InterruptedCommand
    return result.success


def _show_progress(bars: Progress, instance: dg.DagsterInstance, run_id: str, steps: int, what: str) -> None:
    """Show which step the run is at, and how many are done, from the events as they are stored."""
    task = bars.add_task(what, total=steps)

    def shown(entry: dg.EventLogEntry) -> None:
        match entry.dagster_event_type:
            case dg.DagsterEventType.STEP_START:
                bars.update(task, description=(entry.step_key or "").replace("__", "."))
            case dg.DagsterEventType.STEP_SUCCESS | dg.DagsterEventType.STEP_FAILURE | dg.DagsterEventType.STEP_SKIPPED:
                bars.advance(task)

    instance.add_event_listener(run_id, shown)


def _add_to(outcome: Outcome, result: dg.ExecuteInProcessResult) -> None:
    for event in result.all_events:
        match event.event_type:
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                made = event.step_materialization_data.materialization
                values = {name: value.value for name, value in made.metadata.items() if hasattr(value, "value")}
                outcome.metadata[".".join(made.asset_key.path)] = values
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                check = event.asset_check_evaluation_data
                if not check.passed:
                    said = ", ".join(
                        str(value.value) for value in check.metadata.values() if isinstance(value.value, str | int)
                    )
                    line = f"{'.'.join(check.asset_key.path)}: {check.check_name} fails ({said})"
                    is_error = check.severity == dg.AssetCheckSeverity.ERROR
                    (outcome.broken_checks if is_error else outcome.failed_checks).append(line)
            case dg.DagsterEventType.STEP_FAILURE if INTERRUPTION in str(event.step_failure_data.error_display_string):
                outcome.is_interrupted = True
            case dg.DagsterEventType.STEP_FAILURE:
                outcome.failed_steps.append(f"{event.step_key}: {_reason(event)}")


def _reason(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    user = failure.user_failure_data
    if user is not None and user.description:
        return user.description
    error = failure.error.cause if failure.error and failure.error.cause else failure.error
    return error.message.strip().splitlines()[0] if error else "failed"


def _as_json(outcome: Outcome, seconds: float, success: bool) -> dict[str, Any]:
    tables = {
        name: {key: value for key, value in metadata.items() if isinstance(value, int | float)}
        for name, metadata in sorted(outcome.metadata.items())
    }
    return {
        "success": success,
        "seconds": round(seconds, 3),
        "tables": tables,
        "failed_steps": outcome.failed_steps,
        "errors": outcome.broken_checks,
        "warnings": outcome.failed_checks,
    }


def _print_summary(outcome: Outcome, seconds: float) -> None:
    table = Table("table", "rows", "received", "loaded", "quarantined", "known", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for name, metadata in sorted(outcome.metadata.items()):
        counts = [metadata.get("dagster/row_count"), *(metadata.get(count) for count in SHOWN_COUNTS)]
        table.add_row(name, *("" if count is None else f"{count:,}" for count in counts))
    output.print(table)
    received = sum(metadata.get("rows_received", 0) for metadata in outcome.metadata.values())
    rate = f", {received / seconds:,.0f} rows per second" if received > seconds else ""
    standing = sum(STANDS_SINCE in metadata for metadata in outcome.metadata.values())
    output.print(
        f"{received:,} rows taken in, {len(outcome.metadata)} tables brought up to date in {seconds:.1f} s{rate}"
        + (f"; {standing} of them stand as they were." if standing else ".")
    )
    for line in outcome.failed_checks:
        complain("warning", line, "yellow")
    for line in (*outcome.broken_checks, *outcome.failed_steps):
        complain("error", line)
