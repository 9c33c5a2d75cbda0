"""Where the time of the facts goes: each step beside the bare engine doing the same join on the same files.

The bare query reads the very files and makes the join of the step, no more: no newest version is chosen, nothing is
checked, no day is a file of its own. Called by `python -m benchmarks campaign`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import duckdb
from rich.table import Table

from crm_platform.warehouse.contract import Contract, View
from crm_platform.warehouse.engine import Engine, Parameter, engine_settings
from crm_platform.warehouse.lake import Lake

_MADE = re.compile(r"(?:CREATE OR REPLACE TEMP TABLE|/campaign/)\s*(\w+)")
BARE_MEMORY = "8GB"
_KEY = "campaign_id, cell_id, member_id"
_TOLD = f"""
    SELECT {_KEY}, event.event_id, event.event_type, event.bounce_kind, event.reason, event.address_invalid,
        event.link_id, event.url, event.actor_class, event.event_dt
    FROM {{members}} AS member JOIN {{events}} AS event USING ({_KEY})"""
_COURSE = f"""
    SELECT {_KEY}, min(sent_dt) AS sent_dt, count(event_id) AS number_of_events,
        min(event_dt) FILTER (WHERE event_type = 'delivered') AS delivered_dt,
        min(event_dt) FILTER (WHERE event_type = 'bounced') AS bounced_dt,
        min(event_dt) FILTER (WHERE event_type = 'opened' AND actor_class = 'human') AS opened_dt
    FROM (SELECT {_KEY}, sent_dt FROM {{members}}) AS member LEFT JOIN bare_told USING ({_KEY}) GROUP BY ALL"""
BARE: Mapping[str, str] = {
    "send": f"CREATE TEMP TABLE bare_send AS SELECT {_KEY}, customer_id, email, message_id, sent_dt FROM {{members}}",
    "told": f"CREATE TEMP TABLE bare_told AS {_TOLD}",
    "course": f"CREATE TEMP TABLE bare_course AS {_COURSE}",
    "send_customer": f"CREATE TEMP TABLE bare_customer AS SELECT {_KEY}, customer_key FROM bare_send "
    "JOIN {customers} AS customer ON customer.customer_ref = 'crm:' || bare_send.customer_id",
    "fact_campaign_delivery": f"COPY (SELECT * FROM bare_course LEFT JOIN bare_customer USING ({_KEY}) ORDER BY {_KEY})"
    " TO '{folder}/delivery.parquet' (FORMAT parquet, COMPRESSION zstd)",
    "fact_clickthrough": f"COPY (SELECT {_KEY}, customer_key, link.url, count(click.event_id) AS number_of_clicks "
    f"FROM bare_send JOIN {{links}} AS link USING (campaign_id) LEFT JOIN bare_customer USING ({_KEY}) "
    f"LEFT JOIN (SELECT * FROM bare_told WHERE event_type = 'clicked') AS click USING ({_KEY}) "
    f"GROUP BY ALL ORDER BY {_KEY}) TO '{{folder}}/clicks.parquet' (FORMAT parquet, COMPRESSION zstd)",
}
"""A step, by the table that it makes, to the bare statement of its join."""


class TimedEngine(Engine):
    """An engine that notes the seconds of its statements by the table that they make."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lake: Lake,
        contracts: Mapping[str, Contract],
        views: Sequence[View] = (),
    ) -> None:
        self.seconds: dict[str, float] = {}
        super().__init__(connection, lake, contracts, views)

    def execute(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> None:
        """Run a statement and note how long it took."""
        start = perf_counter()
        super().execute(sql, parameters)
        found = _MADE.findall(sql[:200]) or _MADE.findall(sql[-400:])
        made = found[0] if found else ""
        self.seconds[made] = self.seconds.get(made, 0.0) + perf_counter() - start


def bare_seconds(relations: Mapping[str, str], folder: Path) -> dict[str, float]:
    """The seconds of each statement of BARE; relations are SQL for members, events, customers and links.

    With more memory than the facts have: the join of ten million deliveries does not go within theirs.
    """
    taken: dict[str, float] = {}
    with duckdb.connect(config=engine_settings(BARE_MEMORY, 2, folder / "spill")) as connection:
        for step, sql in BARE.items():
            start = perf_counter()
            connection.execute(sql.format(folder=folder, **relations)).fetchall()
            taken[step] = perf_counter() - start
    return taken


def steps_table(deliveries: int, whole: float, ours: Mapping[str, float], bare: Mapping[str, float]) -> Table:
    """Each step with its seconds, ours and bare."""
    table = Table("step", "s", "bare join s", "ratio", title=f"Facts of {deliveries:,} deliveries, step by step")
    for step, seconds in bare.items():
        table.add_row(step, f"{ours.get(step, 0):.1f}", f"{seconds:.1f}", f"{ours.get(step, 0) / seconds:.1f}")
    rest = whole - sum(ours.get(step, 0) for step in bare)
    table.add_row("days touched, audit, the rest", f"{rest:.1f}", "", "")
    total = sum(bare.values())
    table.add_row("whole", f"{whole:.1f}", f"{total:.1f}", f"{whole / total:.1f}")
    return table
