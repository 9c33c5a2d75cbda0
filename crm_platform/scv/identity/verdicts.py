"""Verdicts of persons: read from what was staged, and written so that the next run heeds them.

Here: the newest verdict of each pair, the file of new ones, and the verdicts that take a merge back. Not here: what a
verdict does to clusters (`clusters.py`), and the command line.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.problem import Problem
from crm_platform.scv.identity.clusters import VERDICT_SCHEMA, newest_verdicts
from crm_platform.scv.identity.key_log import key_state
from crm_platform.scv.identity.run import CUSTOMER_LOG
from crm_platform.scv.records.build import every_version
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, literal
from crm_platform.warehouse.files import written_durably

VERDICT_FEED = "match_verdicts"
MOST_PAIRS = 10_000


class VerdictError(Problem):
    """A verdict that cannot be given; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """A person's decision on two records; `decided_dt` in UTC."""

    record_id_a: str
    record_id_b: str
    verdict: str
    decided_by: str
    reason: str | None
    decided_dt: datetime


def standing_verdicts(engine: Engine, feeds: Sequence[StagedFeed], as_of: datetime) -> pl.DataFrame:
    """record_id_a < record_id_b, verdict, decided_dt: the newest verdict of each pair given up to `as_of` (UTC)."""
    with every_version(engine, [VERDICT_FEED], feeds):
        given = engine.query(
            f"SELECT {', '.join(VERDICT_SCHEMA)} FROM every_{VERDICT_FEED} WHERE decided_dt <= $as_of "
            "ORDER BY decided_dt, file_number, file_part, file_line",
            {"as_of": as_of},
        )
    return newest_verdicts(given.cast(VERDICT_SCHEMA))  # type: ignore[arg-type]


def write_verdicts(landing: Path, verdicts: Sequence[Verdict]) -> Path:
    """Lay verdicts into the landing folder as one file, whole or not at all; gives its path."""
    moment = verdicts[0].decided_dt
    destination = landing / "steward" / f"verdicts_{moment:%Y%m%dT%H%M%S%f}.jsonl"
    lines = (
        json.dumps({**asdict(verdict), "decided_dt": verdict.decided_dt.isoformat()}, ensure_ascii=False)
        for verdict in verdicts
    )
    with written_durably(destination) as prepared:
        prepared.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return destination


def refuse_unknown(engine: Engine, record_ids: Sequence[str]) -> None:
    """Verdicts are on records that are there.

    Raises:
        VerdictError: a record is not.
    """
    named = ", ".join(literal(record_id) for record_id in record_ids)
    known = engine.query(f"SELECT record_id FROM scv.source_record WHERE record_id IN ({named})")["record_id"]
    unknown = sorted(set(record_ids) - set(known))
    if unknown:
        raise VerdictError(
            f"There is no record {', '.join(unknown)}. Records are named <source>.<feed>:<id>, as in scv.source_record."
        )


def verdicts_against_merge(
    engine: Engine, key_a: int, key_b: int, decided_by: str, reason: str | None, decided_dt: datetime
) -> list[Verdict]:
    """The verdicts that take the merge of two keys back: each record of the one is not each record of the other.

    Raises:
        VerdictError: the two are no merged customer, or it has too many records.
    """
    state = key_state(engine, CUSTOMER_LOG)
    ended, survivor = sorted((key_a, key_b), reverse=True)
    now = state.xref.filter(customer_key=survivor)["record_id"]
    if not len(now):
        ended, survivor = survivor, ended
        now = state.xref.filter(customer_key=survivor)["record_id"]
    # Whom a record belonged to before it came to the survivor: of those that are there now, the last key before.
    moved = state.changes.filter(pl.col("record_id").is_in(now.implode()), pl.col("to_customer_key") == ended)
    theirs = sorted(set(moved["record_id"]))
    ours = sorted(set(now) - set(theirs))
    if not theirs or not ours or state.xref.filter(customer_key=ended).height:
        raise VerdictError(
            f"The customers {key_a} and {key_b} were not merged, or are not any more: see scv.key_event."
        )
    if len(theirs) * len(ours) > MOST_PAIRS:
        raise VerdictError(
            f"{len(theirs):,} and {len(ours):,} records were merged; give verdicts on single records (`crm verdict`)."
        )
    return [
        Verdict(min(one, other), max(one, other), "different", decided_by, reason, decided_dt)
        for one in ours
        for other in theirs
    ]
