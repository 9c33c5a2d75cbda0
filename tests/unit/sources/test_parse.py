"""One file to good rows and bad ones: in batches, with its lines, its columns and its counts."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from crm_platform.sources.landing import landed_files
from crm_platform.sources.parse import ParsedFile, parse_file
from crm_platform.sources.readers.batch import ReadLimits, RefusedFile
from tests.unit.sources.site import ORDERS, Site

HEADER = "id,at,net,status\n"


def parsed(site: Site, content: str | bytes, name: str = "orders_1.csv", batch_rows: int = 250_000) -> ParsedFile:
    site.land(name, content)
    (file,) = landed_files(site.feed, site.zone)
    site.zone.work.mkdir(exist_ok=True)
    return parse_file(site.feed, file, 7, site.zone.work, ReadLimits(batch_rows=batch_rows, threads=1))


def test_every_row_is_good_or_bad_whatever_the_size_of_a_batch(tmp_path: Path) -> None:
    lines = [f"{number},2026-01-05,{'many' if number % 3 == 0 else number},paid" for number in range(50)]
    results = []
    for batch_rows in (3, 7, 100):
        site = Site(tmp_path / str(batch_rows))
        file = parsed(site, HEADER + "\n".join(lines), batch_rows=batch_rows)
        assert (file.rows_received, file.rows_quarantined, file.rows_good) == (50, 17, 33)
        good, bad = pl.read_parquet(file.good_rows), pl.read_parquet(file.bad_rows)
        assert sorted([*good["file_line"], *bad["file_line"]]) == list(range(2, 52))
        assert good["file_number"].unique().to_list() == [7]
        count = file.rule_counts["wrong_type:total_amount"]
        assert (count.number_of_rows, count.first_lines) == (17, [2, 5, 8, 11, 14])
        results.append((good.to_dicts(), bad.to_dicts()))
    assert results[0] == results[1] == results[2]


def test_a_row_that_breaks_several_rules_is_in_quarantine_once_with_all_of_them(site: Site) -> None:
    file = parsed(site, HEADER + ",yesterday,many,paid\n")
    bad = pl.read_parquet(file.bad_rows)
    assert bad["reason"].to_list() == ["missing:order_id wrong_type:order_dt wrong_type:total_amount"]
    assert bad["raw"].str.json_decode(pl.Struct({"at": pl.String})).struct.field("at").to_list() == ["yesterday"]


def test_lines_that_the_reader_could_not_split_are_bad_rows(site: Site) -> None:
    file = parsed(site, HEADER + "A,2026-01-05,1,paid\nB,2026-01-05\nC,2026-01-05,1,paid\n")
    assert (file.rows_received, file.rows_quarantined) == (3, 1)
    assert pl.read_parquet(file.bad_rows).select("file_line", "reason").rows() == [(3, "wrong_number_of_columns")]


def test_a_file_with_a_header_only_has_no_rows_but_its_columns(site: Site) -> None:
    file = parsed(site, HEADER)
    assert (file.rows_received, file.columns) == (0, dict.fromkeys(["id", "at", "net", "status"], "text"))
    assert pl.read_parquet(file.good_rows).is_empty() and pl.read_parquet(file.bad_rows).is_empty()


def test_a_source_may_have_columns_named_member_and_sheet(site_of: Callable[..., Site]) -> None:
    """They were taken for the reader's own: the values went into `file_part`, and the column came out empty."""
    site = site_of(columns={"order_id": "member", "order_dt": "at", "status": "sheet"})
    good = pl.read_parquet(parsed(site, "member,at,sheet\nA,2026-01-05,paid\n").good_rows)
    assert good.select("order_id", "status", "file_part").rows() == [("A", "paid", "")]


def test_keys_of_json_that_come_and_go_are_columns(site_of: Callable[..., Site]) -> None:
    site = site_of(form={"kind": "json_lines"}, files="*.jsonl", columns={**ORDERS["columns"], "status": "state.now"})
    lines = ['{"id": "A", "at": "2026-01-05"}', '{"id": "B", "at": "2026-01-05", "state": {"now": "paid"}, "net": 1.5}']
    good = pl.read_parquet(parsed(site, "\n".join(lines * 3), "orders.jsonl", batch_rows=2).good_rows)
    assert good["status"].to_list() == [None, "paid"] * 3


def test_typed_columns_keep_their_values(site_of: Callable[..., Site], tmp_path: Path) -> None:
    site = site_of(form={"kind": "parquet"}, files="*.parquet")
    rows = pl.DataFrame(
        {"id": [13085.0, float("nan")], "at": ["2026-01-05"] * 2, "net": [1e17, 2.5], "status": ["x", "y"]}
    )
    rows.write_parquet(tmp_path / "rows.parquet")
    file = parsed(site, (tmp_path / "rows.parquet").read_bytes(), "orders.parquet")
    assert pl.read_parquet(file.bad_rows)["reason"].to_list() == ["wrong_type:total_amount", "missing:order_id"]


def test_a_file_that_is_not_of_its_form_is_refused_without_its_content(site_of: Callable[..., Site]) -> None:
    site = site_of(form={"kind": "parquet"}, files="*.parquet")
    with pytest.raises(RefusedFile) as refusal:
        parsed(site, "PAR1 ann@ivory.example", "orders.parquet")
    assert "ann@" not in refusal.value.message and "\n" not in refusal.value.message
