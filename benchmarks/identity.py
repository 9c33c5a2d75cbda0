"""Who is who on the demo company, against its truth: pairs of records, kinds of people, golden attributes.

`python -m benchmarks identity [customers or home ...]`: a demo company of so many customers (2000 where nothing is
named) is made and refreshed, a home that was refreshed is read. Here: the figures. Not here: the bare engine on other
sets (`matching.py`).
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

GOAL = 0.99
CRM = str(Path(sys.executable).with_name("crm"))
COMPARED = ("first_name", "last_name", "birth_date", "email", "address_line", "postcode", "mobile_phone", "sex")


@dataclass(frozen=True)
class PairFigures:
    """Pairs of records that were put together, those of them that belong together, and all that do."""

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the found pairs that are right."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were found."""
        return self.right / self.true if self.true else 1.0


def main(arguments: Sequence[str]) -> bool:
    """Print the figures of each company; whether all reached the goal."""
    reached = [_measured(named) for named in arguments or ["2000"]]
    return all(reached)


def _measured(named: str) -> bool:
    if not named.isdigit():
        return _printed(Path(named))
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CRM_HOME": home}
        for command in (["demo", "--customers", named, "--as-of", "2026-10-31"], ["refresh"]):
            subprocess.run([CRM, *command], env=environment, check=True, capture_output=True)
        return _printed(Path(home))


def _printed(home: Path) -> bool:
    print(report(home))
    return is_reached(pair_figures(labelled(home)))


def true_people(home: Path) -> pl.DataFrame:
    """record_id (as in `scv.source_record`), person_id of every record whose person the truth knows."""
    truth = home / "landing" / "_truth"
    known = pl.read_parquet(truth / "record_person.parquet").select(
        record_id=pl.format("{}.{}:{}", "source", "feed", "record_id"), person_id="person_id"
    )
    bought = pl.read_parquet(truth / "enrichment_person.parquet").select(
        record_id=pl.format("bureau.enrichments:{}", "record_id"), person_id="person_id"
    )
    return pl.concat([known, bought])


def labelled(home: Path) -> pl.DataFrame:
    """record_id, customer_key, person_id of the records that are in both."""
    xref = pl.read_parquet(home / "lake" / "scv" / "customer_xref" / "data.parquet").select("record_id", "customer_key")
    return xref.join(true_people(home), on="record_id")


def pair_figures(records: pl.DataFrame) -> PairFigures:
    """Over all pairs of labelled records."""

    def pairs(*columns: str) -> int:
        sizes = records.group_by(*columns).len()["len"].cast(pl.Int64)
        return int((sizes * (sizes - 1) // 2).sum())

    return PairFigures(pairs("customer_key"), pairs("customer_key", "person_id"), pairs("person_id"))


def wrongly_merged_by_kind(home: Path, records: pl.DataFrame) -> pl.DataFrame:
    """household_kind, customers: customers that hold records of several people, by the people's household."""
    people = pl.read_parquet(home / "landing" / "_truth" / "people.parquet").select("person_id", "household_kind")
    mixed = records.filter(pl.col("person_id").n_unique().over("customer_key") > 1).join(people, on="person_id")
    return mixed.group_by("household_kind").agg(customers=pl.col("customer_key").n_unique()).sort("household_kind")


def found_by_event(home: Path, records: pl.DataFrame) -> pl.DataFrame:
    """event, people, whole: of the people whom something happened to, how many are one customer."""
    people = pl.read_parquet(home / "landing" / "_truth" / "people.parquet")
    keys = (
        records.group_by("person_id")
        .agg(keys=pl.col("customer_key").n_unique(), records=pl.len())
        .filter(pl.col("records") > 1)
    )
    rows = people.join(keys, on="person_id")
    events = {"married": "married_date", "moved": "moved_date", "new e-mail": "email_changed_date"}
    counted = [
        rows.filter(pl.col(column).is_not_null()).select(
            event=pl.lit(event), people=pl.len(), whole=(pl.col("keys") == 1).sum()
        )
        for event, column in events.items()
    ]
    return pl.concat(counted)


def right_attributes(home: Path, records: pl.DataFrame) -> pl.DataFrame:
    """attribute, customers, right: of the customers that are one whole person, how many values are the truth's now."""
    people = pl.read_parquet(home / "landing" / "_truth" / "people.parquet").with_columns(
        _after("married_date", "married_last_name", "last_name"),
        _after("email_changed_date", "changed_email", "email"),
        _after("moved_date", "moved_address_line", "address_line"),
        _after("moved_date", "moved_postcode", "postcode"),
    )
    pure = records.filter(
        pl.col("person_id").n_unique().over("customer_key") == 1,
        pl.col("customer_key").n_unique().over("person_id") == 1,
    )
    golden = pl.read_parquet(home / "lake" / "scv" / "golden_record" / "data.parquet")
    rows = (
        pure.select("customer_key", "person_id")
        .unique()
        .join(golden, on="customer_key")
        .join(people, on="person_id", suffix="_true")
    )
    counted = []
    for name in COMPARED:
        said, true = (pl.col(column).cast(pl.String).str.to_lowercase() for column in (name, f"{name}_true"))
        has = rows.filter(said.is_not_null(), true.is_not_null())
        counted.append(has.select(attribute=pl.lit(name), customers=pl.len(), right=(said == true).sum()))
    return pl.concat(counted)


def _after(event: str, changed: str, column: str) -> pl.Expr:
    return pl.when(pl.col(event).is_not_null()).then(changed).otherwise(column).alias(column)


def is_reached(figures: PairFigures) -> bool:
    """Whether precision and recall are above the goal."""
    return min(figures.precision, figures.recall) > GOAL


def report(home: Path) -> str:
    """All figures, as text."""
    records = labelled(home)
    figures = pair_figures(records)
    verdict = "reached" if is_reached(figures) else "missed"
    lines = [
        f"{records.height:,} records, {records['person_id'].n_unique():,} people, "
        f"{records['customer_key'].n_unique():,} customers",
        f"pairs: precision {figures.precision:.4f}, recall {figures.recall:.4f} (goal {GOAL} each: {verdict})",
        "people wrongly put together, by household: "
        + (", ".join(f"{kind} {count}" for kind, count in wrongly_merged_by_kind(home, records).rows()) or "none"),
        "found whole: "
        + ", ".join(f"{event} {whole} of {of}" for event, of, whole in found_by_event(home, records).rows()),
        "right attributes: "
        + ", ".join(f"{name} {right / max(of, 1):.3f}" for name, of, right in right_attributes(home, records).rows()),
    ]
    return "\n".join(lines)
