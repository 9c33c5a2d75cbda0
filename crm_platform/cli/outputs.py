"""Files that a command is asked to write or could not read.

Here: what makes a place to write to impossible, whatever the command, told before the work begins; and how unreadable
ones are told of where the rest is done. Not here: writing and reading.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from crm_platform.cli.console import complain
from crm_platform.cli.failures import CommandError

TABLES = (".csv", ".parquet")
EVENTS = (".jsonl", ".csv", ".parquet")
MODEL: tuple[str, ...] = ()
"""The formats that a name may end in; of a model any."""
OF_OTHER_FORMATS = (
    ".json",
    ".jsonl",
    ".ndjson",
    ".tsv",
    ".xlsx",
    ".xls",
    ".ods",
    ".arrow",
    ".feather",
    ".duckdb",
    ".gz",
)
"""What a table is not written as. A name that promises nothing, `out` or `out.tmp`, gets a CSV."""


def check_out(out: Path | None, read: Iterable[Path], formats: tuple[str, ...] = TABLES) -> None:
    """Refuse a name that promises another format, a folder, and a file that is read from: it would be lost.

    Raises:
        CommandError: it is one of these.
    """
    if out is None:
        return
    if out.is_dir():
        raise CommandError(f"{out} is a folder: give the name of a file in it.")
    if formats and out.suffix not in formats and (formats is not TABLES or out.suffix in OF_OTHER_FORMATS):
        raise CommandError(f"{out}: the name must end in one of {', '.join(formats)}.")
    if out.resolve() in [path.resolve() for path in read]:
        raise CommandError(f"{out} is the file that is read: give another name.")


def refuse_if_nothing_was_read(unreadable: Sequence[tuple[Path, str]], has_read: bool) -> None:
    """Stop before an empty file takes the place of what was written the last time.

    Raises:
        CommandError: there were files, and none of them could be read.
    """
    if unreadable and not has_read:
        raise CommandError("; ".join(_about(path, message) for path, message in unreadable))


def tell_unreadable(unreadable: Sequence[tuple[Path, str]]) -> None:
    """A line per file that could not be read, to standard error."""
    for path, message in unreadable:
        complain("crm:", _about(path, message))


def _about(path: Path, message: str) -> str:
    return f"{path}: {message.removeprefix(path.name).lstrip(': ')}"
