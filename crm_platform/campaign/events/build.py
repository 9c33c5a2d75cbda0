"""The making of `campaign.event`: what arrived since the last run, merged into the days that it touches.

Here: the steps and their publishing. Days that nothing new belongs to stay as they are, to the byte. Not here: what a
row means (`arrivals.py`), who acted (`campaign/actors`), the merge itself (`merged_event.sql`).
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import polars as pl

from crm_platform.campaign.actors.classify import RESPONSES, classify
from crm_platform.campaign.events.arrivals import ARRIVED, log_arrivals, provider_arrivals
from crm_platform.campaign.events.contracts import EVENT, EVENT_FILE, REJECTED_EVENT
from crm_platform.campaign.events.members import MEMBER_FEED, members_met
from crm_platform.campaign.events.settings import EventSettings
from crm_platform.campaign.events.staged import (
    files_taken_again,
    side_by_side,
    staged_chunks,
    taken_files,
    untaken_files,
)
from crm_platform.campaign.tracking.signatures import Keyring
from crm_platform.sources.all_sources import StagingRefs, all_sources
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract, duckdb_types
from crm_platform.warehouse.engine import Engine, literal, parquet_relation, quoted, relation_name
from crm_platform.warehouse.publish import Publication, Write, publish
from crm_platform.warehouse.steps import temporary_table
from crm_platform.warehouse.versions import FEW_PARTITIONS

PROVIDER_FEED, LOG_FEED = "provider_events", "web_hits"
CONTACT_FEEDS = ("sms_receipts", "returned_post", "call_outcomes", "banner_impressions")
LINK_FEED = "campaign_links"
EVENT_FEEDS = (PROVIDER_FEED, LOG_FEED, *CONTACT_FEEDS)
_LINEAGE_TYPES = {
    "file_id": "VARCHAR", "file_part": "VARCHAR", "file_line": "BIGINT", "file_dt": "TIMESTAMP WITH TIME ZONE",
    "loaded_dt": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip


@dataclass
class _Taking:
    """What a run takes in: a folder of Parquet files of ARRIVED, the files by feed, and what was put aside.

    rebuilt_days: the days that are made anew from what was taken before; None where new files are taken in.
    """

    folder: Path
    rebuilt_days: tuple[str, ...] | None = None
    files: dict[str, pl.DataFrame] = field(default_factory=dict)
    rejected: list[pl.DataFrame] = field(default_factory=list)
    counted: list[pl.DataFrame] = field(default_factory=list)
    parts: list[Path] = field(default_factory=list)

    def files_of(self, engine: Engine, feed: StagedFeed) -> pl.DataFrame:
        """The files of a feed whose rows are read, which are noted down: columns file_id, number_of_rows, was_taken."""
        find = untaken_files if self.rebuilt_days is None else taken_files
        self.files[feed.name] = find(engine, feed)
        return self.files[feed.name]

    def next_part(self) -> Path:
        """A name for the next file of events."""
        self.parts.append(self.folder / f"arrived_{len(self.parts):06d}.parquet")
        return self.parts[-1]


def publish_events(
    engine: Engine,
    feeds: Sequence[StagedFeed],
    staging: StagingRefs,
    keyring: Keyring,
    settings: EventSettings,
    work: Path,
) -> dict[str, Publication]:
    """Take what was loaded since the last run into `campaign.event`, and count what is put aside.

    Members that became known since, whose events came before them, count as new too. work: a folder for what is needed
    in between. Killed anywhere, a further run gives the same tables: `campaign.event_file` is written last.

    Raises:
        ContractViolation: a table breaks its contract; it was not published, and the files are taken again.
    """
    with tempfile.TemporaryDirectory(dir=_made(work), prefix="events-") as folder:
        taking = _Taking(Path(folder))
        _take_staged(engine, feeds, keyring, settings, taking)
        _take_contacts(engine, feeds, taking)
        days = sorted({*_days_of(engine, taking), *_days_of_new_members(engine, feeds, taking)})
        publications = {EVENT.table: _publish_days(engine, feeds, staging, settings, taking, days)} if days else {}
        publications |= _publish_rejected(engine, taking)
        return publications | _publish_taken(engine, taking)


def rebuild_events(
    engine: Engine,
    feeds: Sequence[StagedFeed],
    staging: StagingRefs,
    keyring: Keyring,
    settings: EventSettings,
    work: Path,
    days: tuple[date, date],
) -> Publication | None:
    """Make the days from the first to the last of `days` anew from the staging tables: None where there are none.

    Of the files that the events hold already, so that the rows are the same but for what settings, keys and members say
    now; what else was loaded comes with the next run of `publish_events`.

    Raises:
        ContractViolation: the table would break its contract; it was not published.
    """
    first, last = days
    wanted = tuple((first + timedelta(number)).isoformat() for number in range((last - first).days + 1))
    with tempfile.TemporaryDirectory(dir=_made(work), prefix="events-") as folder:
        taking = _Taking(Path(folder), rebuilt_days=wanted)
        _take_staged(engine, feeds, keyring, settings, taking)
        _take_contacts(engine, feeds, taking)
        present = {*_days_of(engine, taking), *engine.lake.partition_keys(EVENT)}
        touched = [day for day in wanted if day in present]
        return _publish_days(engine, feeds, staging, settings, taking, touched) if touched else None


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _take_staged(
    engine: Engine, feeds: Sequence[StagedFeed], keyring: Keyring, settings: EventSettings, taking: _Taking
) -> None:
    """Events of mail providers and of the logs of pixel and redirect."""
    paths = settings.tracking
    tracked = [paths.pixel_path, paths.redirect_path, paths.unsubscribe_path]
    is_tracked = pl.any_horizontal(pl.col("url").str.contains(path, literal=True) for path in tracked)
    steps = {
        PROVIDER_FEED: (provider_arrivals, pl.lit(True)),
        LOG_FEED: (log_arrivals, is_tracked.fill_null(False)),
    }
    for feed in feeds:
        if feed.contract_name not in steps:
            continue
        arrivals, keep = steps[feed.contract_name]
        files = taking.files_of(engine, feed)
        chunks = staged_chunks(engine, feed, files, keep, days=taking.rebuilt_days)
        work = partial(arrivals, source=feed.source, keyring=keyring, settings=settings)
        for arrived in side_by_side(work, chunks):
            arrived.events.write_parquet(taking.next_part(), compression="lz4")
            taking.counted.append(_counted(arrived.events, feed))
            taking.rejected.append(_counted_rejects(arrived.rejected, feed))


def _counted(events: pl.DataFrame, feed: StagedFeed) -> pl.DataFrame:
    return events.group_by("file_id").len("number_of_events").with_columns(feed_name=pl.lit(feed.name))


def _counted_rejects(rejected: pl.DataFrame, feed: StagedFeed) -> pl.DataFrame:
    """How many rows were put aside, file by file, and the first of them; as REJECTED_EVENT."""
    blank = [pl.col(name).fill_null("") for name in ("provider", "provider_type")]
    return (
        rejected.with_columns(*blank, feed_name=pl.lit(feed.name))
        .group_by("file_id", "feed_name", "provider", "provider_type", "reason")
        .agg(
            number_of_events=pl.len().cast(pl.Int64),
            first_line=pl.col("file_line").min(),
            first_dt=pl.col("event_dt").min(),
            last_dt=pl.col("event_dt").max(),
        )
        .select(REJECTED_EVENT.column_names)
    )


def _take_contacts(engine: Engine, feeds: Sequence[StagedFeed], taking: _Taking) -> None:
    """Events of other channels than e-mail."""
    taken = [feed for feed in feeds if feed.contract_name in CONTACT_FEEDS]
    if not sum(taking.files_of(engine, feed).height for feed in taken):  # the files of every feed are noted down
        return
    sql = Path(__file__).with_name("contact_event.sql").read_text(encoding="utf-8")
    with ExitStack() as stack:
        for name in CONTACT_FEEDS:
            stack.enter_context(engine.temporary_view(f"arrived_{name}", _arrived_query(name, taken, taking)))
        part = taking.next_part()
        engine.write_query(sql, part)
    counts = pl.read_parquet(part, columns=["file_id"])
    for feed in taken:
        taking.counted.append(_counted(counts.join(taking.files[feed.name], on="file_id", how="semi"), feed))


def _arrived_query(name: str, feeds: Sequence[StagedFeed], taking: _Taking) -> str:
    """SQL for the rows of a feed's new files, of every source that delivers it."""
    types = duckdb_types(FEEDS[name].to_schema()) | _LINEAGE_TYPES
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(column)}" for column, kind in types.items())
    names = ", ".join(quoted(column) for column in types)
    queries = [f"SELECT CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS customer_source, {nulls} WHERE false"]
    for feed in feeds:
        files = ", ".join(literal(file_id) for file_id in taking.files[feed.name]["file_id"])
        if feed.contract_name == name and files:
            queries.append(
                f"SELECT {literal(feed.source)}, {literal(feed.customer_source)}, {names} "
                f"FROM {relation_name(feed.contract)} WHERE file_id IN ({files})"
            )
    return " UNION ALL ".join(queries)


