"""Profitability: what customers bring and cost by month, to the cent, in several currencies, and their bands."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.value.profitability.build import publish_customer_months, publish_profit_bands
from crm_platform.value.profitability.checks import band_drift, unconverted_currencies
from crm_platform.value.profitability.contracts import CUSTOMER_PROFIT, FACT_CUSTOMER_MONTH
from crm_platform.value.profitability.settings import CostSettings
from tests.unit.loyalty.club import RATES, Club, at, line, order

JUNE = at(6, 30)
LIMITS = {"A": 100, "B": 50, "C": 10, "D": 0}
FREE: dict[str, Any] = {"goods": {"unknown_cost_pct": 0}, "bands": {"limits": LIMITS}}


def costs(**given: Any) -> CostSettings:
    """Costs of nothing but what is given."""
    return CostSettings.model_validate({**FREE, **given})


@pytest.fixture
def club(tmp_path: Path) -> Club:
    """Three customers, known."""
    return Club(tmp_path, [{}, {}, {}])


def sold(club: Club, number: str, moment: datetime, amount: float, customer: int = 1, **columns: Any) -> None:
    club.state("shop.orders", order(number, moment, customer, **columns))
    club.state("shop.order_lines", line(number, moment, amount, currency=columns.get("currency", "EUR")))


def months(club: Club, settings: CostSettings, as_of: datetime = JUNE) -> pl.DataFrame:
    publish_customer_months(club.engine, settings, RATES, club.feeds, as_of)
    assert broken(club).is_empty(), broken(club)
    return club.engine.query("SELECT * FROM value.fact_customer_month ORDER BY customer_key, month_date")


def broken(club: Club) -> pl.DataFrame:
    return club.engine.query("SELECT * FROM value.profit_reconciliation WHERE difference_amount <> 0")


def figures(rows: pl.DataFrame, column: str) -> dict[tuple[int, int], float]:
    """A column by customer and month's number."""
    return {
        (row["customer_key"], row["month_date"].month): float(row[column])
        for row in rows.iter_rows(named=True)
        if row[column]
    }


def test_revenue_is_in_the_companys_currency_by_the_rate_of_the_month(club: Club) -> None:
    sold(club, "1", at(3, 1), 100, currency="GBP")
    sold(club, "2", at(3, 2), 10)
    assert figures(months(club, costs()), "revenue_amount") == {(1, 3): 135.0}


def test_a_cancellation_is_booked_when_it_happens_and_a_refund_when_it_is_paid(club: Club) -> None:
    sold(club, "1", at(3, 1), 100)
    sold(club, "2", at(3, 1), 60, customer=2)
    club.state("shop.order_events", {"order_id": "1", "status": "cancelled", "event_dt": at(4, 2)})
    back = {"return_id": "R", "order_id": "2", "product_id": "P", "quantity": 1, "currency": "EUR"}
    club.state("shop.returns", {**back, "returned_dt": at(4, 1), "refunded_dt": at(5, 1), "refund_amount": 60})
    rows = months(club, costs(per_return=3))
    assert figures(rows, "revenue_amount") == {(1, 3): 100, (1, 4): -100, (2, 3): 60}
    assert figures(rows, "refund_amount") == {(2, 5): 60}
    assert figures(rows, "return_cost_amount") == {(2, 4): 3}
    assert figures(rows, "margin_amount") == {(1, 3): 100, (1, 4): -100, (2, 3): 60, (2, 4): -3, (2, 5): -60}


def test_goods_cost_what_the_catalogue_says_and_else_a_share_of_what_they_brought(club: Club) -> None:
    club.sell({"product_id": "P", "cost_amount": 30, "currency": "GBP"})
    club.state("shop.orders", order("1", at(3, 1)))
    club.state(
        "shop.order_lines",
        line("1", at(3, 1), 100, quantity=2),
        line("1", at(3, 1), 50, "unheard of", line_number=2),
        line("1", at(3, 1), -5, line_number=3, line_type="adjustment"),
    )
    rows = months(club, costs(goods={"unknown_cost_pct": 40}))
    assert figures(rows, "goods_cost_amount") == {(1, 3): 2 * 30 * 1.25 + 20}
    assert figures(rows, "revenue_amount") == {(1, 3): 245}


