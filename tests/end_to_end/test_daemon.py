"""The daemon at work: what lands starts a run; killed in its middle, it goes on, and nothing is lost or doubled."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.server import served
from tests.end_to_end.commands import Platform
from tests.end_to_end.tables import half_written, table
from tests.orchestration.small_company import SHOP, write_config
from tests.unit.campaign.events.site import DELIVERED, KEY, LINKS, SENT, SOURCES, click, delivery, members

LONGEST_SECONDS = 180.0
FACT = "campaign.fact_campaign_delivery"


@pytest.mark.timeout(600)
def test_a_daemon_killed_with_its_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """Its files were loaded and archived, so no sensor would see them again: what hangs on them was left undone."""
    crm, mail = (json.dumps(source) for source in SOURCES)
    platform = Platform(tmp_path / "home", write_config(tmp_path / "config", shop=SHOP, crm=crm, mail=mail))
    landing = platform.home / "landing"
    landing.mkdir(parents=True)
    (platform.home / "tracking.keys").write_text(f"k:{KEY}")
    files = {
        "members.csv": members("M1", "M2", "M3"),
        "links.csv": LINKS,
        "events.jsonl": "".join(f"{delivery(name)}\n" for name in ("M1", "M2", "M2")),
        "hits.log": click("M1", "a", SENT.replace(hour=20)) + "\n",
    }
    with served(platform) as server:
        for name, content in files.items():
            _land(landing / name, content)
        _wait(lambda: not list(landing.iterdir()))
        assert set(server.runs().values()) == {"STARTED"}
        _kill(platform.home)
    assert table(platform.home, FACT).is_empty(), "the run came to its end before it was killed"

    with served(platform) as server:
        _wait(lambda: sorted(server.runs().values()) == ["FAILURE", "SUCCESS"])

    facts = table(platform.home, FACT).sort("member_id")
    assert facts.select("member_id", "delivery_status_key", "number_of_clicks").rows() == [
        ("M1", 1, 1), ("M2", 1, 0), ("M3", 2, 0),
    ]  # fmt: skip
    assert table(platform.home, "campaign.event")["event_type"].sort().to_list() == [
        "clicked",
        "delivered",
        "delivered",
    ]
    ledger = table(platform.home, "sources.file_ledger")
    assert ledger.height == ledger["file_id"].n_unique() == len(files)
    assert ledger["status"].unique().to_list() == ["loaded"]
    assert half_written(platform.home) == []


def _land(path: Path, content: str) -> None:
    """Let a file arrive whole, as a rename lets it."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(content)
    os.utime(unfinished, (DELIVERED, DELIVERED))
    unfinished.rename(path)


def _kill(home: Path) -> None:
    """Kill every process that works at the home: the servers, the daemon and its run."""
    named = f"CRM_HOME={home}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if named in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue


def _wait(is_there: Callable[[], bool]) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while not is_there():
        assert time.monotonic() < until, "it did not come in time"
        time.sleep(0.2)
