"""The facts of delivery and clicks: what became of each thing sent, whatever the order in which it was told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.campaign.facts.build import FACTS, publish_delivery_facts
from crm_platform.campaign.facts.checks import reconciliation
from crm_platform.campaign.facts.contracts import (
    DELIVERED,
    FACT_CAMPAIGN_DELIVERY,
    FACT_CLICKTHROUGH,
    FAILED,
    NOT_SENT,
    PENDING,
)
from crm_platform.campaign.feedback.ended import ended_emails
from tests.unit.campaign.events.site import LINKS, SENT, click, delivery, members, pixel
from tests.unit.campaign.facts.world import AS_OF, CELLS, PLAN, FactSite, lay, tables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
APPLE = "Mozilla/5.0"


@pytest.fixture
def site(tmp_path: Path) -> FactSite:
    site = FactSite(tmp_path / "home")
    lay(site, {"campaigns.csv": PLAN, "campaign_cells.csv": CELLS, "links.csv": LINKS})
    return site


def dsn(message: str, recipient: str, status: str, words: str, day: int = 2, action: str = "failed") -> str:
    """A delivery status notification about a message."""
    return f"""From: Mail Delivery System <MAILER-DAEMON@mx.example.com>
To: bounces@ivory.example
Subject: Undelivered Mail Returned to Sender
Date: {day:02d} May 2026 08:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {words}

--b
Content-Type: message/rfc822

From: news@ivory.example
To: {recipient}
Message-ID: <{message}>
Subject: News

