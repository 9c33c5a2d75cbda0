"""Campaigns: lift on a published test, and the facts of millions of deliveries: the whole, and an hour's increment.

Lift is held against the published figures of the Hillstrom e-mail test (CRM_EVAL_DATA, default ../shared/data). The
facts are made of deliveries that the benchmark writes into a lake itself, with two events each, beside the bare query
of the same join; then an hour's events come in, in a lake of a tenth of that and in the whole one.
Run: `python -m benchmarks campaign [millions of deliveries]`.
"""

import os
import resource
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.campaign_steps import TimedEngine, bare_seconds, steps_table
from crm_platform.campaign.dimensions.build import publish_campaign_dimensions
from crm_platform.campaign.events.contracts import EVENT, EVENT_FILE
from crm_platform.campaign.facts.build import publish_delivery_facts
from crm_platform.campaign.results.lift import lift, sums_of
from crm_platform.campaign.settings import DeliveryRules
from crm_platform.campaign.tables import CAMPAIGN_CONTRACTS
from crm_platform.scv.golden.contracts import DIM_CUSTOMER_HISTORY
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.settings import Home
from crm_platform.sources.declaration import SourceDeclaration
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import FILE_LEDGER, RECORDS
from crm_platform.sources.staging import StagedFeed, staged_feeds
from crm_platform.warehouse.contract import Contract, contracts_by_name
from crm_platform.warehouse.engine import Parameter, engine_settings, parquet_relation, quoted
from crm_platform.warehouse.lake import Lake

DATA = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data"))
FIGURES = {
    ("Mens E-Mail", "visit"): (0.07659, 0.069953, 0.083226),
    ("Mens E-Mail", "conversion"): (0.006805, 0.0050, 0.00861),
    ("Mens E-Mail", "spend"): (0.7698, 0.4851, 1.0545),
    ("Womens E-Mail", "visit"): (0.045233, 0.038894, 0.051573),
    ("Womens E-Mail", "conversion"): (0.003111, 0.001499, 0.004723),
    ("Womens E-Mail", "spend"): (0.4244, 0.1690, 0.6799),
}
A_DAY = 100_000
CUSTOMERS = 1_000_000
HOUR_OF_EVENTS = 5_000
GOAL_MEGABYTES = 4_000
GOAL_INCREMENT = 1.5
LOADED = datetime(2026, 6, 1, tzinfo=UTC)
FIRST = datetime(2026, 1, 1, 8, tzinfo=UTC)
SOURCE = {
    "source": "crm",
    "description": "The campaign system.",
    "feeds": {
        name: {"files": f"{name}*.csv", "form": {"kind": "csv", "delimiter": ","}}
        for name in ("campaigns", "campaign_cells", "campaign_links", "campaign_members")
    },
}
_MEMBERS = """
SELECT 'C' || (number // $a_day) AS campaign_id, 'A' AS cell_id, 'M' || number AS member_id,
    'K' || number % 1000000 AS customer_id, 'c' || number % 1000000 || '@example.com' AS email,
    'm' || number AS message_id, $first - INTERVAL 1 DAY AS selected_dt,
    $first + to_days(CAST(number // $a_day AS INTEGER)) AS sent_dt,
    'members' AS file_id, '' AS file_part, number AS file_line,
    '' AS content_hash, $loaded AS file_dt, $loaded AS loaded_dt
FROM range($start, $stop) AS numbers (number)
"""
_LINKS = """
SELECT DISTINCT 'C' || (number // $a_day) AS campaign_id, 'offer' AS link_id, 'https://ivory.example/offer' AS url,
    'links' AS file_id, '' AS file_part, number // $a_day AS file_line, '' AS content_hash, $loaded AS file_dt,
    $loaded AS loaded_dt
FROM range($start, $stop, $a_day) AS numbers (number)
"""
_CUSTOMERS = """
SELECT 'crm:K' || number AS customer_ref, number + 1 AS customer_key FROM range($start, $stop) AS numbers (number)
"""
_EVENTS = """
SELECT $name || number || '/' || kind AS event_id,
    CASE WHEN kind = 1 AND number % 10 = 0 THEN 'clicked' WHEN kind = 1 THEN 'opened'
        WHEN number % 25 = 0 THEN 'bounced' ELSE 'delivered' END AS event_type,
    CASE WHEN kind = 0 AND number % 25 = 0 THEN 'hard' END AS bounce_kind,
    'email' AS channel, 'sendgrid' AS provider, 'mail' AS source,
    'crm:K' || number % 1000000 AS customer_ref, 'c' || number % 1000000 || '@example.com' AS recipient,
    'C' || (number // $a_day) AS campaign_id, 'A' AS cell_id, 'M' || number AS member_id, false AS address_invalid,
    CASE WHEN kind = 1 AND number % 10 = 0 THEN 'offer' END AS link_id,
    CASE WHEN kind = 1 THEN CASE WHEN number % 3 = 0 THEN 'machine' ELSE 'human' END END AS actor_class,
    $first + to_days(CAST(number // $a_day AS INTEGER)) AS sent_dt,
    $first + to_days(CAST(number // $a_day AS INTEGER)) + to_seconds(60 + kind * 3600) AS event_dt,
    $loaded AS loaded_dt, $loaded AS received_dt, $name AS file_id, '' AS file_part, number AS file_line
FROM range($start, $stop) AS numbers (number) CROSS JOIN range(2) AS kinds (kind)
"""


