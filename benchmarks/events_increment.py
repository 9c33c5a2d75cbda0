"""What an hour's events cost on a small and on a large lake: they should cost the same.

The lake is made here: a day goes the whole way from file to events, further days are its copies, each with events and
members of its own. Called by `python -m benchmarks events`.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, parquet_relation

EVENTS_A_DAY = 100_000
EVENTS_AN_HOUR = 5_000
EVENTS_A_MEMBER = 4
TURNS = 3
DAYS = (10, 100)
FIRST_SECOND = 1_777_593_600  # 2026-05-01T00:00:00Z
TOLERANCE = 1.5


def increments(
    console: Console,
    engine: Engine,
    feeds: Sequence[StagedFeed],
    landing: Path,
    refresh: Callable[[], None],
    event: Contract,
) -> bool:
    """Print the seconds of an hour's events on each size of lake; whether the largest costs what the smallest does.

    refresh loads what lies in `landing` and makes the events; `feeds` are those of events and of members.
    """
    table = Table("events in the lake", "an hour's events", "seconds", title="The increment")
    _land_members(landing, EVENTS_A_DAY // EVENTS_A_MEMBER)
    _land_events(landing, "first", EVENTS_A_DAY)
    refresh()
    seconds = []
    present = 1
    for days in DAYS:
        _copy_days(engine, feeds, event, range(present, days))
        present = days
        seconds.append(min(_an_hour(landing, f"hour{days}_{turn}", refresh) for turn in range(TURNS)))
        table.add_row(f"{days * EVENTS_A_DAY:,}", f"{EVENTS_AN_HOUR:,}", f"{seconds[-1]:.2f}")
    console.print(table)
    return seconds[-1] <= TOLERANCE * seconds[0]


def _an_hour(landing: Path, name: str, refresh: Callable[[], None]) -> float:
    _land_events(landing, name, EVENTS_AN_HOUR)
    started = perf_counter()
    refresh()
    return perf_counter() - started


def _land_members(landing: Path, count: int) -> None:
    landing.mkdir(parents=True, exist_ok=True)
    with (landing / "members.csv").open("w", encoding="utf-8") as members:
        members.write("campaign_id,cell_id,member_id,customer_id,email,message_id,selected_dt,sent_dt\n")
        for number in range(count):
            name = f"M{number}"
            members.write(
                f"C1,A,{name},K{name},{name}@example.com,{name}@mail,2026-04-30T00:00:00Z,2026-05-01T00:00:00Z\n"
            )


def _land_events(landing: Path, name: str, count: int) -> None:
    """SendGrid's events of one day, four for each member."""
    landing.mkdir(parents=True, exist_ok=True)
    with (landing / f"events_{name}.jsonl").open("w", encoding="utf-8") as events:
        for number in range(count):
            member = f"M{number // EVENTS_A_MEMBER}"
            event = {
                "email": f"{member}@example.com", "timestamp": FIRST_SECOND + number % 86_400, "event": "delivered",
                "sg_event_id": f"{name}{number}", "smtp-id": f"<{member}@mail>", "response": f"250 OK {name}",
            }  # fmt: skip
            events.write(json.dumps(event) + "\n")


def _copy_days(engine: Engine, feeds: Sequence[StagedFeed], event: Contract, days: range) -> None:
    """Copy the first day into days before it, so that the newest stays as large as it was."""
    for contract in (event, *(feed.contract for feed in feeds)):
        first = engine.lake.data_files(contract)[-1]
        for day in days:
            key = engine.scalar(f"SELECT CAST(DATE '2026-05-01' - {day} AS VARCHAR)")
            destination = engine.lake.data_file(contract, key)
            destination.parent.mkdir(parents=True, exist_ok=True)
            engine.write_query(
                f"SELECT * REPLACE ({_shifted(contract, day)}) FROM {parquet_relation([first])}", destination
            )
        engine.refresh_view(contract)


def _shifted(contract: Contract, day: int) -> str:
    """What tells the copy of a day from the day."""
    names = set(contract.column_names)
    texts = {"event_id", "member_id", "customer_id", "customer_ref", "message_id", "original_message_id", "campaign_id"}
    changed = [f"{name} || '-{day}' AS {name}" for name in sorted(names & texts)]
    changed += [f"{name} - INTERVAL {day} DAY AS {name}" for name in sorted(names & {"event_dt", "sent_dt"})]
    return ", ".join([*changed, f"file_line + {day * EVENTS_A_DAY} AS file_line"])
