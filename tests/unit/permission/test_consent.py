"""Which events count, whom they concern, and why others have no effect."""

from datetime import date, timedelta

import polars as pl
import pytest

from crm_platform.permission.decision.decide import Moment, Question
from crm_platform.permission.settings import Law
from tests.unit.permission.world import LATER, START, Row, World, day

WEEKLY: Row = {
    "permission_kind": "subscription",
    "communication": "ivory_weekly",
    "channel": "email",
    "form": "newsletter",
    "wording_version": "2026-1",
    "customer_id": "U1",
}
PROMOTIONAL: Row = {"permission_kind": "general", "communication": None, "communication_type": "promotional"}
ASKED = Question("ivory_weekly", "email")


def event(event_id: str, event_type: str, days: float, **more: object) -> Row:
    return {**WEEKLY, "event_id": event_id, "event_type": event_type, "event_dt": day(days), **more}


def test_a_subscription_holds_until_it_is_withdrawn(world: World) -> None:
    world.events("web", event("a", "opt_in", 1), event("b", "list_unsubscribe", 5))
    world.run()
    assert [world.reason(1, ASKED, day(number)) for number in (0, 1, 4.9, 5, 6)] == [
        "no_consent",
        "subscribed",
        "subscribed",
        "withdrawn",
        "withdrawn",
    ]
    assert world.reason(2, ASKED) == "no_consent"


def test_a_get_never_unsubscribes_and_never_confirms(world: World) -> None:
    world.events(
        "web",
        event("a", "opt_in", 1),
        event("b", "list_unsubscribe", 2, request_method="GET"),
        event("c", "double_opt_in_request", 1, customer_id="U2"),
        event("d", "double_opt_in_confirm", 2, customer_id="U2", request_method="get"),
    )
    world.run()
    assert world.reason(1, ASKED) == "subscribed"
    assert world.reason(2, ASKED) == "awaiting_confirmation"
    assert world.refusals() == {f"web.permission_events:{name}": "get_has_no_effect" for name in "bd"}


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("no_customer", {"customer_id": None}),
        ("unknown_customer", {"customer_id": "U9"}),
        ("unknown_communication", {"communication": "no_such_letter"}),
        ("unknown_communication", {"communication": "ivory_offers"}),
        ("unknown_brand", {**PROMOTIONAL, "brand": "tin"}),
        ("unknown_locale", {"locale": "mars"}),
        ("names_nothing", {"communication": None, "permission_kind": None}),
        ("future_date", {"event_dt": day(9), "received_dt": day(1)}),
    ],
)  # fmt: skip
def test_consent_that_cannot_be_right_is_put_aside_with_its_reason(
    world: World, reason: str, change: dict[str, object]
) -> None:
    world.events("web", event("bad", "opt_in", 1, **change), event("good", "opt_in", 1, customer_id="U2"))
    world.run()
    assert world.refusals() == {"web.permission_events:bad": reason}
    assert world.reason(2, ASKED) == "subscribed"
    assert world.rows("consent_event").height == 1


@pytest.mark.parametrize(
    ("reason", "request_day"),
    [("confirmation_without_request", None), ("confirmation_before_request", 3), ("confirmation_too_late", -40)],
)
def test_a_confirmation_that_does_not_follow_its_request_is_put_aside(
    world: World, reason: str, request_day: float | None
) -> None:
    asked = [] if request_day is None else [event("ask", "double_opt_in_request", request_day)]
    world.events("web", *asked, event("confirm", "double_opt_in_confirm", 2))
    world.run()
    assert world.refusals() == {"web.permission_events:confirm": reason}
    assert world.reason(1, ASKED) == ("no_consent" if request_day is None else "awaiting_confirmation")