def test_each_kind_of_cost_is_given_to_whom_it_was_for(club: Club) -> None:
    sold(club, "1", at(3, 1), 100, channel="store")
    sold(club, "2", at(3, 2), 100, customer=2, channel="web")
    parcel = {"shipment_id": "1", "order_id": "2", "number_of_parcels": 3, "dispatched_dt": at(3, 3)}
    club.state("logistics.shipments", parcel, {**parcel, "shipment_id": "2", "order_id": "unheard of"})
    club.state("crm.support_cases", {"case_id": "1", "customer_id": "9", "channel": "email", "opened_dt": at(4, 1)})
    rows = months(club, costs(per_order={"default": 2, "store": 1}, per_parcel=4, per_contact={"email": 7}))
    assert figures(rows, "order_cost_amount") == {(1, 3): 1, (2, 3): 2}
    assert figures(rows, "parcel_cost_amount") == {(0, 3): 12, (2, 3): 12}
    assert figures(rows, "contact_cost_amount") == {(0, 4): 7}


def test_a_campaigns_own_cost_is_shared_out_among_its_pieces_to_the_cent(club: Club) -> None:
    club.know(CUSTOMER_REF_KEY, [{"customer_ref": f"crm:{key}", "customer_key": key} for key in (1, 2, 3)])
    plan = {"channel": "post", "currency": "EUR", "starts_date": date(2025, 3, 1)}
    club.state(
        "crm.campaigns",
        {**plan, "campaign_id": "dear", "cost_amount": 100},
        {**plan, "campaign_id": "by piece"},
        {**plan, "campaign_id": "to nobody", "cost_amount": 8},
    )
    piece = {"cell_id": "1", "sent_dt": at(3, 5)}
    members = [
        {**piece, "campaign_id": campaign, "member_id": f"{campaign}{key}", "customer_id": str(key)}
        for campaign in ("dear", "by piece")
        for key in (1, 2, 3)
    ]
    club.state("crm.campaign_members", *members, {**members[0], "member_id": "not sent", "sent_dt": None})
    found = figures(months(club, costs(per_piece={"post": 1})), "campaign_cost_amount")
    assert found == {(0, 3): 8, (1, 3): 34.34, (2, 3): 34.33, (3, 3): 34.33}


def test_overheads_are_shared_by_revenue_or_orders_and_a_begun_month_carries_its_days(club: Club) -> None:
    sold(club, "1", at(5, 1), 300)
    sold(club, "2", at(5, 1), 50, customer=2)
    sold(club, "3", at(5, 2), 50, customer=2)
    sold(club, "4", at(6, 1), 10)
    overhead = {"from": "2025-01-01", "amount_per_month": 100}
    both = [{**overhead, "name": "rent", "shared_by": "orders"}, {**overhead, "name": "staff", "shared_by": "revenue"}]
    rows = months(club, costs(overhead=both), at(6, 15))
    assert figures(rows, "overhead_amount") == {(1, 5): 33.33 + 75, (2, 5): 66.67 + 25, (1, 6): 100}


def test_a_currency_without_a_rate_is_named_and_counts_on_neither_side(club: Club) -> None:
    sold(club, "1", at(3, 1), 100, currency="XXX")
    sold(club, "2", at(3, 1), 10)
    assert figures(months(club, costs()), "revenue_amount") == {(1, 3): 10}
    told = club.engine.query("SELECT unconverted FROM value.profit_reconciliation WHERE component = 'revenue'")
    assert told.item() == "XXX"


def test_only_the_months_that_changed_are_written_again(club: Club) -> None:
    sold(club, "1", at(3, 1), 100)
    sold(club, "2", at(4, 1), 100)
    months(club, costs())
    before = {path: path.stat().st_mtime_ns for path in club.engine.lake.data_files(FACT_CUSTOMER_MONTH)}
    sold(club, "3", at(4, 9), 5)
    months(club, costs())
    assert [path.parent.name for path, time in before.items() if path.stat().st_mtime_ns != time] == [
        "month_date=2025-04"
    ]


