"""The platform as a person runs it: the command `crm` in processes of its own, on a home of its own.

Here: starting, ending and asking. Not here: what the tables should hold.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent.parent
BINARIES = Path(sys.executable).parent
LONGEST_SECONDS = 240


@dataclass(frozen=True)
class Finished:
    """What a command said and how it ended."""

    code: int
    output: str
    errors: str

    @property
    def answer(self) -> Any:
        """Its output, read as JSON."""
        return json.loads(self.output)


@dataclass(frozen=True)
class Platform:
    """A home, and the configuration it is run with. `prefix` is put before every command."""

    home: Path
    config: Path = REPOSITORY / "config"
    prefix: Sequence[str] = field(default=())

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands: warnings are errors of the tests, so they are shown."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "DAGSTER_"))}
        return {**kept, "CRM_HOME": str(self.home), "CRM_CONFIG": str(self.config), "PYTHONWARNINGS": "default"}

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """A running `crm` in a session of its own, so that it heeds signals as in a terminal."""
        return subprocess.Popen(
            [*self.prefix, str(BINARIES / "crm"), *arguments],
            env=self.environment,
            cwd=self.home.parent,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Finished:
        """Run `crm` to its end."""
        return finished(self.started(*arguments))

    def crm(self, *arguments: str) -> Finished:
        """Run `crm`, which has to succeed and to say nothing on standard error."""
        done = self.run(*arguments)
        assert (done.code, done.errors) == (0, ""), done
        return done

    def copied(self, home: Path) -> "Platform":
        """The same platform at another home."""
        shutil.copytree(self.home, home)
        return Platform(home, self.config, self.prefix)


def finished(process: subprocess.Popen[str]) -> Finished:
    """Wait for the end of a command."""
    output, errors = process.communicate(timeout=LONGEST_SECONDS)
    return Finished(process.returncode, output, errors)