def main(arguments: Sequence[str]) -> bool:
    """Print lift and speed; whether the goals were met."""
    millions = float(arguments[0]) if arguments else 1.0
    console = Console(width=120)
    return _lift(console) & _speed(console, int(millions * 1_000_000))


def _lift(console: Console) -> bool:
    path = DATA / "campaigns" / "hillstrom.csv"
    if not path.exists():
        console.print(f"Lift: skipped, there is no {path}.")
        return True
    customers = pl.read_csv(path, infer_schema_length=None)
    table = Table("arm", "outcome", "lift", "95 %", "incremental", "published", title="Lift, Hillstrom")
    is_met = True
    for (arm, outcome), expected in FIGURES.items():
        treated, control = (customers.filter(pl.col("segment") == name)[outcome] for name in (arm, "No E-Mail"))
        groups = pl.concat([sums_of(treated, "treated"), sums_of(control, "control")], how="horizontal")
        found = lift(groups, 0.95).row(0, named=True)
        figures = [found[name] for name in ("lift", "lift_low", "lift_high")]
        is_same = all(
            round(figure, len(f"{each}".partition(".")[2])) == each
            for figure, each in zip(figures, expected, strict=True)
        )
        is_met &= is_same
        interval = f"[{figures[1]:.6f}, {figures[2]:.6f}]"
        table.add_row(
            arm, outcome, f"{figures[0]:+.6f}", interval, f"{found['incremental']:,.2f}", "same" if is_same else "OTHER"
        )
    console.print(table)
    return is_met


