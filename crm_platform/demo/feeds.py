"""The files a system delivers for one feed, each row in that of the day it was told.

There is an initial file, then one a day.

How rows are parted over dated files and where faults are put in belongs here; what the rows are stands with each
system.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from crm_platform.demo.bad_rows import Fault, spoil
from crm_platform.demo.settings import Period
from crm_platform.demo.truth import Truth
from crm_platform.demo.writers import StagedDatabase, StagedFile, StagedParquet, TextForm, copy_file

DELIVERED = "delivery_date"


def told_on(event: str | pl.Expr, period: Period) -> pl.Expr:
    """The day a row is delivered: that of the event, at the earliest the initial delivery. After `as_of`: not yet."""
    day = (pl.col(event) if isinstance(event, str) else event).cast(pl.Date)
    return pl.max_horizontal(day, pl.lit(period.first_delivery)).alias(DELIVERED)


class Landing:
    """The landing zone being filled: every open file, and the rows of every feed."""

    def __init__(self, root: Path, period: Period, truth: Truth) -> None:
        """Nothing is opened until rows come."""
        self.root = root
        self.period = period
        self.truth = truth
        self.rows: dict[str, int] = {}
        self.files: list[str] = []
        self._open: dict[Path, StagedFile | StagedParquet | StagedDatabase] = {}

    def deliver(
        self,
        feed: str,
        rows: pl.DataFrame,
        form: TextForm,
        faults: Sequence[Fault] = (),
        rng: np.random.Generator | None = None,
    ) -> None:
        """Write the rows of a feed, named `<source>/<feed>`, to the files of their days.

        Rows: delivery_date, then the columns as the system names them.
        """
        for day in self.period.delivery_days:
            part = rows.filter(pl.col(DELIVERED) == day).drop(DELIVERED)
            if part.height or day == self.period.first_delivery:
                self.append(feed, self.dated(feed, day, form), part, form, faults, rng)

    def dated(self, feed: str, day: date, form: TextForm) -> Path:
        """The file of a feed for a day."""
        return self.root / f"{feed}_{day.isoformat()}{form.suffix()}"

    def append(
        self,
        feed: str,
        place: Path,
        rows: pl.DataFrame,
        form: TextForm,
        faults: Sequence[Fault] = (),
        rng: np.random.Generator | None = None,
    ) -> None:
        """Append rows to a file, with faults where a generator for them is given."""
        staged = self._text_file(place, rows, form)
        if rng is None or not faults:
            staged.write(form.render(rows), rows.height)
            written = rows.height
        else:
            spoilt = spoil(rows, faults, rng)
            first_line = staged.lines + 1
            staged.write(form.render(spoilt.rows), spoilt.rows.height)
            staged.write(
                form.render(spoilt.torn).replace(b"\n", f"{form.separator}surplus\n".encode()), spoilt.torn.height
            )
            written = spoilt.rows.height + spoilt.torn.height
            if spoilt.faults.height:
                self.truth.add_faults(
                    self.name_of(place), spoilt.faults.select(line=pl.col("row") + first_line, rule="rule")
                )
        self.count(feed, written)

    def _text_file(self, place: Path, rows: pl.DataFrame, form: TextForm) -> StagedFile:
        staged = self._open.get(place)
        if staged is None:
            staged = self._open[place] = StagedFile(place, is_gzip=form.is_gzip)
            if form.kind == "csv":
                staged.write(form.render(rows.clear(), header=True), 1)
        assert isinstance(staged, StagedFile)
        return staged

    def deliver_again(self, feed: str, day: date, form: TextForm) -> None:
        """Put the file of a day into the landing zone once more, under another name.

        To be called after `close`; nothing happens where there is no such file.
        """
        place = self.dated(feed, day, form)
        if place.exists():
            again = self.root / f"{feed}_{day.isoformat()}_again{form.suffix()}"
            copy_file(place, again)
            self.files.append(self.name_of(again))

    def parquet(self, feed: str, rows: pl.DataFrame) -> None:
        """Write rows[delivery_date, ...] to the Parquet files of their days."""
        for day in self.period.delivery_days:
            part = rows.filter(pl.col(DELIVERED) == day).drop(DELIVERED)
            place = self.root / f"{feed}_{day.isoformat()}.parquet"
            staged = self._open.setdefault(place, StagedParquet(place)) if part.height else None
            if isinstance(staged, StagedParquet):
                staged.append(part)
        self.count(feed, rows.filter(pl.col(DELIVERED) <= self.period.as_of).height)

    def database(self, place: Path, feed: str, table: str, rows: pl.DataFrame) -> None:
        """Append rows to a table of a SQLite database."""
        if place not in self._open:
            self._open[place] = StagedDatabase(place)
        staged = self._open[place]
        assert isinstance(staged, StagedDatabase)
        staged.append(table, rows)
        self.count(feed, rows.height)

    def count(self, feed: str, rows: int) -> None:
        """Add to the rows of a feed."""
        self.rows[feed] = self.rows.get(feed, 0) + rows

    def name_of(self, place: Path) -> str:
        """The file's name below the landing zone."""
        return place.relative_to(self.root).as_posix()

    def close(self) -> None:
        """Put every open file in its place."""
        for place, staged in self._open.items():
            staged.close()
            self.files.append(self.name_of(place))
        self._open.clear()
