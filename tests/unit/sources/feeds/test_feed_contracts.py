"""What the canonical feeds promise: keys, partitions and versions that the ingest can rely on, and what they refuse."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from crm_platform.sources.feeds.fields import FeedModel
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.warehouse.audit import audit_rows
from crm_platform.warehouse.contract import Contract, contract_from_schema

EVENT_FEEDS = {
    "orders": "order_dt",
    "order_lines": "order_dt",
    "order_events": "event_dt",
    "returns": "returned_dt",
    "payments": "paid_dt",
    "invoices": "invoice_date",
    "support_cases": "opened_dt",
    "surveys": "responded_dt",
    "loyalty_redemptions": "redeemed_dt",
    "permission_events": "event_dt",
    "sms_receipts": "event_dt",
    "call_outcomes": "event_dt",
    "banner_impressions": "event_dt",
    "web_hits": "event_dt",
    "provider_events": "event_dt",
    "returned_post": "returned_date",
    "analytics_conversions": "event_dt",
    "customer_updates": "event_dt",
    "campaign_members": "selected_dt",
}
ALL_FEEDS = sorted(FEEDS)
LONG_AGO = datetime(2001, 2, 3, 4, 5, tzinfo=UTC)


def metadata_of(feed: str) -> dict[str, Any]:
    metadata: dict[str, Any] = getattr(FEEDS[feed].Config, "metadata", {})
    return metadata


def feed_contract(feed: str) -> Contract:
    """A feed's contract; a feed without a natural key has the whole row as its key."""
    model: type[FeedModel] = FEEDS[feed]
    schema = model.to_schema()
    schema.unique = metadata_of(feed)["natural_key"] or list(schema.columns)
    return contract_from_schema(schema, model.__doc__ or "", metadata_of(feed))


def valid_value(dtype: pl.DataType) -> object:
    match dtype:
        case pl.String():
            return "A1"
        case pl.Int64():
            return 1
        case pl.Date():
            return LONG_AGO.date()
        case _:
            return LONG_AGO


def row_of(feed: str, **values: object) -> pl.DataFrame:
    """A row with only what a feed cannot do without, and these values."""
    contract = feed_contract(feed)
    closed = {
        "order_events": {"status": "paid"},
        "permission_events": {"event_type": "opt_in"},
        "match_verdicts": {"verdict": "same"},
    }
    needed = {
        column.name: valid_value(contract.polars_schema[column.name])
        for column in contract.columns
        if not column.is_nullable
    }
    row = dict.fromkeys(contract.column_names) | needed | closed.get(feed, {}) | values
    return pl.DataFrame([row], schema=contract.polars_schema)


def broken_columns(feed: str, **values: object) -> set[str | None]:
    return {failure.column for failure in audit_rows(row_of(feed, **values), feed_contract(feed))}


@pytest.mark.parametrize("feed", ALL_FEEDS)
def test_a_feed_is_named_after_its_place_in_the_registry(feed: str) -> None:
    assert feed_contract(feed).name == f"feeds.{feed}"


@pytest.mark.parametrize("feed", ALL_FEEDS)
def test_a_natural_key_leads_the_columns_and_is_never_empty(feed: str) -> None:
    columns = {column.name: column for column in feed_contract(feed).columns}
    natural_key = metadata_of(feed)["natural_key"]
    empty = [name for name in natural_key if columns[name].is_nullable]
    assert empty == (["line_number"] if feed == "order_lines" else [])  # not every source numbers its lines
    if natural_key and feed not in ("enrichments", "order_lines"):  # led by the provider; the time is part of the key
        assert list(columns)[: len(natural_key)] == natural_key


@pytest.mark.parametrize("feed", ALL_FEEDS)
def test_exactly_the_feeds_of_events_are_cut_by_the_time_of_their_event(feed: str) -> None:
    partition = feed_contract(feed).partition
    assert (partition.column if partition else None) == EVENT_FEEDS.get(feed)
    if partition:
        by_name = {column.name: column for column in feed_contract(feed).columns}
        assert not by_name[partition.column].is_nullable
        assert by_name[partition.column].duckdb_type in ("DATE", "TIMESTAMP WITH TIME ZONE")
        assert partition.unit == ("day" if feed in ("web_hits", "provider_events") else "month")


