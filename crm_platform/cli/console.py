"""Where the command line writes: results to standard output, the rest to standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

FILE_WIDTH = 200
"""Columns where nobody's terminal says how wide it is: a table's name in a log is not to be cut short."""


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() else FILE_WIDTH


# Without markup: what is shown comes from files and people, and `[...]` in it is no style but theirs.
output = Console(width=_width(sys.stdout), markup=False)
errors = Console(stderr=True, width=_width(sys.stderr), markup=False)


def complain(label: str, text: str, style: str = "bold red") -> None:
    """A line to standard error that begins with a word in colour."""
    errors.print(Text.assemble((label, style), " ", text), soft_wrap=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress bar on standard error, gone when done; nothing where nobody watches."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bars:
        yield bars
