"""One load of a feed: what has arrived is parsed, merged into the staging table, written into the ledger and archived.

The ledger is the commit: killed before it, a load is done again and gives the same tables; killed after it, only the
moving of files is left to do. Here: that order of things. Not here: parsing (`parse.py`), the merge
(`warehouse/versions.py`), and the way back from quarantine (`replay.py`).
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

import polars as pl

from crm_platform.sources.landing import (
    LandedFile,
    LandingZone,
    archive_path,
    archived_file,
    is_unchanged,
    quarantined_rows_path,
    refused_file,
    refused_path,
)
from crm_platform.sources.ledger import (
    FILE_LEDGER,
    QUARANTINED_ROWS,
    SCHEMA_DRIFT,
    VALIDATION_RESULTS,
    TakenFile,
    drift_rows,
    ledger_rows,
    quarantined_rows,
    validation_rows,
    with_delivery,
    with_rows_loaded,
)
from crm_platform.sources.parse import parse_file
from crm_platform.sources.readers.batch import ReadLimits, RefusedFile
from crm_platform.sources.readers.content import FileContent, identify
from crm_platform.sources.staging import StagedFeed
from crm_platform.sources.superseded import drop_superseded, keep_superseded, without_superseded
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.files import replace_durably
from crm_platform.warehouse.publish import Publication, publish_frame
from crm_platform.warehouse.versions import Arrivals, VersionOrder, publish_versions


@dataclass(frozen=True)
class FeedLoad:
    """What a load of a feed did: its files, the deliveries that were known already, and what was published."""

    feed: StagedFeed
    taken: tuple[TakenFile, ...] = ()
    known_deliveries: int = 0
    publication: Publication | None = None
    drift: pl.DataFrame = field(default_factory=SCHEMA_DRIFT.empty)
    results: pl.DataFrame = field(default_factory=VALIDATION_RESULTS.empty)

    @property
    def refused(self) -> tuple[TakenFile, ...]:
        """The files refused as a whole."""
        return tuple(file for file in self.taken if file.refusal)

    def total(self, count: str) -> int:
        """The sum over the files of `rows_received`, `rows_loaded`, `rows_quarantined` or `rows_known`."""
        return sum(getattr(file, count) for file in self.taken)


def load_feed(
    feed: StagedFeed,
    files: Sequence[LandedFile],
    engine: Engine,
    zone: LandingZone,
    loaded_dt: datetime,
    limits: ReadLimits,
) -> FeedLoad:
    """Take in these files of a feed, in their order; `loaded_dt` (UTC) is the time of the load.

    A file that cannot be read is refused and put aside, the others are loaded.

    Raises:
        ContractViolation: the rows break the staging table's contract; nothing was published nor moved.
    """
    zone.work.mkdir(parents=True, exist_ok=True)
    work = Path(mkdtemp(prefix=f"{feed.name}-", dir=zone.work))
    try:
        drop_superseded(feed, engine, zone)
        ledger = feed_ledger(engine, feed)
        new, known = _identified(files, ledger, limits)
        taken = _parsed(feed, new, ledger, work, limits)
        load = _published(feed, taken, ledger, engine, zone, loaded_dt) if taken else FeedLoad(feed)
        drop_superseded(feed, engine, zone)
        _put_away(feed, load.taken, zone)
        _settle_known(feed, known, engine, zone)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return FeedLoad(feed, load.taken, len(known), load.publication, load.drift, load.results)


def feed_ledger(engine: Engine, feed: StagedFeed) -> pl.DataFrame:
    """The ledger's rows of a feed, in the order in which its files were taken."""
    path = engine.lake.data_file(FILE_LEDGER, feed.name)
    return pl.read_parquet(path).sort("file_number") if path.exists() else FILE_LEDGER.empty()


def committed_files(ledger: pl.DataFrame) -> pl.DataFrame:
    """`file_id`, `file_number` of the files whose rows count as there."""
    return ledger.filter(pl.col("status") == "loaded").select("file_id", "file_number")


def last_columns(ledger: pl.DataFrame) -> dict[str, str]:
    """The columns and their types of the file loaded last; none when there was none."""
    loaded = ledger.filter(pl.col("status") == "loaded").sort("file_number")["columns_read"]
    return dict(json.loads(loaded[-1])) if len(loaded) else {}


