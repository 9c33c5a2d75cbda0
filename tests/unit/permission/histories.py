"""Random histories of consent: what three parties said, and to which of two customers three runs put them.

Here: drawing them, one by one for hypothesis or many at once from a seed, and telling them to the platform. Not here:
what should come of them (`oracle.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from crm_platform.permission.settings import SuppressionRules
from tests.unit.permission.oracle import EVERY_ZONE, Event, Runs
from tests.unit.permission.world import SETTINGS, Row, World, day

PARTIES = ("web:U1", "web:U2", "crm:C1")
CUSTOMERS = (1, 2)
# Around the nights when the clocks of Europe (29 March 2026) and of New York (8 March) change.
MOMENTS = [day(number) + timedelta(minutes=30 * step) for number in (0, 6.5, 27.5, 28.5, 60) for step in (-1, 0, 1)]
RUN_MOMENTS = (day(1), day(28.5), day(40))
"""The second in the very moment of events."""
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
MERGES = ("most_restrictive", "most_recent")
_EVENT_TYPES = (
    *["opt_in"] * 9,
    *["double_opt_in_request", "double_opt_in_confirm", "opt_out"] * 2,
    *["expiry", "list_unsubscribe", "complaint", "global_opt_out"],
)
_DELAYS = (*[timedelta(0)] * 3, timedelta(minutes=3), timedelta(days=20), timedelta(days=-3))
_About = tuple[str | None, str | None, str | None]
_ABOUT: tuple[_About, ...] = (
    *[("subscription", "ivory_weekly", None)] * 3,
    *[("general", None, "promotional")] * 3,
    ("general", None, "marketing"),
)
_LESS: tuple[_About, ...] = (("subscription", None, None), ("general", None, None), (None, None, None))


Option = TypeVar("Option")


class Choice(Protocol):
    """Takes one of some options."""

    def __call__(self, options: Sequence[Option]) -> Option:
        """The option taken."""


@dataclass(frozen=True)
class History:
    """What was said, some of it twice (number of the event, when it was told again), and who was whom."""

    events: list[Event]
    repeated: list[tuple[int, datetime]]
    runs: Runs


def histories() -> st.SearchStrategy[History]:
    """One history, which shrinks."""

    @st.composite
    def one(draw: st.DrawFn) -> History:
        def choose(options: Sequence[Option]) -> Option:
            return draw(st.sampled_from(options))

        return history_of(choose)

    return one()


def crowd(seed: int, number: int) -> list[History]:
    """Many histories, the same for the same seed."""
    return [_random_history(Random(f"{seed}/{place}")) for place in range(number)]


def _random_history(random: Random) -> History:
    def choose(options: Sequence[Option]) -> Option:
        return random.choice(options)

    return history_of(choose)


def history_of(choose: Choice) -> History:
    """Up to twelve events, some told twice, of three parties that three runs put to one or two customers."""
    said: Callable[[int, Choice], Event] = choose((_said, _said_of_one_thing, _said_of_one_thing))
    events = [said(number, choose) for number in range(choose(range(3, 13)))]
    repeated = [choose(events) for _ in range(choose(range(3)))]
    assignments = [{party: choose((1, 1, 2)) for party in PARTIES} for _ in RUN_MOMENTS]
    return History(
        events,
        [(each.number, each.received_dt + timedelta(days=9)) for each in repeated],
        list(zip(RUN_MOMENTS, assignments, strict=True)),
    )


def _said(number: int, choose: Choice) -> Event:
    """An event of any kind, told at once, late, or with a date that lies ahead."""
    event_type = choose(_EVENT_TYPES)
    agrees = event_type in ("opt_in", "double_opt_in_request", "double_opt_in_confirm")
    kind, communication, type_ = choose(_ABOUT if agrees else (*_ABOUT, *_ABOUT, *_LESS))
    moment = choose(MOMENTS[:-3])
    no_day: tuple[date | None, ...] = (None, None)
    return Event(
        number,
        choose(PARTIES),
        event_type,
        moment,
        moment + choose(_DELAYS),
        kind,
        communication,
        type_,
        choose((*["email"] * 6, "sms", "rss", None)),
        choose((None, *["ivory"] * 4, "ebony")),
        choose((None, None, None, None, "uk", "nordic", "us")),
        choose((None, None, "P1")),
        choose((*no_day, *LAST_DAYS)) if agrees else None,
        choose(("POST",) * 7 + ("GET",)),
    )


def _said_of_one_thing(number: int, choose: Choice) -> Event:
    """As `_said`, but always about one newsletter by e-mail: there what parties say meets what others say."""
    event = _said(number, choose)
    return replace(event, kind="subscription", communication="ivory_weekly", type=None, channel="email", locale=None)


def world_of(histories: Sequence[History], merge: str, root: Path, dimensions: Path) -> World:
    """The histories told to one platform; complaints end what they name, as other withdrawals do.

    The customers of the history at a place are `customers_of(place)`.
    """
    rules = {"merge": merge, "suppression": SuppressionRules(complaint_channels=())}
    world = World(root, dimensions, SETTINGS.model_copy(update=rules))
    world.who_is_who(
        [
            (
                moment,
                {
                    f"{party}_{place}": customers_of(place)[history.runs[run][1][party] - 1]
                    for place, history in enumerate(histories)
                    for party in PARTIES
                },
            )
            for run, moment in enumerate(RUN_MOMENTS)
        ]
    )
    for source in ("web", "crm"):
        told: list[Row] = []
        again: list[Row] = []
        for place, history in enumerate(histories):
            own = {event.number: _row(event, place) for event in history.events if event.party.startswith(source)}
            told.extend(own.values())
            again.extend({**own[n], "received_dt": late} for n, late in history.repeated if n in own)
        for rows in (told, again):
            if rows:
                world.events(source, *rows)
    world.run()
    return world


def customers_of(place: int) -> tuple[int, int]:
    """The keys of the two customers of the history at a place."""
    return 2 * place + 1, 2 * place + 2


def _row(event: Event, place: int) -> Row:
    """The event as its source writes it."""
    return {
        "event_id": f"e{event.number}_{place}",
        "event_type": event.event_type,
        "customer_id": f"{event.party.split(':')[1]}_{place}",
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
