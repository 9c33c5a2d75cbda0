"""Members: tiers by entry, retention and grace, balances that are the ledger's sums, months in a row."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.loyalty.members.build import publish_members
from crm_platform.loyalty.members.tiers import judge_tiers
from crm_platform.loyalty.satisfaction.build import publish_satisfaction
from crm_platform.loyalty.settings import LoyaltySettings, Satisfaction
from tests.unit.loyalty.club import RATES, Club, at, line, one_point_an_euro, order, redemption, settings_of

STEPS = [
    {"tier": "silver", "entry_points": 100, "retention_points": 50},
    {"tier": "gold", "entry_points": 300, "retention_points": 200},
]
TIERS = {"qualifying_months": 3, "grace_months": 1, "steps": STEPS}
TIERED = settings_of(one_point_an_euro(tiers=TIERS))


def points(*months: tuple[int, int, int]) -> pl.DataFrame:
    """Points by customer and month of 2025."""
    rows = [(customer, date(2025, month, 1), earned) for customer, month, earned in months]
    schema = {"customer_key": pl.Int64, "month_date": pl.Date, "qualifying_points": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def changes(judged: pl.DataFrame) -> list[tuple[int, str | None, str]]:
    rows = judged.select(pl.col("valid_from_date").dt.month(), "tier", "reason").rows()
    return [(int(month), tier, reason) for month, tier, reason in rows]


def test_a_member_enters_at_the_next_month_and_falls_after_the_grace() -> None:
    judged = judge_tiers(points((1, 1, 350)), TIERED, at(8, 15)).changes
    # January's points count until April; May is grace; in June nothing keeps gold.
    assert changes(judged) == [(2, "gold", "entry"), (6, None, "retention_lost")]


def test_who_falls_falls_to_the_tier_that_the_points_still_keep() -> None:
    judged = judge_tiers(points((1, 1, 350), (1, 4, 60), (1, 6, 60)), TIERED, at(7, 15)).changes
    assert changes(judged) == [(2, "gold", "entry"), (6, "silver", "retention_lost")]


def test_a_month_that_is_good_again_ends_the_grace() -> None:
    judged = judge_tiers(points((1, 1, 350), (1, 5, 250)), TIERED, at(8, 15)).changes
    assert changes(judged) == [(2, "gold", "entry")]


def test_a_tier_that_the_new_scheme_does_not_have_ends_with_the_old_one() -> None:
    later = one_point_an_euro(tiers={**TIERS, "steps": [{"tier": "star", "entry_points": 1000, "retention_points": 1}]})
    judged = judge_tiers(
        points((1, 1, 350)), settings_of(one_point_an_euro(tiers=TIERS), {**later, "from": date(2025, 3, 1)}), at(4, 2)
    )
    assert changes(judged.changes) == [(2, "gold", "entry"), (3, None, "scheme_changed")]
    assert judged.standing.select("next_tier", "points_to_next_tier").row(0) == ("star", 650)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(-80, 400)), max_size=25))
def test_tiers_are_those_of_a_judgement_member_by_member(earned: list[tuple[int, int, int]]) -> None:
    judged = judge_tiers(points(*earned), TIERED, datetime(2026, 3, 1, tzinfo=UTC)).changes
    told = {(row["customer_key"], row["valid_from_date"]): row["tier"] for row in judged.iter_rows(named=True)}
    assert told == slowly_judged(earned, TIERED)


def slowly_judged(earned: list[tuple[int, int, int]], settings: LoyaltySettings) -> dict[tuple[int, date], str | None]:
    [scheme] = settings.schemes
    tiers, found = scheme.tiers, {}
    for customer in sorted({each[0] for each in earned}):
        rank, below = -1, 0
        for number in range(1, 15):
            counted = sum(
                p for c, m, p in earned if c == customer and number - tiers.qualifying_months <= m - 1 < number
            )
            before = rank
            if rank >= 0 and counted < tiers.steps[rank].retention_points:
                below += 1
                if below > tiers.grace_months:
                    rank = max((r for r in range(rank) if counted >= tiers.steps[r].retention_points), default=-1)
            else:
                below = 0
            rank = max([rank, *(r for r, step in enumerate(tiers.steps) if counted >= step.entry_points)])
            if rank != before:
                below = 0
                day = date(2025 + number // 12, number % 12 + 1, 1)
                found[customer, day] = tiers.steps[rank].tier if rank >= 0 else None
    return found


@pytest.fixture
def club(tmp_path: Path) -> Club:
    """Two members, one of whom spends."""
    club = Club(tmp_path, [{"brand": "amber", "locale": "uk"}, {}])
    for number, (customer, month, amount) in enumerate(((1, 1, 350), (1, 3, 120), (2, 3, 40)), start=1):
        club.state("shop.orders", order(str(number), at(month, 10), customer, brand="ivory", locale="nordic"))
        club.state("shop.order_lines", line(str(number), at(month, 10), amount))
    club.state("club.loyalty_redemptions", redemption("R", at(4, 5), 200))
    return club


def test_members_stand_as_their_ledger_says(club: Club) -> None:
    club.run(TIERED, at(5, 20))
    publish_members(club.engine, TIERED, RATES, at(5, 20))
    rows = club.engine.query("SELECT * FROM loyalty.loyalty_member ORDER BY customer_key").rows(named=True)
    first: dict[str, Any] = rows[0]
    assert (first["balance_points"], first["burnt_points"]) == (270, 200)
    assert (first["next_expiry_date"], first["next_expiring_points"]) == (date(2026, 1, 31), 150)
    assert (first["tier"], first["tier_since_date"], first["months_below_retention"]) == ("gold", date(2025, 2, 1), 1)
    assert (rows[1]["tier"], rows[1]["next_tier"], rows[1]["points_to_next_tier"]) == (None, "silver", 60)


def test_every_month_opens_with_what_the_one_before_closed_with(club: Club) -> None:
    settings = settings_of(one_point_an_euro(tiers=TIERS), point_value_amount="0.01")
    club.run(settings, at(5, 20))
    publish_members(club.engine, settings, RATES, at(5, 20))
    months = club.engine.query("SELECT * FROM loyalty.loyalty_movement ORDER BY month_date")
    assert months["opening_points"].to_list() == [0, 350, 350, 510, 310]
    assert months["closing_points"].to_list() == [350, 350, 510, 310, 310]
    assert float(months["closing_amount"][-1]) == 3.10


def test_satisfaction_is_of_the_order_asked_about_else_of_the_customer(club: Club) -> None:
    answer = {"customer_id": "1", "survey": "nps", "responded_dt": at(4, 1)}
    club.state(
        "crm.surveys",
        *({**answer, "response_id": f"N{score}", "score": score, "order_id": "1"} for score in (10, 9, 8, 3)),
        *({**answer, "response_id": f"C{score}", "score": score, "survey": "csat"} for score in (3, 5)),
        {**answer, "response_id": "late", "score": 0, "responded_dt": at(6, 1)},
    )
    publish_satisfaction(club.engine, Satisfaction(csat_satisfied_from=4), club.feeds, at(5, 1))
    rows = club.engine.query("SELECT * FROM loyalty.satisfaction_month ORDER BY survey")
    assert rows.select("survey", "brand", "locale", "number_of_responses", "nps", "satisfied_pct").rows() == [
        ("csat", None, None, 2, None, 50.0), ("nps", "ivory", "nordic", 4, 25.0, None),
    ]  # fmt: skip
