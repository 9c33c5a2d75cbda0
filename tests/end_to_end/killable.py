"""Refreshes in processes that start at once and can be killed: forked from one that has loaded the code already.

The process runs the loading part of the very refresh job, on an instance of Dagster that is
thrown away with it. Not here: `crm refresh`
as a whole, which takes seconds to start (`commands.py`).
"""

import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

LONGEST_SECONDS = 60.0
_STARTING = multiprocessing.get_context("forkserver")
_STARTING.set_forkserver_preload(["tests.orchestration.running"])


def started_refresh(home: Path, config: Path) -> BaseProcess:
    """A refresh under way."""
    process = _STARTING.Process(target=_refresh, args=(home, config))
    process.start()
    return process


def refresh_to_its_end(home: Path, config: Path) -> float:
    """Run a refresh, which has to succeed; gives the seconds that it took."""
    started = time.monotonic()
    process = started_refresh(home, config)
    process.join(LONGEST_SECONDS)
    assert process.exitcode == 0, process.exitcode
    return time.monotonic() - started


def kill_after(process: BaseProcess, seconds: float) -> bool:
    """Kill the process (SIGKILL) after a time; gives whether it was still running."""
    process.join(seconds)
    was_running = process.exitcode is None
    if was_running and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
    process.join(LONGEST_SECONDS)
    return was_running


def _refresh(home: Path, config: Path) -> None:
    from tests.orchestration.running import LOADING, refreshed

    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    sys.exit(0 if refreshed(home, config, only=LOADING).success else 1)