def _days_of(engine: Engine, taking: _Taking) -> list[str]:
    if not taking.parts:
        return []
    query = f"SELECT DISTINCT strftime(event_dt, '%Y-%m-%d') AS day FROM {parquet_relation(taking.parts)}"
    return engine.query(query)["day"].to_list()


def _days_of_new_members(engine: Engine, feeds: Sequence[StagedFeed], taking: _Taking) -> list[str]:
    """The days of events whose member became known only now."""
    days: list[str] = []
    for feed in feeds:
        if feed.contract_name != MEMBER_FEED:
            continue
        if not taking.files_of(engine, feed).height or not engine.lake.data_files(EVENT):
            continue
        with engine.registered(new_member_files=taking.files[feed.name]):
            days += engine.query(
                f"""
                WITH member AS (
                    SELECT campaign_id, member_id, trim(message_id, '<> ') AS message_id, selected_dt
                    FROM {relation_name(feed.contract)} SEMI JOIN new_member_files USING (file_id))
                SELECT DISTINCT strftime(event_dt, '%Y-%m-%d') AS day
                FROM {relation_name(EVENT)} AS event
                WHERE cell_id IS NULL AND event_dt >= (SELECT min(selected_dt) FROM member)
                    AND (original_message_id IN (SELECT message_id FROM member)
                        OR (campaign_id, member_id) IN (SELECT (campaign_id, member_id) FROM member))
                """
            )["day"].to_list()
    return days


