"""From a source's columns to the canonical ones: chosen, joined, mapped, cast."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from crm_platform.sources.mapping import GIVEN_PREFIX, expected_columns, map_rows, match_columns
from crm_platform.sources.readers.batch import RefusedFile
from tests.unit.sources.site import ORDERS, staged_feed


def mapped(columns: Mapping[str, Any], rows: pl.DataFrame, **form: Any) -> pl.DataFrame:
    feed = staged_feed({**ORDERS, "form": {"kind": "csv", **form}, "columns": columns})
    placed = rows.with_columns(pl.lit("").alias("file_part"), pl.int_range(pl.len()).alias("file_line"))
    return map_rows(placed, match_columns(feed, rows.columns), feed)


KEYS = {"order_id": "id", "order_dt": {"value": "2026-01-01"}}
ROWS = pl.DataFrame({"id": ["C1", "2", None], "a": ["x", " ", None], "b": ["y", None, ""]})


def test_every_canonical_column_is_there_with_its_type() -> None:
    feed = staged_feed(ORDERS)
    rows = mapped(KEYS, ROWS)
    assert {name: rows.schema[name] for name in feed.canonical_columns} == {
        name: feed.contract.polars_schema[name] for name in feed.canonical_columns
    }
    assert rows[GIVEN_PREFIX + "order_id"].to_list() == ["C1", "2", None]


def test_of_several_names_the_first_that_is_there_is_taken() -> None:
    assert mapped({**KEYS, "status": ["gone", "b", "a"]}, ROWS)["status"].to_list() == ["y", None, None]


def test_columns_are_joined_and_nothing_joined_with_nothing_is_nothing() -> None:
    """Of nothing but nulls the joined text was empty, not null, and the row went to quarantine as unreadable."""
    rows = mapped({**KEYS, "status": {"join": ["a", "b", "gone"], "separator": "-"}}, ROWS)
    assert rows["status"].to_list() == ["x-y", None, None]
    assert rows[GIVEN_PREFIX + "status"].to_list() == ["x-y", None, None]


def test_values_are_mapped_and_the_others_stay() -> None:
    rows = mapped(
        {**KEYS, "status": {"from": "a", "map": {"x": "paid"}}, "channel": {"from": "b", "map": {"y": None}}}, ROWS
    )
    assert rows["status"].to_list() == ["paid", None, None]
    assert rows[GIVEN_PREFIX + "channel"].to_list() == [None, None, None]


def test_the_first_expression_found_decides_and_otherwise_the_rest() -> None:
    mapping = {"from": "id", "match": {"^C": "cancelled", "^.": "sold"}, "otherwise": "never"}
    assert mapped({**KEYS, "status": mapping}, ROWS)["status"].to_list() == ["cancelled", "sold", None]
    mapping = {"from": "id", "match": {"^C": "cancelled"}, "otherwise": "sold"}
    assert mapped({**KEYS, "status": mapping}, ROWS)["status"].to_list() == ["cancelled", "sold", None]


def test_the_decimal_mark_is_the_forms_unless_the_column_has_its_own() -> None:
    rows = pl.DataFrame({"id": ["1"], "net": ["1,5"], "vat": ["1.5"]})
    columns = {**KEYS, "total_amount": "net", "vat_amount": {"from": "vat", "decimal": "."}}
    assert [
        float(value) for value in mapped(columns, rows, decimal=",").select("total_amount", "vat_amount").row(0)
    ] == [1.5, 1.5]


def test_numbers_that_are_no_numbers_are_missing_not_unreadable() -> None:
    rows = pl.DataFrame({"id": [13085.0, float("nan")], "net": [1.5, float("nan")]})
    read = mapped({**KEYS, "total_amount": "net"}, rows)
    assert read["order_id"].to_list() == ["13085", None]
    assert read.select(GIVEN_PREFIX + "order_id", GIVEN_PREFIX + "total_amount").row(1) == (None, None)


def test_a_column_not_declared_comes_from_its_own_name_and_unused_ones_are_told() -> None:
    feed = staged_feed({**ORDERS, "columns": KEYS})
    columns = match_columns(feed, ["id", "currency", "extra"])
    assert set(columns.mappings) == {"order_id", "order_dt", "currency"}
    assert (columns.absent, columns.unused) == ((), ("extra",))


def test_a_file_without_an_indispensable_column_is_refused_with_what_it_has() -> None:
    feed = staged_feed(ORDERS)
    with pytest.raises(
        RefusedFile, match=r"the columns for order_id \(from id\) are not in the file, which has: at, net"
    ) as refusal:
        match_columns(feed, ["at", "net"])
    assert refusal.value.reason == "missing_column"


def test_what_stands_in_the_place_of_a_header_is_not_told_for_it_may_be_a_customer() -> None:
    with pytest.raises(RefusedFile) as refusal:
        match_columns(staged_feed(ORDERS), ["Anna Nym", "anna@example.org"])
    assert "anna" not in refusal.value.message.lower()
    assert "order_id (from id)" in refusal.value.message


def test_a_file_without_a_single_column_of_the_mapping_is_refused() -> None:
    feed = staged_feed({**ORDERS, "columns": {"order_id": {"value": "1"}, "order_dt": {"value": "2026-01-01"}}})
    with pytest.raises(RefusedFile):
        match_columns(feed, ["x"])


def test_a_header_is_recognised_by_the_columns_of_the_mapping() -> None:
    assert expected_columns(staged_feed(ORDERS)) == ["id", "at", "net", "status"]
    assert "order_id" in expected_columns(staged_feed({**ORDERS, "columns": {}}))
