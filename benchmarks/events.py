"""Provider events and access logs: agreement with the sample, who acted on a real log, and speed from file to the lake.

Speed is that of the whole way, file to staging table to deduplicated, attributed events, beside DuckDB reading and
deduplicating the same file and writing what is left as Parquet, in the same run, and beside the bare engine making the
same staged rows and events (`events_bare.py`). Then what an hour's events cost on a small and on a large lake
(`events_increment.py`). Evaluation data is found by CRM_EVAL_DATA (default ../shared/data).
Run: `python -m benchmarks events [megabytes]`.
"""

import json
import os
import re
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.events_bare import COMPARED, bare_events
from benchmarks.events_increment import increments
from crm_platform.campaign.actors.agents import agent_signs, known_agents
from crm_platform.campaign.events.build import publish_events
from crm_platform.campaign.events.contracts import EVENT, EVENT_CONTRACTS
from crm_platform.campaign.events.files import events_of_file
from crm_platform.campaign.events.settings import EventSettings
from crm_platform.campaign.tracking.signatures import read_keys
from crm_platform.settings import Home
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.declaration import SourceDeclaration
from crm_platform.sources.landing import landed_files
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import RECORDS
from crm_platform.sources.load import load_feed
from crm_platform.sources.readers.batch import FileForm, ReadLimits
from crm_platform.sources.readers.registry import read_file
from crm_platform.sources.staging import StagedFeed, staged_feeds
from crm_platform.warehouse.contract import contracts_by_name
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import Publication

DATA = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data"))
MEGABYTES = 60
GOAL_RATIO = 0.5
"""Of the bare engine's speed, in processor time, where it makes the same events."""
GOAL_MEGABYTES = 2_000
REDELIVERED_EVERY = 10
KEYS = read_keys("k1:a-key-for-the-benchmarks-alone")
SOURCE = {
    "source": "mail",
    "description": "The mail's own servers.",
    "feeds": {
        "provider_events": {"files": "events*.jsonl", "form": {"kind": "provider_events"}},
        "hits": {"contract": "web_hits", "files": "hits*.log", "form": {"kind": "access_log"}},
        "campaign_members": {"files": "members*.csv", "form": {"kind": "csv", "delimiter": ","}},
    },
}
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
LOG_AS_CSV = """
    SELECT DISTINCT * FROM read_csv('{path}', delim = ' ', quote = '"', escape = '\\', header = false,
    auto_detect = false, columns = {{'ip': 'VARCHAR', 'ident': 'VARCHAR', 'who': 'VARCHAR', 'at': 'VARCHAR',
    'zone': 'VARCHAR', 'request': 'VARCHAR', 'status': 'INTEGER', 'bytes': 'VARCHAR', 'referrer': 'VARCHAR',
    'agent': 'VARCHAR'}})"""


def main(arguments: Sequence[str]) -> bool:
    """Print agreement, who acted and speed; whether the goals were met. The argument is the size of a file."""
    megabytes = int(arguments[0]) if arguments else MEGABYTES
    console = Console(width=130)
    is_met = _agreement(console) & _actors(console) & _increment(console)
    return _speed(console, megabytes) and is_met


def _agreement(console: Console) -> bool:
    sample = DATA / "esp_events" / "events.jsonl"
    if not sample.exists():
        console.print(f"Agreement: skipped, {sample} is not here.")
        return True
    records = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.jsonl"
        bodies.write_text("\n".join(json.dumps(record["raw"]) for record in records), encoding="utf-8")
        rows = pl.concat(list(events_of_file(bodies, Path(folder), EventSettings(), datetime.now(UTC))))
    told = {(line, kind, recipient) for line, kind, recipient in rows.select("line", "event_type", "recipient").rows()}
    wanted = [
        (line, record["normalized"]["event_type"], record["normalized"]["recipient"])
        for line, record in enumerate(records, start=1)
    ]
    same = sum(each in told for each in wanted)
    console.print(f"Type and recipient as in the sample's normalised form: {same} of {len(wanted)}, provider by shape.")
    return same == len(wanted)