text
--b--
"""


def test_each_member_has_its_status_with_what_it_stands_on(site: FactSite) -> None:
    held_back = "C1,K,M9,M9-customer,M9@example.com,,2026-04-30T00:00:00Z,,control_group\n"
    head = "campaign_id,cell_id,member_id,customer_id,email,message_id,selected_dt,sent_dt"
    site.land("members1.csv", members("M1", "M2", "M3", "M4", "M5", "M6"))
    site.land("members2.csv", f"{head},not_sent_reason\n{held_back}")
    site.land(
        "events.jsonl", [delivery("M1"), delivery("M2", 9, "bounce"), delivery("M3"), delivery("M5", 5, "deferred")]
    )
    site.land("out_of_band.eml", dsn("M3@mail", "m3@example.com", "5.1.1", "550 5.1.1 <m3@example.com> user unknown"))
    site.land("hits.log", [pixel("M4", SENT + HOUR)])
    site.number({"crm:M1-customer": 1, "crm:M9-customer": 9})
    site.facts()
    found = {
        member: (row["delivery_status_key"], row["status_basis"], row["customer_key"], row["reason_key"] > 0)
        for member, row in site.deliveries().items()
    }
    assert found == {
        "M1": (DELIVERED, "reported", 1, False),
        "M2": (FAILED, "bounced", 0, True),
        "M3": (FAILED, "returned_later", 0, True),
        "M4": (DELIVERED, "answered", 0, False),
        "M5": (PENDING, "told_so_far", 0, False),
        "M6": (PENDING, "told_so_far", 0, False),
        "M9": (NOT_SENT, "not_sent", 9, True),
    }
    out_of_band = site.deliveries()["M3"]
    assert out_of_band["address_invalid_flag"] == 1 and out_of_band["delivered_dt"] < out_of_band["bounced_dt"]


def test_opens_and_clicks_of_machines_stand_apart_from_those_of_people(site: FactSite) -> None:
    site.land("members.csv", members("M1", "M2", "M3"))
    site.land("events.jsonl", [delivery("M1"), delivery("M2"), delivery("M3")])
    opens = [pixel("M1", SENT + HOUR, agent=GMAIL), pixel("M2", SENT + HOUR, agent=APPLE)]
    scans = [click("M3", link, SENT + timedelta(seconds=6)) for link in "ab"]
    site.land("hits.log", [*opens, *scans, click("M1", "a", SENT + 2 * HOUR), pixel("M1", SENT + 3 * DAY)])
    site.facts()
    found = site.deliveries()
    counts = ("open_status", "number_of_opens", "number_of_proxy_opens", "number_of_clicks", "number_of_machine_clicks")
    assert [found["M1"][name] for name in counts] == [1, 2, 0, 1, 0]
    assert [found["M2"][name] for name in counts] == [2, 0, 1, 0, 0]
    assert [found["M3"][name] for name in counts] == [0, 0, 0, 0, 2]
    links = site.table(FACT_CLICKTHROUGH)
    assert links.height == 3 * 2, "a row per link for each recipient, clicked or not"
    assert links["number_of_clicks"].sum() == 1 and links["number_of_machine_clicks"].sum() == 2


def test_other_channels_are_told_by_number_and_a_letter_that_does_not_come_back_arrived(site: FactSite) -> None:
    head = "campaign_id,cell_id,member_id,customer_id,phone,selected_dt,sent_dt\n"
    sent = f"2026-04-30T00:00:00Z,{SENT.isoformat()}"
    rows = [f"C2,A,S{n},K{n},+447700900{n:03d},{sent}" for n in (1, 2)] + [f"C3,A,L{n},K{n},,{sent}" for n in (1, 2)]
    site.land("members.csv", head + "\n".join(rows) + "\n")
    receipt = "receipt_id,customer_id,phone,campaign_id,status,event_dt"
    site.land("sms.csv", f"{receipt}\nR1,K1,+447700900001,C2,delivered,2026-05-01T09:00:00Z\n")
    site.land(
        "returned_post.csv", "item_id,customer_id,campaign_id,reason,returned_date\nP1,K1,C3,moved away,2026-05-20\n"
    )
    site.facts(as_of=SENT + 10 * DAY)
    before = {member: row["delivery_status_key"] for member, row in site.deliveries().items()}
    assert before == {"S1": DELIVERED, "S2": PENDING, "L1": FAILED, "L2": PENDING}
    made = site.facts(as_of=SENT + 60 * DAY)
    assert made["fact_campaign_delivery"].partition_keys == ("2026-05-01",)
    assert site.deliveries()["L2"]["status_basis"] == "no_word"
    assert site.deliveries()["S2"]["delivery_status_key"] == PENDING, "receipts tell of deliveries: no word is none"


def test_only_the_days_that_something_new_belongs_to_are_written(site: FactSite) -> None:
    later = members("M2", "M3").replace(SENT.isoformat(), (SENT + DAY).isoformat())
    lay(site, {"members1.csv": members("M1"), "members2.csv": later, "events1.jsonl": [delivery("M1"), delivery("M2")]})
    site.facts()
    before = site.bytes_of(FACT_CAMPAIGN_DELIVERY)
    assert set(before) == {"due_dt=2026-05-01", "due_dt=2026-05-02"}
    assert set(site.facts()) == {"fact_input"}, "nothing new, nothing written"
    site.land("events2.jsonl", [delivery("M3", 90_000)], day=9)
    made = site.facts()
    assert made["fact_campaign_delivery"].partition_keys == ("2026-05-02",)
    after = site.bytes_of(FACT_CAMPAIGN_DELIVERY)
    assert {day for day in after if after[day] != before[day]} == {"due_dt=2026-05-02"}


def test_days_made_anew_are_the_same_to_the_byte(site: FactSite) -> None:
    lay(
        site,
        {"members.csv": members("M1", "M2"), "events.jsonl": [delivery("M1")], "hits.log": [pixel("M2", SENT + DAY)]},
    )
    site.facts()
    before = [site.bytes_of(contract) for contract in FACTS]
    days = [name.partition("=")[2] for name in before[0]]
    made = publish_delivery_facts(site.engine, site.feeds, site.settings.delivery, AS_OF, anew=days)
    assert made[FACT_CAMPAIGN_DELIVERY.table].partition_keys == tuple(days)
    assert [site.bytes_of(contract) for contract in FACTS] == before


def test_an_address_that_a_bounce_proves_wrong_has_ended_unless_it_revived(site: FactSite) -> None:
    site.land("members.csv", members("M1", "M2", "M3", "M4"))
    for name in ("M1", "M2"):
        words = f"550 5.1.1 <{name.lower()}@example.com> user unknown"
        site.land(f"{name}.eml", dsn(f"{name}@mail", f"{name.lower()}@example.com", "5.1.1", words))
    site.land("full.eml", dsn("M3@mail", "m3@example.com", "5.2.2", "552 5.2.2 mailbox full"))
    for number, stranger in enumerate(("m4@example.com", "nobody@example.com")):
        words = f"550 5.1.1 <{stranger}> user unknown"
        site.land(f"unnamed{number}.eml", dsn("of-somebody-else@mail", stranger, "5.1.1", words))
    site.land("events.jsonl", [delivery("M2", 5 * 86_400)])
    site.facts()
    with ended_emails(site.engine, site.feeds, AS_OF) as query:
        ended = site.engine.query(query).sort("value")
    assert ended["value"].to_list() == ["m1@example.com", "m4@example.com"], "it was sent to, the message unnamed"
    assert ended["customer_ref"].to_list() == [None, None], "it reaches nobody"
    with ended_emails(site.engine, site.feeds, SENT) as query:
        assert site.engine.query(query).is_empty(), "what will happen is not known"


def test_a_customer_who_gets_another_key_has_it_in_the_facts(site: FactSite) -> None:
    site.land("members.csv", members("M1"))
    site.number({"crm:M1-customer": 7})
    site.facts()
    site.number({"crm:M1-customer": 3})
    site.facts()
    assert site.deliveries()["M1"]["customer_key"] == 3


def test_a_member_who_is_sent_to_later_stands_in_one_day_alone(site: FactSite) -> None:
    head = "campaign_id,cell_id,member_id,customer_id,email,message_id,selected_dt,sent_dt\n"
    row = "C1,A,M1,K1,M1@example.com,M1@mail,2026-04-30T00:00:00Z,"
    site.land("members1.csv", f"{head}{row}\n")
    site.facts()
    assert site.deliveries()["M1"]["delivery_status_key"] == NOT_SENT
    site.land("members2.csv", f"{head}{row}{SENT.isoformat()}\n", day=3)
    site.facts()
    assert [row["due_dt"] for row in site.deliveries().values()] == [SENT]
    assert site.table(FACT_CAMPAIGN_DELIVERY).height == 1


_STATEMENTS = [
    delivery("M1"), delivery("M1", 40, "bounce"), delivery("M2", 4, "bounce"), delivery("M2", 90),
    delivery("M3", 8, "deferred"), delivery("M3", 86_400, "open"), delivery("M1", 5_000, "spamreport"),
    delivery("M4", 9, "dropped"), delivery("M4", 95_000, "unsubscribe"),
]  # fmt: skip
_HITS = [
    pixel("M1", SENT + HOUR),
    click("M2", "a", SENT + DAY),
    pixel("M3", SENT + 2 * HOUR),
    click("M4", "b", SENT + HOUR),
]


_BOUNCE = dsn("M3@mail", "m3@example.com", "5.1.1", "550 5.1.1 <m3@example.com> user unknown")
_IN_FILES = st.sampled_from([(True, False), (False, True), (True, True)])


def _dealt(rows: list[str], places: list[tuple[bool, bool]]) -> tuple[list[str], list[str]]:
    """The rows of two files; a row can be in both, word for word."""
    first, second = ([row for row, place in zip(rows, places, strict=True) if place[number]] for number in (0, 1))
    return first or rows[:1], second or rows[-1:]


@given(
    order=st.permutations(range(8)),
    days=st.tuples(*(st.permutations([0, 1]) for _ in range(4))),
    batch=st.integers(2, 3),
    told=st.lists(_IN_FILES, min_size=len(_STATEMENTS), max_size=len(_STATEMENTS)),
    hit=st.lists(_IN_FILES, min_size=len(_HITS), max_size=len(_HITS)),
)
@settings(max_examples=3)
def test_files_in_any_order_and_portions_give_the_same_tables(
    tmp_path_factory: pytest.TempPathFactory,
    order: list[int],
    days: tuple[list[int], ...],
    batch: int,
    told: list[tuple[bool, bool]],
    hit: list[tuple[bool, bool]],
) -> None:
    """Each file has its day; piecemeal it comes again under another name a day later, which counts for nothing.

    What two files say word for word was known by the one of the earlier day, though that may be loaded last.
    """
    later = members("M3", "M4").replace(SENT.isoformat(), (SENT + DAY).isoformat())
    events, hits = _dealt(_STATEMENTS, told), _dealt(_HITS, hit)
    contents: list[tuple[str, str | list[str], str | list[str]]] = [
        ("members{}.csv", members("M1", "M2"), later + members("M1").split("\n", 1)[1]),
        ("events{}.jsonl", *events),
        ("hits{}.log", *hits),
        ("bounce{}.eml", _BOUNCE, _BOUNCE.replace("M3@mail", "M4@mail").replace("m3@", "m4@")),
    ]
    files = {
        name.format(number): (content, 3 * day)
        for (name, *two), when in zip(contents, days, strict=True)
        for number, content, day in zip((1, 2), two, when, strict=True)
    }
    at_one_go, piecemeal = (FactSite(tmp_path_factory.mktemp("homes") / "home") for _ in range(2))
    for site in (at_one_go, piecemeal):
        lay(site, {"campaigns.csv": PLAN, "campaign_cells.csv": CELLS, "links.csv": LINKS})
    for name, (content, day) in files.items():
        at_one_go.land(name, content, day)
    at_one_go.facts()
    for start in range(0, len(order), batch):
        for name in [list(files)[place] for place in order[start : start + batch]]:
            content, day = files[name]
            piecemeal.land(name, content, day)
            piecemeal.land(name.replace(".", "_again."), content, day + 1)
        piecemeal.facts(members_at_once=1)
        slices, broken = reconciliation(piecemeal.engine, piecemeal.feeds)
        assert broken.is_empty() and slices == piecemeal.table(FACT_CAMPAIGN_DELIVERY)["due_dt"].n_unique()
    for site in (at_one_go, piecemeal):
        site.feedback()
    for expected, found in zip(tables(at_one_go), tables(piecemeal), strict=True):
        assert_frame_equal(found, expected)


@given(kinds=st.lists(st.sampled_from(["delivered", "bounce", "deferred", "open", "dropped"]), min_size=2, max_size=6),
       seconds=st.lists(st.integers(1, 9), min_size=6, max_size=6))  # fmt: skip
@settings(max_examples=4)
def test_more_evidence_never_lowers_the_rank(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], seconds: list[int]
) -> None:
    """Of each member one statement more is known than of the one before."""
    names = [f"M{number}" for number in range(1, len(kinds) + 1)]
    site = FactSite(tmp_path_factory.mktemp("homes") / "home")
    told = [
        delivery(name, seconds[place], kinds[place]).replace('sg_event_id": "', f'sg_event_id": "{place}')
        for number, name in enumerate(names, start=1)
        for place in range(number)
    ]
    lay(site, {"campaigns.csv": PLAN, "members.csv": members(*names), "events.jsonl": told})
    site.facts()
    found = site.deliveries()
    ranks = [found[name]["status_rank"] for name in names]
    assert ranks == sorted(ranks)


def test_what_will_happen_after_the_time_of_the_run_is_not_needed(site: FactSite) -> None:
    assert site.facts(as_of=datetime(2020, 1, 1, tzinfo=UTC)).keys() == {"fact_input"}
    assert AS_OF > SENT
