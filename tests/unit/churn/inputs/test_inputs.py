"""What customers did besides buying: which events count, of whom, and from when they were known."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crm_platform.churn.families import FAMILIES, WITH_AMOUNT
from crm_platform.churn.inputs.build import Inputs, read_inputs
from crm_platform.loyalty.ledger.contracts import FACT_LOYALTY_POINTS
from crm_platform.permission.consent.contracts import CONSENT_EVENT
from crm_platform.permission.facts.contracts import FACT_SUBSCRIPTION
from crm_platform.warehouse.publish import publish_frame
from tests.unit.churn.inputs.events import case, known_to, shipment
from tests.unit.loyalty.club import RATES, START, Club, at, filled, line, order

AS_OF = date(2025, 6, 30)
CLOSED = at(7, 2)
AFTER = at(7, 20)


@pytest.fixture
def club(tmp_path: Path) -> Club:
    """Two members whom every system knows; the first has bought once."""
    club = Club(tmp_path, [{}, {}])
    known_to(club, 2)
    club.state("shop.orders", order("1", at(6, 1)))
    club.state("shop.order_lines", line("1", at(6, 1), 10.0))
    return club


def read(club: Club, known_at: datetime = CLOSED) -> Inputs:
    return read_inputs(club.engine, RATES, club.feeds, AS_OF, known_at)


def events(club: Club, name: str, known_at: datetime = CLOSED) -> list[tuple[object, ...]]:
    """customer, event date, known date, and the amount where there is one, of a family."""
    [family] = [each for each in read(club, known_at).families if each.name == name]
    return sorted(family.events.collect().rows())


def test_every_family_is_there_though_nothing_has_happened(club: Club) -> None:
    families = read(club).families
    assert [family.name for family in families] == list(FAMILIES)
    for family in families:
        assert family.events.collect().is_empty()
        assert ("amount" in family.events.collect_schema().names()) is (family.name in WITH_AMOUNT)


def test_a_case_is_known_from_when_it_was_loaded_and_of_the_first_delivery_from_when_it_was_opened(club: Club) -> None:
    club.state("crm.support_cases", case("1", at(3, 1)), delivered=at(4, 1))
    club.state("crm.support_cases", case("2", at(5, 1)), delivered=at(6, 9))
    club.state("crm.support_cases", case("3", at(6, 20)), delivered=AFTER)
    club.state("crm.support_cases", case("4", at(7, 1)), delivered=at(7, 1))
    assert events(club, "support_cases") == [
        (1, date(2025, 3, 1), date(2025, 3, 1)),
        (1, date(2025, 5, 1), date(2025, 6, 9)),
    ]


def test_a_delivery_is_late_by_the_days_after_the_promise(club: Club) -> None:
    club.state(
        "logistics.shipments",
        shipment("1", "1", promised=at(6, 5), delivered=at(6, 9)),
        shipment("2", "1", promised=at(6, 5), delivered=at(6, 5)),
        shipment("3", "nobody's", promised=at(6, 5), delivered=at(6, 9)),
    )
    assert [row[0::3] for row in events(club, "late_deliveries")] == [(1, 4.0)]


def test_what_was_sent_back_is_an_event_of_who_had_ordered_it(club: Club) -> None:
    back = {"line_number": 1, "product_id": "P1", "quantity": 1, "reason": "damaged"}
    club.state(
        "shop.returns",
        {"return_id": "1", "order_id": "1", "returned_dt": at(6, 9), **back},
        {"return_id": "2", "order_id": "nobody's", "returned_dt": at(6, 9), **back},
    )
    assert [row[:2] for row in events(club, "returns")] == [(1, date(2025, 6, 9))]


def test_a_payment_after_the_due_day_is_late_and_one_before_it_is_not(club: Club) -> None:
    invoice = {"order_id": "1", "customer_id": "1", "invoice_date": date(2025, 6, 1), "due_date": date(2025, 6, 15)}
    club.state("finance.invoices", {"invoice_id": "A", **invoice}, {"invoice_id": "B", **invoice})
    paid = {"customer_id": "1", "payment_amount": 10, "currency": "EUR"}
    club.state(
        "finance.payments",
        {"payment_id": "1", "invoice_id": "A", "paid_dt": at(6, 25), **paid},
        {"payment_id": "2", "invoice_id": "B", "paid_dt": at(6, 10), **paid},
    )
    assert [row[0::3] for row in events(club, "late_payments")] == [(1, 10.0)]


def test_low_answers_alone_count_by_the_scale_of_the_survey(club: Club) -> None:
    answers = [("nps", 6), ("nps", 7), ("csat", 2), ("csat", 3)]
    club.state(
        "crm.surveys",
        *(
            {"response_id": f"{survey}{score}", "customer_id": "1", "survey": survey, "score": score,
             "responded_dt": at(6, 10) + timedelta(days=score)}
            for survey, score in answers
        ),
    )  # fmt: skip
    assert [row[1] for row in events(club, "low_answers")] == [date(2025, 6, 12), date(2025, 6, 16)]


def test_a_day_with_visits_of_who_is_signed_in_is_one_event(club: Club) -> None:
    club.state(
        "web.registrations", {"registration_id": "1", "customer_id": "1", "login": "ann", "registered_dt": START}
    )
    hit = {"method": "GET", "url": "/", "status": 200}
    club.state(
        "web.page_views",
        *({"event_dt": at(6, 10, hour=hour), "login": "ann", **hit} for hour in (9, 10, 11)),
        {"event_dt": at(6, 11), "login": None, **hit},
    )
    assert [row[:2] for row in events(club, "visits")] == [(1, date(2025, 6, 10))]


def test_a_withdrawal_and_points_spent_are_events_of_their_customer(club: Club) -> None:
    said = {"event_type": "opt_out", "party": "crm:2", "scope": "*", "source": "crm", "feed": "permission_events",
            "file_id": "0" * 64, "file_part": "", "event_dt": at(6, 3), "customer_key": 2}  # fmt: skip
    club.know(
        CONSENT_EVENT,
        [
            {**said, "event_id": "1", "effect": "withdrawal"},
            {**said, "event_id": "2", "effect": "grant"},
        ],
    )
    spent = {"customer_key": 1, "event_dt": at(6, 4), "points": -50, "entry_type": "burn", "entry_id": "a" * 32}
    earned = {**spent, "points": 80, "entry_type": "earn", "entry_id": "b" * 32}
    publish_frame(club.engine, FACT_LOYALTY_POINTS, filled(FACT_LOYALTY_POINTS, [spent, earned]), "2025-06")
    assert [row[:2] for row in events(club, "opt_outs")] == [(2, date(2025, 6, 3))]
    assert [row[0::3] for row in events(club, "points_spent")] == [(1, 50.0)]


def test_a_subscription_that_ended_after_the_day_or_was_told_of_later_still_runs(club: Club) -> None:
    row = {
        "customer_key": 1,
        "channel_key": 1,
        "number_of_subscriptions": 1,
        "subscribed_dt": START,
        "created_dt": START,
    }
    ends = {1: (at(5, 1), at(5, 1)), 2: (at(7, 1), at(7, 1)), 3: (at(6, 1), AFTER), 4: (None, START)}
    club.know(
        FACT_SUBSCRIPTION,
        [
            {**row, "communication_key": number, "unsubscribed_dt": ended, "last_updated_dt": told, "is_active_flag": 0}
            for number, (ended, told) in ends.items()
        ],
    )
    periods = read(club).periods
    assert periods["started_date"].unique().to_list() == [START.date()]
    assert periods.sort("ended_date")["ended_date"].to_list() == [None, None, None, date(2025, 5, 1)]
    assert pl.Series([1, 1, 1, 1]).equals(periods["customer_id"].cast(pl.Int64), check_names=False)