def test_bands_go_by_margin_and_who_loses_us_money_is_named_with_the_cost_that_stands_out(club: Club) -> None:
    for number, (customer, amount) in enumerate(((1, 150), (2, 20), (3, 20)), start=1):
        sold(club, str(number), at(3, number), amount, customer)
    case = {"customer_id": None, "opened_dt": at(3, 9)}
    club.state("crm.support_cases", {**case, "case_id": "1"})
    back = {"return_id": "R", "order_id": "3", "product_id": "P", "quantity": 1, "returned_dt": at(3, 9)}
    club.state("shop.returns", back)
    settings = costs(per_return=30, per_order={"default": 1})
    made = publish_customer_months(club.engine, settings, RATES, club.feeds, at(5, 10))
    changed = made[FACT_CUSTOMER_MONTH.table].partition_keys
    publish_profit_bands(club.engine, settings.bands, at(5, 10), changed)
    bands = club.engine.query("SELECT * FROM value.customer_profit ORDER BY as_of_date, customer_key")
    assert bands.select("as_of_date", "customer_key", "band").rows() == [
        (date(2025, month, 1), customer, band) for month in (4, 5) for customer, band in ((1, "A"), (2, "C"), (3, "E"))
    ]
    [losing] = club.engine.query("SELECT * FROM value.unprofitable_customer").rows(named=True)
    assert (losing["customer_key"], losing["margin_amount"], losing["main_cost"]) == (3, Decimal(-11), "return")
    assert (band_drift(club.engine), unconverted_currencies(club.engine)) == (0.0, "")


def test_new_limits_hold_for_the_latest_snapshot_and_not_for_those_before(club: Club) -> None:
    sold(club, "1", at(3, 1), 60)
    publish_customer_months(club.engine, costs(), RATES, club.feeds, at(5, 10))
    publish_profit_bands(club.engine, costs().bands, at(5, 10), [])
    stricter = costs(bands={"limits": {**LIMITS, "A": 60}}).bands
    publish_profit_bands(club.engine, stricter, at(5, 10), [])
    bands = club.engine.query("SELECT as_of_date, band FROM value.customer_profit ORDER BY ALL").rows()
    assert bands == [(date(2025, 4, 1), "B"), (date(2025, 5, 1), "A")]


def test_customers_of_equal_margin_are_of_one_band_by_share(club: Club) -> None:
    for customer in (1, 2, 3):
        sold(club, str(customer), at(3, customer), 20, customer)
    settings = costs(bands={"by": "share", "limits": {"A": 0.2, "B": 0.4, "C": 0.6, "D": 0.8}})
    publish_customer_months(club.engine, settings, RATES, club.feeds, at(4, 10))
    publish_profit_bands(club.engine, settings.bands, at(4, 10), [])
    assert club.engine.query("SELECT DISTINCT band FROM value.customer_profit").rows() == [("A",)]
    assert club.engine.lake.partition_keys(CUSTOMER_PROFIT) == ["2025-04"]


trade = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(1, 6), st.integers(-5_000_000, 90_000_000), st.sampled_from(["EUR", "GBP", None])
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trade=trade)
def test_whatever_is_sold_the_parts_add_up_to_the_whole_and_the_future_moves_nothing(
    tmp_path_factory: pytest.TempPathFactory, trade: list[tuple[int, int, int, str | None]]
) -> None:
    club = Club(tmp_path_factory.mktemp("club"), [{}, {}, {}])
    lines = [
        line(str(number), at(month, 5), 0, unit_price_amount=Decimal(amount) / 10_000, currency=currency, line_number=0)
        | {"customer_id": str(customer)}
        for number, (customer, month, amount, currency) in enumerate(trade)
    ]
    club.state("shop.order_lines", *lines)
    overhead = {"name": "rent", "from": "2025-01-01", "amount_per_month": "99.97", "shared_by": "revenue"}
    priced = costs(goods={"unknown_cost_pct": "33.3"}, per_order={"default": "0.3333"}, overhead=[overhead])
    before = months(club, priced, at(4, 1))
    rates = {"EUR": Decimal(1), None: Decimal(1), "GBP": Decimal("1.25")}
    exact = sum((Decimal(a) / 10_000 * rates[c] for _, month, a, c in trade if month < 4), Decimal(0))
    # A sum per month and currency is rounded once.
    assert abs(sum(before["revenue_amount"], Decimal(0)) - exact) <= Decimal("0.03")
    poison = line("later", at(4, 2), 1_000_000) | {"customer_id": "1"}
    club.state("shop.order_lines", poison)
    assert months(club, priced, at(4, 1)).equals(before)
