"""Where the command line writes: results to standard output, the rest to standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

FILE_WIDTH = 200
"""Columns where nobody's terminal says how wide it is: a table's name in a log is not to be cut short."""


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() else FILE_WIDTH


output = Console(width=_width(sys.stdout))
errors = Console(stderr=True, width=_width(sys.stderr))


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
