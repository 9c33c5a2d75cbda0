"""What a load says about its files, as rows of the records."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl

from crm_platform.sources.landing import LandedFile
from crm_platform.sources.ledger import (
    FILE_LEDGER,
    RECORDS,
    TakenFile,
    delivery_names,
    drift_rows,
    ledger_rows,
    quarantined_rows,
    validation_rows,
    with_delivery,
    with_rows_loaded,
)
from crm_platform.sources.parse import ParsedFile, RuleCount
from crm_platform.sources.readers.batch import RefusedFile
from tests.unit.sources.site import LOADED_DT, ORDERS, staged_feed

FEED = staged_feed(ORDERS)
LANDED = LandedFile(Path("orders_1.csv"), "orders_1.csv", 10, LOADED_DT)


def taken(number: int, columns: dict[str, str] | None = None, received: int = 0) -> TakenFile:
    parsed = ParsedFile(Path("good"), Path("bad"), received, 1 if received else 0, columns=columns or {})
    return TakenFile(LANDED, f"{number:064d}", number, parsed)


def test_a_ledger_row_keeps_the_contract_and_adds_up() -> None:
    (file,) = with_rows_loaded([taken(1, received=10)], pl.DataFrame({"file_number": [1], "rows_loaded": [7]}))
    rows = ledger_rows(FEED, [file], LOADED_DT)
    FILE_LEDGER.frame_schema.validate(rows)
    row = rows.row(0, named=True)
    assert [row[name] for name in ("rows_received", "rows_loaded", "rows_quarantined", "rows_known")] == [10, 7, 1, 2]


def test_a_refused_file_received_nothing_and_says_why() -> None:
    refused = TakenFile(LANDED, "0" * 64, 1, None, RefusedFile("missing_column", "no such column"))
    row = ledger_rows(FEED, [refused], LOADED_DT).row(0, named=True)
    assert (row["status"], row["refusal_reason"], row["rows_received"], row["rows_known"]) == (
        "refused",
        "missing_column",
        0,
        0,
    )
    assert drift_rows(FEED, [refused], {"a": "text"}).is_empty()


def test_a_delivery_is_noted_once_however_often_it_is_noted() -> None:
    ledger = ledger_rows(FEED, [taken(1)], LOADED_DT)
    again = replace(LANDED, name="copy.csv")
    for _ in range(2):
        ledger = with_delivery(ledger, "1".zfill(64), again)
    assert json.loads(ledger["deliveries"].item()) == [
        "copy.csv@2026-03-01T00:00:00+00:00",
        "orders_1.csv@2026-03-01T00:00:00+00:00",
    ]
    assert delivery_names(["a", "b"], LANDED).count("a") >= 1


def test_drift_compares_each_file_with_the_one_before_it() -> None:
    files = [
        taken(1, {"a": "text", "b": "text"}),
        taken(2, {"a": "Int64", "c": "text"}),
        taken(3, {"a": "Int64", "c": "text"}),
    ]
    found = drift_rows(FEED, files, {}).select("file_id", "column_name", "kind").rows()
    assert [(int(file_id), name, kind) for file_id, name, kind in found] == [
        (2, "a", "column_type_changed"),
        (2, "b", "column_gone"),
        (2, "c", "column_new"),
    ]


def test_counts_of_broken_rules_are_rows() -> None:
    file = taken(1, received=3)
    assert file.parsed is not None
    file.parsed.rule_counts["missing:order_id"] = RuleCount("missing", "order_id", "error", 2, [3, 4])
    assert validation_rows(FEED, [file]).select("rule", "number_of_rows", "first_lines").rows() == [
        ("missing", 2, "3 4")
    ]


def test_without_files_every_record_is_empty_with_its_columns() -> None:
    frames = [
        ledger_rows(FEED, [], LOADED_DT),
        quarantined_rows(FEED, [], LOADED_DT),
        validation_rows(FEED, []),
        drift_rows(FEED, [], {}),
    ]
    assert [dict(frame.schema) for frame in frames] == [record.polars_schema for record in RECORDS]