def test_both_steps_of_a_double_opt_in_are_linked_and_known_when_the_later_was_told(world: World) -> None:
    world.events(
        "web",
        event("ask", "double_opt_in_request", 1, received_dt=day(9)),
        event("confirm", "double_opt_in_confirm", 2),
    )
    world.run()
    confirmed = world.rows("consent_event").row(by_predicate=pl.col("effect") == "grant", named=True)
    assert confirmed["request_event_id"] == "web.permission_events:ask"
    assert world.reason(1, ASKED, at=day(3), known_at=day(8)) == "no_consent"
    assert world.reason(1, ASKED, at=day(3), known_at=day(9)) == "subscribed"


def test_where_the_law_asks_for_it_consent_counts_only_when_confirmed(world: World) -> None:
    world.settings = world.settings.model_copy(update={"laws": {"uk": Law(double_opt_in=("email",))}})
    world.events("web", event("a", "opt_in", 1, locale="uk"), event("b", "opt_in", 1, locale="italy", customer_id="U2"))
    world.run()
    assert [world.reason(1, ASKED), world.reason(2, ASKED)] == ["awaiting_confirmation", "subscribed"]


def test_whoever_withdraws_is_heard_whatever_is_wrong_with_the_row(world: World) -> None:
    world.events(
        "web",
        event("a", "opt_in", 1),
        event("b", "opt_in", 1, customer_id="U2"),
        event("c", "opt_out", 900, received_dt=day(3)),
        event("d", "opt_out", 3, customer_id="U2", communication=None, brand="tin", locale="mars"),
    )
    world.run()
    assert world.refusals() == {}
    assert [world.reason(1, ASKED, day(4)), world.reason(2, ASKED, day(4))] == ["withdrawn", "withdrawn"]


def test_unsubscribing_from_what_needs_a_general_permission_withdraws_that(world: World) -> None:
    general = {
        "permission_kind": "general",
        "communication": None,
        "communication_type": "promotional",
        "brand": "ivory",
    }
    world.events(
        "web",
        event("a", "opt_in", 1, **general),
        event("b", "list_unsubscribe", 2, communication="ivory_offers"),
    )
    world.run()
    assert world.reason(1, Question("ivory_offers", "email")) == "withdrawn"


def test_a_withdrawal_by_address_concerns_everybody_who_has_it_and_consent_nobody(world: World) -> None:
    both = pl.DataFrame({"record_id": ["record:web:U1", "record:web:U2"], "email": ["Fam@example.org"] * 2})
    world.know("scv.source_record", both)
    nameless = {"customer_id": None, "email": "fam@EXAMPLE.org"}
    world.events(
        "web",
        event("a", "opt_in", 1),
        event("b", "opt_in", 1, customer_id="U2"),
        event("c", "opt_in", 1, communication="ebony_sessions", **nameless),
        event("d", "list_unsubscribe", 2, **nameless),
    )
    world.run()
    assert [world.reason(1, ASKED), world.reason(2, ASKED)] == ["withdrawn", "withdrawn"]
    assert world.refusals() == {"web.permission_events:c": "ambiguous_customer"}


def test_a_tick_permits_once_and_a_repeated_one_does_not_outlive_a_withdrawal(world: World) -> None:
    ticked = {
        "registration_id": "R1",
        "customer_id": "U1",
        "registered_dt": day(1),
        "form": "account",
        "brand": "ivory",
    }
    marketing = {"permission_kind": "general", "communication": None, "communication_type": "marketing"}
    letters = Question("life_cycle", "email")
    world.say("web.registrations", {**ticked, "has_marketing_consent": True})
    world.events("web", event("out", "opt_out", 3, **marketing))
    world.say("web.registrations", {**ticked, "has_marketing_consent": True, "updated_dt": day(5)})
    world.run()
    assert [world.reason(1, letters, day(number)) for number in (2, 4, 6)] == ["permitted", "withdrawn", "withdrawn"]
    world.say("web.registrations", {**ticked, "has_marketing_consent": False, "updated_dt": day(7)})
    world.say("web.registrations", {**ticked, "has_marketing_consent": True, "updated_dt": day(8)})
    world.run()
    assert [world.reason(1, letters, day(number)) for number in (6, 7.5, 9)] == ["withdrawn", "withdrawn", "permitted"]


