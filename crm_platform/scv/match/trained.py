"""What a full run leaves behind, so that a day's new records are read, compared and weighed as it would have done.

Here: standards, model, frequencies of values and blocks left out, in a folder of one JSON and one Parquet file. Not
here: how they came about (`training.py`, `engine.py`). The files hold no value of a person's: frequencies go by hashes,
but for the names of `name_order.parquet`, which say how often a name is a given name, not whose it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from crm_platform.scv.match.blocking import Guards
from crm_platform.scv.match.compare import rarity
from crm_platform.scv.match.fields import Field
from crm_platform.scv.match.model import Model, model_as_json, model_from_json
from crm_platform.scv.standardise.people import Standards

MODEL_FILE = "model.json"
FREQUENCIES_FILE = "frequencies.parquet"
GUARDS_FILE = "left_out_blocks.parquet"
NAMES_FILE = "name_order.parquet"
MAILBOXES_FILE = "shared_mailboxes.parquet"
OUTGROWN = 1.5
FEWEST_RECORDS = 300
"""A file of fewer records is taken for the part of one of so many that happens to have arrived: half of two records, or
of four, bear a name that is nevertheless rare."""


@dataclass(frozen=True)
class Frequencies:
    """How often values are held. counts: field, value (a 64-bit hash), count (2 or more); totals: values by field."""

    counts: pl.DataFrame
    totals: dict[str, int]


@dataclass(frozen=True)
class Trained:
    """Everything that the weight of a pair depends on, besides the two records."""

    standards: Standards
    model: Model
    frequencies: Frequencies
    guards: Guards
    number_of_records: int
    within_source: Mapping[str, float] = field(default_factory=dict)
    listed: Mapping[str, float] = field(default_factory=dict)

    def is_outgrown(self, number_of_records: int) -> bool:
        """Whether there are so many more records that the frequencies have to be counted anew."""
        return number_of_records > OUTGROWN * self.number_of_records


def count_values(records: pl.DataFrame, fields: list[Field]) -> Frequencies:
    """How often the values of each field are held in the records."""
    counts, totals = [], {}
    for compared in fields:
        if compared.value:
            values = records.lazy().select(value=hash_of(compared.value)).drop_nulls()
            counted = values.group_by("value").len("count").filter(pl.col("count") > 1)
            counts.append(
                counted.select(field=pl.lit(compared.name), value="value", count=pl.col("count").cast(pl.UInt32))
            )
            totals[compared.name] = int(records[compared.value].count())
    empty = pl.DataFrame(schema={"field": pl.String, "value": pl.UInt64, "count": pl.UInt32})
    together = pl.concat([empty.lazy(), *counts]).sort("field", "value").collect()
    return Frequencies(together, totals)


def hash_of(column: str) -> pl.Expr:
    """A value's hash; null for null."""
    return pl.when(pl.col(column).is_not_null()).then(pl.col(column).hash(seed=7))


def with_rarities(records: pl.DataFrame, fields: list[Field], frequencies: Frequencies) -> pl.DataFrame:
    """Add `rarity_<field>` for each field with a value: how rare it is, as a state of agreement."""
    by_field = frequencies.counts.partition_by("field", as_dict=True, include_key=False)
    columns = []
    for compared in fields:
        if not compared.value:
            continue
        counts = by_field.get((compared.name,), frequencies.counts.clear().drop("field"))
        looked = records.select(value=hash_of(compared.value)).join(
            counts, on="value", how="left", maintain_order="left"
        )
        total = pl.lit(float(max(FEWEST_RECORDS, frequencies.totals.get(compared.name, 0))))
        columns.append(looked.select(rarity(pl.col("count").fill_null(1), total).alias(f"rarity_{compared.name}"))
                       .to_series())  # fmt: skip
    return records.with_columns(columns)


def save_trained(trained: Trained, folder: Path) -> None:
    """Write everything into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    standards = trained.standards
    document = {
        "number_of_records": trained.number_of_records,
        "within_source": dict(trained.within_source),
        "listed": dict(trained.listed),
        "all_pairs": trained.guards.all_pairs,
        "default_country": standards.default_country,
        "day_first": standards.day_first,
        "placeholders": {name: list(values) for name, values in standards.placeholders.items()},
        "totals": trained.frequencies.totals,
        "model": model_as_json(trained.model),
    }
    (folder / MODEL_FILE).write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    trained.frequencies.counts.write_parquet(folder / FREQUENCIES_FILE)
    left_out = [
        pl.DataFrame({"key": keys}, schema={"key": pl.UInt64}).with_columns(rule=pl.lit(rule))
        for rule, keys in sorted(trained.guards.oversized.items())
    ]
    empty = pl.DataFrame(schema={"key": pl.UInt64, "rule": pl.String})
    pl.concat([empty, *left_out]).write_parquet(folder / GUARDS_FILE)
    standards.shared_mailboxes.to_frame("hash").write_parquet(folder / MAILBOXES_FILE)
    if standards.order_of_names is not None:
        standards.order_of_names.write_parquet(folder / NAMES_FILE)


def load_trained(folder: Path) -> Trained:
    """Read what `save_trained` wrote."""
    document = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    names = folder / NAMES_FILE
    standards = Standards(
        document["default_country"],
        document["day_first"],
        {name: tuple(values) for name, values in document["placeholders"].items()},
        pl.read_parquet(names) if names.exists() else None,
        pl.read_parquet(folder / MAILBOXES_FILE)["hash"],
    )
    left_out = pl.read_parquet(folder / GUARDS_FILE).partition_by("rule", as_dict=True)
    oversized = {str(rule[0]): np.sort(rows["key"].to_numpy()) for rule, rows in left_out.items()}
    return Trained(
        standards,
        model_from_json(document["model"]),
        Frequencies(pl.read_parquet(folder / FREQUENCIES_FILE), document["totals"]),
        Guards(oversized, document["all_pairs"]),
        document["number_of_records"],
        document["within_source"],
        document["listed"],
    )
