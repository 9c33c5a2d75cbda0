"""The facts, their history, the lists, and suppressions."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from crm_platform.permission.decision.decide import Moment, Question
from crm_platform.permission.facts.build import publish_facts
from crm_platform.permission.facts.checks import Promise, broken_promises
from crm_platform.permission.facts.contracts import FACT_SUBSCRIPTION
from crm_platform.permission.settings import Undo
from tests.unit.permission.test_consent import ASKED, event
from tests.unit.permission.world import LATER, World, day


def facts(world: World, table: str = "fact_subscription") -> list[dict[str, Any]]:
    return world.rows(table).sort("subscribed_dt").rows(named=True)


def test_each_time_of_subscribing_is_a_row_that_ends_with_it(world: World) -> None:
    world.events("web", event("a", "opt_in", 1), event("b", "opt_out", 2), event("c", "opt_in", 3))
    world.run()
    first, second = facts(world)
    assert (first["subscribed_dt"], first["unsubscribed_dt"], first["is_active_flag"]) == (day(1), day(2), 0)
    assert (second["subscribed_dt"], second["unsubscribed_dt"], second["is_active_flag"]) == (day(3), None, 1)


def test_agreeing_again_prolongs_the_row_and_a_validity_ends_it(world: World) -> None:
    world.events(
        "web",
        event("a", "opt_in", 1, valid_until_date=day(20).date(), subscription_period="year"),
        event("b", "opt_in", 10, valid_until_date=date(2026, 6, 30), promotion_source="friend", locale="uk"),
    )
    world.run(day(30))
    [row] = facts(world)
    assert (row["subscribed_dt"], row["is_active_flag"], row["expiry_date_key"]) == (day(1), 1, 20260630)
    world.run(datetime(2026, 6, 30, 23, tzinfo=UTC))
    [row] = facts(world)
    assert (row["is_active_flag"], row["unsubscribed_dt"]) == (0, datetime(2026, 6, 30, 23, tzinfo=UTC))


def test_consents_whose_validity_is_over_when_they_are_given_last_no_time(world: World) -> None:
    over = {"valid_until_date": day(-9).date()}
    world.events("web", event("a", "opt_in", 1, **over))
    world.events("crm", event("b", "opt_in", 1, customer_id="C1", **over))
    world.run()
    [row] = facts(world)
    assert (row["subscribed_dt"], row["unsubscribed_dt"], row["is_active_flag"]) == (day(1), day(1), 0)


def test_a_dummy_counts_nothing_and_a_price_is_kept(world: World) -> None:
    world.events(
        "web",
        event("a", "opt_in", 1, number_of_subscriptions=0, subscription_price_amount=Decimal("3.90"), currency="GBP"),
    )
    world.run()
    [row] = facts(world)
    assert (row["number_of_subscriptions"], str(row["subscription_price"]), row["currency"]) == (0, "3.9000", "GBP")


def test_consent_for_every_channel_is_a_row_for_each(world: World) -> None:
    general = {
        "permission_kind": "general",
        "communication": None,
        "communication_type": "promotional",
        "channel": None,
    }
    world.events("web", event("a", "opt_in", 1, channel=None), event("b", "opt_in", 1, **general))
    world.run()
    assert world.rows("fact_subscription").height == 2  # Ivory Weekly goes by e-mail and RSS
    assert world.rows("fact_permission")["channel_key"].n_unique() == 6


def test_two_records_of_a_customer_subscribe_once(world: World) -> None:
    world.events("web", event("a", "opt_in", 1))
    world.events("crm", event("b", "opt_in", 5, customer_id="C1"))
    world.run()
    [row] = facts(world)
    assert (row["subscribed_dt"], row["is_active_flag"]) == (day(1), 1)


def test_the_history_tells_growth_and_churn_by_month_and_where_it_came_from(world: World) -> None:
    world.events(
        "web",
        event("a", "opt_in", 1, promotion_source="friend"),
        event("b", "opt_in", 2, customer_id="U2", promotion_source="friend"),
        event("c", "opt_out", 40),
    )
    world.run(day(60))
    world.run_lists(day(60))
    history = world.rows("permission_history").select(
        "month_date", "number_gained", "number_lost", "number_lost_early", "number_active"
    )
    assert history.rows() == [(date(2026, 3, 1), 2, 0, 1, 2), (date(2026, 4, 1), 0, 1, 0, 1)]


def test_one_line_names_the_subscribers_and_whom_to_ask_again(world: World) -> None:
    world.know(
        "scv.golden_record",
        pl.DataFrame({"customer_key": [1, 2], "full_name": ["Ann", "Bo"], "city": ["Rome", "Oslo"]}),
    )
    world.events(
        "web", event("a", "opt_in", 1, valid_until_date=day(40).date()), event("b", "opt_in", 1, customer_id="U2")
    )
    world.run(day(30))
    world.run_lists(day(30))
    named = world.engine.query(
        "SELECT full_name, city FROM permission.active_subscriber "
        "WHERE communication_name = 'Ivory Weekly' AND channel_code = 'email' AND is_permitted"
    )
    assert named.rows() == [("Ann", "Rome"), ("Bo", "Oslo")]
    [soon] = world.rows("re_permission").rows(named=True)
    assert (soon["customer_key"], soon["valid_until_date"], soon["days_left"]) == (1, day(40).date(), 10)


def test_every_active_row_keeps_what_is_promised(world: World) -> None:
    world.events("web", event("a", "opt_in", 1), event("b", "opt_in", 1, customer_id="U2", form=None))
    world.run()
    assert broken_promises(world.engine, FACT_SUBSCRIPTION, LATER) == {
        Promise.NOT_EXPIRED: 0,
        Promise.NOT_OPTED_OUT: 0,
        Promise.PROVEN: 1,  # Bo's row says neither by what form nor by what method
    }


def test_a_promise_that_the_facts_break_is_seen(world: World) -> None:
    world.events("web", event("a", "opt_in", 1, valid_until_date=day(20).date()), event("b", "global_opt_out", 25))
    world.run()
    publish_facts(world.engine, world.settings, day(10))
    broken = broken_promises(world.engine, FACT_SUBSCRIPTION, day(30))
    assert (broken[Promise.NOT_EXPIRED], broken[Promise.NOT_OPTED_OUT]) == (1, 1)


def test_a_complaint_ends_all_of_its_channel_until_the_customer_agrees_anew(world: World) -> None:
    sessions = Question("ebony_sessions", "email")
    world.events(
        "web",
        event("a", "opt_in", 1),
        event("b", "opt_in", 1, communication="ebony_sessions"),
        event("c", "complaint", 5),
        event("d", "opt_in", 9),
    )
    world.run()
    assert [world.reason(1, sessions, day(number)) for number in (4, 5, 6, 10)] == [
        "subscribed",
        "complained",
        "complained",
        "complained",
    ]
    assert [world.reason(1, ASKED, day(number)) for number in (6, 10)] == ["complained", "subscribed"]
    [row] = world.rows("suppression").rows(named=True)
    undone = Undo(suppression_id=row["suppression_id"], undone_by="anna", reason="a slip")
    world.settings = world.settings.model_copy(update={"undone_suppressions": (undone,)})
    world.run()
    assert world.reason(1, sessions, day(10)) == "subscribed"
    assert world.rows("suppression")["lifted_by"].to_list() == ["anna"]


STATES = {
    "customer_key": [1, 1, 1],
    "valid_from_dt": [day(0), day(5), day(9)],
    "phone": [None, None, None],
    "mobile_phone": ["+441", "+441", "+442"],
    "is_email_ended": [False, False, False],
    "is_phone_ended": [False, False, False],
    "is_mobile_phone_ended": [False, True, False],
    "is_address_ended": [False, False, False],
    "is_deleted": [False, False, False],
}


@pytest.mark.parametrize(("flag", "channel"), [("is_mobile_phone_ended", "sms"), ("is_address_ended", "post")])
def test_an_address_that_has_ended_is_not_sent_to_until_there_is_a_new_one(
    world: World, flag: str, channel: str
) -> None:
    world.know(
        "scv.dim_customer_history",
        pl.DataFrame({**STATES, "is_mobile_phone_ended": [False] * 3, flag: [False, True, False]}),
    )
    general = {
        "permission_kind": "general",
        "communication": None,
        "communication_type": "promotional",
        "channel": None,
    }
    world.events("web", event("a", "opt_in", 1, **general))
    world.run()
    asked = Question("ivory_offers", channel)
    assert [world.reason(1, asked, day(number)) for number in (4, 6, 10)] == [
        "permitted",
        "invalid_address",
        "permitted",
    ]
    assert world.reason(1, Question("ivory_offers", "email"), day(6)) == "permitted"


def test_an_address_that_has_ended_is_tried_again_after_the_months_that_are_set(world: World) -> None:
    world.know("scv.dim_customer_history", pl.DataFrame({**STATES, "is_email_ended": [False, True, True]}))
    world.events("web", event("a", "opt_in", 1))
    for months, reason in ((None, "invalid_address"), (2, "subscribed")):
        rules = world.settings.suppression.model_copy(update={"invalid_address_expires_after_months": months})
        world.settings = world.settings.model_copy(update={"suppression": rules})
        world.run()
        assert [world.reason(1, ASKED, day(number)) for number in (5, 6)] == ["invalid_address"] * 2
        # The bounce of 6 March: two months to the second.
        ends = datetime(2026, 5, 6, 12, tzinfo=UTC)
        assert world.reason(1, ASKED, ends - timedelta(seconds=1)) == "invalid_address"
        assert [world.reason(1, ASKED, moment) for moment in (ends, day(80))] == [reason] * 2


def test_a_customer_whom_every_source_deleted_gets_only_what_the_law_requires(world: World) -> None:
    world.know(
        "scv.dim_customer_history",
        pl.DataFrame({**STATES, "is_mobile_phone_ended": [False] * 3, "is_deleted": [False, True, True]}),
    )
    world.events("web", event("a", "opt_in", 1))
    world.run()
    assert [world.reason(1, ASKED, day(number)) for number in (4, 6)] == ["subscribed", "customer_deleted"]
    assert world.reason(1, Question("order_notices", "email"), day(6)) == "no_consent_needed"


def test_a_later_stage_adds_statements_and_suppressions(world: World) -> None:
    world.events("web", event("a", "opt_in", 1), event("b", "opt_in", 1, customer_id="U2"))
    complaint = (
        "SELECT 'mail:1' AS event_id, 'mail' AS source, 'reports' AS feed, 'complaint' AS event_type, "
        "'web:U1' AS customer_ref, TRUE AS has_customer_id, 'email' AS channel, 'feedback loop' AS request_method, "
        "TIMESTAMPTZ '2026-03-05' AS event_dt, TIMESTAMPTZ '2026-03-05' AS received_dt, "
        "TIMESTAMPTZ '2026-03-05' AS told_dt, TIMESTAMPTZ '2026-03-05' AS loaded_dt, "
        "repeat('a', 64) AS file_id, '' AS file_part, 1 AS file_line"
    )
    erased = (
        "SELECT 'erased/2' AS named, 2 AS customer_key, 'erased' AS reason, 'email' AS channel, "
        "FALSE AS is_ended_by_consent, 'care.erasure' AS source, '2' AS evidence_id, "
        "TIMESTAMPTZ '2026-03-06' AS since_dt, TIMESTAMPTZ '2026-03-06' AS known_dt, "
        "TIMESTAMPTZ '2026-03-09' AS taken_dt"
    )
    world.run(consent=[complaint], suppression=[erased])
    notices = Question("order_notices", "email")
    assert [world.reason(1, ASKED), world.reason(1, notices)] == ["complained", "no_consent_needed"]
    assert [world.reason(2, ASKED), world.reason(2, notices)] == ["erased", "erased"]
    for by_taken, reason in ((False, "erased"), (True, "no_consent_needed")):
        known = Moment(LATER, datetime(2026, 3, 8, tzinfo=UTC), by_taken)
        assert world.decide([notices], [2], known) == {(2, 0): reason}
    assert world.rows("suppression")["source"].sort().to_list() == ["care.erasure", "mail"]
