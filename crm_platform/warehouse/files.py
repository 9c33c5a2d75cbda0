"""The one write: a file is prepared under a temporary name beside its place, made durable and moved there at once.

Here: temporary names, fsync and `os.replace`. Not here: what is in the files.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY_PREFIX = ".writing-"


def temporary_beside(destination: Path) -> Path:
    """A new name in the destination's folder that no reader and no glob for data takes for a finished file."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    return destination.parent / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}-{destination.name}"


def replace_durably(prepared: Path, destination: Path) -> None:
    """Move a finished file to its place so that a crash at any moment leaves the old or the new one, whole."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    _sync(prepared)
    prepared.replace(destination)
    _sync(destination.parent)


@contextmanager
def written_durably(destination: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on success it replaces `destination`, on an error it is removed."""
    prepared = temporary_beside(destination)
    try:
        yield prepared
        replace_durably(prepared, destination)
    finally:
        prepared.unlink(missing_ok=True)


def sweep_temporaries(root: Path) -> int:
    """Remove what a killed run left half-written below `root`; gives the number of files removed.

    Only to be called while no other run writes below `root`.
    """
    abandoned = list(root.rglob(f"{TEMPORARY_PREFIX}*"))
    for path in abandoned:
        path.unlink(missing_ok=True)
    return len(abandoned)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
