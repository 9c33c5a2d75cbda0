"""The decision against the rules told again event by event, over random histories of several parties."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm_platform.permission.decision.decide import Moment, Question
from crm_platform.permission.facts.build import publish_facts
from tests.unit.permission.histories import (
    CUSTOMERS,
    ENDS,
    MERGES,
    MOMENTS,
    RUN_MOMENTS,
    History,
    crowd,
    customers_of,
    histories,
    world_of,
)
from tests.unit.permission.oracle import WITHDRAWALS, Event, belongs_to, counts, covers, may_be_sent
from tests.unit.permission.world import LATER, World

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
ASKED_AT = st.sampled_from(ENDS) | st.sampled_from([*MOMENTS[6:], LATER])
KNOWN_AT = st.sampled_from([*MOMENTS, *RUN_MOMENTS, LATER])
CROWD = 150
SEEDS = st.integers(0, 2**32)
SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
# A seed does not shrink: another crowd is not a smaller one.
OF_A_CROWD = settings(max_examples=3, suppress_health_check=SUPPRESSED, phases=[Phase.generate])


def latest(events: Sequence[Event], types: Sequence[str]) -> datetime | None:
    return max((event.moment for event in events if event.event_type in types), default=None)


@settings(max_examples=12, suppress_health_check=SUPPRESSED)
@given(history=histories(), merge=st.sampled_from(MERGES), at=ASKED_AT, known_at=KNOWN_AT)
def test_the_decision_is_that_of_the_rules_told_again(
    dimensions: Path, history: History, merge: str, at: datetime, known_at: datetime
) -> None:
    """And whatever happened, nothing is permitted that the latest withdrawal which covers it forbids."""
    with TemporaryDirectory() as folder:
        world = world_of([history], merge, Path(folder), dimensions)
        for moment in (Moment(at, known_at), Moment(at, LATER), Moment(LATER, LATER)):
            held_to_the_rules(world, [history], merge, moment)


@OF_A_CROWD
@given(seed=SEEDS, merge=st.sampled_from(MERGES), asked=st.lists(st.tuples(ASKED_AT, KNOWN_AT), min_size=6, max_size=6))
def test_the_decisions_of_many_are_those_of_the_rules_told_again(
    dimensions: Path, seed: int, merge: str, asked: list[tuple[datetime, datetime]]
) -> None:
    many = crowd(seed, CROWD)
    with TemporaryDirectory() as folder:
        world = world_of(many, merge, Path(folder), dimensions)
        for at, known_at in [*asked, (LATER, LATER), *((LATER, moment) for moment in RUN_MOMENTS)]:
            held_to_the_rules(world, many, merge, Moment(at, known_at))


def held_to_the_rules(world: World, many: Sequence[History], merge: str, moment: Moment) -> None:
    """Each decision is the oracle's, and none is for what the latest withdrawal which covers it forbids."""
    decided = world.decide(QUESTIONS, [key for place in range(len(many)) for key in customers_of(place)], moment)
    for place, history in enumerate(many):
        for customer, key in zip(CUSTOMERS, customers_of(place), strict=True):
            for number, question in enumerate(QUESTIONS):
                reason = decided[key, number]
                expected = may_be_sent(
                    customer, question, history.events, history.runs, moment.at, moment.known_at, merge
                )
                assert (reason in YES) == expected, (customer, question, reason, moment, history)
                if reason in YES:
                    heard = heard_of(customer, question, history, moment)
                    forbidden = latest(heard, WITHDRAWALS)
                    agreed = latest(heard, ("opt_in", "double_opt_in_confirm"))
                    assert agreed is not None and (forbidden is None or agreed > forbidden)


def heard_of(customer: int, question: Question, history: History, moment: Moment) -> list[Event]:
    """What the customer's parties had said about the question."""
    return [
        event
        for event in history.events
        if belongs_to(event.party, history.runs, moment.known_at)[0] == customer
        and event.moment <= moment.at
        and covers(event, question)
        and counts(event, history.events, history.runs, moment.known_at)
    ]


@OF_A_CROWD
@given(seed=SEEDS, merge=st.sampled_from(MERGES), as_of=ASKED_AT)
def test_whoever_has_an_active_row_is_permitted_and_the_other_way_round(
    dimensions: Path, seed: int, merge: str, as_of: datetime
) -> None:
    with TemporaryDirectory() as folder:
        world = world_of(crowd(seed, CROWD), merge, Path(folder), dimensions)
        publish_facts(world.engine, world.settings, as_of)
        active = world.engine.query(
            "SELECT customer_key, communication_code, channel_code FROM permission.fact_subscription "
            "JOIN sources.dim_communication USING (communication_key) JOIN sources.dim_channel USING (channel_key) "
            "WHERE is_active_flag = 1"
        )
        questions = [Question("ivory_weekly", "email"), Question("ivory_weekly", "rss")]
        decided = world.decide(questions, range(1, 2 * CROWD + 1), Moment(as_of, LATER))
        subscribed = {(key, questions[number].channel) for (key, number), reason in decided.items() if reason in YES}
        assert {(key, channel) for key, _, channel in active.iter_rows() if channel in ("email", "rss")} == subscribed


@OF_A_CROWD
@given(seed=SEEDS, merge=st.sampled_from(MERGES), until=st.sampled_from(MOMENTS[4:12]))
def test_what_is_told_later_changes_no_answer_of_before(
    dimensions: Path, seed: int, merge: str, until: datetime
) -> None:
    whole = crowd(seed, CROWD)
    earlier = [
        History([event for event in history.events if event.received_dt <= until], [], history.runs)
        for history in whole
    ]
    moment = Moment(until, until)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        answers, expected = (
            world_of(told, merge, Path(folder), dimensions).decide(QUESTIONS, range(1, 2 * CROWD + 1), moment)
            for told, folder in ((whole, one), (earlier, other))
        )
        assert {k: v in YES for k, v in answers.items()} == {k: v in YES for k, v in expected.items()}
