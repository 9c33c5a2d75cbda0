"""What the tests of events share: a company with a campaign of two links, its logs, and what providers post.

Here: landing files, loading them, making the events, reading the tables back. Not here: the expectations.
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from crm_platform.campaign.events.build import publish_events, rebuild_events
from crm_platform.campaign.events.contracts import EVENT, EVENT_CONTRACTS
from crm_platform.campaign.events.settings import EventSettings
from crm_platform.campaign.tracking.signatures import Keyring
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.declaration import SourceDeclaration
from crm_platform.sources.landing import LandingZone, landed_files
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import RECORDS
from crm_platform.sources.load import load_feed
from crm_platform.sources.readers.batch import ReadLimits
from crm_platform.sources.staging import staged_feeds
from crm_platform.warehouse.contract import Contract, contracts_by_name
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import Publication

KEY = "the-key-of-these-tests-2026"
KEYS = Keyring({"k": KEY.encode()})
SENT = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
DELIVERED = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
_CSV = {"kind": "csv", "delimiter": ","}
SOURCES: list[dict[str, Any]] = [
    {
        "source": "crm",
        "description": "The campaign system.",
        "feeds": {
            "campaign_members": {"files": "members*.csv", "form": _CSV},
            "campaign_links": {"files": "links*.csv", "form": _CSV},
            "sms_receipts": {"files": "sms*.csv", "form": _CSV},
            "call_outcomes": {"files": "calls*.csv", "form": _CSV},
        },
    },
    {
        "source": "mail",
        "description": "The mail's own servers.",
        "feeds": {
            "hits": {"contract": "web_hits", "files": "hits*.log", "form": {"kind": "access_log"}},
            "provider_events": {"files": "events*.jsonl", "form": {"kind": "provider_events"}},
        },
    },
]


def hit(path: str, moment: datetime, agent: str = BROWSER, address: str = "203.0.113.7") -> str:
    """A line of a combined log."""
    status = 302 if path.startswith("/r") else 200
    return f'{address} - - [{moment:%d/%b/%Y:%H:%M:%S +0000}] "GET {path} HTTP/1.1" {status} 43 "-" "{agent}"'


def pixel(member: str, moment: datetime, **client: str) -> str:
    """A line of the pixel's log."""
    return hit(f"/o.gif?c={KEYS.sign('member', member)}&m={KEYS.sign('campaign', 'C1')}", moment, **client)


def click(member: str, link: str, moment: datetime, **client: str) -> str:
    """A line of the redirect's log."""
    signed = KEYS.sign("member", member), KEYS.sign("campaign", "C1"), KEYS.sign("link", f"C1/{link}")
    return hit("/r?c={}&m={}&l={}".format(*signed), moment, **client)


def delivery(member: str, seconds: float = 4, kind: str = "delivered") -> str:
    """An event of SendGrid about the message of a member."""
    moment = int((SENT + timedelta(seconds=seconds)).timestamp())
    event = {"event": kind, "email": f"{member}@example.com", "timestamp": moment, "smtp-id": f"<{member}@mail>"}
    return json.dumps(event | {"sg_event_id": f"{kind}{member}"})


def members(*names: str) -> str:
    """The campaign system's members."""
    lines = [
        f"C1,A,{name},{name}-customer,{name}@example.com,{name}@mail,2026-04-30T00:00:00Z,{SENT.isoformat()}"
        for name in names
    ]
    return "\n".join(["campaign_id,cell_id,member_id,customer_id,email,message_id,selected_dt,sent_dt", *lines]) + "\n"


LINKS = "campaign_id,link_id,url\nC1,a,https://x.example/a\nC1,b,https://x.example/b\n"


class EventSite:
    """A home below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        names = ("landing", "archive", "quarantine", "extracts", "work")
        self.zone = LandingZone(*(root / name for name in names))
        self.zone.landing.mkdir(parents=True)
        self.feeds = staged_feeds([SourceDeclaration.model_validate(source) for source in SOURCES])
        contracts = contracts_by_name([*(feed.contract for feed in self.feeds), *RECORDS, *EVENT_CONTRACTS])
        connection = duckdb.connect(config={"threads": 1})
        self.engine = Engine(connection, Lake(root / "lake"), contracts, [latest_view(feed) for feed in self.feeds])

    def land(self, name: str, content: str | Sequence[str], day: int = 0) -> None:
        """Lay a file into the landing folder, delivered on a day of June 2026."""
        path = self.zone.landing / name
        path.write_text(content if isinstance(content, str) else "\n".join(content) + "\n")
        os.utime(path, (DELIVERED + day * 86_400, DELIVERED + day * 86_400))

    def load(self) -> None:
        """Load what lies there into the staging tables."""
        loaded_dt = datetime(2026, 7, 1, tzinfo=UTC)
        for feed in self.feeds:
            load_feed(feed, landed_files(feed, self.zone), self.engine, self.zone, loaded_dt, ReadLimits(threads=1))

    def publish(self) -> dict[str, Publication]:
        """Make the events."""
        refs = staging_refs(self.feeds)
        return publish_events(self.engine, self.feeds, refs, KEYS, EventSettings(), self.root / "work")

    def rebuild(self, first: date, last: date) -> Publication | None:
        """Make the events of some days anew."""
        refs = staging_refs(self.feeds)
        return rebuild_events(self.engine, self.feeds, refs, KEYS, EventSettings(), self.root / "work", (first, last))

    def refresh(self) -> dict[str, Publication]:
        """Load, then make the events."""
        self.load()
        return self.publish()

    def table(self, contract: Contract = EVENT) -> pl.DataFrame:
        """A table by its key."""
        self.engine.refresh_view(contract)
        return self.engine.query(f"SELECT * FROM {contract.name}").sort(contract.key)

    def day_bytes(self) -> dict[str, bytes]:
        """The files of the events, by day."""
        return {path.parent.name: path.read_bytes() for path in self.engine.lake.data_files(EVENT)}