def version_order(feed: StagedFeed) -> VersionOrder:
    """How the versions of the feed's rows are told apart and ordered."""
    return VersionOrder(feed.natural_key, feed.version_column, feed.repeats_are_events)


def arrival_files(taken: Sequence[TakenFile], loaded_dt: datetime) -> pl.DataFrame:
    """`file_id`, `file_number`, `file_dt`, `loaded_dt` of the files of a load."""
    rows = [(each.file_id, each.file_number, each.file.file_dt, loaded_dt) for each in taken]
    columns = ("file_id", "file_number", "file_dt", "loaded_dt")
    schema = {name: FILE_LEDGER.polars_schema[name] for name in columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def publish_record(
    engine: Engine, contract: Contract, feed: StagedFeed, new: pl.DataFrame, file_ids: Sequence[str]
) -> None:
    """Replace the feed's part of a record: the rows of `file_ids` by the new ones, the others kept."""
    path = engine.lake.data_file(contract, feed.name)
    kept = pl.read_parquet(path).filter(~pl.col("file_id").is_in(list(file_ids))) if path.exists() else contract.empty()
    publish_frame(engine, contract, pl.concat([kept, new]).sort(contract.key), feed.name)


@dataclass(frozen=True)
class _Identified:
    file: LandedFile
    file_id: str
    content: FileContent | None = None
    refusal: RefusedFile | None = None


def _identified(
    files: Sequence[LandedFile], ledger: pl.DataFrame, limits: ReadLimits
) -> tuple[list[_Identified], list[_Identified]]:
    """The files whose content is new, and those whose content the ledger, or a file before them, has already."""
    new: list[_Identified] = []
    known: list[_Identified] = []
    loaded = set(ledger.filter(pl.col("status") == "loaded")["file_id"])
    for file in files:
        found = _identify(file, limits)
        is_known = found.refusal is None and (
            found.file_id in loaded or any(found.file_id == each.file_id for each in new)
        )
        (known if is_known else new).append(found)
    return new, known


def _identify(file: LandedFile, limits: ReadLimits) -> _Identified:
    try:
        content = identify(file.path, limits)
    except RefusedFile as refusal:
        # What cannot be read as bytes has no digest of its content: its place and size stand for it.
        stand_in = f"{file.name}\n{file.size}\n{refusal.reason}"
        return _Identified(file, hashlib.sha256(stand_in.encode()).hexdigest(), refusal=refusal)
    return _Identified(file, content.sha256, content)


def _parsed(
    feed: StagedFeed,
    new: Sequence[_Identified],
    ledger: pl.DataFrame,
    work: Path,
    limits: ReadLimits,
) -> list[TakenFile]:
    numbers: dict[str, int] = dict(ledger.select("file_id", "file_number").iter_rows())
    next_number = max(numbers.values(), default=0) + 1
    taken: list[TakenFile] = []
    for found in new:
        number = numbers.get(found.file_id, next_number)  # a refused file that comes again keeps its number
        next_number = max(next_number, number + 1)
        folder = work / str(number)
        folder.mkdir()
        taken.append(_parse(feed, found, number, folder, limits))
    return taken


def _parse(feed: StagedFeed, found: _Identified, number: int, folder: Path, limits: ReadLimits) -> TakenFile:
    file = found.file
    if found.refusal:
        return TakenFile(file, found.file_id, number, None, found.refusal)
    try:
        parsed = parse_file(feed, file, number, folder, limits, found.content)
    except RefusedFile as refusal:
        return TakenFile(file, found.file_id, number, None, refusal)
    return TakenFile(file, found.file_id, number, parsed, cursor_until=_cursor_until(feed, file))


def _cursor_until(feed: StagedFeed, file: LandedFile) -> str | None:
    """An extract carries the cursor's last value in its name's place: beside it lies `<name>.cursor`."""
    if feed.declaration.database is None:
        return None
    beside = file.path.with_suffix(".cursor")
    return beside.read_text(encoding="utf-8") if beside.exists() else None


def _published(
    feed: StagedFeed,
    taken: Sequence[TakenFile],
    ledger: pl.DataFrame,
    engine: Engine,
    zone: LandingZone,
    loaded_dt: datetime,
) -> FeedLoad:
    with unfinished(feed, zone) as after_interruption:
        return _committed(feed, taken, ledger, engine, zone, loaded_dt, after_interruption)


@contextmanager
def unfinished(feed: StagedFeed, zone: LandingZone) -> Iterator[bool]:
    """Mark the feed as being published until the block has ended well; says whether the run before was cut short."""
    marker = zone.work / f"{feed.name}.unfinished"
    was_cut_short = marker.exists()
    marker.touch()
    yield was_cut_short
    marker.unlink()


def _committed(
    feed: StagedFeed,
    taken: Sequence[TakenFile],
    ledger: pl.DataFrame,
    engine: Engine,
    zone: LandingZone,
    loaded_dt: datetime,
    after_interruption: bool,
) -> FeedLoad:
    arrivals = Arrivals(
        [each.parsed.good_rows for each in taken if each.parsed],
        arrival_files(taken, loaded_dt),
        committed_files(ledger),
        after_interruption,
    )
    merged = publish_versions(engine, feed.contract, arrivals, version_order(feed))
    keep_superseded(feed, zone, merged.superseded)
    counted = with_rows_loaded(taken, merged.loaded)
    file_ids = [each.file_id for each in counted]
    corrected = without_superseded(ledger, merged.superseded)
    results, drift = validation_rows(feed, counted), drift_rows(feed, counted, last_columns(ledger))
    publish_record(engine, QUARANTINED_ROWS, feed, quarantined_rows(feed, counted, loaded_dt), file_ids)
    _keep_quarantined(feed, counted, zone)
    publish_record(engine, VALIDATION_RESULTS, feed, results, file_ids)
    publish_record(engine, SCHEMA_DRIFT, feed, drift, file_ids)
    entries = pl.concat([ledger_rows(feed, counted, loaded_dt), corrected])
    publish_record(engine, FILE_LEDGER, feed, entries, [*file_ids, *corrected["file_id"]])
    return FeedLoad(feed, tuple(counted), 0, merged.publication, drift, results)


def _keep_quarantined(feed: StagedFeed, taken: Sequence[TakenFile], zone: LandingZone) -> None:
    for each in taken:
        if each.parsed and each.parsed.rows_quarantined:
            replace_durably(each.parsed.bad_rows, _made(quarantined_rows_path(feed, zone, each.file_id)))


def _settle_known(feed: StagedFeed, known: Sequence[_Identified], engine: Engine, zone: LandingZone) -> None:
    """A content that came again is counted once more and its copy dropped; one whose archiving a crash cut short is
    archived now."""
    for each in known:
        if (archived_file(feed, zone, each.file_id) or refused_file(feed, zone, each.file_id)) is None:
            _move(feed, each.file, archive_path(feed, zone, each.file_id, each.file.name))
            continue
        if not is_unchanged(each.file):
            continue  # it has grown since it was read: the next load sees another content
        # The same rows of a database asked for again were delivered by nobody.
        if feed.declaration.database is None:
            ledger = with_delivery(feed_ledger(engine, feed), each.file_id, each.file)
            publish_frame(engine, FILE_LEDGER, ledger.sort(FILE_LEDGER.key), feed.name)
        each.file.path.unlink(missing_ok=True)
        _remove_cursor(feed, each.file)


def _put_away(feed: StagedFeed, taken: Sequence[TakenFile], zone: LandingZone) -> None:
    for each in taken:
        place = refused_path if each.refusal else archive_path
        _move(feed, each.file, place(feed, zone, each.file_id, each.file.name))


def _move(feed: StagedFeed, file: LandedFile, destination: Path) -> None:
    if not file.path.is_file() or not os.access(file.path, os.R_OK) or not is_unchanged(file):
        return  # a folder, a file that is not ours to read, or one that has grown since: it stays where it is
    try:
        file.path.replace(_made(destination))
    except OSError:
        shutil.copy2(file.path, destination)  # another file system: copy, then remove
        file.path.unlink()
    _remove_cursor(feed, file)


def _remove_cursor(feed: StagedFeed, file: LandedFile) -> None:
    if feed.declaration.database is not None:
        file.path.with_suffix(".cursor").unlink(missing_ok=True)


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