def test_do_not_call_ends_the_telephone_and_nothing_else(world: World) -> None:
    general = {
        "permission_kind": "general",
        "communication": None,
        "communication_type": "promotional",
        "brand": "ivory",
    }
    world.events("web", event("a", "opt_in", 1, **{**general, "channel": None}))
    call = {"call_id": "K1", "customer_id": "C1", "event_dt": day(2)}
    world.say("crm.call_outcomes", {**call, "outcome": "do_not_call"}, {**call, "call_id": "K2", "outcome": "reached"})
    world.run()
    offers = [world.reason(1, Question("ivory_offers", channel)) for channel in ("telephone", "email", "post")]
    assert offers == ["withdrawn", "permitted", "permitted"]


def test_an_event_told_twice_is_known_since_it_was_first_told(world: World) -> None:
    world.events("web", event("a", "opt_in", 1))
    world.events("web", event("a", "opt_in", 1, received_dt=day(50)))
    world.run()
    assert world.reason(1, ASKED, day(2)) == "subscribed"


def test_what_the_platform_had_not_taken_in_it_did_not_know(world: World) -> None:
    world.events("web", event("a", "opt_in", 1), loaded=day(10))
    world.run()
    known_by_company = world.decide([ASKED], [1], Moment(day(5), day(5)))
    known_by_platform = world.decide([ASKED], [1], Moment(day(5), day(5), by_taken=True))
    assert (known_by_company[1, 0], known_by_platform[1, 0]) == ("subscribed", "no_consent")


def test_the_address_of_a_request_is_kept_as_a_keyed_hash(world: World) -> None:
    world.events("web", event("a", "opt_in", 1, ip_address="198.51.100.7"), event("b", "opt_out", 2))
    world.run()
    first, second = world.rows("consent_event").sort("event_id")["ip_hash"].to_list()
    assert len(first) == 64 and second is None
    assert "198.51" not in world.rows("consent_event").write_csv()


def test_a_consent_ends_at_midnight_where_the_customer_lives(world: World) -> None:
    last = date(2026, 3, 28)  # the night in which Italy's clocks change follows the next day
    world.events("web", event("a", "opt_in", 1, locale="italy", valid_until_date=last))
    world.run()
    midnight = START.replace(day=28, hour=23)
    assert world.reason(1, ASKED, midnight - timedelta(microseconds=1)) == "subscribed"
    assert world.reason(1, ASKED, midnight) == "expired"


def test_a_global_opt_out_leaves_what_the_law_requires_and_what_is_agreed_to_anew(world: World) -> None:
    world.events(
        "web",
        event("a", "opt_in", 1),
        event("b", "opt_in", 1, communication="ebony_sessions"),
        event("c", "global_opt_out", 2, permission_kind="general", communication=None, channel=None, brand="amber"),
        event("d", "opt_in", 3, communication="ebony_sessions"),
    )
    world.run()
    asked = [ASKED, Question("ebony_sessions", "email"), Question("order_notices", "email")]
    assert [world.reason(1, each) for each in asked] == ["globally_opted_out", "subscribed", "no_consent_needed"]


def test_a_withdrawal_of_one_record_holds_against_all_of_the_customer(world: World) -> None:
    world.events("web", event("a", "opt_in", 1), event("b", "opt_out", 2))
    world.events("crm", event("c", "opt_in", 3, customer_id="C1"))
    world.who_is_who([(day(0), {"web:U1": 1, "crm:C1": 3, "web:U2": 2}), (day(5), {"crm:C1": 1})])
    world.run()
    assert world.reason(3, ASKED, day(4)) == "subscribed"
    assert world.reason(1, ASKED, day(6)) == "withdrawn"
    world.events("crm", event("d", "opt_in", 7, customer_id="C1"))
    world.run()
    assert world.reason(1, ASKED, day(8)) == "subscribed", "the customer agreed after the records were known to be one"
    world.settings = world.settings.model_copy(update={"merge": "most_recent"})
    assert world.reason(1, ASKED, day(6)) == "subscribed"