class _Site:
    """A lake with so many deliveries."""

    def __init__(self, root: Path, deliveries: int) -> None:
        home = Home(root)
        self.deliveries = deliveries
        self.feeds: Sequence[StagedFeed] = staged_feeds([SourceDeclaration.model_validate(SOURCE)])
        contracts = [feed.contract for feed in self.feeds] + [each.contract for each in DIMENSIONS.values()]
        known = contracts_by_name([*contracts, *RECORDS, *CAMPAIGN_CONTRACTS, CUSTOMER_REF_KEY, DIM_CUSTOMER_HISTORY])
        home.spill.mkdir(parents=True)
        self.lake = Lake(home.lake)
        connection = duckdb.connect(config=engine_settings("2GB", 2, home.spill))
        self.engine = TimedEngine(connection, self.lake, known, [latest_view(feed) for feed in self.feeds])
        by_name = {feed.contract_name: feed.contract for feed in self.feeds}
        self.members, self.links = by_name["campaign_members"], by_name["campaign_links"]
        self._lay_rows()

    def _lay_rows(self) -> None:
        for start in range(0, self.deliveries, A_DAY):
            span = (start, min(start + A_DAY, self.deliveries))
            self.lay(self.members, f"{start:09d}", _MEMBERS, "members", *span)
            self.lay(EVENT, (FIRST + timedelta(days=start // A_DAY)).date().isoformat(), _EVENTS, "events", *span)
        self.lay(self.links, "2026-06-01", _LINKS, "links", 0, self.deliveries)
        self.lay(CUSTOMER_REF_KEY, None, _CUSTOMERS, "", 0, CUSTOMERS)
        self.tell("crm.campaign_links", "links")
        self.tell("crm.campaign_members", "members")
        self.tell("mail.provider_events", "events")

    def lay(
        self,
        contract: Contract,
        key: str | None,
        query: str,
        name: str,
        start: int,
        stop: int,
        more: timedelta = timedelta(),
    ) -> None:
        """Write rows as a partition of a table, what the query does not say null."""
        path = self.lake.data_file(contract, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        nothing = ", ".join(
            f"CAST(NULL AS {column.duckdb_type}) AS {quoted(column.name)}" for column in contract.columns
        )
        names = ", ".join(quoted(name) for name in contract.column_names)
        parameters: dict[str, Parameter] = {
            "a_day": A_DAY,
            "first": FIRST,
            "loaded": LOADED + more,
            "start": start,
            "stop": stop,
            "name": name,
        }
        self.engine.write_query(
            f"SELECT {names} FROM (SELECT {nothing} WHERE FALSE UNION ALL BY NAME ({query}))", path, parameters
        )

    def tell(self, feed: str, file_id: str, more: timedelta = timedelta()) -> None:
        """Enter a file into the ledger and the files of the events."""
        entry = {
            "feed_name": feed,
            "file_id": file_id,
            "status": "loaded",
            "file_number": 1,
            "loaded_dt": LOADED + more,
        }
        for contract, row in (
            (FILE_LEDGER, entry),
            (EVENT_FILE, {"feed_name": feed, "file_id": file_id, "number_of_rows": 1}),
        ):
            path = self.lake.data_file(contract, feed)
            path.parent.mkdir(parents=True, exist_ok=True)
            before = pl.read_parquet(path) if path.exists() else contract.empty()
            rows = pl.concat([before, pl.DataFrame([row])], how="diagonal_relaxed")
            rows.select(pl.col(name).cast(dtype) for name, dtype in contract.polars_schema.items()).write_parquet(path)

    def facts(self) -> int:
        """Make the facts; the number of days written."""
        for contract in (self.members, self.links, CUSTOMER_REF_KEY, EVENT, EVENT_FILE, FILE_LEDGER):
            self.engine.refresh_view(contract)
        made = publish_delivery_facts(self.engine, self.feeds, DeliveryRules(), LOADED)
        fact = made.get("fact_campaign_delivery")
        return len(fact.partition_keys) if fact else 0

    def bare(self) -> dict[str, float]:
        """The seconds of the bare joins, step by step."""
        tables = {"members": self.members, "events": EVENT, "customers": CUSTOMER_REF_KEY, "links": self.links}
        relations = {name: parquet_relation(self.lake.data_files(contract)) for name, contract in tables.items()}
        return bare_seconds(relations, self.lake.root)

    def an_hour_later(self) -> None:
        """Events of the last day's deliveries come in."""
        last = (self.deliveries - 1) // A_DAY * A_DAY
        day = (FIRST + timedelta(days=last // A_DAY + 1)).date().isoformat()
        self.lay(EVENT, day, _EVENTS, "late", last, last + HOUR_OF_EVENTS // 2, timedelta(hours=1))
        self.tell("mail.provider_events", "late", timedelta(hours=1))


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _timed(step: Callable[[], object]) -> float:
    start = perf_counter()
    step()
    return perf_counter() - start


def _whole_days(deliveries: int) -> int:
    """So many that every day, the last too, is of one size: else the hours would not be comparable."""
    return max(deliveries // A_DAY, 1) * A_DAY


def _speed(console: Console, deliveries: int) -> bool:
    table = Table("deliveries", "events", "an hour's events", "s", "days written", title="The increment of the facts")
    hours: list[float] = []
    for number in (_whole_days(deliveries // 10), _whole_days(deliveries)):
        with tempfile.TemporaryDirectory() as folder:
            site = _Site(Path(folder) / "home", number)
            publish_campaign_dimensions(site.engine, site.feeds)
            site.engine.seconds.clear()
            busy = process_time()
            whole = _timed(site.facts)
            busy = process_time() - busy
            ours = dict(site.engine.seconds)
            site.an_hour_later()
            start = perf_counter()
            days = site.facts()
            hours.append(perf_counter() - start)
            megabytes = _peak_megabytes()  # before the bare joins, which take more
            table.add_row(f"{number:,}", f"{2 * number:,}", f"{HOUR_OF_EVENTS:,}", f"{hours[-1]:.2f}", str(days))
            minutes = f"{whole / 60:.1f} min, {busy / 60:.1f} min of processor time"
            console.print(f"{number:,} deliveries: {minutes}, {megabytes:,.0f} MB.")
            console.print(steps_table(number, whole, ours, site.bare()))
    console.print(table)
    growth = hours[1] / hours[0]
    console.print(
        f"Peak memory {megabytes:,.0f} MB (goal {GOAL_MEGABYTES:,}); an hour costs {growth:.1f} times as much."
    )
    return megabytes <= GOAL_MEGABYTES and growth <= GOAL_INCREMENT
