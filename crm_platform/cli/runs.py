"""Runs whose process is gone: killed, or ended with the machine.

Dagster keeps such a run as started for ever, and with one run at a time everything after it waits for it. Here: which
runs of a home still have a process, known by locks, which the system frees when their holder dies. Not here: the lock
on the tables (`crm_platform/warehouse/lock.py`).
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import dagster as dg

from crm_platform.cli.failures import CommandError
from crm_platform.cli.storage import opened_instance, prepare_dagster_home
from crm_platform.environment import home_from
from crm_platform.settings import Home

STARTED_BY = "crm/started_by"
REFRESH_TAGS = {STARTED_BY: "crm refresh"}
IN_PROCESS = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
ENDED = "The process of this run is gone: killed, or ended with the machine. The next refresh goes on where it was."


@contextmanager
def alive(home: Home, run_id: str) -> Iterator[None]:
    """Let everybody know that the run has a process, for the time of the block."""
    lock = _run_lock(home, run_id)
    with _held(lock):
        yield
    lock.unlink(missing_ok=True)


@contextmanager
def alone_up(home: Home) -> Iterator[IO[str]]:
    """Be the only `crm up` of the home for the time of the block; gives the lock, for its servers to hold on to.

    Raises:
        CommandError: there is another one.
    """
    with _held(home.root / "work" / "up.lock") as lock:
        yield lock


def end_abandoned_refreshes(instance: dg.DagsterInstance, home: Home) -> int:
    """Mark as failed the runs of `crm refresh` whose process is gone; gives their number."""
    started = instance.get_runs(dg.RunsFilter(statuses=IN_PROCESS, tags=REFRESH_TAGS))
    gone = [run for run in started if not _is_held(_run_lock(home, run.run_id))]
    for run in gone:
        instance.report_run_failed(run, ENDED)
        _run_lock(home, run.run_id).unlink(missing_ok=True)
    return len(gone)


def end_abandoned_runs(instance: dg.DagsterInstance, home: Home) -> int:
    """Mark as failed every run whose process is gone, before a daemon starts: it has no other run yet."""
    number = end_abandoned_refreshes(instance, home)
    gone = [run for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROCESS)) if STARTED_BY not in run.tags]
    for run in gone:
        instance.report_run_failed(run, ENDED)
    return number + len(gone)


def main() -> None:
    """End the abandoned runs of the environment's home: what a container does before its daemon starts."""
    home = home_from()
    prepare_dagster_home(home)
    with opened_instance(home) as instance:
        end_abandoned_runs(instance, home)


def _run_lock(home: Home, run_id: str) -> Path:
    return home.root / "work" / "runs" / f"{run_id}.lock"


@contextmanager
def _held(lock: Path) -> Iterator[IO[str]]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"`crm {lock.stem}` is running at this home already: end it, or set another CRM_HOME"
            ) from None
        yield file


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


if __name__ == "__main__":
    main()
