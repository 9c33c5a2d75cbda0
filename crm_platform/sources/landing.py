"""What has arrived in the landing folder, and where files go from there.

Here: finding the files of a feed that are whole, their order, and the folders of archive and quarantine. Not here:
reading them. A file still being written is left alone.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crm_platform.sources.staging import StagedFeed

UNFINISHED_SUFFIXES = (
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".swp",
    ".writing",
)
UNFINISHED_PREFIXES = (".", "~$", "_")


@dataclass(frozen=True)
class LandingZone:
    """The folders that files pass through. `extracts` holds database extracts until they are loaded, `work` what a
    load needs in between."""

    landing: Path
    archive: Path
    quarantine: Path
    extracts: Path
    work: Path


@dataclass(frozen=True)
class LandedFile:
    """A file as it lies in the landing folder: its name relative to that folder, its size in bytes, and the time (UTC)
    of its last change, which counts as the time it was received."""

    path: Path
    name: str
    size: int
    file_dt: datetime


def landed_files(feed: StagedFeed, zone: LandingZone) -> list[LandedFile]:
    """The files of a feed that lie in the landing folder, in the natural order of their names (2 before 10).

    Left out are hidden and unfinished names, folders and files that begin with an underscore, and links.
    """
    if feed.declaration.files is None:
        return _described(zone.extracts.glob(f"{feed.source}/{feed.feed}/*.parquet"), zone.extracts)
    return _described(zone.landing.glob(feed.declaration.files), zone.landing)


def without_unsettled(files: Sequence[LandedFile], now: datetime, quiet_seconds: float) -> list[LandedFile]:
    """The files that nobody has changed for `quiet_seconds` before `now` and that no process holds open for writing.

    A time of change that lies as far ahead comes from another clock, and says nothing against the file.
    """
    return [
        file
        for file in files
        if abs((now - file.file_dt).total_seconds()) >= quiet_seconds and not is_open_for_writing(file.path)
    ]


def is_unchanged(file: LandedFile) -> bool:
    """Whether a file is still as it was found."""
    return file.path.exists() and _describe(file.path, file.path.parent).file_dt == file.file_dt


def is_open_for_writing(path: Path) -> bool:
    """Whether some process has the file open for writing, where the system can tell (Linux, own files), else False."""
    if not path.is_file() or not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False  # not ours to read: the reader says so, clearly
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without leases: the quiet time has to do
    finally:
        os.close(descriptor)
    return False


def archive_path(feed: StagedFeed, zone: LandingZone, file_id: str, name: str) -> Path:
    """Where a loaded file is kept."""
    return zone.archive / feed.source / feed.feed / f"{file_id[:16]}-{Path(name).name}"


def refused_path(feed: StagedFeed, zone: LandingZone, file_id: str, name: str) -> Path:
    """Where a file that was refused as a whole is kept."""
    return zone.quarantine / feed.source / feed.feed / "files" / f"{file_id[:16]}-{Path(name).name}"


def archived_file(feed: StagedFeed, zone: LandingZone, file_id: str) -> Path | None:
    """The archived file of this content, under whatever name it came; None when there is none."""
    return _kept_file(archive_path(feed, zone, file_id, "").parent, file_id)


def refused_file(feed: StagedFeed, zone: LandingZone, file_id: str) -> Path | None:
    """The refused file of this content, under whatever name it came; None when there is none."""
    return _kept_file(refused_path(feed, zone, file_id, "").parent, file_id)


def quarantined_rows_path(feed: StagedFeed, zone: LandingZone, file_id: str) -> Path:
    """Where the rows of a file that are in quarantine are kept, as they came."""
    return zone.quarantine / feed.source / feed.feed / f"{file_id}.parquet"


def _kept_file(folder: Path, file_id: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"{file_id[:16]}-*"))), None)


def _described(paths: Iterable[Path], root: Path) -> list[LandedFile]:
    found: list[LandedFile] = []
    for path in paths:
        if not path.is_symlink() and _is_finished(path.relative_to(root)):
            with suppress(FileNotFoundError):  # renamed or taken back since the folder was listed
                found.append(_describe(path, root))
    return sorted(found, key=lambda file: (_natural_order(file.name), file.name))


def _describe(path: Path, root: Path) -> LandedFile:
    status = path.stat()
    changed = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC)
    return LandedFile(path, path.relative_to(root).as_posix(), status.st_size, changed)


def _is_finished(relative: Path) -> bool:
    hidden = any(part.startswith(UNFINISHED_PREFIXES) for part in relative.parts)
    return not hidden and not relative.name.lower().endswith(UNFINISHED_SUFFIXES)


def _natural_order(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
