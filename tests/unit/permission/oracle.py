"""The rules of permission told again, event by event, as slowly and obviously as can be: what the decision is held to.

Here: one customer, one question, plain loops. Not here: the platform's own way (`decision.sql`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm_platform.permission.decision.decide import Question
from tests.unit.permission.world import COMPANY, Assignment

COMMUNICATIONS = {each.code: each for each in COMPANY.communications}
ZONES = {locale.code: [country.time_zone for country in locale.countries] for locale in COMPANY.locales}
EVERY_ZONE = [zone for zones in ZONES.values() for zone in zones]
WITHDRAWALS = ("opt_out", "list_unsubscribe", "complaint", "global_opt_out")
Runs = Sequence[tuple[datetime, Assignment]]


@dataclass(frozen=True)
class Event:
    """An event as a source tells it."""

    number: int
    party: str
    event_type: str
    event_dt: datetime
    received_dt: datetime
    kind: str | None
    communication: str | None
    type: str | None
    channel: str | None
    brand: str | None
    locale: str | None
    permission_id: str | None
    valid_until: date | None
    method: str

    @property
    def moment(self) -> datetime:
        """Whoever withdraws is heard at once, whatever date the withdrawal bears."""
        withdraws = self.event_type in (*WITHDRAWALS, "expiry")
        return min(self.event_dt, self.received_dt) if withdraws else self.event_dt

    @property
    def agrees(self) -> bool:
        """Whether it gives consent, if it counts."""
        return self.event_type in ("opt_in", "double_opt_in_confirm")


def belongs_to(party: str, runs: Runs, known_at: datetime) -> tuple[int, datetime]:
    """The customer that a party belonged to as far as was known, and the run that put it there."""
    moments = [(moment, assignment[party]) for moment, assignment in runs]
    joined, key = moments[0]
    for moment, now in moments[1:]:
        if moment <= known_at and now != key:
            joined, key = moment, now
    return key, joined


def request_of(event: Event, events: Sequence[Event], runs: Runs) -> list[Event]:
    """The requests that a confirmation may confirm: of the customer of today, before it, at most 30 days."""
    today = runs[-1][1]
    return [
        each
        for each in events
        if each.event_type == "double_opt_in_request"
        and today[each.party] == today[event.party]
        and each.event_dt <= each.received_dt + timedelta(days=1)
        and each.event_dt <= event.event_dt <= each.event_dt + timedelta(days=30)
        and _same_permission(each, event)
    ]


def _same_permission(one: Event, other: Event) -> bool:
    if one.permission_id and other.permission_id:
        return one.permission_id == other.permission_id and one.party[:3] == other.party[:3]
    brands = [COMMUNICATIONS[e.communication].brand if e.communication else e.brand for e in (one, other)]
    return brands[0] == brands[1] and all(
        getattr(one, name) == getattr(other, name) for name in ("kind", "communication", "type", "channel", "locale")
    )


def counts(event: Event, events: Sequence[Event], runs: Runs, known_at: datetime) -> bool:
    """Whether an event has an effect, as far as was known."""
    if event.received_dt > known_at or event.event_type == "double_opt_in_request":
        return False
    if event.method == "GET" and event.event_type != "expiry":
        return False
    if event.agrees and event.event_dt > event.received_dt + timedelta(days=1):
        return False
    if event.event_type == "double_opt_in_confirm":
        return any(each.received_dt <= known_at for each in request_of(event, events, runs))
    return True


def is_kept(event: Event, events: Sequence[Event], runs: Runs) -> bool:
    """Whether an event has an effect, or asks for one, by all that is known in the end."""
    in_the_end = max(each.received_dt for each in events)
    if event.event_type == "double_opt_in_request":
        return event.event_dt <= event.received_dt + timedelta(days=1)
    return counts(event, events, runs, in_the_end)


def covers(event: Event, question: Question) -> bool:
    """Whether an event is about what is asked."""
    communication = COMMUNICATIONS[question.communication]
    if event.event_type == "global_opt_out":
        return True
    if event.channel not in (None, question.channel):
        return False
    if event.brand not in (None, communication.brand) and event.communication is None:
        return False
    if event.kind is None:
        return True
    if event.kind != communication.kind:
        return False
    is_here = question.locale is None or event.locale in (None, question.locale)
    if event.kind == "general":
        return is_here and event.type in ((communication.type,) if event.agrees else (None, communication.type))
    if event.agrees:
        return is_here and event.communication == question.communication
    return event.communication in (None, question.communication)


def is_over(event: Event, at: datetime) -> bool:
    """Whether the last day of a consent is over at `at` in any time zone of its locale."""
    zones = ZONES[event.locale] if event.locale else EVERY_ZONE
    last = event.valid_until
    return last is not None and any(at.astimezone(ZoneInfo(zone)).date() > last for zone in zones)


def may_be_sent(
    key: int, question: Question, events: Sequence[Event], runs: Runs, at: datetime, known_at: datetime, merge: str
) -> bool:
    """Whether a customer consents at `at`, as far as was known at `known_at`."""
    homes = {party: belongs_to(party, runs, known_at) for party in runs[0][1]}
    parties = {party for party, (home, _) in homes.items() if home == key}
    heard = [
        each
        for each in events
        if each.party in parties
        and each.moment <= at
        and covers(each, question)
        and counts(each, events, runs, known_at)
    ]
    speaking = {each.party for each in events if each.party in parties and is_kept(each, events, runs)}
    as_one_since = max((homes[party][1] for party in speaking), default=None)
    given = [each for each in heard if each.agrees]
    withdrawn = [each for each in heard if each.event_type in WITHDRAWALS]
    ended = [each for each in heard if each.event_type == "expiry"]

    def same_voice(one: Event, other: Event) -> bool:
        return merge == "most_recent" or one.party == other.party

    def in_force(consent: Event) -> bool:
        replaced = any(
            same_voice(each, consent) and _scope(each) == _scope(consent) and each.moment > consent.moment
            for each in given
        )
        shorter = [
            e for e in given if same_voice(e, consent) and _scope(e) == _scope(consent) and e.moment == consent.moment
        ]
        return not (
            replaced
            or any(each.moment >= consent.moment for each in withdrawn)
            or any(same_voice(each, consent) and each.moment >= consent.moment for each in ended)
            or any(is_over(each, at) for each in shorter)
        )

    def stands(withdrawal: Event) -> bool:
        assert as_one_since is not None
        return not any(
            each.moment > withdrawal.moment and (same_voice(each, withdrawal) or each.moment >= as_one_since)
            for each in given
        )

    return any(in_force(each) for each in given) and not any(stands(each) for each in withdrawn)


def _scope(event: Event) -> tuple[str | None, ...]:
    brand = COMMUNICATIONS[event.communication].brand if event.communication else event.brand
    return (event.kind, event.communication, event.type, event.channel, brand, event.locale)
