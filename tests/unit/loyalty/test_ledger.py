"""The ledger: what earns, what takes back, what lapses, what is refused, and that a past balance can be asked for."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS
from tests.unit.loyalty.club import Club, at, line, one_point_an_euro, order, redemption, settings_of

PLAIN = settings_of(one_point_an_euro())


@pytest.fixture
def club(tmp_path: Path) -> Club:
    """A club of one member."""
    return Club(tmp_path, [{"birth_date": date(1980, 2, 29)}])


def bought(club: Club, number: str, moment: datetime, amount: float, **columns: Any) -> None:
    """Let the member buy for so much."""
    club.state("shop.orders", order(number, moment, **columns))
    club.state("shop.order_lines", line(number, moment, amount))


def told(entries: pl.DataFrame) -> list[tuple[str, int]]:
    return list(entries.select("entry_type", "points").iter_rows())


def balance(entries: pl.DataFrame, moment: datetime | None = None) -> int:
    return int(entries.filter(pl.lit(moment is None) | (pl.col("event_dt") <= (moment or at(1, 1))))["points"].sum())


def test_points_are_earned_by_the_amount_without_vat_rounded_down(club: Club) -> None:
    bought(club, "1", at(1, 10), 19.99)
    [entry] = club.run(PLAIN, at(2, 1)).iter_rows(named=True)
    assert (entry["entry_type"], entry["points"], entry["rule"]) == ("earn", 19, "purchase")
    assert entry["expires_date"] == date(2026, 1, 31) and entry["event_dt"] == at(1, 10)


def test_an_amount_of_another_currency_counts_by_the_declared_rate(club: Club) -> None:
    club.state("shop.orders", order("1", at(1, 10), currency="GBP"))
    club.state("shop.order_lines", line("1", at(1, 10), 100, currency="GBP"))
    assert told(club.run(PLAIN, at(2, 1))) == [("earn", 125)]


def test_an_order_without_lines_earns_by_its_total(club: Club) -> None:
    club.state("shop.orders", order("1", at(1, 10), total_amount=50))
    assert told(club.run(PLAIN, at(2, 1))) == [("earn", 50)]


def test_a_quote_and_an_unnamed_buyer_earn_nothing(club: Club) -> None:
    bought(club, "1", at(1, 10), 50, status="quoted")
    club.state("shop.orders", order("2", at(1, 11)) | {"customer_id": None})
    club.state("shop.order_lines", line("2", at(1, 11), 70))
    assert club.run(PLAIN, at(2, 1)).is_empty()


def test_rules_ask_for_product_channel_code_occasion_and_amount(club: Club) -> None:
    club.sell({"product_id": "P", "product_line": "music", "brand_code": "ebony", "category": "vinyl"})
    rules = [
        {"rule": "line", "points": 1, "product_lines": ["music"]},
        {"rule": "other_line", "points": 2, "product_lines": ["travel"]},
        {"rule": "brand", "points_per_amount": 2, "brands": ["ebony"], "categories": ["vinyl"]},
        {"rule": "channel", "points": 4, "channels": ["web"]},
        {"rule": "other_channel", "points": 8, "channels": ["store"]},
        {"rule": "code", "points": 16, "promotion_codes": ["SPRING"]},
        {"rule": "any_code", "points": 32, "promotion_codes": ["ANY"]},
        {"rule": "birthday", "points": 64, "occasion": "birthday", "within_days": 1},
        {"rule": "first", "points": 128, "occasion": "first_purchase"},
        {"rule": "large", "points": 256, "smallest_amount": 11},
        {"rule": "not_yet", "points": 512, "from": "2025-03-01"},
        {"rule": "no_more", "points": 512, "until": "2025-02-26"},
        {"rule": "unheard_of", "points": 1024, "products": ["Q"]},
    ]
    club.state("shop.orders", order("1", at(2, 27), channel="web", promotion_code="SPRING"), order("2", at(4, 1)))
    club.state("shop.order_lines", line("1", at(2, 27), 10), line("2", at(4, 1), 1000, "Q"))
    entries = club.run(settings_of(one_point_an_euro(earning=rules)), at(5, 1))
    # In a year without 29 February the birthday is the 28th.
    assert set(entries.filter(order_id="1")["rule"]) == {
        "line", "brand", "channel", "code", "any_code", "birthday", "first",
    }  # fmt: skip
    assert entries.filter(order_id="1", rule="brand")["points"].item() == 20
    assert set(entries.filter(order_id="2")["rule"]) == {"large", "not_yet", "unheard_of"}


def test_returns_piece_by_piece_take_back_exactly_what_the_order_earned(club: Club) -> None:
    club.state("shop.orders", order("1", at(1, 10)))
    club.state("shop.order_lines", line("1", at(1, 10), 3.33, quantity=3))
    rules = [{"rule": "purchase", "points_per_amount": 1}, {"rule": "bonus", "points": 50, "smallest_amount": 5}]
    piece = {"order_id": "1", "product_id": "P", "quantity": 1}
    club.state("shop.returns", *({**piece, "return_id": str(day), "returned_dt": at(1, day)} for day in (12, 13, 14)))
    entries = club.run(settings_of(one_point_an_euro(earning=rules)), at(2, 1))
    assert entries.filter(pl.col("entry_type") == "reverse").select("rule", "points").rows() == [
        ("purchase", -3), ("purchase", -3), ("bonus", -50), ("purchase", -3),
    ]  # fmt: skip
    assert balance(entries) == 0


def test_a_cancelled_order_loses_what_it_earned_when_it_is_cancelled(club: Club) -> None:
    bought(club, "1", at(1, 10), 40)
    club.state("shop.order_events", {"order_id": "1", "status": "cancelled", "event_dt": at(1, 12)})
    entries = club.run(PLAIN, at(2, 1))
    assert told(entries) == [("earn", 40), ("reverse", -40)]
    assert balance(entries, at(1, 11)) == 40


def test_points_lapse_after_the_last_day_of_their_month(club: Club) -> None:
    bought(club, "1", at(1, 10, 2024), 40)
    assert balance(club.run(PLAIN, at(1, 31, hour=23))) == 40
    entries = club.run(PLAIN, at(2, 1, hour=0))
    assert told(entries) == [("earn", 40), ("expire", -40)]
    assert entries["event_dt"][-1] == at(2, 1, hour=0)


def test_what_lapses_soonest_is_spent_first(club: Club) -> None:
    bought(club, "1", at(1, 10), 100)
    bought(club, "2", at(3, 10), 100)
    club.state("club.loyalty_redemptions", redemption("R", at(4, 1), 150))
    burnt = club.run(PLAIN, at(5, 1)).filter(entry_type="burn")
    assert burnt.select("expires_date", "points").rows() == [(date(2026, 1, 31), -100), (date(2026, 3, 31), -50)]


def test_a_balance_can_be_spent_to_the_last_point_and_no_further(club: Club) -> None:
    bought(club, "1", at(1, 10), 100)
    club.state("club.loyalty_redemptions", redemption("R", at(2, 1), 100), redemption("S", at(2, 2), 1))
    assert balance(club.run(PLAIN, at(3, 1))) == 0
    assert club.refused() == {"S": "beyond_balance"}


def test_what_is_taken_back_are_first_the_points_that_the_same_order_earned(club: Club) -> None:
    bought(club, "1", at(1, 10), 100)
    bought(club, "2", at(3, 10), 50)
    club.state("shop.order_events", {"order_id": "2", "status": "cancelled", "event_dt": at(3, 20)})
    entries = club.run(PLAIN, at(4, 1))
    assert entries.filter(entry_type="reverse").select("expires_date", "points").row(0) == (date(2026, 3, 31), -50)


def test_redemptions_that_the_scheme_does_not_allow_are_refused_with_their_reason(tmp_path: Path) -> None:
    club = Club(tmp_path, [{}, {"customer_type": "company"}])
    bought(club, "1", at(1, 10), 250)
    club.state(
        "club.loyalty_redemptions",
        redemption("early", at(12, 31, 2023), 100),
        redemption("small", at(2, 1), 50),
        redemption("odd", at(2, 1), 110),
        redemption("good", at(2, 2), 200),
        redemption("more", at(2, 3), 100),
        redemption("stranger", at(2, 3), 100, customer=9),
        redemption("firm", at(2, 3), 100, customer=2),
    )
    scheme = one_point_an_euro(burning={"smallest_points": 100, "step_points": 25})
    entries = club.run(settings_of(scheme), at(3, 1))
    assert club.refused() == {
        "early": "no_scheme",
        "small": "below_smallest",
        "odd": "not_in_steps",
        "more": "beyond_balance",
        "stranger": "unknown_customer",
        "firm": "takes_no_part",
    }
    assert balance(entries) == 50
    refused = club.engine.query("SELECT balance_points FROM loyalty.refused_redemption WHERE redemption_id = 'more'")
    assert refused.item() == 50


@pytest.mark.parametrize(("lowest", "after", "waived"), [(0, 0, 70), (-50, -50, 20), (-500, -70, 0)])
def test_points_taken_back_after_they_were_spent_go_no_lower_than_the_scheme_allows(
    club: Club, lowest: int, after: int, waived: int
) -> None:
    bought(club, "1", at(1, 10), 100)
    club.state("club.loyalty_redemptions", redemption("R", at(1, 12), 70))
    club.state("shop.order_events", {"order_id": "1", "status": "cancelled", "event_dt": at(1, 20)})
    entries = club.run(settings_of(one_point_an_euro(lowest_balance=lowest)), at(2, 1))
    assert (balance(entries), entries["waived_points"].sum()) == (after, waived)


def test_what_is_owed_is_paid_by_the_next_points(club: Club) -> None:
    bought(club, "1", at(1, 10), 100)
    club.state("club.loyalty_redemptions", redemption("R", at(1, 12), 70), redemption("S", at(3, 2), 31))
    club.state("shop.order_events", {"order_id": "1", "status": "cancelled", "event_dt": at(1, 20)})
    bought(club, "2", at(3, 1), 100)
    entries = club.run(settings_of(one_point_an_euro(lowest_balance=-500)), at(4, 1))
    assert balance(entries) == 30 and club.refused() == {"S": "beyond_balance"}
    by_day = dict(entries.group_by("expires_date").agg(pl.col("points").sum()).iter_rows())
    assert by_day == {None: 0, date(2026, 1, 31): 0, date(2026, 3, 31): 30}


def test_what_has_lapsed_is_not_taken_back_once_more(club: Club) -> None:
    bought(club, "1", at(1, 10, 2024), 40)
    bought(club, "2", at(1, 10), 70)
    club.state("shop.order_events", {"order_id": "1", "status": "cancelled", "event_dt": at(2, 20)})
    entries = club.run(PLAIN, at(3, 1))
    assert balance(entries) == 70
    assert entries.filter(entry_type="reverse").select("points", "waived_points").rows() == [(0, 40)]


def test_what_was_promised_under_a_scheme_keeps_its_expiry_when_the_next_one_comes(club: Club) -> None:
    later = {"from": "2025-03-01", "earning": [{"rule": "double", "points_per_amount": 2}], "expires_after_months": 1}
    bought(club, "1", at(2, 28), 10)
    bought(club, "2", at(3, 1), 10)
    entries = club.run(settings_of(one_point_an_euro(), later), at(3, 20))
    assert entries.select("rule", "points", "expires_date").rows() == [
        ("purchase", 10, date(2026, 2, 28)), ("double", 20, date(2025, 4, 30)),
    ]  # fmt: skip


def test_a_past_balance_is_told_as_it_was_and_as_it_was_known(club: Club) -> None:
    bought(club, "1", at(1, 10), 100)
    club.state("shop.orders", order("2", at(1, 12)), delivered=at(1, 20))
    club.state("shop.order_lines", line("2", at(1, 12), 30), delivered=at(1, 20))
    assert balance(club.run(PLAIN, at(1, 15))) == 100
    assert balance(club.run(PLAIN, at(1, 15), known_at=at(2, 1))) == 130
    assert balance(club.run(PLAIN, at(2, 1)), at(1, 15)) == 130


def test_months_in_which_nothing_changed_are_not_written_again(club: Club) -> None:
    bought(club, "1", at(1, 10), 100)
    bought(club, "2", at(2, 10), 100)
    first = club.run(PLAIN, at(3, 1))
    files = {path: path.stat().st_mtime_ns for path in club.engine.lake.data_files(FACT_LOYALTY_POINTS)}
    bought(club, "3", at(2, 20), 100)
    club.run(PLAIN, at(3, 1))
    rewritten = [path.parent.name for path, moment in files.items() if path.stat().st_mtime_ns != moment]
    assert rewritten == ["event_dt=2025-02"] and first.height == 2
