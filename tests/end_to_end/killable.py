"""Refreshes in processes that start at once and can be killed: forked from one that has read the definitions already.

The process runs the loading part of the very refresh job, on an instance of Dagster that is thrown away with it, so
that a kill meets it at work. Not here: `crm refresh` as a whole, which takes seconds to start (`commands.py`).
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

LONGEST_SECONDS = 60.0
_STARTING = multiprocessing.get_context("forkserver")
_STARTING.set_forkserver_preload(["tests.orchestration.running"])


@dataclass(frozen=True)
class Refreshes:
    """Refreshes of one home, one at a time, asked for at the process that forks them."""

    asked: Connection

    def to_its_end(self) -> float:
        """Run a refresh, which has to succeed; gives the seconds that it took."""
        started = time.monotonic()
        self._start()
        assert self._ended(LONGEST_SECONDS) == 0
        return time.monotonic() - started

    def killed_after(self, seconds: float) -> bool:
        """Start a refresh and kill it (SIGKILL) after a time; gives whether it was still running."""
        process = self._start()
        code = self._ended(seconds)
        if code is None:
            os.kill(process, signal.SIGKILL)
            code = self._ended(LONGEST_SECONDS)
        assert code in (0, -signal.SIGKILL), code
        return code != 0

    def _start(self) -> int:
        self.asked.send(True)
        process: int = self.asked.recv()
        return process

    def _ended(self, seconds: float) -> int | None:
        """The exit code of the refresh, or None if it runs on for that long."""
        code: int | None = self.asked.recv() if self.asked.poll(seconds) else None
        return code


@contextmanager
def refreshes(home: Path, config: Path) -> Iterator[Refreshes]:
    """Refreshes of a home for the time of the block."""
    here, there = _STARTING.Pipe()
    process = _STARTING.Process(target=_fork_when_asked, args=(home, config, there))
    process.start()
    there.close()
    try:
        yield Refreshes(here)
    finally:
        here.close()
        process.join(LONGEST_SECONDS)


def _fork_when_asked(home: Path, config: Path, asked: Connection) -> None:
    """Fork a refresh at each word, give the number of its process, and its exit code when it has ended."""
    from tests.orchestration.running import LOADING, refresh_of

    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    run = refresh_of(home, config, only=LOADING)
    while True:
        try:
            asked.recv()
        except EOFError:
            return
        process = os.fork()
        if process == 0:
            code = 1
            try:
                code = 0 if run().success else 1
            finally:
                os._exit(code)
        asked.send(process)
        asked.send(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
