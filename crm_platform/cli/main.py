"""The command line `crm`: one command per thing a person wants done.

Here: the commands' names and the one place where an error becomes a line and an exit code. Not here: what they do.
"""

import sys
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from crm_platform.cli.console import complain, errors
from crm_platform.cli.failures import InterruptedCommand
from crm_platform.problem import Problem

COMMANDS = {
    "demo": "demo:write_demo",
    "refresh": "refresh:refresh",
    "up": "up:up",
    "sources": "sources:app",
    "match": "match:match",
    "bounces": "bounces:bounces",
    "events": "events:events",
    "lift": "lift:lift",
    "permit": "permit:permit",
    "loyalty": "loyalty:app",
    "value": "value:value",
    "churn": "churn:app",
    "scv": "scv:app",
    "verdict": "verdict:give_verdict",
    "undo-merge": "verdict:undo_merge",
    "dictionary": "dictionary:write_dictionary",
}
"""Name of a command: the module of this package and what in it, a function or an app of several commands."""

INTERRUPTED = 130
STOPPED = "crm: stopped; nothing is half-written. Run the command again to go on."


class LoadedWhenCalled(TyperGroup):
    """Commands whose modules are imported when they are called: a question of a moment need not wait for Dagster."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order in which a person meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """The command of that name."""
        return _loaded(cmd_name) if cmd_name in COMMANDS else None


app = typer.Typer(
    name="crm", cls=LoadedWhenCalled, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def crm() -> None:
    """The customer data platform: sources in, audited tables out."""


def main() -> None:
    """Run the command line; a problem that a person can mend ends it with one line and exit code 1."""
    try:
        app()
    except (Problem, OSError) as failure:
        complain("crm:", _in_words(failure))
        # Files that could not be written to their end complain once more, in many lines, when they are collected.
        sys.unraisablehook = lambda _: None
        sys.exit(1)
    except (KeyboardInterrupt, InterruptedCommand):
        errors.print(STOPPED)
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer makes this of a Ctrl-C that it meets first, and says nothing
            errors.print(STOPPED)
        raise


def _in_words(failure: Problem | OSError) -> str:
    """What went wrong; of the system's own errors (no right, no room, a folder for a file) which file it is about."""
    if isinstance(failure, OSError) and failure.strerror:
        return f"{failure.filename2 or failure.filename or 'the system'}: {failure.strerror}"
    return str(failure) or type(failure).__name__


def _loaded(name: str) -> TyperCommand | TyperGroup:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(f"crm_platform.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name)(found)
        found = alone
    command = cast(TyperCommand | TyperGroup, typer.main.get_command(found))
    command.name = name
    return command


if __name__ == "__main__":
    main()
