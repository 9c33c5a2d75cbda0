"""The way back from quarantine: after the mapping or a rule was mended, what was put aside is tried again.

Rows are read again from the archived file, by their line; files refused as a whole are laid back into the landing
folder. Nothing that was loaded before is touched, but for what a row from quarantine said before it, and replaying
twice changes nothing more.
"""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

import polars as pl

from crm_platform.sources.landing import LandedFile, LandingZone, archived_file, quarantined_rows_path, refused_path
from crm_platform.sources.ledger import (
    FILE_LEDGER,
    QUARANTINED_ROWS,
    VALIDATION_RESULTS,
    TakenFile,
    quarantined_rows,
    validation_rows,
    with_rows_loaded,
)
from crm_platform.sources.load import (
    FeedLoad,
    arrival_files,
    committed_files,
    feed_ledger,
    publish_record,
    unfinished,
    version_order,
)
from crm_platform.sources.parse import PLACE, QUARANTINE_SCHEMA, parse_file
from crm_platform.sources.readers.batch import ReadLimits, RefusedFile
from crm_platform.sources.staging import StagedFeed
from crm_platform.sources.superseded import drop_superseded, keep_superseded, with_rows_counted
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.files import replace_durably
from crm_platform.warehouse.publish import publish_frame
from crm_platform.warehouse.versions import Arrivals, publish_versions, rows_by_file


def return_refused_files(feed: StagedFeed, engine: Engine, zone: LandingZone) -> list[str]:
    """Lay the files of a feed that were refused as a whole back to where they came from; gives their names.

    The next load takes them as any file. A name that is taken by a newer file is left for the next time.
    """
    returned: list[str] = []
    refused = feed_ledger(engine, feed).filter(pl.col("status") == "refused")
    for file_id, name in refused.select("file_id", "file_name").iter_rows():
        kept = refused_path(feed, zone, file_id, name)
        place = zone.landing / name
        if kept.exists() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(kept, place)
            returned.append(name)
    return returned


def replay_rows(feed: StagedFeed, engine: Engine, zone: LandingZone, now: datetime, limits: ReadLimits) -> FeedLoad:
    """Try the quarantined rows of a feed again; those that pass now are loaded under the file they came in.

    Raises:
        ContractViolation: the rows break the staging table's contract; nothing was published.
    """
    zone.work.mkdir(parents=True, exist_ok=True)
    drop_superseded(feed, engine, zone)
    ledger = feed_ledger(engine, feed)
    held = ledger.filter(pl.col("rows_quarantined") > 0)
    work = Path(mkdtemp(prefix=f"replay-{feed.name}-", dir=zone.work))
    try:
        tried = [_tried_again(feed, row, engine, zone, work, limits) for row in held.iter_rows(named=True)]
        taken = [file for file in tried if file is not None]
        if not taken:
            return FeedLoad(feed)
        with unfinished(feed, zone) as after_interruption:
            replayed = _published(feed, taken, ledger, engine, zone, now, after_interruption)
        drop_superseded(feed, engine, zone)
        return replayed
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _tried_again(
    feed: StagedFeed, entry: dict[str, object], engine: Engine, zone: LandingZone, work: Path, limits: ReadLimits
) -> TakenFile | None:
    """The file parsed anew, with only those of its rows that were in quarantine; None when it cannot be read."""
    file_id, number = str(entry["file_id"]), int(str(entry["file_number"]))
    archived = archived_file(feed, zone, file_id)
    if archived is None:
        return None  # purged from the archive: its rows stay where they are
    file = LandedFile(archived, str(entry["file_name"]), archived.stat().st_size, entry["file_dt"])  # type: ignore[arg-type]
    folder = work / str(number)
    folder.mkdir()
    try:
        parsed = parse_file(feed, file, number, folder, limits)
    except RefusedFile:
        return None  # the mending made it worse: what was loaded stays, and so does the quarantine
    held = _held_rows(quarantined_rows_path(feed, zone, file_id))
    mended, bad = folder / "mended.parquet", folder / "still_bad.parquet"
    pl.scan_parquet(parsed.good_rows).join(held, on=PLACE, how="semi").sink_parquet(mended)
    still_bad = pl.scan_parquet(parsed.bad_rows).join(held, on=PLACE, how="semi")
    # A row that the mended reading no longer sees at its place is neither good nor bad now: it stays as it was.
    unseen = held.join(pl.concat([still_bad, pl.scan_parquet(mended)], how="diagonal"), on=PLACE, how="anti")
    pl.concat([still_bad, unseen]).sort(PLACE).sink_parquet(bad)
    parsed.good_rows, parsed.bad_rows = mended, bad
    parsed.rows_quarantined = pl.scan_parquet(bad).select(pl.len()).collect().item()
    return TakenFile(file, file_id, number, parsed)


def _held_rows(path: Path) -> pl.LazyFrame:
    """The rows in quarantine; none where a replay was cut short between emptying it and saying so in the ledger."""
    return pl.scan_parquet(path) if path.exists() else pl.LazyFrame(schema=QUARANTINE_SCHEMA)


def _published(
    feed: StagedFeed,
    taken: Sequence[TakenFile],
    ledger: pl.DataFrame,
    engine: Engine,
    zone: LandingZone,
    now: datetime,
    after_interruption: bool,
) -> FeedLoad:
    arrivals = Arrivals(
        [file.parsed.good_rows for file in taken if file.parsed],
        arrival_files(taken, now),
        committed_files(ledger),
        after_interruption,
    )
    merged = publish_versions(engine, feed.contract, arrivals, version_order(feed))
    keep_superseded(feed, zone, merged.superseded)
    counted = with_rows_loaded(taken, merged.loaded)
    file_ids = [file.file_id for file in counted]
    publish_record(engine, QUARANTINED_ROWS, feed, quarantined_rows(feed, counted, now), file_ids)
    publish_record(engine, VALIDATION_RESULTS, feed, validation_rows(feed, counted), file_ids)
    _keep_what_is_still_bad(feed, counted, zone)
    corrected = _corrected(ledger, counted, rows_by_file(engine, feed.contract, file_ids))
    publish_frame(engine, FILE_LEDGER, corrected.sort(FILE_LEDGER.key), feed.name)
    return FeedLoad(feed, tuple(counted), publication=merged.publication)


def _keep_what_is_still_bad(feed: StagedFeed, taken: Sequence[TakenFile], zone: LandingZone) -> None:
    for file in taken:
        kept = quarantined_rows_path(feed, zone, file.file_id)
        if file.parsed and file.parsed.rows_quarantined:
            replace_durably(file.parsed.bad_rows, kept)
        else:
            kept.unlink(missing_ok=True)


def _corrected(ledger: pl.DataFrame, taken: Sequence[TakenFile], staged: Mapping[str, int]) -> pl.DataFrame:
    """The ledger with the rows of these files counted anew: what left quarantine is loaded, or known.

    Counted in the table and not added up: a replay that was cut short and run again would add twice.
    """
    still = {file.file_id: file.rows_quarantined for file in taken}
    quarantined = pl.col("file_id").replace_strict(still, default=pl.col("rows_quarantined"), return_dtype=pl.Int64)
    counted = ledger.with_columns(rows_quarantined=quarantined)
    return with_rows_counted(counted, dict.fromkeys(still, 0) | dict(staged))
