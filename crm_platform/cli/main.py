"""The command line `crm`: one command per thing a person wants done.

Here: the commands' names and the one place where an error becomes a line and an exit code. Not here: what they do.
"""

import sys

import typer

from crm_platform.cli import demo, dictionary, match, refresh, scv, sources, up, verdict
from crm_platform.cli.console import errors
from crm_platform.cli.failures import InterruptedCommand, expected_failures

app = typer.Typer(
    name="crm",
    help="The customer data platform: sources in, audited tables out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.write_demo)
app.command("refresh")(refresh.refresh)
app.command("up")(up.up)
app.command("match")(match.match)
app.command("dictionary")(dictionary.write_dictionary)
app.command("verdict")(verdict.give_verdict)
app.command("undo-merge")(verdict.undo_merge)
app.add_typer(sources.app, name="sources")
app.add_typer(scv.app, name="scv")


def main() -> None:
    """Run the command line; an expected failure ends it with one line and exit code 1."""
    try:
        app()
    except expected_failures() as failure:
        errors.print(f"[bold red]crm:[/] {failure}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except (KeyboardInterrupt, InterruptedCommand):
        errors.print("crm: stopped; nothing is half-written. Run the command again to go on.")
        sys.exit(130)


if __name__ == "__main__":
    main()
