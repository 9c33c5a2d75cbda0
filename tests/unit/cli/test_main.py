"""The command line as a whole: its commands, and what a command does not load."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from crm_platform.cli.main import COMMANDS, app

RUNNER = CliRunner()
LOADED = """
import sys
from typer.testing import CliRunner
from crm_platform.cli.main import app
CliRunner().invoke(app, [{command!r}, "--help"])
print(*sys.modules)
"""


def test_every_command_is_listed_and_says_what_it_does() -> None:
    listed = RUNNER.invoke(app, ["--help"], terminal_width=200).output
    assert [name for name in COMMANDS if name not in listed] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    asked = RUNNER.invoke(app, [command, "--help"], terminal_width=200)
    assert asked.exit_code == 0, asked.output
    assert "Example:" in asked.output or "Commands" in asked.output, asked.output


def test_a_name_that_is_none_is_an_error() -> None:
    assert RUNNER.invoke(app, ["no-such-command"]).exit_code == 2


@pytest.mark.parametrize("command", ["match", "verdict"])
def test_a_command_that_needs_no_dagster_does_not_load_it(command: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED.format(command=command)], check=True, capture_output=True, text=True
    ).stdout.split()
    assert f"crm_platform.cli.{command}" in loaded
    assert "dagster" not in loaded
