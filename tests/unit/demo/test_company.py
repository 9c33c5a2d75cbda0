"""The demo company as a whole: same bytes, bounded memory, every feed, nothing left half written."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from crm_platform.demo import settings
from crm_platform.demo.company import write_company
from tests.unit.demo.conftest import AS_OF, WrittenCompany

FEEDS_OF_THE_PLATFORM = {
    "shop": ["customers", "orders", "order_lines", "order_events", "returns"],
    "web": ["registrations", "customer_updates", "permission_events", "page_views", "amber_hits"],
    "till": ["customers", "orders", "order_lines"],
    "crm": [
        "customers",
        "permission_events",
        "support_cases",
        "surveys",
        "campaigns",
        "campaign_cells",
        "campaign_links",
        "campaign_members",
        "sms_receipts",
        "returned_post",
        "call_outcomes",
        "banner_impressions",
        "analytics_conversions",
    ],
    "sales": ["leads"],
    "club": ["redemptions"],
    "finance": ["invoices", "payments"],
    "logistics": ["shipments"],
    "stock": ["products", "prices", "stores"],
    "bureau": ["enrichments"],
    "mail": ["pixel_hits", "redirect_hits", "bounces", "events/ses", "events/sendgrid"],
}
MEASURE = """
import resource, sys, datetime, pathlib
from crm_platform.demo import settings
from crm_platform.demo.company import write_company
settings.CHUNK_SIZE = 500
write_company(pathlib.Path(sys.argv[1]), int(sys.argv[2]), 3, datetime.date(2026, 11, 20), None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _digests(landing: Path) -> dict[str, str]:
    files = sorted(path for path in landing.rglob("*") if path.is_file())
    return {path.relative_to(landing).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes(small_company: Callable[[str, int], WrittenCompany]) -> None:
    once, again = small_company("once", 5), small_company("again", 5)
    assert _digests(once.landing) == _digests(again.landing)
    assert once.summary == again.summary


def test_another_seed_gives_another_company(small_company: Callable[[str, int], WrittenCompany]) -> None:
    one, other = small_company("one", 5), small_company("other", 6)
    assert _digests(one.landing) != _digests(other.landing)


def test_every_feed_has_rows(company: WrittenCompany) -> None:
    expected = {f"{source}/{feed}" for source, feeds in FEEDS_OF_THE_PLATFORM.items() for feed in feeds}
    assert expected == set(company.summary.rows)
    assert all(company.summary.rows.values())


def test_the_summary_names_the_files_that_are_there_and_no_other(company: WrittenCompany) -> None:
    outside_truth = {name for name in _digests(company.landing) if not name.startswith("_truth/")}
    assert set(company.summary.files) == outside_truth


def test_no_unfinished_file_is_left_behind(company: WrittenCompany) -> None:
    assert not list(company.landing.rglob(".*"))


def test_a_written_row_is_counted_once(company: WrittenCompany) -> None:
    assert company.shop("orders").height == company.summary.rows["shop/orders"]
    assert company.csv("crm/campaign_members").height == company.summary.rows["crm/campaign_members"]
    assert company.truth("people").height == 2_000


def test_a_file_is_delivered_once_more_under_another_name(company: WrittenCompany) -> None:
    again = next(company.landing.glob("shop/customers_*_again.csv"))
    assert again.read_bytes() == again.with_name(again.name.replace("_again", "")).read_bytes()


def test_a_record_comes_again_when_it_was_touched(company: WrittenCompany) -> None:
    accounts = company.shop("customers").drop_nulls("CustNo")
    versions = accounts.unique(["CustNo", "LastMod"]).group_by("CustNo").len()
    assert versions.filter(pl.col("len") > 1).height > 0


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write_company(tmp_path, 50, 1, AS_OF, lambda what, done, of: told.append((what, done, of)))
    assert told[-1][1:] == (50, 50)


def test_ten_customers_are_a_company_too(tmp_path: Path) -> None:
    assert write_company(tmp_path, 10, 1, AS_OF, None).truth["people"] == 10


def test_chunks_do_not_share_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CHUNK_SIZE", 300)
    chunked = WrittenCompany(tmp_path, write_company(tmp_path, 1_000, 7, AS_OF, None))
    records = chunked.truth("record_person")
    assert records.height == records.unique(["source", "feed", "record_id"]).height
    assert chunked.truth("responses")["member_id"].is_unique().all()
    people_by_order = chunked.shop("orders").drop_nulls("OrderNo").group_by("OrderNo").agg(pl.col("CustNo").n_unique())
    assert people_by_order["CustNo"].max() == 1


def test_log_lines_are_in_order_of_time_over_all_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CHUNK_SIZE", 300)
    write_company(tmp_path, 900, 7, AS_OF, None)
    for path in tmp_path.glob("mail/pixel/*.log.gz"):
        lines = pl.read_csv(path, has_header=False, separator="\x01", quote_char=None, new_columns=["line"])
        moments = lines["line"].str.extract(r"\[([^\]]+)\]").str.to_datetime("%d/%b/%Y:%H:%M:%S %z")
        assert moments.is_sorted()


def test_memory_follows_the_chunk_and_not_the_number_of_customers(tmp_path: Path) -> None:
    few, many = _peak_memory(tmp_path / "few", 1_000), _peak_memory(tmp_path / "many", 3_000)
    assert many < 1.5 * few


def _peak_memory(landing: Path, customers: int) -> int:
    """Kilobytes that writing the company took at most, in a process of its own."""
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(landing), str(customers)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    return int(measured.stdout)