def _publish_days(
    engine: Engine,
    feeds: Sequence[StagedFeed],
    staging: StagingRefs,
    settings: EventSettings,
    taking: _Taking,
    days: Sequence[str],
) -> Publication:
    """Merge what arrived with what stands in the days touched, judge who acted, and replace the days."""
    with ExitStack() as stack:
        with _merge_sources(engine, feeds, staging, taking, days):
            merged = _merged(engine, taking.folder / "merged", days, stack)
            links = engine.query(
                "SELECT campaign_id, count(DISTINCT link_id) AS number_of_links FROM all_campaign_links GROUP BY ALL"
            )
        # A day whose only events turned out to be told earlier under another day is left without rows.
        writes: dict[str | None, Write] = {day: _write_day(engine, merged.get(day), links, settings) for day in days}
        return publish(engine, EVENT, writes)


@contextmanager
def _merge_sources(
    engine: Engine, feeds: Sequence[StagedFeed], staging: StagingRefs, taking: _Taking, days: Sequence[str]
) -> Iterator[None]:
    """Let SQL read `arrived_event`, `campaign_member_of_event` and `all_campaign_links`."""
    names = ", ".join(quoted(name) for name in ARRIVED)
    typed = ", ".join(f"CAST(NULL AS {EVENT_TYPES_OF[name]}) AS {quoted(name)}" for name in ARRIVED)
    present = [path for day in days if (path := engine.lake.data_file(EVENT, day)).exists()]
    queries = [f"SELECT {typed} WHERE false"]
    if taking.parts:
        queries.append(f"SELECT {names} FROM {parquet_relation(taking.parts)}")
    if present and taking.rebuilt_days is None:
        # All that a file says that is taken again has come again: what it said before may be another file's by now.
        again = ", ".join(map(literal, files_taken_again(engine, taking.files.values()))) or "''"
        queries.append(f"SELECT {names} FROM {parquet_relation(present)} WHERE file_id NOT IN ({again})")
    if taking.rebuilt_days is not None:
        listed = ", ".join(literal(day) for day in days)
        queries = [f"SELECT * FROM ({' UNION ALL '.join(queries)}) WHERE strftime(event_dt, '%Y-%m-%d') IN ({listed})"]
    with (
        engine.temporary_view("arrived_event", " UNION ALL ".join(queries)),
        members_met(engine, feeds),
        all_sources(engine, [LINK_FEED], staging),
    ):
        yield


EVENT_TYPES_OF: Mapping[str, str] = {column.name: column.duckdb_type for column in EVENT.columns}
"""Column of `campaign.event` to what the engine calls its type."""


def _merged(engine: Engine, folder: Path, days: Sequence[str], stack: ExitStack) -> dict[str, str]:
    """The merged events of each day that has any, as SQL for a relation that stands until the stack is closed."""
    sql = Path(__file__).with_name("merged_event.sql").read_text(encoding="utf-8")
    if len(days) <= FEW_PARTITIONS:
        stack.enter_context(temporary_table(engine, "merged_event", sql))
        found = engine.query("SELECT DISTINCT event_day FROM merged_event")["event_day"]
        return {day: f"(SELECT * FROM merged_event WHERE event_day = {literal(day)})" for day in found}
    target = literal(str(folder))
    engine.execute(f"COPY (\n{sql}\n) TO {target} (FORMAT parquet, COMPRESSION lz4, PARTITION_BY (event_day))")
    folders = {path.name.partition("=")[2]: path for path in folder.glob("event_day=*")}
    return {day: parquet_relation(sorted(path.glob("*.parquet"))) for day, path in folders.items()}


