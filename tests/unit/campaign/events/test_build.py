"""`campaign.event`: each event once, whatever came first, with member and actor; only days touched are written."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import crm_platform.campaign.events.build as build
from crm_platform.campaign.events.contracts import EVENT, EVENT_FILE, REJECTED_EVENT
from crm_platform.warehouse.versions import FEW_PARTITIONS
from tests.unit.campaign.events.site import KEYS, LINKS, SENT, EventSite, click, delivery, hit, members, pixel

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Of an event delivered twice staging keeps the delivery that was loaded first: only that depends on the order.
DELIVERY = ("received_dt", "loaded_dt", "file_id", "file_part", "file_line")
PERSON = [pixel("M1", SENT + HOUR), click("M1", "a", SENT + HOUR + timedelta(minutes=1))]


@pytest.fixture
def site(tmp_path: Path) -> EventSite:
    return EventSite(tmp_path / "home")


def test_events_of_every_kind_find_their_member_and_who_acted(site: EventSite) -> None:
    site.land("members.csv", members("M1", "M2"))
    site.land("links.csv", LINKS)
    site.land(
        "events.jsonl",
        [delivery("M1"), delivery("M2", 9, "bounce"), '{"event": "new", "sg_event_id": "1", "timestamp": 1}', "{}"],
    )
    burst = [click("M2", link, SENT + HOUR) for link in "ab"]
    site.land("hits.log", [*PERSON, *burst, pixel("M2", SENT + timedelta(seconds=2)), hit("/o.gif?c=M1&m=C1", SENT)])
    site.land(
        "sms.csv",
        "receipt_id,customer_id,phone,campaign_id,status,event_dt\nS1,K9,+4477009,C2,rejected,2026-05-02T00:00:00Z\n",
    )
    site.refresh()
    events = site.table().sort("event_dt", "link_id")
    told = events.select("event_type", "member_id", "customer_ref", "cell_id", "actor_class", "actor_rule").rows()
    assert told == [
        ("opened", "M2", "crm:M2-customer", "A", "machine", "too_soon"),
        ("delivered", "M1", "crm:M1-customer", "A", None, None),
        ("bounced", "M2", "crm:M2-customer", "A", None, None),
        ("opened", "M1", "crm:M1-customer", "A", "human", "no_sign"),
        ("clicked", "M2", "crm:M2-customer", "A", "machine", "burst"),
        ("clicked", "M2", "crm:M2-customer", "A", "machine", "burst"),
        ("clicked", "M1", "crm:M1-customer", "A", "human", "no_sign"),
        ("bounced", None, "crm:K9", None, None, None),
    ]
    assert "203.0.113.7" not in str(events.rows())
    rejected = site.table(REJECTED_EVENT)
    assert set(rejected.select("reason", "number_of_events").rows()) == {("unknown_type", 1), ("forged_identifier", 1)}
    files = site.table(EVENT_FILE)
    assert files["number_of_events"].sum() == events.height


def test_files_in_any_order_with_duplicates_and_delays_give_the_same_events(tmp_path: Path) -> None:
    files = {
        "members.csv": members("M1", "M2"),
        "links.csv": LINKS,
        "events1.jsonl": [delivery("M1"), delivery("M2")],
        "events2.jsonl": [delivery("M2"), delivery("M1", 86_400, "open"), delivery("M1")],
        "hits1.log": PERSON,
        "hits2.log": [click("M2", "a", SENT + 2 * DAY), pixel("M2", SENT + timedelta(seconds=3))],
    }
    tables = []
    for number, names in enumerate([list(files), list(files)[::-1]]):
        site = EventSite(tmp_path / f"home{number}")
        for name in names:
            site.land(name, files[name], day=list(files).index(name))
            site.refresh()
        tables.append(site.table().drop(DELIVERY))
    at_once = EventSite(tmp_path / "at_once")
    for name, content in files.items():
        at_once.land(name, content, day=list(files).index(name))
    at_once.refresh()
    for table in tables:
        assert_frame_equal(table, at_once.table().drop(DELIVERY))
    assert at_once.table().height == 7


def test_a_late_file_changes_the_days_of_its_events_and_no_other(site: EventSite) -> None:
    site.land("members.csv", members("M1"))
    site.land("hits1.log", [*PERSON, pixel("M1", SENT + DAY), pixel("M1", SENT + 2 * DAY)])
    site.refresh()
    before = site.day_bytes()
    assert set(site.publish()) == set()
    site.land("hits2.log", [pixel("M1", SENT + DAY + HOUR)], day=20)
    publications = site.refresh()
    assert publications["event"].partition_keys == ("2026-05-02",)
    after = site.day_bytes()
    assert {day for day in after if after[day] != before.get(day)} == {"event_dt=2026-05-02"}


def test_members_that_become_known_later_are_found_for_their_events(site: EventSite) -> None:
    site.land("events.jsonl", [delivery("M1")])
    site.land("hits.log", [pixel("M1", SENT + timedelta(seconds=3)), pixel("M1", SENT + 2 * DAY)])
    site.refresh()
    assert site.table()["cell_id"].to_list() == [None] * 3
    site.land("members.csv", members("M1"))
    site.refresh()
    events = site.table()
    assert events["cell_id"].to_list() == ["A"] * 3
    assert events.sort("event_dt")["actor_class"].to_list() == ["machine", None, "human"]


def test_killed_before_the_commit_it_is_done_again_with_the_same_result(
    site: EventSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    undisturbed = EventSite(tmp_path / "undisturbed")
    for each in (site, undisturbed):
        each.land("members.csv", members("M1"))
        each.land("hits.log", [*PERSON, hit("/o.gif?c=x&m=y", SENT)])
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(build, "_publish_taken", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        site.refresh()
    assert site.table(EVENT_FILE).is_empty()
    site.publish()
    undisturbed.refresh()
    for contract in (EVENT, REJECTED_EVENT, EVENT_FILE):
        assert site.table(contract).equals(undisturbed.table(contract))
    assert site.day_bytes() == undisturbed.day_bytes()


def test_an_event_told_under_two_days_breaks_no_key(site: EventSite) -> None:
    event = '{"msys": {"track_event": {"type": "open", "event_id": "9", "rcpt_to": "a@x.com", "timestamp": "%s"}}}'
    site.land("events1.jsonl", [event % 1777881600], day=0)
    site.refresh()
    site.land("events2.jsonl", [event % 1777622400, event % 1777881600], day=1)
    site.refresh()
    assert site.table()["event_id"].n_unique() == site.table().height == 2


def test_a_range_of_days_made_anew_is_the_same_to_the_byte_and_leaves_the_other_days_alone(site: EventSite) -> None:
    site.land("members.csv", members("M1", "M2"))
    site.land("links.csv", LINKS)
    more_days = [delivery("M2", day * 86_400, "open") for day in range(2, FEW_PARTITIONS + 2)]  # written another way
    site.land("events1.jsonl", [delivery("M1"), delivery("M2", 86_400, "bounce"), *more_days])
    site.land("hits1.log", [*PERSON, *PERSON, pixel("M1", SENT + DAY)])
    site.land(
        "sms.csv",
        "receipt_id,customer_id,phone,campaign_id,status,event_dt\nS1,K9,+4477009,C2,rejected,2026-05-02T00:00:00Z\n",
    )
    site.refresh()
    site.land("events2.jsonl", [delivery("M1"), delivery("M2")], day=1)
    site.refresh()
    before = site.day_bytes()
    site.land("hits2.log", [pixel("M2", SENT + 2 * HOUR)], day=2)
    site.load()  # not taken yet: it is no part of what is made anew
    rebuilt = site.rebuild(SENT.date() - DAY, SENT.date() + DAY)
    assert rebuilt is not None
    assert rebuilt.partition_keys == ("2026-05-01", "2026-05-02")
    assert site.day_bytes() == before
    assert set(site.publish()["event"].partition_keys) == {"2026-05-01"}
    assert site.rebuild(SENT.date() + 9 * DAY, SENT.date() + 10 * DAY) is None


def test_forged_identifiers_in_providers_events_name_nobody_and_are_counted(site: EventSite) -> None:
    token = KEYS.sign("member", "M1")
    told = json.loads(delivery("M1")) | {"campaign": KEYS.sign("campaign", "C1")}
    forged = told | {"member": token[:-1] + ("0" if token[-1] != "0" else "1"), "sg_event_id": "2", "event": "open"}
    site.land("events.jsonl", [json.dumps(told | {"member": token}), json.dumps(forged)])
    site.refresh()
    assert dict(site.table().select("event_type", "member_id").rows()) == {"delivered": "M1", "opened": None}
    assert site.table(REJECTED_EVENT).select("reason", "number_of_events").rows() == [("forged_identifier", 1)]


def test_the_delivery_received_first_stands_in_whatever_order_they_are_loaded(tmp_path: Path) -> None:
    # Bodies recorded with the time of the post: what was received differs, so both deliveries are in staging.
    posts = [
        json.dumps(
            {"provider": "sendgrid", "event": json.loads(delivery("M1")), "received_dt": f"2026-05-01T1{hour}:00:00Z"}
        )
        for hour in range(3)
    ]
    received = []
    # Rotations: the earliest comes first, last and between, and of any two each comes before the other.
    for number in range(3):
        order = posts[number:] + posts[:number]
        site = EventSite(tmp_path / f"home{number}")
        for turn, post in enumerate(order):
            site.land(f"events{turn}.jsonl", [post], day=turn)
            site.refresh()
        received.append(site.table()["received_dt"].to_list())
    assert received == [[datetime(2026, 5, 1, 10, tzinfo=UTC)]] * 3


def test_a_member_found_by_an_earlier_message_is_seen_as_the_campaign_tells_it_now(site: EventSite) -> None:
    first = members("M1", "M2").replace("M1@mail", "old@mail").replace("M2@mail", "<M2@mail>")
    site.land("members1.csv", first)
    site.land("members2.csv", members("M1"), day=1)
    old = delivery("M1", 5).replace("<M1@mail>", "<old@mail>")
    site.land("events.jsonl", [delivery("M1"), delivery("M2"), old], day=2)
    site.refresh()
    told = site.table().select("original_message_id", "member_id").rows()
    assert dict(told) == {"M1@mail": "M1", "M2@mail": "M2", "old@mail": None}


def test_nothing_at_all_publishes_nothing(site: EventSite) -> None:
    assert site.refresh() == {}
    assert site.table().is_empty()
    assert isinstance(site.table(), pl.DataFrame)