def test_nobody_knows_a_customer_or_a_communication_that_there_is_not(world: World) -> None:
    world.run()
    assert world.reason(99, ASKED) == "unknown_customer"
    assert world.reason(1, Question("no_such", "email")) == "unknown_communication"
    assert world.reason(1, Question("ivory_weekly", "post")) == "not_offered"
    assert world.reason(1, Question("ivory_weekly", "email", brand="ebony")) == "not_offered"


def test_a_reason_tells_what_is_still_to_come_and_what_is_over(world: World) -> None:
    world.events(
        "web",
        event("a", "opt_in", 1),
        event("b", "opt_out", 2),
        event("c", "double_opt_in_request", 5),
        event("d", "double_opt_in_request", 1, customer_id="U2"),
        event("e", "double_opt_in_confirm", 2, customer_id="U2", valid_until_date=date(2026, 3, 7)),
    )
    world.run()
    assert [world.reason(1, ASKED, day(number)) for number in (4, 5)] == ["withdrawn", "awaiting_confirmation"]
    assert [world.reason(2, ASKED, day(number)) for number in (1, 2, 8)] == [
        "awaiting_confirmation",
        "subscribed",
        "expired",
    ]


def test_what_needs_nothing_in_one_locale_needs_consent_in_another(world: World) -> None:
    laws = {"us": Law(needs_nothing=("promotional",))}
    world.settings = world.settings.model_copy(update={"laws": laws})
    world.know("scv.golden_record", pl.DataFrame({"customer_key": [1, 2], "locale": ["us", "uk"]}))
    world.events("web", event("a", "opt_in", 1))
    world.run()
    asked = [Question("ivory_offers", "post", locale=locale) for locale in (None, "us", "uk")]
    assert [world.reason(1, each) for each in asked] == ["no_consent_needed", "no_consent_needed", "no_consent"]
    assert [world.reason(2, each) for each in asked] == ["no_consent", "no_consent_needed", "no_consent"]


def test_a_locale_s_law_lets_purchasers_be_written_to_until_they_object(world: World) -> None:
    homes = {"customer_key": [1, 2, 3, 4], "locale": ["us", "uk", "us", "us"]}
    world.know("scv.golden_record", pl.DataFrame(homes))
    roles = {
        "customer_key": [1, 2, 3, 4],
        "role": ["purchaser", "purchaser", "subscriber", "purchaser"],
        "since_dt": [day(1)] * 4,
        "until_dt": [None, None, None, day(4)],
    }
    world.know("scv.customer_role", pl.DataFrame(roles))
    world.events("web", event("a", "opt_out", 5, communication=None, permission_kind=None, channel="post"))
    world.run()
    offers = Question("ivory_offers", "post")
    assert [world.reason(1, offers, day(number)) for number in (0, 1, 2, 6)] == [
        "no_consent",
        "legitimate_interest",
        "legitimate_interest",
        "withdrawn",
    ]
    assert [world.reason(3, offers, day(2)), world.reason(4, offers, day(2))] == ["no_consent", "legitimate_interest"]
    assert world.reason(4, offers, day(4)) == "no_consent"
    assert world.reason(2, offers, LATER) == "no_consent"
    assert world.reason(2, Question("ivory_offers", "post", locale="us"), LATER) == "legitimate_interest"
    # Asked about where a law of its own is not written, the default's holds, wherever the customer lives.
    assert world.reason(4, Question("ivory_offers", "post", locale="uk"), day(2)) == "no_consent"
