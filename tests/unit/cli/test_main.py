"""The command line as a whole: its commands, and what a command does not load."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from crm_platform.cli import main as command_line
from crm_platform.cli.failures import InterruptedCommand
from crm_platform.cli.main import COMMANDS, app
from crm_platform.problem import Problem

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


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Problem("pattern '^[a-z][/b]*$' in [a].csv"), "crm: pattern '^[a-z][/b]*$' in [a].csv\n"),
        (OSError(28, "No space left on device", "/srv/crm/x"), "crm: /srv/crm/x: No space left on device\n"),
        (IsADirectoryError(21, "Is a directory", "a", None, "b"), "crm: b: Is a directory\n"),
        (OSError("no number, no name"), "crm: no number, no name\n"),
    ],
)
def test_a_problem_is_one_line_word_for_word_and_exit_code_1(
    failure: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(command_line, "app", fail)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert (ended.value.code, capsys.readouterr().err) == (1, said)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, InterruptedCommand])
def test_ctrl_c_is_answered_in_words_whoever_meets_it_first(
    interruption: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted = typer.Typer()

    @interrupted.command()
    def wait() -> None:
        raise interruption

    monkeypatch.setattr(command_line, "app", interrupted)
    monkeypatch.setattr(sys, "argv", ["crm"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, f"{command_line.STOPPED}\n")


@pytest.mark.parametrize("command", ["match", "verdict"])
def test_a_command_that_needs_no_dagster_does_not_load_it(command: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED.format(command=command)], check=True, capture_output=True, text=True
    ).stdout.split()
    assert f"crm_platform.cli.{command}" in loaded
    assert "dagster" not in loaded
