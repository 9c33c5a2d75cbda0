"""Random purchases, returns, cancellations, redemptions, expiries and a change of scheme, against a slow replay."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.loyalty.ledger.checks import broken_promises
from crm_platform.loyalty.settings import EarningRule, LoyaltySettings, Scheme
from tests.unit.loyalty.club import Club, line, order, redemption, settings_of

MEMBERS = 3
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
LAST_HOUR = 24 * 500
EARLIER = {
    "from": date(2024, 1, 1),
    "earning": [
        {"rule": "purchase", "points_per_amount": "1.5"},
        {"rule": "first", "points": 40, "occasion": "first_purchase"},
    ],
    "expires_after_months": 6,
    "burning": {"smallest_points": 10, "step_points": 5},
}
LATER = {
    "from": date(2024, 7, 15),
    "earning": [{"rule": "purchase", "points_per_amount": 1}, {"rule": "large", "points": 25, "smallest_amount": 60}],
    "expires_after_months": 2,
    "reversed_by": ["cancelled", "refunded"],
}


@dataclass(frozen=True)
class Purchase:
    """An order of one line of three pieces, what comes back of it, and how it may end."""

    member: int
    hour: int
    cents: int
    returns: tuple[int, ...] = ()
    ended_after: int | None = None
    status: str = "cancelled"


@dataclass(frozen=True)
class History:
    """What members did, to the hour; every event of its own second."""

    purchases: tuple[Purchase, ...]
    burns: tuple[tuple[int, int, int], ...]
    lowest: int
    as_of_hour: int

    @property
    def settings(self) -> LoyaltySettings:
        return settings_of(EARLIER, {**LATER, "lowest_balance": self.lowest})

    @property
    def as_of(self) -> datetime:
        return FIRST + timedelta(hours=self.as_of_hour)


hours = st.integers(0, LAST_HOUR)
purchases = st.builds(
    Purchase,
    member=st.integers(1, MEMBERS),
    hour=hours,
    # Of three pieces: a third of a cent has no place in a price of four decimals.
    cents=st.integers(-3_000, 10_000).map(lambda piece: piece * 3),
    returns=st.lists(st.integers(1, 24 * 300), max_size=4).map(tuple),
    ended_after=st.none() | st.integers(1, 24 * 300),
    status=st.sampled_from(["cancelled", "refunded"]),
)
histories = st.builds(
    History,
    purchases=st.lists(purchases, min_size=1, max_size=9).map(tuple),
    burns=st.lists(st.tuples(st.integers(1, MEMBERS), hours, st.integers(1, 60).map(lambda n: n * 5)), max_size=8).map(
        tuple
    ),
    lowest=st.sampled_from([0, -30, -1_000]),
    as_of_hour=st.integers(24 * 30, LAST_HOUR),
)


def told(club: Club, history: History) -> None:
    """Let the sources tell the history."""
    for feed, stated in rows_of(history).items():
        club.state(feed, *stated)


def rows_of(history: History) -> dict[str, list[dict[str, Any]]]:
    """What the feeds tell of the history."""
    rows = defaultdict[str, list[dict[str, Any]]](list)
    for number, each in enumerate(history.purchases):
        name, placed = f"O{number}", moment(each.hour, number)
        rows["shop.orders"].append(order(name, placed, each.member))
        amount = {"unit_price_amount": each.cents / 300 if each.cents > 0 else each.cents / 100}
        rows["shop.order_lines"].append(line(name, placed, 0, quantity=3 if each.cents > 0 else 1) | amount)
        for place, after in enumerate(each.returns if each.cents > 0 else ()):
            back = {"return_id": f"{name}R{place}", "order_id": name, "product_id": "P", "quantity": 1}
            rows["shop.returns"].append(back | {"returned_dt": moment(each.hour + after, 100 + number * 10 + place)})
        if each.ended_after is not None:
            end = {"order_id": name, "status": each.status}
            rows["shop.order_events"].append(end | {"event_dt": moment(each.hour + each.ended_after, 400 + number)})
    for number, (member, hour, points) in enumerate(history.burns):
        rows["club.loyalty_redemptions"].append(redemption(f"B{number}", moment(hour, 600 + number), points, member))
    return rows


def moment(hour: int, second: int) -> datetime:
    return FIRST + timedelta(hours=hour, seconds=second)


@dataclass
class Account:
    """Points by their last day, what is owed, and who was refused: one event after the other."""

    held: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    owed: int = 0
    refused: list[str] = field(default_factory=list)
    lapsed: dict[date, int] = field(default_factory=dict)

    @property
    def balance(self) -> int:
        return sum(self.held.values()) - self.owed

    def lapse(self, today: date) -> None:
        for day in [day for day in self.held if day < today]:
            self.lapsed[day] = self.held.pop(day)

    def earn(self, points: int, day: date) -> None:
        paid = min(points, self.owed)
        self.owed -= paid
        self.held[day] += points - paid

    def spend(self, points: int) -> int:
        for day in sorted(self.held):
            taken = min(points, self.held[day])
            self.held[day] -= taken
            points -= taken
        return points

    def take_back(self, points: int, day: date | None, today: date, lowest: int) -> None:
        if day is not None and day < today:
            return
        if day is not None:
            own = min(points, self.held.get(day, 0))
            self.held[day] -= own
            points -= own
        points = self.spend(points)
        self.owed += min(points, max(-lowest - self.owed, 0))


def slowly(history: History) -> dict[int, Account]:
    """Every member's account, replayed in plain steps."""
    return {member: _account(member, history) for member in range(1, MEMBERS + 1)}


