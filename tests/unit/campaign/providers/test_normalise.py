"""Providers' events in one vocabulary: their words, their bounces, and each event once however often it comes."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.campaign.providers.normalise import NORMALISED, normalise
from crm_platform.campaign.providers.vocabulary import EVENT_TYPES, providers
from crm_platform.sources.readers.provider_shapes import shapes

SCHEMA: dict[str, Any] = {"provider": pl.String, "event": pl.String, "event_dt": pl.Datetime("us", "UTC")}


def told(provider: str | None, *events: Any) -> pl.DataFrame:
    """Events of a provider, normalised."""
    rows = [(provider, event if isinstance(event, str) else json.dumps(event), None) for event in events]
    return normalise(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def test_every_provider_has_a_shape_and_a_vocabulary() -> None:
    assert set(shapes().providers) == set(providers())


@pytest.mark.parametrize("name", sorted(providers()))
def test_every_type_of_a_provider_is_told_in_the_vocabulary(name: str) -> None:
    assert set(providers()[name].types.values()) <= set(EVENT_TYPES)
    assert {"delivered", "opened"} & set(providers()[name].types.values()) or name == "mailchimp"


def ses_bounce(kind: str, about: str, **recipient: str) -> dict[str, Any]:
    recipients = [{"emailAddress": "A@Example.com", **recipient}, {"emailAddress": "b@example.com"}]
    bounce = {"bounceType": kind, "bounceSubType": about, "bouncedRecipients": recipients, "feedbackId": "f"}
    return {"eventType": "Bounce", "bounce": bounce, "mail": {"messageId": "m", "destination": ["a@example.com"]}}


REFUSAL = "550 5.1.1 <x@example.com>: Recipient address rejected: User unknown"
FULL = "452 4.2.2 <x@example.com> mailbox full"


@pytest.mark.parametrize(
    ("provider", "event", "expected"),
    [
        ("ses", ses_bounce("Permanent", "General", diagnosticCode=REFUSAL), ("bounced", "hard", "userunknown", True)),
        ("ses", ses_bounce("Permanent", "General", diagnosticCode=FULL), ("bounced", "soft", "mailboxfull", False)),
        ("ses", ses_bounce("Permanent", "Suppressed"), ("bounced", "suppressed", "onhold", False)),
        ("ses", ses_bounce("Transient", "MailboxFull"), ("bounced", "soft", "mailboxfull", False)),
        (
            "ses",
            {"eventType": "DeliveryDelay", "deliveryDelay": {"delayType": "IPFailure"}},
            ("deferred", "soft", "blocked", False),
        ),
        (
            "sendgrid",
            {"event": "bounce", "type": "bounce", "reason": REFUSAL},
            ("bounced", "hard", "userunknown", True),
        ),
        (
            "sendgrid",
            {"event": "bounce", "type": "blocked", "bounce_classification": "Reputation"},
            ("bounced", "soft", "badreputation", False),
        ),
        ("sendgrid", {"event": "dropped", "reason": "Bounced Address"}, ("rejected", "suppressed", "onhold", False)),
        (
            "mailgun",
            {"event-data": {"event": "failed", "severity": "temporary", "delivery-status": {"message": FULL}}},
            ("deferred", "soft", "mailboxfull", False),
        ),
        (
            "mailgun",
            {"event-data": {"event": "failed", "severity": "permanent", "reason": "suppress-bounce"}},
            ("bounced", "suppressed", "onhold", False),
        ),
        (
            "postmark",
            {"RecordType": "Bounce", "Type": "SoftBounce", "Details": FULL},
            ("bounced", "soft", "mailboxfull", False),
        ),
        (
            "sparkpost",
            {"msys": {"message_event": {"type": "out_of_band", "bounce_class": "10"}}},
            ("bounced", "hard", "userunknown", True),
        ),
        (
            "sparkpost",
            {"msys": {"message_event": {"type": "bounce", "bounce_class": "90"}}},
            ("unsubscribed", None, None, False),
        ),
        (
            "mandrill",
            {"event": "hard_bounce", "msg": {"bounce_description": "invalid_domain"}},
            ("bounced", "hard", "hostunknown", True),
        ),
        ("mailchimp", {"type": "cleaned", "data": {"reason": "abuse"}}, ("complained", None, None, False)),
        (
            "mailjet",
            {"event": "bounce", "hard_bounce": False, "error": "quota exceeded"},
            ("bounced", "soft", "mailboxfull", False),
        ),
        (
            "postal",
            {"event": "MessageDelayed", "payload": {"status": "SoftFail"}},
            ("deferred", "soft", "undefined", False),
        ),
    ],
)
def test_bounces_are_told_apart(provider: str, event: dict[str, Any], expected: tuple[Any, ...]) -> None:
    first = told(provider, event).row(0, named=True)
    assert (first["event_type"], first["bounce_kind"], first["reason"], first["address_invalid"]) == expected


def test_a_bounce_of_several_recipients_is_a_row_for_each() -> None:
    rows = told("ses", ses_bounce("Permanent", "General"))
    assert rows["recipient"].to_list() == ["a@example.com", "b@example.com"]
    assert rows["event_id"].n_unique() == 2


def test_who_of_several_recipients_opened_is_not_guessed() -> None:
    event = {"eventType": "Open", "open": {"userAgent": "x"}, "mail": {"destination": ["a@x.com", "b@x.com"]}}
    assert told("ses", event)["recipient"].to_list() == [None]
    event["mail"] = {"destination": ["a@x.com"]}
    assert told("ses", event)["recipient"].to_list() == ["a@x.com"]


def test_proxies_that_a_provider_knows_are_passed_on() -> None:
    opens = {"event": "open", "sg_machine_open": True}, {"event": "open", "sg_machine_open": False}
    assert told("sendgrid", *opens)["is_proxy"].to_list() == [True, False]
    assert told("brevo", {"event": "proxy_open"})["is_proxy"].to_list() == [True]


def test_unknown_types_and_shapes_are_put_aside_with_their_reason() -> None:
    assert told("sendgrid", {"event": "new_thing"}).row(0, named=True)["rejected_reason"] == "unknown_type"
    assert told(None, {"x": 1}).row(0, named=True)["rejected_reason"] == "unknown_provider"
    assert told("somebody", {"x": 1})["event_type"].to_list() == ["unknown"]
    assert told("ses").is_empty()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = sorted(
    {path.split(".")[0] for each in providers().values() for paths in each.fields.values() for path in paths}
)


@settings(max_examples=20)
@given(
    st.sampled_from([*sorted(providers()), None]),
    st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6), max_size=4),
)
def test_no_event_makes_it_fail_and_each_has_a_row(provider: str | None, events: list[dict[str, Any]]) -> None:
    rows = told(provider, *events)
    assert set(rows["place"]) == set(range(len(events)))
    assert rows.schema == NORMALISED
    assert rows["event_id"].null_count() == 0


def sample(number: int) -> list[tuple[str, str, datetime]]:
    """An event of each of several providers, with its time, told apart by a number."""
    at = 1_461_095_246 + number
    events: dict[str, dict[str, Any]] = {
        "sendgrid": {
            "event": "open",
            "email": f"u{number}@x.com",
            "timestamp": at,
            "sg_event_id": f"e{number}",
            "smtp-id": "<m>",
        },
        "mandrill": {"event": "open", "_id": "m", "ts": at, "msg": {"email": f"u{number}@x.com"}},
        "sparkpost": {"msys": {"track_event": {"type": "open", "event_id": f"{number}", "timestamp": str(at)}}},
        "mailgun": {"event-data": {"event": "opened", "id": f"i{number}", "timestamp": at, "recipient": "u@x.com"}},
        "postmark": {"RecordType": "Open", "MessageID": f"p{number}", "Recipient": "u@x.com"},
        "mailjet": {"event": "open", "MessageID": number, "time": at, "email": "u@x.com"},
    }
    return [(provider, json.dumps(event), datetime.fromtimestamp(at, UTC)) for provider, event in events.items()]


@settings(max_examples=15)
@given(st.integers(1, 6), st.integers(2, 46), st.randoms(use_true_random=False))
def test_redeliveries_in_any_order_are_the_same_events(number: int, times: int, chance: random.Random) -> None:
    events = [event for each in range(number) for event in sample(each)]
    # SendGrid sends an event anew under another key of its own.
    again = [(provider, text.replace('"sg_event_id": "e', '"sg_event_id": "n'), at) for provider, text, at in events]
    delivered = events * times + again
    chance.shuffle(delivered)
    once, often = (normalise(pl.DataFrame(each, schema=SCHEMA, orient="row")) for each in (events, delivered))
    assert once["event_id"].n_unique() == len(events)
    assert set(often["event_id"]) == set(once["event_id"])
