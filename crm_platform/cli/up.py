"""`crm up`: the Dagster UI and its daemon, with sensors and schedules running."""

import os
import signal
import socket
import subprocess
import sys
from errno import EADDRINUSE
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from crm_platform.cli.console import output
from crm_platform.cli.failures import CommandError
from crm_platform.cli.runs import alone_up, end_abandoned_runs
from crm_platform.cli.storage import opened_instance, prepare_dagster_home
from crm_platform.environment import config_from, home_from
from crm_platform.tables import tables_of

STOP_SECONDS = 20
# Every two seconds, as it is by default, one open page of 90 tables kept a core busy with questions to SQLite.
POLL_MILLISECONDS = 15_000
DAGSTER_ADVICE = "ignore:Function `dev_command` is superseded"
"""What Dagster says to who calls `dagster dev`: nothing that a user of `crm up` could do."""


def up(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one.")] = "127.0.0.1",
) -> None:
    """Start the UI and the daemon: what lands is loaded, every night everything is refreshed. Ctrl-C ends both.

    Example: crm up --port 3001
    """
    home = home_from()
    tables_of(config_from())  # a wrong declaration is told here, not by a UI that comes up empty
    prepare_dagster_home(home)
    environment = {
        **os.environ,
        "CRM_HOME": str(home.root),
        "CRM_CONFIG": str(config_from()),
        "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), DAGSTER_ADVICE])),
    }
    command = [
        str(Path(sys.executable).with_name("dagster")),
        *("dev", "--module-name", "crm_platform.definitions"),
        *("--host", host, "--port", str(port), "--log-level", "warning"),
        *("--live-data-poll-rate", str(POLL_MILLISECONDS)),
    ]
    with alone_up(home) as lock:
        refuse_taken_address(host, port)
        with opened_instance(home) as instance:
            end_abandoned_runs(instance, home)
        # A group of its own: Dagster's children are ended with it, and a server started from a script heeds SIGTERM.
        # In the home, for Dagster warns of a dagster.yaml that lies where it is started, as in a checkout.
        process = subprocess.Popen(
            command, env=environment, cwd=home.root, start_new_session=True, pass_fds=(lock.fileno(),)
        )
        output.print(f"The UI opens at http://{host}:{port} in a few seconds. Ctrl-C ends it.")
        is_stopped = Event()

        def stop(*_: object) -> None:
            is_stopped.set()
            os.killpg(process.pid, signal.SIGINT)
            signal.alarm(STOP_SECONDS)

        # Set anew, whoever set it last: a library's own handler for Ctrl-C would leave the servers running.
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, stop)
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
        code = process.wait()
    raise typer.Exit(0 if is_stopped.is_set() else max(code, 1))


def refuse_taken_address(host: str, port: int) -> None:
    """Without its UI Dagster would end in a stack of calls, or not at all.

    Raises:
        CommandError: somebody listens there already, or the address is none of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as failure:
        why = "is in use" if failure.errno == EADDRINUSE else f"cannot be listened on ({failure.strerror})"
        raise CommandError(f"{host}:{port} {why}: give another --port or --host.") from None
