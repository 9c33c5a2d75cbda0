"""`crm up` for a test: on a free port and in a session of its own, asked through GraphQL, ended as Ctrl-C ends it."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.commands import BINARIES, Platform

START_SECONDS = 90.0
STOP_SECONDS = 40.0


@dataclass(frozen=True)
class Server:
    """A running UI."""

    address: str

    def asked(self, query: str) -> Any:
        """The data that a GraphQL query gives."""
        request = urllib.request.Request(
            f"{self.address}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]

    def runs(self) -> dict[str, str]:
        """Every run's status by its id."""
        found = self.asked("{ runsOrError { ... on Runs { results { id status } } } }")
        return {run["id"]: run["status"] for run in found["runsOrError"]["results"]}

    def is_up(self) -> bool:
        """Whether the UI answers and has loaded the definitions."""
        try:
            found = self.asked("{ assetNodes { id } }")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return bool(found["assetNodes"])


@contextmanager
def served(platform: Platform) -> Iterator[Server]:
    """`crm up` for the time of the block; every process of it is gone afterwards."""
    port = _free_port()
    log = platform.home.parent / "up.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [BINARIES / "crm", "up", "--port", str(port)],
            env=platform.environment,
            cwd=platform.home.parent,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}")
    try:
        _wait(lambda: server.is_up() or process.poll() is not None, START_SECONDS)
        assert server.is_up(), log.read_text(errors="replace")
        yield server
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def _wait(is_there: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_there() and time.monotonic() < until:
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