def _write_day(engine: Engine, events: str | None, links: pl.DataFrame, settings: EventSettings) -> Write:
    """Write a day's events with who acted."""

    def write(path: Path) -> None:
        if events is None:
            EVENT.empty().write_parquet(path, compression="zstd")
            return
        names = ", ".join(
            f"CAST({quoted(column.name)} AS {column.duckdb_type}) AS {quoted(column.name)}" for column in EVENT.columns
        )
        # A full join, though every verdict is of an event: it lets any column be null. Otherwise what the engine knows
        # of other days in hand would decide how a column is written, and equal days would differ in their bytes.
        with engine.registered(verdict=_verdicts(engine, events, links, settings)):
            engine.write_query(
                f"SELECT {names} FROM {events} AS event FULL JOIN verdict USING (event_id) ORDER BY event_dt, event_id",
                path,
            )

    return write


def _verdicts(engine: Engine, events: str, links: pl.DataFrame, settings: EventSettings) -> pl.DataFrame:
    """Who opened or clicked, of a day's events: event_id and the columns of VERDICT."""
    responses = ", ".join(map(literal, RESPONSES))
    known = engine.query(
        f"""
        SELECT
            event_id, event_type, method, user_agent, network, is_proxy, member_id, campaign_id, link_id, url, event_dt,
            coalesce(delivered_dt, sent_dt) AS arrived_dt
        FROM {events} AS response
        LEFT JOIN (
            SELECT campaign_id, member_id, min(event_dt) AS delivered_dt FROM {events} AS event
            WHERE event_type = 'delivered' AND member_id IS NOT NULL GROUP BY ALL
        ) AS delivery USING (campaign_id, member_id)
        WHERE event_type IN ({responses}) AND channel = 'email'
        """
    ).join(links, on="campaign_id", how="left", maintain_order="left")
    verdicts = known.select("event_id").with_columns(classify(known, settings.actors))
    clicked_on_site = f"SELECT event_id FROM {events} WHERE event_type = 'clicked' AND channel <> 'email'"
    by_person = engine.query(clicked_on_site).with_columns(
        actor_class=pl.lit("human"), actor_rule=pl.lit("told_by_site"), actor_evidence=pl.lit(None, pl.String)
    )
    return pl.concat([verdicts, by_person])


def _publish_rejected(engine: Engine, taking: _Taking) -> dict[str, Publication]:
    """Replace the counts of what was put aside by those of the files that were taken."""
    counts = (
        pl.concat([REJECTED_EVENT.empty(), *taking.rejected])
        .group_by(REJECTED_EVENT.key)
        .agg(
            pl.col("number_of_events").sum(),
            pl.col("first_line").min(),
            pl.col("first_dt").min(),
            pl.col("last_dt").max(),
        )
    )
    return _replace_by_file(engine, REJECTED_EVENT, counts, taking)


def _publish_taken(engine: Engine, taking: _Taking) -> dict[str, Publication]:
    rows = pl.concat(
        [files.with_columns(feed_name=pl.lit(name)) for name, files in taking.files.items()] or [_NO_FILES]
    )
    schema = {"file_id": pl.String(), "number_of_events": pl.UInt32(), "feed_name": pl.String()}
    counted = pl.concat([pl.DataFrame(schema=schema), *taking.counted])
    counted = counted.group_by("feed_name", "file_id").agg(pl.col("number_of_events").sum())
    rejected = pl.concat([REJECTED_EVENT.empty(), *taking.rejected])
    rejected = rejected.group_by("feed_name", "file_id").agg(number_of_rejected=pl.col("number_of_events").sum())
    key = ["feed_name", "file_id"]
    taken = rows.join(counted, on=key, how="left").join(rejected, on=key, how="left")
    return _replace_by_file(
        engine, EVENT_FILE, taken.with_columns(pl.col("number_of_events", "number_of_rejected").fill_null(0)), taking
    )


_NO_FILES = pl.DataFrame(schema={"file_id": pl.String, "number_of_rows": pl.Int64, "feed_name": pl.String})


def _replace_by_file(engine: Engine, contract: Contract, rows: pl.DataFrame, taking: _Taking) -> dict[str, Publication]:
    """Replace what a table says of the files that were taken; its partitions are the feeds."""
    writes: dict[str | None, Write] = {}
    for feed_name, files in taking.files.items():
        if files.is_empty():
            continue
        path = engine.lake.data_file(contract, feed_name)
        before = pl.read_parquet(path) if path.exists() else contract.empty()
        kept = before.join(files, on="file_id", how="anti")
        new = rows.filter(pl.col("feed_name") == feed_name).select(contract.column_names).cast(contract.polars_schema)  # type: ignore[arg-type]
        whole = pl.concat([kept, new]).sort(contract.key)
        writes[feed_name] = _frame_writer(whole)
    return {contract.table: publish(engine, contract, writes)} if writes else {}


def _frame_writer(rows: pl.DataFrame) -> Write:
    return lambda path: rows.write_parquet(path, compression="zstd")