def _actors(console: Console) -> bool:
    log, crawlers = DATA / "logs" / "apache_combined.log", DATA / "crawlers" / "crawler-user-agents.json"
    if not log.exists() or not crawlers.exists():
        console.print(f"Who acted: skipped, {log} or {crawlers} is not here.")
        return True
    with (
        tempfile.TemporaryDirectory() as folder,
        read_file(log, FileForm(kind="access_log"), Path(folder), ReadLimits(), []) as file,
    ):
        hits = pl.concat([batch.rows for batch in file.batches()])
    patterns = [re.compile(each["pattern"]) for each in json.loads(crawlers.read_text(encoding="utf-8"))]
    agents = hits["user_agent"].unique().drop_nulls()
    listed = {agent: any(pattern.search(agent) for pattern in patterns) for agent in agents}
    signs = hits.with_columns(agent_signs(hits["user_agent"], known_agents()))
    signs = signs.with_columns(
        listed=pl.col("user_agent").replace_strict(listed, default=False, return_dtype=pl.Boolean)
    )
    table = Table("crawler list says", "our class by agent", "hits", title=f"A real log, {hits.height:,} hits")
    counts = (
        signs.group_by("listed", pl.col("agent_class").fill_null("(other signs decide)")).len().sort("listed", "len")
    )
    for is_listed, actor, number in counts.rows():
        table.add_row("robot" if is_listed else "", actor, f"{number:,}")
    console.print(table)
    robots = signs.filter("listed")
    found = (robots["agent_class"] == "machine").fill_null(False).mean()
    console.print(f"Of what the list calls a robot, {float(found or 0):.1%} is a machine here too.")  # type: ignore[arg-type]
    return True


def _speed(console: Console, megabytes: int) -> bool:
    table = Table(
        "file",
        "MB",
        "rows",
        "step",
        "seconds",
        "processor s",
        "MB/s",
        "of the reader's",
        "of the same rows'",
        title="From file to events in the lake",
    )
    is_met = True
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, write, bare in (
            ("events", _write_events, "SELECT DISTINCT * FROM read_json('{path}')"),
            ("hits", _write_hits, LOG_AS_CSV),
        ):
            home = Home(root / name)
            path = home.zone.landing / f"{name}.{'jsonl' if name == 'events' else 'log'}"
            path.parent.mkdir(parents=True)
            write(path, home.zone.landing / "members.csv", megabytes)
            is_met &= _measured(table, name, path, bare.format(path=path), home)
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(
        f"Peak memory of the run {peak:,.0f} MB (goal {GOAL_MEGABYTES:,}); "
        f"goal of the speed {GOAL_RATIO} of that of the same rows."
    )
    return is_met and peak <= GOAL_MEGABYTES


def _measured(table: Table, name: str, path: Path, bare: str, home: Home) -> bool:
    size = path.stat().st_size / 1e6
    bare_folder = home.root / "bare"
    bare_folder.mkdir(parents=True)
    copied = f"COPY ({bare}) TO '{bare_folder / 'rows.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
    reference = _taken(lambda: duckdb.execute(copied).fetchall())
    members, threads = home.zone.landing / "members.csv", os.cpu_count() or 2
    same = _taken(lambda: bare_events(path, members, KEYS, bare_folder, threads))
    with _engine(home) as (engine, feeds):
        _load(engine, [feeds[2]], home)
        loading = _taken(lambda: _load(engine, feeds[:2], home))
        making = _taken(lambda: _make(engine, feeds, home))
        events = engine.query(f"SELECT {', '.join(COMPARED)} FROM campaign.event")
    expected = pl.read_parquet(bare_folder / "events.parquet", columns=list(COMPARED)).select(COMPARED)
    is_same = events.sort("event_id").equals(expected.sort("event_id"))
    whole = tuple(map(sum, zip(loading, making, strict=True)))
    steps = {
        "DuckDB, read and written": reference, "DuckDB, the same rows": same, "to staging": loading,
        "to campaign.event": making, "whole" if is_same else "whole, OTHER ROWS": whole,
    }  # fmt: skip
    for step, (seconds, busy) in steps.items():
        is_first = step == next(iter(steps))
        table.add_row(
            name if is_first else "", f"{size:,.0f}" if is_first else "", f"{events.height:,}" if is_first else "",
            step, f"{seconds:.2f}", f"{busy:.2f}", f"{size / seconds:,.0f}", f"{reference[1] / busy:.2f}",
            f"{same[1] / busy:.2f}",
        )  # fmt: skip
    return is_same and same[1] / whole[1] >= GOAL_RATIO


