"""Who came and left, whom campaigns kept, and what is offered to whom."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.campaign.dimensions.contracts import DIM_CELL
from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY
from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.churn.attrition.build import (
    publish_attrition,
    publish_campaign_saved,
    publish_risk_offer,
    unexplained_customers,
)
from crm_platform.churn.contracts import CUSTOMER_CHURN
from crm_platform.churn.settings import ChurnSettings
from crm_platform.permission.facts.contracts import FACT_SUBSCRIPTION
from crm_platform.scv.customers.dim_customer import DIM_CUSTOMER
from crm_platform.value.profitability.contracts import CUSTOMER_PROFIT
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.publish import publish_frame
from tests.unit.loyalty.club import RATES, START, Club, Row, filled, line, order

NOW = datetime(2025, 7, 1, 6, tzinfo=UTC)
LAST = date(2025, 6, 30)
SETTINGS = ChurnSettings(silent_days=60)


@pytest.fixture
def club(tmp_path: Path) -> Club:
    """Three members, of whom the customers' dimension tells."""
    club = Club(tmp_path, [{}, {}, {}])
    born = {1: date(1960, 1, 1), 2: date(1990, 1, 1), 3: None}
    club.know(
        DIM_CUSTOMER,
        [
            {"customer_key": number, "customer_type": "person", "birth_date": day, "country": "NL", "sex": "female"}
            for number, day in born.items()
        ],
    )
    return club


def bought(club: Club, customer: int, *purchases: tuple[date, str]) -> None:
    """Purchases of a product on these days."""
    orders, lines = [], []
    for day, product in purchases:
        number, moment = f"{customer}-{day}", datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        orders.append(order(number, moment, customer))
        lines.append(line(number, moment, 50.0, product))
    club.state("shop.orders", *orders)
    club.state("shop.order_lines", *lines)


def movements(club: Club, kind: str = "silence") -> list[tuple[object, ...]]:
    publish_attrition(club.engine, SETTINGS, RATES, club.feeds, NOW)
    rows = club.engine.query(
        "SELECT customer_key, moved_date, movement FROM churn.attrition_movement WHERE kind = $kind ORDER BY ALL",
        {"kind": kind},
    )
    return rows.rows()


def in_months(club: Club, contract: Contract, months: Mapping[str, Sequence[Row]]) -> None:
    for month, rows in months.items():
        publish_frame(club.engine, contract, filled(contract, rows), month)


def test_a_customer_joins_leaves_after_the_silence_and_comes_back_with_the_next_purchase(club: Club) -> None:
    bought(club, 1, (date(2025, 1, 1), "P"), (date(2025, 2, 1), "P"), (date(2025, 6, 1), "P"))
    bought(club, 2, (date(2025, 5, 2), "P"))
    assert movements(club) == [
        (1, date(2025, 1, 1), "joined"),
        (1, date(2025, 4, 2), "left"),
        (1, date(2025, 6, 1), "came_back"),
        (2, date(2025, 5, 2), "joined"),
    ]
    assert unexplained_customers(club.engine) == 0


def test_a_customer_whose_silence_ends_tomorrow_has_not_left(club: Club) -> None:
    bought(club, 1, (LAST - timedelta(days=59), "P"))
    bought(club, 2, (LAST - timedelta(days=60), "P"))
    assert [row for row in movements(club) if row[2] == "left"] == [(2, LAST, "left")]


def test_a_purchase_of_another_line_is_a_change_of_line(club: Club) -> None:
    club.sell({"product_id": "TV", "product_line": "electronics"}, {"product_id": "CD", "product_line": "music"})
    bought(club, 1, (date(2025, 5, 1), "TV"), (date(2025, 6, 1), "CD"), (date(2025, 6, 9), "CD"))
    movements(club)
    [change] = club.engine.query("SELECT * FROM churn.attrition_movement WHERE movement = 'changed_line'").to_dicts()
    assert (change["from_product_line"], change["product_line"]) == ("electronics", "music")
    assert (change["moved_date"], change["age_band"], change["country"]) == (date(2025, 6, 1), "60 and over", "NL")


