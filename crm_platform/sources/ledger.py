"""What one load of a feed says about its files: ledger, quarantined rows, rule counts and drift as rows of the records.

Pure: from parsed files to frames of the contracts in `records.py`, together with what stood there before.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from crm_platform.sources.landing import LandedFile
from crm_platform.sources.parse import ParsedFile, columns_as_json
from crm_platform.sources.readers.batch import RefusedFile
from crm_platform.sources.records import FileLedger, QuarantinedRows, SchemaDrift, ValidationResults
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract, contract_of

FILE_LEDGER = contract_of(FileLedger)
QUARANTINED_ROWS = contract_of(QuarantinedRows)
VALIDATION_RESULTS = contract_of(ValidationResults)
SCHEMA_DRIFT = contract_of(SchemaDrift)
RECORDS: tuple[Contract, ...] = (FILE_LEDGER, QUARANTINED_ROWS, VALIDATION_RESULTS, SCHEMA_DRIFT)


@dataclass(frozen=True)
class TakenFile:
    """A file of a load with what came of it: parsed, or refused as a whole."""

    file: LandedFile
    file_id: str
    file_number: int
    parsed: ParsedFile | None
    refusal: RefusedFile | None = None
    rows_loaded: int = 0
    cursor_until: str | None = None

    @property
    def rows_received(self) -> int:
        """Rows that the file holds; of a refused file none were received."""
        return self.parsed.rows_received if self.parsed else 0

    @property
    def rows_quarantined(self) -> int:
        """Rows put aside."""
        return self.parsed.rows_quarantined if self.parsed else 0

    @property
    def rows_known(self) -> int:
        """Good rows that the platform already had."""
        return self.parsed.rows_good - self.rows_loaded if self.parsed else 0


def with_rows_loaded(taken: Sequence[TakenFile], loaded: pl.DataFrame) -> list[TakenFile]:
    """The files with the number of their rows that were new (`file_number`, `rows_loaded`)."""
    by_number: dict[int, int] = dict(loaded.select("file_number", "rows_loaded").iter_rows())
    return [replace(file, rows_loaded=by_number.get(file.file_number, 0)) for file in taken]


def ledger_rows(feed: StagedFeed, taken: Iterable[TakenFile], loaded_dt: datetime) -> pl.DataFrame:
    """The ledger's rows of these files."""
    form = feed.declaration.form.kind if feed.declaration.form else "database"
    rows = [
        {
            "feed_name": feed.name,
            "file_id": each.file_id,
            "file_number": each.file_number,
            "file_name": each.file.name,
            "file_size": each.file.size,
            "file_form": form,
            "encoding": each.parsed.encoding if each.parsed else None,
            "status": "refused" if each.refusal else "loaded",
            "refusal_reason": each.refusal.reason if each.refusal else None,
            "refusal_message": each.refusal.message if each.refusal else None,
            "rows_received": each.rows_received,
            "rows_loaded": each.rows_loaded,
            "rows_quarantined": each.rows_quarantined,
            "rows_known": each.rows_known,
            "deliveries": delivery_names([], each.file),
            "columns_read": columns_as_json(each.parsed.columns if each.parsed else {}),
            "cursor_until": each.cursor_until,
            "file_dt": each.file.file_dt,
            "loaded_dt": loaded_dt,
        }
        for each in taken
    ]
    return pl.DataFrame(rows, schema=FILE_LEDGER.polars_schema)


def delivery_names(known: Sequence[str], file: LandedFile) -> str:
    """The deliveries of a content as a JSON array of `name@time`, with this one added; adding it twice adds nothing."""
    delivery = f"{file.name}@{file.file_dt.isoformat()}"
    return json.dumps(sorted({*known, delivery}), ensure_ascii=False)


def with_delivery(ledger: pl.DataFrame, file_id: str, file: LandedFile) -> pl.DataFrame:
    """The ledger with a further delivery of a content that it knows."""
    known = json.loads(ledger.filter(pl.col("file_id") == file_id)["deliveries"].item())
    added = pl.when(pl.col("file_id") == file_id).then(pl.lit(delivery_names(known, file)))
    return ledger.with_columns(added.otherwise(pl.col("deliveries")).alias("deliveries"))


def quarantined_rows(feed: StagedFeed, taken: Iterable[TakenFile], loaded_dt: datetime) -> pl.DataFrame:
    """The rows put aside, without their content."""
    frames = [
        pl.scan_parquet(each.parsed.bad_rows).select(
            pl.lit(feed.name).alias("feed_name"),
            pl.lit(each.file_id).alias("file_id"),
            "file_part",
            "file_line",
            "reason",
            pl.lit(loaded_dt).cast(QUARANTINED_ROWS.polars_schema["quarantined_dt"]).alias("quarantined_dt"),
        )
        for each in taken
        if each.parsed and each.parsed.rows_quarantined
    ]
    return pl.concat(frames).collect() if frames else QUARANTINED_ROWS.empty()


def validation_rows(feed: StagedFeed, taken: Iterable[TakenFile]) -> pl.DataFrame:
    """How often each rule was broken in each of the files."""
    rows = [
        {
            "feed_name": feed.name,
            "file_id": each.file_id,
            "rule": count.rule,
            "column_name": count.column,
            "severity": count.severity,
            "number_of_rows": count.number_of_rows,
            "first_lines": " ".join(str(line) for line in count.first_lines),
        }
        for each in taken
        if each.parsed
        for count in each.parsed.rule_counts.values()
    ]
    return pl.DataFrame(rows, schema=VALIDATION_RESULTS.polars_schema)


def drift_rows(feed: StagedFeed, taken: Iterable[TakenFile], columns_before: Mapping[str, str]) -> pl.DataFrame:
    """Where the columns of each file differ from those of the file before it (`columns_before`: name to type)."""
    rows: list[dict[str, object]] = []
    before = dict(columns_before)
    for each in taken:
        if each.parsed is None:
            continue
        rows += [
            {"feed_name": feed.name, "file_id": each.file_id, **change}
            for change in _changes(before, each.parsed.columns, each.parsed.mapped_columns)
        ]
        before = each.parsed.columns
    return pl.DataFrame(rows, schema=SCHEMA_DRIFT.polars_schema)


def _changes(before: Mapping[str, str], now: Mapping[str, str], mapped: frozenset[str]) -> list[dict[str, object]]:
    if not before:
        return []
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    kinds = {(True, False): "column_gone", (False, True): "column_new", (True, True): "column_type_changed"}
    return [
        {
            "column_name": name,
            "kind": kinds[name in before, name in now],
            "type_before": before.get(name),
            "type_now": now.get(name),
            "is_mapped": name in mapped,
        }
        for name in changed
    ]
