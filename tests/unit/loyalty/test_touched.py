"""The ledger carried on from the one before: the same as one made anew, and no more made than what is touched."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.loyalty.ledger.build import FOLDER, ledger_entries
from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS
from crm_platform.loyalty.ledger.touched import inputs_now, touched_accounts
from crm_platform.loyalty.settings import LoyaltySettings
from crm_platform.scv.golden.contracts import GOLDEN_RECORD
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.warehouse.steps import step_sql
from tests.unit.loyalty.club import RATES, Club, at, line, one_point_an_euro, order, redemption, settings_of
from tests.unit.loyalty.test_replay import FIRST, LAST_HOUR, MEMBERS, History, histories, rows_of

PLAIN = settings_of(one_point_an_euro())
IDLE = 12
"""Members who do nothing, so that those who do are few."""


@contextmanager
def touched(club: Club, rules: LoyaltySettings, as_of: datetime) -> Iterator[set[int] | None]:
    """The customers whose accounts would be made anew; None: all."""
    with touched_accounts(
        club.engine, club.feeds, inputs_now(club.engine, rules, RATES, club.feeds, as_of, as_of)
    ) as is_part:
        yield set(club.engine.query("SELECT customer_key FROM touched_customer").to_series()) if is_part else None


def touched_by(club: Club, as_of: datetime, rules: LoyaltySettings = PLAIN) -> set[int] | None:
    with touched(club, rules, as_of) as customers:
        return customers


@pytest.fixture
def club(tmp_path: Path) -> Club:
    """Members of whom the first three have bought, with a ledger as of the first of March."""
    club = Club(tmp_path, [{}] * (3 + IDLE))
    for member in (1, 2, 3):
        name, placed = f"O{member}", at(1, 10 * member - 5)
        club.state("shop.orders", order(name, placed, member))
        club.state("shop.order_lines", line(name, placed, 100.0 * member))
    club.state("club.loyalty_redemptions", redemption("R3", at(2, 5), 1_000, 3))
    club.run(PLAIN, at(3, 1))
    return club


def anew(club: Club, rules: LoyaltySettings, as_of: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The entries and the refusals of a ledger that is made as if there had been none."""
    with ledger_entries(club.engine, rules, RATES, club.feeds, as_of):
        refused = step_sql(FOLDER, "refused_redemption", {})
        return club.engine.query("SELECT * FROM point_entry ORDER BY ALL"), club.engine.query(refused).sort(pl.all())


def assert_as_if_anew(club: Club, rules: LoyaltySettings, as_of: datetime) -> None:
    club.run(rules, as_of)
    entries, refused = anew(club, rules, as_of)
    published = club.engine.query("SELECT * FROM loyalty.fact_loyalty_points ORDER BY ALL")
    assert_frame_equal(published, entries.select(published.columns), check_dtypes=False)
    told = club.engine.query("SELECT * FROM loyalty.refused_redemption").sort(pl.all())
    assert_frame_equal(told, refused.select(told.columns).sort(pl.all()), check_dtypes=False)


def test_where_nothing_is_new_no_account_is_made_and_no_month_written(club: Club) -> None:
    files = {path: path.stat().st_mtime_ns for path in club.engine.lake.data_files(FACT_LOYALTY_POINTS)}
    assert touched_by(club, at(3, 2)) == set()
    club.run(PLAIN, at(3, 2))
    assert {path: path.stat().st_mtime_ns for path in club.engine.lake.data_files(FACT_LOYALTY_POINTS)} == files


def test_what_is_new_late_changed_or_due_touches_the_customers_whom_it_concerns(club: Club) -> None:
    club.state("shop.order_lines", line("O2", at(1, 15), 5.0, "Q", line_number=2))
    assert touched_by(club, at(3, 2)) == {2}
    club.state("shop.orders", order("O1", at(1, 5), 4), delivered=at(3, 1, hour=13))
    assert touched_by(club, at(3, 2)) == {1, 2, 4}
    club.run(PLAIN, at(3, 2))
    club.state("club.loyalty_redemptions", redemption("R", at(3, 2), 100, 3))
    club.state("shop.order_events", {"order_id": "O1", "status": "cancelled", "event_dt": at(3, 5)})
    assert touched_by(club, at(3, 3)) == {1, 3, 4}
    club.run(PLAIN, at(3, 3))
    assert touched_by(club, at(3, 4)) == set()
    assert touched_by(club, at(3, 6)) == {1, 4}
    assert touched_by(club, at(2, 1, 2026)) == {1, 2, 3, 4} or touched_by(club, at(2, 1, 2026)) is None


def test_who_turns_out_to_be_another_touches_both(club: Club) -> None:
    members = [{"customer_key": number, "customer_type": "person"} for number in range(1, 4 + IDLE) if number != 2]
    refs = [{"customer_ref": f"shop:{number}", "customer_key": 1 if number == 2 else number} for number in range(1, 16)]
    club.know(GOLDEN_RECORD, members)
    club.know(CUSTOMER_REF_KEY, refs)
    assert touched_by(club, at(3, 2)) == {1, 2}
    assert_as_if_anew(club, PLAIN, at(3, 2))
    assert club.engine.scalar("SELECT sum(points) FROM loyalty.fact_loyalty_points WHERE customer_key = 1") == 300


def test_other_rules_and_an_earlier_time_make_all_accounts_anew(club: Club) -> None:
    assert touched_by(club, at(3, 2), settings_of(one_point_an_euro(expires_after_months=13))) is None
    assert touched_by(club, at(2, 1)) is None
    club.sell({"product_id": "P", "product_line": "music"})
    assert touched_by(club, at(3, 2)) is None


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[History, list[tuple[int, dict[str, list[dict[str, Any]]]]]]:
    """A history told in three deliveries, in any order of what happened, each with the hour of its run."""
    history = draw(histories)
    hours = sorted(draw(st.lists(st.integers(24 * 10, LAST_HOUR), min_size=3, max_size=3)))
    parts: list[dict[str, list[dict[str, Any]]]] = [{}, {}, {}]
    for feed, rows in rows_of(history).items():
        for row in rows:
            parts[draw(st.integers(0, 2))].setdefault(feed, []).append(row)
    moved = draw(st.integers(1, MEMBERS))
    corrected = [{**row, "customer_id": str(moved)} for row in parts[0].get("shop.orders", [])[:1]]
    parts[2].setdefault("shop.orders", []).extend(corrected)
    return history, list(zip(hours, parts, strict=True))


@settings(max_examples=8)
@given(told=deliveries())
def test_carried_on_from_run_to_run_the_ledger_is_as_if_made_anew(
    tmp_path_factory: pytest.TempPathFactory, told: tuple[History, list[tuple[int, dict[str, list[dict[str, Any]]]]]]
) -> None:
    history, runs = told
    club = Club(tmp_path_factory.mktemp("club"), [{"birth_date": date(1980, 1, 1)}] * (MEMBERS + IDLE))
    for hour, rows in runs:
        as_of = FIRST + timedelta(hours=hour)
        for feed, stated in rows.items():
            club.state(feed, *stated, delivered=as_of)
        assert_as_if_anew(club, history.settings, as_of)
