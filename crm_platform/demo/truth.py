"""The truth, kept aside in `landing/_truth/` as Parquet.

Who is who, who would have bought anyway, who leaves, whose click it was.

What is written there belongs here. The platform never reads it; the evaluation does.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from crm_platform.demo.writers import StagedParquet

FOLDER = "_truth"
PEOPLE = [
    "person_id",
    "household_id",
    "household_kind",
    "organisation_id",
    "country",
    "locale",
    "brand",
    "sex",
    "first_name",
    "middle_name",
    "nickname",
    "last_name",
    "birth_date",
    "email",
    "phone",
    "mobile_phone",
    "address_line",
    "address_line_2",
    "city",
    "region",
    "postcode",
    "income_band",
    "is_home_owner",
    "married_date",
    "married_last_name",
    "moved_date",
    "moved_address_line",
    "moved_city",
    "moved_postcode",
    "email_changed_date",
    "changed_email",
    "death_date",
    "uses_nickname",
    "buyer",
    "orders_a_year",
    "joined_date",
    "is_universal_control",
]


class Truth:
    """The files of the truth, each growing chunk by chunk."""

    def __init__(self, landing: Path) -> None:
        """Nothing is written until rows come."""
        self._folder = landing / FOLDER
        self._files: dict[str, StagedParquet] = {}

    def add(self, name: str, rows: pl.DataFrame) -> None:
        """Append rows to one of the truth's tables."""
        if name not in self._files:
            self._files[name] = StagedParquet(self._folder / f"{name}.parquet")
        self._files[name].append(rows)

    def add_records(self, source: str, feed: str, records: pl.DataFrame, record_id: str) -> None:
        """Tell whose each record is: columns source, feed, record_id, person_id, of records[`record_id`, person].

        A record counts once.
        """
        owners = records.select(
            source=pl.lit(source), feed=pl.lit(feed), record_id=pl.col(record_id).cast(pl.String), person_id=person_id()
        )
        self.add("record_person", owners.unique(subset=["record_id"], keep="first", maintain_order=True))

    def add_faults(self, file: str, faults: pl.DataFrame) -> None:
        """Tell which lines of a file were spoilt: columns file, line (1 is the first), rule, of faults[line, rule]."""
        self.add("injected_errors", faults.select(file=pl.lit(file), line=pl.col("line").cast(pl.Int64), rule="rule"))

    def close(self) -> dict[str, int]:
        """Finish the files; gives the rows of each."""
        for staged in self._files.values():
            staged.close()
        return {name: staged.rows for name, staged in sorted(self._files.items())}


def person_id(column: str = "person") -> pl.Expr:
    """The person's identifier in the truth, of the number."""
    return pl.format("P{}", pl.col(column).cast(pl.String).str.zfill(8))


def add_people(truth: Truth, people: pl.DataFrame) -> None:
    """Write people, households and who leaves (after leaves_date: no order of the person's own will).

    What had gone wrong for them by trouble_date (null: nothing) stands beside it, of those who stayed all the same too.
    """
    named = people.with_columns(
        person_id=person_id(),
        household_id=pl.format("H{}", pl.col("household").cast(pl.String).str.zfill(8)),
        organisation_id=organisation_id("organisation"),
    )
    truth.add("people", named.select(PEOPLE))
    truth.add("households", named.select("household_id", "person_id", "household_kind", "position"))
    truth.add(
        "churn",
        named.select("person_id", "buyer", "joined_date", "leaves_date", "death_date", "trouble", "trouble_date"),
    )


def organisation_id(column: str) -> pl.Expr:
    """The organisation's identifier in the truth, null where there is none."""
    return pl.when(pl.col(column).is_not_null()).then(pl.format("O{}", pl.col(column).cast(pl.String).str.zfill(8)))
