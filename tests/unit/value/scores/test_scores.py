"""The monthly scores of a company's own orders: what counts, when it was known, and what they add up to."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crm_platform.value.scores.build import (
    HORIZONS,
    MonthlyScores,
    publish_customer_score,
    publish_monthly_scores,
)
from crm_platform.value.scores.checks import segment_drift
from crm_platform.value.scores.contracts import CUSTOMER_RFM, CUSTOMER_VALUE, MONTHLY_CONTRACTS
from tests.unit.loyalty.club import RATES, Club, at, line, order

MAY, JUNE = "2025-05", "2025-06"
AFTER_JUNE = datetime(2025, 7, 20, tzinfo=UTC)


@pytest.fixture
def club(tmp_path: Path) -> Club:
    """Three customers, known; a fourth person is not."""
    return Club(tmp_path, [{}, {}, {}])


def sold(club: Club, number: str, moment: datetime, amount: float, customer: int = 1, **columns: Any) -> None:
    delivered = columns.pop("delivered", at(1, 1, year=2024))
    club.state("shop.orders", order(number, moment, customer, **columns), delivered=delivered)
    lined = line(number, moment, amount, currency=columns.get("currency", "EUR"))
    club.state("shop.order_lines", lined, delivered=delivered)


def scored(club: Club, *months: str, horizons: Sequence[int] = (30,)) -> MonthlyScores:
    return publish_monthly_scores(club.engine, RATES, club.feeds, months, horizons)


def rfm(club: Club, month: str) -> dict[int, dict[str, Any]]:
    """The rows of a month by customer."""
    rows = club.engine.query(
        "SELECT * FROM value.customer_rfm WHERE strftime(as_of_date, '%Y-%m') = $month", {"month": month}
    )
    return {row["customer_key"]: row for row in rows.iter_rows(named=True)}


def busy(club: Club, customers: int) -> None:
    """Two years of orders of so many customers, each at a rate of its own."""
    draws = np.random.default_rng(7)
    orders: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for customer in range(1, customers + 1):
        moment = at(7, 1, year=2023) + timedelta(days=float(draws.integers(0, 300)))
        pace = draws.gamma(2.0, 30.0) + 2
        while moment < at(6, 28):
            number = f"{customer}-{len(orders)}"
            orders.append(order(number, moment, customer))
            lines.append(line(number, moment, round(float(draws.gamma(2.0, 20.0)) + 1, 2)))
            moment += timedelta(days=float(draws.exponential(pace)) + 1)
    club.state("shop.orders", *orders)
    club.state("shop.order_lines", *lines)


def test_purchases_of_all_currencies_are_in_the_companys_by_the_day(club: Club) -> None:
    sold(club, "1", at(3, 1), 100, currency="GBP")
    sold(club, "2", at(6, 30, hour=23), 10)
    [row] = rfm_after(club).values()
    assert (row["spend_amount"], row["number_of_purchases"], row["recency_days"]) == (Decimal("135"), 2, 0)
    assert (row["as_of_date"], row["currency"]) == (date(2025, 6, 30), "EUR")


def rfm_after(club: Club, month: str = JUNE) -> dict[int, dict[str, Any]]:
    scored(club, month)
    return rfm(club, month)


def test_a_cancellation_and_a_refund_are_returns_on_their_own_day(club: Club) -> None:
    sold(club, "1", at(5, 1), 100)
    sold(club, "2", at(5, 1), 60, customer=2)
    club.state("shop.order_events", {"order_id": "1", "status": "cancelled", "event_dt": at(6, 2)})
    back = {"return_id": "R", "order_id": "2", "product_id": "P", "quantity": 1, "currency": "EUR"}
    club.state("shop.returns", {**back, "returned_dt": at(6, 1), "refunded_dt": at(6, 9), "refund_amount": 25})
    scored(club, MAY, JUNE)
    assert {key: row["returned_amount"] for key, row in rfm(club, MAY).items()} == {1: 0, 2: 0}
    assert {key: row["returned_amount"] for key, row in rfm(club, JUNE).items()} == {1: 100, 2: 25}
    assert {key: row["spend_amount"] for key, row in rfm(club, JUNE).items()} == {1: 100, 2: 60}


def test_what_nobody_known_bought_and_what_has_no_rate_is_counted_and_scores_nobody(club: Club) -> None:
    sold(club, "1", at(5, 1), 100)
    sold(club, "2", at(5, 1), 60, customer=99)
    sold(club, "3", at(5, 1), 60, customer=2, currency="JPY")
    sold(club, "4", at(5, 1), 0, customer=3)
    [reconciled] = scored(club, JUNE).reconciled
    assert set(rfm(club, JUNE)) == {1}
    assert (reconciled.number_of_lines, reconciled.nobodys_lines, reconciled.lines_without_rate) == (4, 1, 1)
    assert (reconciled.source_spend, reconciled.difference) == (Decimal(100), Decimal(0))


def test_what_was_loaded_after_the_books_closed_does_not_count_whenever_the_month_is_scored(club: Club) -> None:
    sold(club, "1", at(5, 1), 100)
    sold(club, "2", at(6, 29), 10, delivered=datetime(2025, 7, 1, 2, 15, tzinfo=UTC))
    scored(club, JUNE)
    before = club.engine.lake.data_file(CUSTOMER_RFM, JUNE).read_bytes()
    sold(club, "3", at(6, 30), 1_000, delivered=AFTER_JUNE)
    sold(club, "1", at(5, 1), 500, delivered=AFTER_JUNE)
    assert {key: row["spend_amount"] for key, row in rfm_after(club).items()} == {1: 110}
    assert club.engine.lake.data_file(CUSTOMER_RFM, JUNE).read_bytes() == before


def test_history_that_came_with_the_first_load_counts_for_the_months_before_it(club: Club) -> None:
    sold(club, "1", at(3, 1), 100, delivered=AFTER_JUNE)
    assert {key: row["spend_amount"] for key, row in rfm_after(club, "2025-03").items()} == {1: 100}


def test_poisoning_the_future_moves_nothing(tmp_path: Path) -> None:
    """Orders after the month change, and their cancellations and refunds of earlier ones with them."""
    files = []
    for is_poisoned in (False, True):
        club = Club(tmp_path / str(is_poisoned), [{} for _ in range(60)])
        busy(club, 60)
        if is_poisoned:
            sold(club, "late", at(7, 1), 1e6, customer=5)
            club.state("shop.order_events", {"order_id": "1-0", "status": "cancelled", "event_dt": at(7, 1)})
        scored(club, JUNE)
        files.append([club.engine.lake.data_file(contract, JUNE).read_bytes() for contract in MONTHLY_CONTRACTS])
    assert files[0] == files[1]


def test_a_range_of_months_is_the_same_to_the_byte_as_month_by_month(tmp_path: Path) -> None:
    months = (MAY, JUNE)
    at_once, singly = (Club(tmp_path / name, [{} for _ in range(60)]) for name in ("at_once", "singly"))
    for club in (at_once, singly):
        busy(club, 60)
    scored(at_once, *months)
    for month in reversed(months):
        scored(singly, month)
    for contract in MONTHLY_CONTRACTS:
        for month in months:
            [left, right] = (club.engine.lake.data_file(contract, month).read_bytes() for club in (at_once, singly))
            assert left == right, (contract.name, month)


def test_every_purchaser_has_every_horizon_and_more_days_bring_more(club: Club, tmp_path: Path) -> None:
    club = Club(tmp_path / "busy", [{} for _ in range(80)])
    busy(club, 80)
    made = scored(club, JUNE, horizons=HORIZONS)
    assert made.refused == {}
    value = club.engine.query("SELECT * FROM value.customer_value WHERE as_of_date = DATE '2025-06-30'")
    totals = value.group_by("horizon_days").agg(pl.len(), pl.col("expected_purchases").sum()).sort("horizon_days")
    assert totals["horizon_days"].to_list() == list(HORIZONS)
    assert totals["len"].unique().to_list() == [len(rfm(club, JUNE))]
    assert totals["expected_purchases"].is_sorted()


def test_a_forecast_that_is_over_is_held_against_what_came(tmp_path: Path) -> None:
    club = Club(tmp_path, [{} for _ in range(80)])
    busy(club, 80)
    scored(club, "2025-04")
    matured = scored(club, JUNE).matured
    assert [(each.as_of, each.horizon) for each in matured] == [(date(2025, 4, 30), 30)]
    [result] = matured
    bought = club.engine.query(
        "SELECT count(DISTINCT (customer_id, CAST(order_dt AS DATE))) AS days FROM sources.stg_shop_orders "
        "WHERE CAST(order_dt AS DATE) BETWEEN DATE '2025-05-01' AND DATE '2025-05-30' AND customer_id IN "
        "(SELECT CAST(customer_key AS VARCHAR) FROM value.customer_value)"
    )
    assert result.purchases == bought["days"][0] > 0
    assert result.error == pytest.approx(result.expected_purchases / result.purchases - 1)


def test_a_month_too_poor_to_forecast_has_the_other_scores_and_says_why(club: Club) -> None:
    sold(club, "1", at(5, 1), 100)
    made = scored(club, JUNE, "2024-06")
    assert set(rfm(club, JUNE)) == {1} and rfm(club, "2024-06") == {}
    assert "2024-06 30d" in made.refused and "bought anything" in made.refused["2024-06 30d"]
    assert club.engine.lake.rows_by_partition(CUSTOMER_VALUE).keys() == {JUNE, "2024-06"}


def test_segments_that_move_are_seen(club: Club) -> None:
    for customer in (1, 2, 3):
        sold(club, f"{customer}", at(4, customer), 100, customer=customer)
    scored(club, "2025-04")
    assert segment_drift(club.engine) == 0
    sold(club, "9", at(5, 30), 500, customer=1)
    scored(club, MAY)
    assert segment_drift(club.engine) > 0.1


def test_every_customer_has_the_newest_scores_beside_it(tmp_path: Path) -> None:
    club = Club(tmp_path, [{} for _ in range(60)])
    club.know(
        club.engine.contracts["scv.dim_customer"],
        [{"customer_key": number, "customer_type": "person"} for number in (1, 2, 1000)],
    )
    club.know(
        club.engine.contracts["loyalty.loyalty_member"],
        [{"customer_key": 1, "balance_points": 70, "tier": "gold", "currency": "EUR"}],
    )
    busy(club, 60)
    scored(club, MAY)
    scored(club, JUNE, horizons=(90, 365))
    assert publish_customer_score(club.engine).number_of_rows == 3
    rows = club.engine.query(
        "SELECT customer_type, scored_as_of_date, rfm, lifetime_value_amount, loyalty_tier, loyalty_points "
        "FROM value.dim_customer_scored ORDER BY customer_key"
    ).rows(named=True)
    assert [row["scored_as_of_date"] for row in rows] == [date(2025, 6, 30), date(2025, 6, 30), None]
    assert [row["rfm"] for row in rows] == [*(rfm(club, JUNE)[number]["rfm"] for number in (1, 2)), None]
    assert rows[0]["lifetime_value_amount"] > 0 and rows[2]["lifetime_value_amount"] is None
    assert [(row["loyalty_tier"], row["loyalty_points"]) for row in rows] == [("gold", 70), (None, None), (None, None)]