def _account(member: int, history: History) -> Account:
    account, rules = Account(), history.settings
    own = [(number, each) for number, each in enumerate(history.purchases) if each.member == member]
    bought = [(moment(each.hour, number), number) for number, each in own if each.cents > 0]
    events: list[tuple[datetime, str, Any]] = [(moment(each.hour, number), "order", number) for number, each in own]
    for number, each in own:
        for place, after in enumerate(each.returns if each.cents > 0 else ()):
            events.append((moment(each.hour + after, 100 + number * 10 + place), "return", number))
        if each.ended_after is not None:
            events.append((moment(each.hour + each.ended_after, 400 + number), each.status, number))
    for number, (who, hour, points) in enumerate(history.burns):
        if who == member:
            events.append((moment(hour, 600 + number), "burn", (f"B{number}", points)))
    left, worth, over = dict[int, float](), defaultdict[tuple[int, str], int](int), set[int]()
    for happened, kind, what in sorted(events):
        if happened > history.as_of:
            break
        account.lapse(happened.date())
        scheme = on(rules, happened)
        if kind == "burn":
            _burn(account, scheme, *what)
            continue
        each = history.purchases[what]
        placed = on(rules, moment(each.hour, what))
        if kind == "order":
            left[what] = each.cents / 100
        elif kind == "return":
            left[what] -= each.cents / 300
        elif kind in scheme.reversed_by:
            over.add(what)
        for rule in placed.earning:
            if rule.occasion and (not bought or min(bought)[1] != what):
                continue
            now = 0 if what in over else _worth(rule, round(left[what], 6), each.cents < 0)
            change, worth[what, rule.rule] = now - worth[what, rule.rule], now
            if change > 0:
                account.earn(change, last_day(happened, scheme))
            elif change < 0:
                day = None if each.cents < 0 else last_day(moment(each.hour, what), placed)
                account.take_back(-change, day, happened.date(), scheme.lowest_balance)
    account.lapse(history.as_of.date())
    return account


def _burn(account: Account, scheme: Scheme, name: str, points: int) -> None:
    allowed = points >= scheme.burning.smallest_points and points % scheme.burning.step_points == 0
    if allowed and account.balance >= points:
        account.spend(points)
    else:
        account.refused.append(name)


def _worth(rule: EarningRule, amount: float, is_credit: bool) -> int:
    per_amount = float(rule.points_per_amount)
    if is_credit:
        return -int(-amount * per_amount + 1e-9)
    if amount <= 0 or amount < float(rule.smallest_amount):
        return 0
    return int(amount * per_amount + 1e-9) + rule.points


def on(rules: LoyaltySettings, happened: datetime) -> Scheme:
    return next(each for each in reversed(rules.schemes) if each.from_date <= happened.date())


def last_day(happened: datetime, scheme: Scheme) -> date:
    assert scheme.expires_after_months is not None
    month = happened.year * 12 + happened.month + scheme.expires_after_months
    return date(month // 12, month % 12 + 1, 1) - timedelta(days=1)


@settings(max_examples=15)
@given(history=histories)
def test_accounts_are_those_of_a_slow_replay_and_the_future_moves_nothing(
    tmp_path_factory: pytest.TempPathFactory, history: History
) -> None:
    club = Club(tmp_path_factory.mktemp("club"), [{}] * MEMBERS)
    told(club, history)
    ledger = club.run(history.settings, history.as_of)
    accounts = slowly(history)
    found = {
        (key, day): points
        for key, day, points in ledger.group_by("customer_key", "expires_date").agg(pl.col("points").sum()).iter_rows()
        if points
    }
    expected = {(key, day): points for key, each in accounts.items() for day, points in each.held.items() if points}
    assert found == expected | {(key, None): -each.owed for key, each in accounts.items() if each.owed}
    lapsed = ledger.filter(entry_type="expire").select("customer_key", "expires_date", -pl.col("points")).iter_rows()
    assert {(key, day): points for key, day, points in lapsed} == {
        (key, day): points for key, each in accounts.items() for day, points in each.lapsed.items() if points
    }
    assert sorted(club.refused()) == sorted(name for each in accounts.values() for name in each.refused)
    assert set(broken_promises(club.engine, history.settings).values()) == {0}

    later = datetime.combine(history.as_of.date() + timedelta(days=1), time(), UTC)
    club.state("shop.order_lines", line("O0", later, 5_000, "Q"), line("future", later, 77) | {"customer_id": "1"})
    back = {"return_id": "future", "order_id": "O0", "product_id": "P", "quantity": 3}
    club.state("shop.returns", back | {"returned_dt": later})
    club.state("shop.order_events", {"order_id": "O0", "status": "cancelled", "event_dt": later})
    club.state("club.loyalty_redemptions", redemption("future", later, 10))
    assert club.run(history.settings, history.as_of).equals(ledger)