def test_who_ends_the_last_subscription_leaves_and_who_has_another_does_not(club: Club) -> None:
    row = {"customer_key": 1, "number_of_subscriptions": 1, "subscribed_dt": START, "created_dt": START}
    ended = datetime(2025, 3, 5, tzinfo=UTC)
    club.know(
        FACT_SUBSCRIPTION,
        [
            {**row, "communication_key": 1, "unsubscribed_dt": ended, "last_updated_dt": ended},
            {**row, "customer_key": 2, "communication_key": 1, "unsubscribed_dt": ended, "last_updated_dt": ended},
            {**row, "customer_key": 2, "communication_key": 2, "unsubscribed_dt": None},
        ],
    )
    assert movements(club, "subscription") == [
        (1, START.date(), "joined"),
        (1, ended.date(), "left"),
        (2, START.date(), "joined"),
    ]


def test_weeks_and_months_count_the_same_movements_by_the_band_from_before_them(club: Club) -> None:
    bought(club, 1, (date(2025, 1, 1), "P"))
    bought(club, 2, (date(2025, 1, 9), "P"), (date(2025, 6, 2), "P"))
    band = {"margin_share": 0.5, "number_of_orders": 1, "currency": "EUR"}
    amounts = {name: 1 for name in CUSTOMER_PROFIT.column_names if name.endswith("_amount")}
    profits: dict[str, list[dict[str, Any]]] = {
        "2025-02": [{**band, **amounts, "customer_key": 1, "as_of_date": date(2025, 2, 1), "band": "A"}],
        "2025-05": [{**band, **amounts, "customer_key": 1, "as_of_date": date(2025, 5, 1), "band": "E"}],
    }
    in_months(club, CUSTOMER_PROFIT, profits)
    number = len(movements(club))
    counted = "number_joined + number_left + number_came_back + number_changed_line"
    for table in ("attrition_week", "attrition_month"):
        assert club.engine.scalar(f"SELECT sum({counted}) FROM churn.{table}") == number
    [left] = club.engine.query("SELECT * FROM churn.attrition_month WHERE profit_band IS NOT NULL").to_dicts()
    assert (left["period_date"], left["profit_band"], left["number_left"]) == (date(2025, 3, 1), "A", 1)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.dictionaries(st.integers(1, 3), st.sets(st.integers(0, 500), min_size=1, max_size=8), min_size=1),
    silent=st.integers(1, 200),
)
def test_who_is_there_is_who_came_less_who_went(club: Club, days: dict[int, set[int]], silent: int) -> None:
    """Against a count that knows no movements: whose last purchase lies no further back than the silence."""
    lines = pl.DataFrame(
        [(customer, LAST - timedelta(days=day)) for customer, each in days.items() for day in each],
        schema={"customer_key": pl.Int64, "purchase_date": pl.Date},
        orient="row",
    )
    fresh = Club(club.engine.lake.root.parent / f"fresh-{hash((str(days), silent))}", [{}, {}, {}])
    for customer, each in days.items():
        bought(fresh, customer, *((LAST - timedelta(days=day), "P") for day in sorted(each)))
    publish_attrition(fresh.engine, ChurnSettings(silent_days=silent), RATES, fresh.feeds, NOW)
    counts = fresh.engine.query(
        "SELECT sum(CASE movement WHEN 'left' THEN -1 WHEN 'changed_line' THEN 0 ELSE 1 END) AS there "
        "FROM churn.attrition_movement WHERE kind = 'silence'"
    )
    last = lines.group_by("customer_key").agg(pl.col("purchase_date").max())
    there = last.filter((pl.lit(LAST) - pl.col("purchase_date")).dt.total_days() < silent).height
    assert counts["there"].item() == there
    assert unexplained_customers(fresh.engine) == 0


