"""Asking for one customer: who is meant, the answers with their evidence, and the proof of what was agreed.

Here: what a person or another program asks one at a time. Not here: the decision itself (`decide.py`, `decision.sql`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_platform.permission.decision.decide import Moment, Question, decided, one_customer
from crm_platform.permission.reasons import Reason
from crm_platform.permission.settings import PermissionSettings
from crm_platform.problem import Problem
from crm_platform.warehouse.engine import Engine, literal

Row = dict[str, Any]
EVENT_COLUMNS = (
    "event_id, event_order, event_type, effect, party, permission_kind, communication, communication_type, "
    "channel, brand, locale, event_dt, received_dt, loaded_dt, valid_until_date, expires_dt, request_event_id, "
    "wording_version, form, request_method, ip_hash, promotion_source, permission_id, source, feed, file_id, "
    "file_part, file_line"
)


class AskError(Problem):
    """A question that cannot be put; the message says why."""


@dataclass(frozen=True)
class Answer:
    """A decision with what it rests on: the rows of events (both steps of a double opt-in) and of suppressions."""

    question: Question
    reason: Reason
    evidence: tuple[Row, ...]

    @property
    def is_permitted(self) -> bool:
        """Whether it may be sent."""
        return self.reason.is_permission


def customer_of(engine: Engine, named: str, known_at: datetime) -> int:
    """The key of the customer named by key, e-mail address or `<source>:<customer_id>`, as of `known_at` (UTC).

    A key that was merged away by then leads to the customer that it is part of.

    Raises:
        AskError: nobody is named so, or several are.
    """
    if named.isdecimal():
        return _surviving(engine, int(named), known_at)
    if "@" in named:
        query = "SELECT customer_key FROM scv.golden_record WHERE lower(email) = $named ORDER BY 1"
    else:
        query = "SELECT customer_key FROM scv.customer_ref_key WHERE lower(customer_ref) = $named ORDER BY 1"
    keys = engine.query(query, {"named": named.lower()})["customer_key"].to_list()
    if not keys:
        raise AskError(f"no customer is {named!r}: give a key, an e-mail address, or <source>:<customer_id>")
    if len(keys) > 1:
        raise AskError(f"{len(keys)} customers are {named!r}: give one of the keys {', '.join(map(str, keys))}")
    return int(keys[0])


def _surviving(engine: Engine, customer_key: int, known_at: datetime) -> int:
    merged = engine.scalar(
        "SELECT surviving_customer_key FROM scv.customer_redirect WHERE customer_key = $key AND merged_dt <= $known_at",
        {"key": customer_key, "known_at": known_at},
    )
    key = int(merged or customer_key)
    # A key that was merged away later than that is asked for as it was then.
    known = engine.scalar(
        "SELECT count(*) FROM (SELECT customer_key FROM scv.golden_record WHERE customer_key = $key "
        "UNION ALL SELECT customer_key FROM permission.consent_party WHERE customer_key = $key)",
        {"key": key},
    )
    if not known:
        raise AskError(f"there is no customer {customer_key}")
    return key


def offered_questions(
    engine: Engine, communications: Sequence[str], channels: Sequence[str], brand: str | None, locale: str | None
) -> list[Question]:
    """The questions on these communications (none: all of them) by these channels (none: those they are sent by).

    Raises:
        AskError: there is no such communication, or nothing is sent by such a channel or under such a brand: a
            misspelt name is not to be answered with no.
    """
    rows = engine.query(
        "SELECT communication_code, channel_codes, brand_code FROM sources.dim_communication "
        "WHERE communication_key > 0 AND is_current = 1 ORDER BY communication_key"
    )
    offered = {code: tuple(codes.split(",")) for code, codes, _ in rows.iter_rows()}
    _refuse_unknown("there is no communication", communications, set(offered))
    _refuse_unknown(
        "nothing is sent by the channel", channels, {channel for each in offered.values() for channel in each}
    )
    _refuse_unknown("nothing is sent under the brand", [brand] if brand else [], set(rows["brand_code"].drop_nulls()))
    return [
        Question(code, channel, brand, locale)
        for code in communications or offered
        for channel in channels or offered[code]
    ]


def _refuse_unknown(what: str, named: Sequence[str], known: set[str]) -> None:
    wrong = next((name for name in named if name not in known), None)
    if wrong is not None:
        raise AskError(f"{what} {wrong!r}; there are {', '.join(sorted(known))}")


def answers(
    engine: Engine, settings: PermissionSettings, customer_key: int, questions: Sequence[Question], moment: Moment
) -> list[Answer]:
    """The decisions on one customer, those of a communication in the order in which channels are preferred."""
    with decided(engine, settings, one_customer(customer_key), questions, moment):
        rows = engine.query("SELECT * FROM decision ORDER BY question_number").rows(named=True)
    evidence = _Evidence(engine, customer_key, rows)
    found = [
        Answer(questions[row["question_number"] - 1], Reason(row["reason_code"]), tuple(evidence.of(row)))
        for row in rows
    ]
    order = _channel_order(engine, settings, customer_key)
    communications = list(dict.fromkeys(question.communication for question in questions))
    return sorted(
        found, key=lambda each: (communications.index(each.question.communication), order(each.question.channel))
    )


def proof(engine: Engine, customer_key: int, known_at: datetime) -> Row:
    """Everything that the customer has agreed to, asked for and withdrawn, in its order, with how that is known."""
    return {
        "customer_key": customer_key,
        "known_at": known_at,
        "events": _events(engine, customer_key, f"known_dt <= {literal(known_at)}"),
        "suppressions": _suppressions(engine, f"customer_key = {customer_key} AND known_dt <= {literal(known_at)}"),
    }


class _Evidence:
    """What decisions on a customer rest on: events, the requests that they confirm, and suppressions."""

    def __init__(self, engine: Engine, customer_key: int, decisions: Sequence[Row]) -> None:
        orders = _listed(row["event_order"] for row in decisions)
        self._events = _events(engine, customer_key, f"event_order IN ({orders})")
        requests = _listed(row["request_event_id"] for row in self._events)
        self._requests = _events(engine, customer_key, f"event_id IN ({requests})")
        self._suppressions = _suppressions(
            engine, f"suppression_id IN ({_listed(row['suppression_id'] for row in decisions)})"
        )

    def of(self, decision: Row) -> Iterator[Row]:
        """The rows of one decision, requests before what confirms them."""
        events = [row for row in self._events if row["event_order"] == decision["event_order"]]
        confirmed = {row["request_event_id"] for row in events}
        yield from (row for row in self._requests if row["event_id"] in confirmed)
        yield from events
        yield from (row for row in self._suppressions if row["suppression_id"] == decision["suppression_id"])


def _listed(values: Iterable[str | int | None]) -> str:
    """Values as SQL writes them in a list."""
    return ", ".join(literal(value) for value in values if value is not None) or "NULL"


def _events(engine: Engine, customer_key: int, condition: str) -> list[Row]:
    """The events of a customer, who may have borne another key when they were heard."""
    return engine.query(
        f"SELECT {EVENT_COLUMNS} FROM permission.consent_event WHERE (customer_key, party) IN ("
        f"SELECT current_customer_key, party FROM permission.consent_party WHERE customer_key = {customer_key}"
        f") AND {condition} ORDER BY effective_dt, event_id"
    ).rows(named=True)


def _suppressions(engine: Engine, condition: str) -> list[Row]:
    return engine.query(
        "SELECT suppression_id, reason, channel, is_ended_by_consent, source, evidence_id, since_dt, expires_dt, "
        f"lifted_dt, lifted_by FROM permission.suppression WHERE {condition} ORDER BY since_dt, suppression_id"
    ).rows(named=True)


def _channel_order(engine: Engine, settings: PermissionSettings, customer_key: int) -> Callable[[str], int]:
    preferred = engine.scalar(f"SELECT preferred_channel FROM scv.golden_record WHERE customer_key = {customer_key}")
    order = [*([preferred] if preferred else []), *settings.channel_order]
    return lambda channel: order.index(channel) if channel in order else len(order)
