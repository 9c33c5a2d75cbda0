"""Access logs in the combined form: one file a day of the last weeks, one a month before, in order of time, gzipped.

How lines are made, gathered over the chunks and parted into files belongs here; what calls when does not.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from crm_platform.demo.feeds import Landing
from crm_platform.demo.settings import Period
from crm_platform.demo.writers import StagedFile

DAILY_DAYS = 21
SPOOL = ".spool"
# One line in so many is cut off in its agent, as happens when a disk is full.
CUT_OFF_EVERY = 397


def combined_line(
    ip: pl.Expr,
    user: pl.Expr,
    request: pl.Expr,
    status: pl.Expr,
    size: pl.Expr,
    referrer: pl.Expr,
    agent: pl.Expr,
    moment: str = "event_dt",
) -> pl.Expr:
    """A line in the combined form of Apache and nginx; nulls as a hyphen."""
    at = pl.col(moment).dt.strftime("%d/%b/%Y:%H:%M:%S +0000")
    dash = pl.lit("-")
    return pl.format(
        '{} - {} [{}] "{}" {} {} "{}" "{}"',
        ip,
        user.fill_null(dash),
        at,
        request,
        status.cast(pl.String),
        size.cast(pl.String).fill_null(dash),
        referrer.fill_null(dash),
        agent.fill_null(dash),
    ).alias("line")


class LogSpool:
    """Lines of one log, kept aside chunk by chunk until every chunk is made.

    So the files are in order of time, and memory stays bounded.
    """

    def __init__(self, landing: Landing, feed: str, name: str) -> None:
        """Count rows under `feed`; `name` is the path of the log without its date, as in mail/pixel/pixel."""
        self._landing = landing
        self._feed = feed
        self._name = name
        self._folder = landing.root / SPOOL / feed.replace("/", "_")
        self._parts = 0

    def add(self, lines: pl.DataFrame) -> None:
        """Keep lines[event_dt, line, actor, is_caused_by_person, record].

        `record` is whose the hit is, null for nobody's.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lines.sort("event_dt", "line").write_parquet(self._folder / f"{self._parts:06d}.parquet")
        self._parts += 1

    def close(self) -> None:
        """Write the files and the truth about their lines."""
        if self._parts:
            everything = pl.scan_parquet(self._folder / "*.parquet")
            for label, first, last in _spans(self._landing.period):
                at = pl.col("event_dt").cast(pl.Date)
                lines = everything.filter(at.is_between(first, last)).collect().sort("event_dt", "line", "actor")
                if lines.height:
                    self._write(self._landing.root / f"{self._name}_{label}.log.gz", lines)
            shutil.rmtree(self._folder)

    def _write(self, place: Path, lines: pl.DataFrame) -> None:
        numbered = lines.with_row_index("number", offset=1)
        is_cut = pl.col("number") % CUT_OFF_EVERY == CUT_OFF_EVERY // 2
        cut = numbered.with_columns(line=pl.when(is_cut).then(pl.col("line").str.head(-9)).otherwise("line"))
        staged = StagedFile(place, is_gzip=True)
        staged.write(("\n".join(cut["line"].to_list()) + "\n").encode(), cut.height)
        staged.close()
        name = self._landing.name_of(place)
        truth = self._landing.truth
        truth.add(
            "actors",
            cut.select(
                file=pl.lit(name),
                line=pl.col("number").cast(pl.Int64),
                actor="actor",
                is_caused_by_person="is_caused_by_person",
                record="record",
            ),
        )
        broken = cut.filter(is_cut).select(line="number", rule=pl.lit("unparsable_log_line"))
        if broken.height:
            truth.add_faults(name, broken)
        self._landing.files.append(name)
        self._landing.count(self._feed, cut.height)


def _spans(period: Period) -> list[tuple[str, date, date]]:
    """The files: label, first and last day. Whole months until the last weeks, then days."""
    daily_from = period.as_of - timedelta(days=DAILY_DAYS - 1)
    spans = []
    first = period.start
    while first < daily_from:
        next_month = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        last = min(next_month, daily_from) - timedelta(days=1)
        spans.append((f"{first:%Y-%m}", first, last))
        first = last + timedelta(days=1)
    return spans + [
        (day.isoformat(), day, day) for day in (daily_from + timedelta(days=offset) for offset in range(DAILY_DAYS))
    ]


def remove_spool(landing: Landing) -> None:
    """Leave nothing of the spool behind."""
    shutil.rmtree(landing.root / SPOOL, ignore_errors=True)
