"""The decision against the rules told again event by event, over random histories of several parties."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.permission.decision.decide import Moment, Question
from crm_platform.permission.facts.build import publish_facts
from crm_platform.permission.settings import SuppressionRules
from tests.unit.permission.oracle import (
    EVERY_ZONE,
    WITHDRAWALS,
    Event,
    Runs,
    belongs_to,
    counts,
    covers,
    may_be_sent,
)
from tests.unit.permission.world import LATER, SETTINGS, Row, World, day

PARTIES = ("web:U1", "web:U2", "crm:C1")
YES = ("subscribed", "permitted")
QUESTIONS = [
    Question("ivory_weekly", "email"),
    Question("ivory_weekly", "rss"),
    Question("ivory_weekly", "email", locale="nordic"),
    Question("ivory_offers", "email"),
    Question("ivory_offers", "sms", locale="uk"),
    Question("ivory_offers", "sms"),
    Question("ebony_offers", "email"),
]
# Around the nights when the clocks of Europe (29 March 2026) and of New York (8 March) change.
MOMENTS = [day(number) + timedelta(minutes=30 * step) for number in (0, 6.5, 27.5, 28.5, 60) for step in (-1, 0, 1)]
LAST_DAYS = [date(2026, 3, 7), date(2026, 3, 28), date(2026, 3, 29)]
# Just before, at and after the midnights that end those days, wherever customers live.
ENDS = sorted(
    {
        datetime.combine(last + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC) + timedelta(minutes=minutes)
        for last in LAST_DAYS
        for zone in EVERY_ZONE
        for minutes in (-10, 0)
    }
)
EVENT_TYPES = (
    *["opt_in"] * 9,
    *["double_opt_in_request", "double_opt_in_confirm", "opt_out"] * 2,
    *["expiry", "list_unsubscribe", "complaint", "global_opt_out"],
)
DELAYS = (*[timedelta(0)] * 3, timedelta(minutes=3), timedelta(days=20), timedelta(days=-3))
ASKED_AT = st.sampled_from(ENDS) | st.sampled_from([*MOMENTS[6:], LATER])
ABOUT: tuple[tuple[str | None, str | None, str | None], ...] = (
    *[("subscription", "ivory_weekly", None)] * 3,
    *[("general", None, "promotional")] * 3,
    ("general", None, "marketing"),
)
LESS: tuple[tuple[str | None, str | None, str | None], ...] = (
    ("subscription", None, None),
    ("general", None, None),
    (None, None, None),
)


@dataclass(frozen=True)
class History:
    """What was said, who was whom, and how parties add up."""

    events: list[Event]
    repeated: list[tuple[int, datetime]]
    runs: Runs
    merge: str


@st.composite
def said(draw: st.DrawFn, number: int) -> Event:
    """An event of any kind, told at once, late, or with a date that lies ahead."""
    event_type = draw(st.sampled_from(EVENT_TYPES))
    agrees = event_type in ("opt_in", "double_opt_in_request", "double_opt_in_confirm")
    kind, communication, type_ = draw(st.sampled_from(ABOUT if agrees else (*ABOUT, *ABOUT, *LESS)))
    moment = draw(st.sampled_from(MOMENTS[:-3]))
    return Event(
        number,
        draw(st.sampled_from(PARTIES)),
        event_type,
        moment,
        moment + draw(st.sampled_from(DELAYS)),
        kind,
        communication,
        type_,
        draw(st.sampled_from((*["email"] * 6, "sms", "rss", None))),
        draw(st.sampled_from((None, *["ivory"] * 4, "ebony"))),
        draw(st.sampled_from((None, None, None, None, "uk", "nordic", "us"))),
        draw(st.sampled_from((None, None, "P1"))),
        draw(st.sampled_from((None, None, *LAST_DAYS))) if agrees else None,
        draw(st.sampled_from(("POST",) * 7 + ("GET",))),
    )


@st.composite
def said_of_one_thing(draw: st.DrawFn, number: int) -> Event:
    """As `said`, but always about one newsletter by e-mail: there what parties say meets what others say."""
    event = draw(said(number))
    return replace(event, kind="subscription", communication="ivory_weekly", type=None, channel="email", locale=None)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to twelve events, some told twice, of three parties that three runs put to one or two customers."""
    one = draw(st.sampled_from((said, said_of_one_thing, said_of_one_thing)))
    events = [draw(one(number)) for number in range(draw(st.integers(3, 12)))]
    repeated = draw(st.lists(st.sampled_from(events), max_size=2, unique=True))
    assignments = [{party: draw(st.sampled_from((1, 1, 2))) for party in PARTIES} for _ in range(3)]
    runs = list(zip((day(1), day(28), day(40)), assignments, strict=True))
    return History(
        events,
        [(each.number, each.received_dt + timedelta(days=9)) for each in repeated],
        runs,
        draw(st.sampled_from(("most_restrictive", "most_recent"))),
    )