@contextmanager
def _engine(home: Home) -> Iterator[tuple[Engine, list[StagedFeed]]]:
    """An engine of one gigabyte on a home's lake, with the feeds of SOURCE in their order."""
    feeds = staged_feeds([SourceDeclaration.model_validate(SOURCE)])
    contracts = contracts_by_name([*(feed.contract for feed in feeds), *RECORDS, *EVENT_CONTRACTS])
    home.spill.mkdir(parents=True)
    with duckdb.connect(config=engine_settings("1GB", os.cpu_count() or 2, home.spill)) as connection:
        yield Engine(connection, Lake(home.lake), contracts, [latest_view(feed) for feed in feeds]), feeds


def _increment(console: Console) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        with _engine(home) as (engine, feeds):

            def refresh() -> None:
                _load(engine, [feeds[2], feeds[0]], home)
                _make(engine, feeds, home)

            return increments(console, engine, [feeds[0], feeds[2]], home.zone.landing, refresh, EVENT)


def _make(engine: Engine, feeds: Sequence[StagedFeed], home: Home) -> dict[str, Publication]:
    return publish_events(engine, feeds, staging_refs(feeds), KEYS, EventSettings(), home.root / "work")


def _load(engine: Engine, feeds: Sequence[StagedFeed], home: Home) -> None:
    limits = ReadLimits(threads=os.cpu_count())
    for feed in feeds:
        load_feed(feed, landed_files(feed, home.zone), engine, home.zone, datetime.now(UTC), limits)


def _taken(step: Callable[[], object]) -> tuple[float, float]:
    """The seconds of a step, and those of processor time, which depend less on what else the machine does."""
    started, busy = perf_counter(), process_time()
    step()
    return perf_counter() - started, process_time() - busy


def _members(path: Path, count: int) -> list[str]:
    names = [f"M{number}" for number in range(count)]
    with path.open("w", encoding="utf-8") as file:
        file.write("campaign_id,cell_id,member_id,customer_id,email,message_id,selected_dt,sent_dt\n")
        for name in names:
            file.write(
                f"C1,A,{name},K{name},{name}@example.com,{name}@mail,2026-04-30T00:00:00Z,2026-05-01T08:00:00Z\n"
            )
    return names


def _write_events(path: Path, members: Path, megabytes: int) -> None:
    """SendGrid's events, every tenth of them twice."""
    count = megabytes * 1_000_000 // 480
    names = _members(members, max(count // 4, 1))
    kinds, spread = ["delivered", "open", "click", "bounce"], np.random.default_rng(1).integers(0, 86_400 * 3, count)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            name, kind = names[number // 4 % len(names)], kinds[number % 4]
            event = {
                "email": f"{name}@example.com", "timestamp": 1_777_622_400 + int(spread[number]), "event": kind,
                "sg_event_id": f"e{number}", "sg_message_id": f"{name}.recvd-1", "smtp-id": f"<{name}@mail>",
                "category": ["C1"], "ip": f"203.0.113.{number % 250}", "useragent": AGENT,
            }  # fmt: skip
            if kind == "bounce":
                event |= {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 <x@example.com>: User unknown"}
            line = json.dumps(event) + "\n"
            file.write(line * (2 if number % REDELIVERED_EVERY == 0 else 1))


def _write_hits(path: Path, members: Path, megabytes: int) -> None:
    """A combined log of pixel and redirect."""
    count = megabytes * 1_000_000 // 330
    tokens = [KEYS.sign("member", name) for name in _members(members, max(count // 4, 1))]
    campaign, link = KEYS.sign("campaign", "C1"), KEYS.sign("link", "C1/offer")
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            token = tokens[number % len(tokens)]
            is_click = number % 3 == 0
            url = f"/r?l={link}&c={token}&m={campaign}" if is_click else f"/o.gif?c={token}&m={campaign}"
            file.write(
                f"203.0.{number % 100}.{number % 250} - - "
                f"[0{number % 3 + 1}/May/2026:1{number % 10}:{number % 60:02d}:03 +0000] "
                f'"GET {url} HTTP/1.1" {302 if is_click else 200} 43 "-" "{AGENT}"\n'
            )