@pytest.mark.parametrize("feed", [feed for feed in ALL_FEEDS if "version" in metadata_of(feed)])
def test_versions_are_ordered_by_a_timestamp(feed: str) -> None:
    contract = feed_contract(feed)
    assert contract.polars_schema[metadata_of(feed)["version"]] == pl.Datetime("us", "UTC")


def test_only_two_equal_requests_to_a_web_server_are_two_events() -> None:
    assert [feed for feed in ALL_FEEDS if metadata_of(feed).get("repeats_are_events")] == ["web_hits"]


@pytest.mark.parametrize("feed", ALL_FEEDS)
def test_a_row_with_only_what_is_needed_is_taken(feed: str) -> None:
    assert broken_columns(feed) == set()


@pytest.mark.parametrize("feed", ALL_FEEDS)
def test_a_row_without_what_is_needed_is_refused(feed: str) -> None:
    needed = {column.name for column in feed_contract(feed).columns if not column.is_nullable}
    assert broken_columns(feed, **dict.fromkeys(needed)) == needed


@pytest.mark.parametrize(
    ("feed", "column", "value"),
    [
        ("order_lines", "quantity", 1_000_000),
        ("order_lines", "quantity", -1_000_000),
        ("order_lines", "vat_pct", 25.5),
        ("order_lines", "discount_amount", Decimal("-3.5000")),
        ("invoices", "net_amount", Decimal("-99.9900")),
        ("payments", "payment_amount", Decimal("-10.0000")),
        ("enrichments", "credit_score", 1_000),
        ("surveys", "score", 0),
        ("surveys", "score", 10),
        ("stores", "latitude", -90.0),
        ("stores", "longitude", 180.0),
        ("customers", "country", "NO"),
        ("customers", "title", "Dott.ssa"),
        ("customers", "birth_date", date(1900, 1, 1)),
        ("prices", "price_amount", Decimal("0.0000")),
        ("permission_events", "number_of_subscriptions", 0),
    ],
)
def test_a_value_at_the_edge_of_its_range_is_taken(feed: str, column: str, value: object) -> None:
    assert broken_columns(feed, **{column: value}) == set()


@pytest.mark.parametrize(
    ("feed", "column", "value"),
    [
        ("order_lines", "quantity", 1_000_001),
        ("order_lines", "quantity", -1_000_001),
        ("order_lines", "vat_pct", 100.5),
        ("order_lines", "line_type", "refund"),
        ("order_lines", "currency", "pound"),
        ("order_events", "status", "shipped"),
        ("returns", "refund_amount", Decimal("-0.0100")),
        ("enrichments", "credit_score", 1_001),
        ("enrichments", "household_size", 0),
        ("surveys", "score", 11),
        ("surveys", "survey", "ces"),
        ("stores", "latitude", 90.1),
        ("stores", "longitude", -180.1),
        ("customers", "customer_type", "robot"),
        ("customers", "country", "gb"),
        ("customers", "country", "GBR"),
        ("customers", "language", "EN"),
        ("customers", "sex", "M"),
        ("customers", "customer_id", ""),
        ("customer_updates", "collected_by", "rumour"),
        ("permission_events", "channel", "fax"),
        ("permission_events", "communication_type", "nagging"),
        ("products", "product_line", "furniture"),
        ("prices", "price_amount", Decimal("-1.0000")),
        ("campaign_cells", "control_level", "global"),
        ("call_outcomes", "outcome", "maybe"),
        ("sms_receipts", "status", "lost"),
        ("web_hits", "status", 42),
    ],
)
def test_a_value_outside_its_range_or_list_is_refused(feed: str, column: str, value: object) -> None:
    assert broken_columns(feed, **{column: value}) == {column}


def test_an_adjustment_of_the_books_may_have_a_price_below_zero() -> None:
    """A bad debt written off comes as a line of one piece at a price below zero; a bound would lose it."""
    write_off = {"line_type": "adjustment", "quantity": 1, "unit_price_amount": Decimal("-11062.0600")}
    assert broken_columns("order_lines", **write_off) == set()