def as_row(event: Event) -> Row:
    """The event as its source writes it."""
    return {
        "event_id": f"e{event.number}",
        "event_type": event.event_type,
        "customer_id": event.party.split(":")[1],
        "permission_kind": event.kind,
        "communication": event.communication,
        "communication_type": event.type,
        "channel": event.channel,
        "brand": event.brand,
        "locale": event.locale,
        "permission_id": event.permission_id,
        "valid_until_date": event.valid_until,
        "request_method": event.method,
        "form": "form",
        "event_dt": event.event_dt,
        "received_dt": event.received_dt,
    }


def world_of(history: History, root: Path, dimensions: Path) -> World:
    """The history told to the platform; complaints end what they name, as other withdrawals do."""
    rules = {"merge": history.merge, "suppression": SuppressionRules(complaint_channels=())}
    world = World(root, dimensions, SETTINGS.model_copy(update=rules))
    world.who_is_who(history.runs)
    for source in ("web", "crm"):
        rows = [as_row(event) for event in history.events if event.party.startswith(source)]
        again = dict(history.repeated)
        late = [{**row, "received_dt": again[number]} for row in rows if (number := int(row["event_id"][1:])) in again]
        if rows:
            world.events(source, *rows)
        if late:
            world.events(source, *late)
    world.run()
    return world


def latest(events: Sequence[Event], types: Sequence[str]) -> datetime | None:
    return max((event.moment for event in events if event.event_type in types), default=None)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories(), at=ASKED_AT, known_at=st.sampled_from([*MOMENTS, LATER]))
def test_the_decision_is_that_of_the_rules_told_again(
    dimensions: Path, history: History, at: datetime, known_at: datetime
) -> None:
    """And whatever happened, nothing is permitted that the latest withdrawal which covers it forbids."""
    with TemporaryDirectory() as folder:
        world = world_of(history, Path(folder), dimensions)
        for moment in (Moment(at, known_at), Moment(at, LATER), Moment(LATER, LATER)):
            decided = world.decide(QUESTIONS, (1, 2), moment)
            for (key, number), reason in decided.items():
                question = QUESTIONS[number]
                expected = may_be_sent(
                    key, question, history.events, history.runs, moment.at, moment.known_at, history.merge
                )
                assert (reason in YES) == expected, (key, question, reason, moment)
                if reason in YES:
                    heard = heard_of(key, question, history, moment)
                    forbidden = latest(heard, WITHDRAWALS)
                    agreed = latest(heard, ("opt_in", "double_opt_in_confirm"))
                    assert agreed is not None and (forbidden is None or agreed > forbidden)


def heard_of(key: int, question: Question, history: History, moment: Moment) -> list[Event]:
    """What the customer's parties had said about the question."""
    return [
        event
        for event in history.events
        if belongs_to(event.party, history.runs, moment.known_at)[0] == key
        and event.moment <= moment.at
        and covers(event, question)
        and counts(event, history.events, history.runs, moment.known_at)
    ]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories(), as_of=ASKED_AT)
def test_whoever_has_an_active_row_is_permitted_and_the_other_way_round(
    dimensions: Path, history: History, as_of: datetime
) -> None:
    with TemporaryDirectory() as folder:
        world = world_of(history, Path(folder), dimensions)
        publish_facts(world.engine, world.settings, as_of)
        active = world.engine.query(
            "SELECT customer_key, communication_code, channel_code FROM permission.fact_subscription "
            "JOIN sources.dim_communication USING (communication_key) JOIN sources.dim_channel USING (channel_key) "
            "WHERE is_active_flag = 1"
        )
        questions = [Question("ivory_weekly", "email"), Question("ivory_weekly", "rss")]
        decided = world.decide(questions, (1, 2), Moment(as_of, LATER))
        subscribed = {(key, questions[number].channel) for (key, number), reason in decided.items() if reason in YES}
        assert {(key, channel) for key, _, channel in active.iter_rows() if channel in ("email", "rss")} == subscribed


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_what_is_told_later_changes_no_answer_of_before(dimensions: Path, history: History) -> None:
    until = MOMENTS[8]
    earlier = [event for event in history.events if event.received_dt <= until]
    before = History(earlier, [], history.runs, history.merge)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        whole = world_of(history, Path(one), dimensions)
        part = world_of(before, Path(other), dimensions) if earlier else None
        moment = Moment(until, until)
        answers = whole.decide(QUESTIONS, (1, 2), moment)
        if part is None:
            assert not any(reason in YES for reason in answers.values())
        else:
            expected = part.decide(QUESTIONS, (1, 2), moment)
            assert {k: v in YES for k, v in answers.items()} == {k: v in YES for k, v in expected.items()}
