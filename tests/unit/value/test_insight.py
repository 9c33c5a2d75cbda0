"""Habits: the usual day and hour, what is bought most, at which price, and when next."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from crm_platform.value.features import features_as_of
from crm_platform.value.insight import insight_as_of

AS_OF = date(2024, 6, 30)


def insight(*rows: tuple[str, date, int, float, str, float]) -> dict[str, dict[str, Any]]:
    lines = pl.DataFrame(
        rows, schema=["customer_id", "purchase_date", "purchase_hour", "amount", "product_id", "discount"], orient="row"
    )
    found = insight_as_of(lines, features_as_of(lines, AS_OF), AS_OF)
    return {row["customer_id"]: row for row in found.to_dicts()}


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def test_habits_are_the_most_frequent_and_returns_are_none() -> None:
    row = insight(
        ("a", date(2024, 6, 3), 9, 5.0, "ink", 0.0), ("a", date(2024, 6, 10), 9, 5.0, "ink", 0.0),
        ("a", date(2024, 6, 19), 20, 50.0, "printer", 0.0), ("a", date(2024, 6, 26), 20, -50.0, "printer", 0.0),
        ("a", date(2024, 6, 27), 20, -50.0, "printer", 0.0),
    )["a"]  # fmt: skip
    assert (row["usual_weekday"], row["usual_hour"], row["top_product_id"]) == (1, 9, "ink")
    assert row["number_of_purchases"] == 3
    assert row["price_habit"] == "full_price"


def test_among_equals_the_latest_habit_and_the_dearest_product_win() -> None:
    row = insight(("a", date(2024, 6, 3), 9, 5.0, "b", 0.0), ("a", date(2024, 6, 11), 20, 6.0, "a", 1.0))["a"]
    assert (row["usual_weekday"], row["usual_hour"], row["top_product_id"]) == (2, 20, "a")
    assert row["price_habit"] == "mixed"


def test_who_buys_with_a_discount_buys_at_markdown() -> None:
    assert insight(("a", ago(9), 9, 5.0, "b", 1.0), ("a", ago(3), 9, 5.0, "b", 2.0))["a"]["price_habit"] == "markdown"


def test_who_buys_one_line_in_five_with_a_discount_still_buys_at_full_price() -> None:
    bought = [("a", ago(days), 9, 5.0, "b", 1.0 if days == 1 else 0.0) for days in range(1, 6)]
    assert insight(*bought)["a"]["price_habit"] == "full_price"


def test_of_products_of_as_many_lines_and_spend_the_first_by_name_is_named() -> None:
    row = insight(
        ("a", ago(9), 9, 0.1, "z", 0.0),
        ("a", ago(8), 9, 0.2, "z", 0.0),
        ("a", ago(7), 9, 0.3, "m", 0.0),
        ("a", ago(6), 9, 0.0001, "m", 0.0),
        ("a", ago(5), 9, 0.2999, "k", 0.0),
        ("a", ago(4), 9, 0.0002, "k", 0.0),
    )
    assert row["a"]["top_product_id"] == "k"


def test_the_next_purchase_follows_the_rhythm_and_is_not_expected_for_ever() -> None:
    weekly = [("weekly", ago(days), 9, 5.0, "b", 0.0) for days in range(2, 72, 7)]
    late = [("late", ago(days), 9, 5.0, "b", 0.0) for days in range(12, 82, 7)]
    gone = [("gone", ago(days), 9, 5.0, "b", 0.0) for days in range(200, 270, 7)]
    found = insight(*weekly, *late, *gone)
    assert found["weekly"]["next_purchase_date"] == AS_OF + timedelta(days=5)
    assert found["late"]["next_purchase_date"] == AS_OF + timedelta(days=1)
    assert found["gone"]["next_purchase_date"] is None


def test_where_nobody_bought_twice_no_next_purchase_is_named() -> None:
    assert insight(("a", ago(9), 9, 5.0, "b", 0.0))["a"]["next_purchase_date"] is None