def test_a_campaign_saves_who_had_left_and_ordered_by_it_and_is_told_beside_its_control(club: Club) -> None:
    for customer in (1, 2, 3):
        bought(club, customer, (date(2025, 1, 1), "P"))
    bought(club, 1, (date(2025, 6, 5), "P"))
    publish_attrition(club.engine, SETTINGS, RATES, club.feeds, NOW)
    asked = datetime(2025, 6, 1, tzinfo=UTC)
    member = {"campaign_id": "C", "selected_dt": asked, "due_dt": asked, "delivery_status_key": 1,
              "status_basis": "told_so_far", "customer_found_by": "number", "source": "crm"}  # fmt: skip
    club.know(DIM_CELL, [{"cell_key": 1, "is_control": 0, "is_current": 1}, {"cell_key": 2, "is_control": 1}])
    sent = [{**member, "customer_key": key, "member_id": str(key), "cell_id": "a", "cell_key": 1, "sent_dt": asked}
            for key in (1, 2)]  # fmt: skip
    held = {**member, "customer_key": 3, "member_id": "3", "cell_id": "b", "cell_key": 2, "sent_dt": None}
    in_months(club, FACT_CAMPAIGN_DELIVERY, {_key(FACT_CAMPAIGN_DELIVERY, asked): [*sent, held]})
    ordered = datetime(2025, 6, 5, 12, tzinfo=UTC)
    sale = {"campaign_id": "C", "customer_key": 1, "source": "shop", "order_id": "1", "product_id": "P",
            "line_type": "sale", "evidence": "click", "touch": "last", "order_dt": ordered, "event_dt": ordered,
            "value_amount": 50, "company_amount": 50}  # fmt: skip
    in_months(club, FACT_CAMPAIGN_ORDER, {_key(FACT_CAMPAIGN_ORDER, ordered): [sale]})
    publish_campaign_saved(club.engine, SETTINGS, RATES, club.feeds, NOW)
    [saved] = club.engine.query("SELECT * FROM churn.campaign_saved").to_dicts()
    assert (saved["number_at_risk"], saved["number_won_back"], saved["number_kept"]) == (2, 1, 0)
    assert (saved["saved_amount"], saved["number_of_control"], saved["number_of_control_bought"]) == (50, 1, 0)
    assert saved["lift"] == pytest.approx(0.5)


def _key(contract: Contract, moment: datetime) -> str:
    assert contract.partition is not None
    return moment.strftime({"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}[contract.partition.unit or "day"])


def test_a_profitable_household_at_risk_is_offered_what_others_bought_with_what_it_has(club: Club) -> None:
    price = {"currency": "EUR", "is_current": 1, "list_price_amount": 100, "product_name": "Thing"}
    club.sell(
        {"product_id": "printer", "cost_amount": 50, **price},
        {"product_id": "ink", "cost_amount": 20, **price},
        {"product_id": "gone", "cost_amount": 1, "discontinued_date": date(2025, 1, 1), **price},
        {"product_id": "unrelated", "cost_amount": 1, **price},
    )
    day = date(2025, 5, 1)
    bought(club, 1, (day, "printer"))
    bought(club, 2, (day, "printer"), (day + timedelta(days=1), "ink"), (day + timedelta(days=2), "gone"))
    bought(club, 3, (day, "unrelated"))
    chance = {"as_of_date": LAST, "churn_90d_prob": 0.9, "risk_band": 5, "reason_1": "why"}
    club.know(
        CUSTOMER_CHURN,
        [
            {**chance, "customer_key": 1},
            {**chance, "customer_key": 2, "churn_90d_prob": 0.1, "risk_band": 1},
            {**chance, "customer_key": 3},
        ],
    )
    amounts = {name: 10 for name in CUSTOMER_PROFIT.column_names if name.endswith("_amount")}
    profit = {**amounts, "as_of_date": date(2025, 6, 1), "margin_share": 0.5, "currency": "EUR"}
    rows = [{**profit, "customer_key": key, "band": band} for key, band in ((1, "B"), (2, "A"), (3, "D"))]
    in_months(club, CUSTOMER_PROFIT, {"2025-06": rows})
    publish_risk_offer(club.engine, SETTINGS, RATES, club.feeds, NOW)
    [offer] = club.engine.query("SELECT * FROM churn.risk_offer").to_dicts()
    assert (offer["customer_key"], offer["product_id"], offer["unit_margin_amount"]) == (1, "ink", 80)
    assert offer["affinity"] == pytest.approx(1 / 2**0.5)
