"""What tells against sending: objections as permission hears them, and the score of addresses that bounce."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.campaign.feedback.build import bouncing_addresses, objection_statements
from crm_platform.campaign.feedback.contracts import BOUNCE_SCORE, OBJECTION
from crm_platform.campaign.settings import BounceRules
from crm_platform.scv.golden.contracts import DIM_CUSTOMER_HISTORY
from tests.unit.campaign.events.site import KEYS, LINKS, SENT, click, delivery, hit, members
from tests.unit.campaign.facts.test_facts import dsn
from tests.unit.campaign.facts.world import AS_OF, CELLS, PLAN, FactSite, lay

DAY = timedelta(days=1)
RULES = BounceRules(half_life_days=10, threshold=2.0, suppressed_days=20)
ARF = """From: feedback@isp.example
To: fbl@ivory.example
Subject: complaint
Date: 03 May 2026 08:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: isp/1.0
Version: 1

--b
Content-Type: message/rfc822

From: news@ivory.example
To: redacted
Message-ID: <{message}>
Subject: News

text
--b--
"""


@pytest.fixture
def site(tmp_path: Path) -> FactSite:
    return planned(tmp_path / "home")


def planned(home: Path) -> FactSite:
    """A company with its campaigns."""
    site = FactSite(home)
    lay(site, {"campaigns.csv": PLAN, "campaign_cells.csv": CELLS, "links.csv": LINKS})
    return site


def feedback(site: FactSite, rules: BounceRules = RULES, as_of: datetime = AS_OF) -> None:
    """Load what lies there and make the tables."""
    site.facts()
    site.feedback(rules, as_of)


def scores(site: FactSite) -> list[dict[str, Any]]:
    """The bounces that count, in the order of time."""
    return list(site.table(BOUNCE_SCORE).sort("recipient", "event_dt").iter_rows(named=True))


def test_complaints_and_unsubscribes_are_told_to_permission_with_where_they_stand(site: FactSite) -> None:
    site.land("members.csv", members("M1", "M2", "M3"))
    site.land("events.jsonl", [delivery("M1", 90, "spamreport"), delivery("M2", 99, "unsubscribe"), delivery("M3")])
    site.land("complaint.eml", ARF.format(message="M3@mail"))
    feedback(site)
    rows = site.engine.query(objection_statements(site.engine)).sort("event_type", "customer_ref")
    told = rows.select("event_type", "customer_ref", "email", "communication", "channel", "source", "feed").rows()
    assert told == [
        ("complaint", "crm:M1-customer", "m1@example.com", "ivory_weekly", "email", "mail", "provider_events"),
        ("complaint", "crm:M3-customer", "m3@example.com", "ivory_weekly", "email", "mail", "messages"),
        ("opt_out", "crm:M2-customer", "m2@example.com", "ivory_weekly", "email", "mail", "provider_events"),
    ]
    assert rows["told_dt"].null_count() == rows["loaded_dt"].null_count() == 0
    assert rows["file_id"].str.len_chars().to_list() == [64] * 3


def test_a_complaint_about_no_message_of_ours_is_told_of_its_address_and_of_everything(site: FactSite) -> None:
    site.land(
        "complaint.eml",
        ARF.replace("Version: 1", "Version: 1\nOriginal-Rcpt-To: Ann@Example.com").format(message="x@y"),
    )
    feedback(site)
    [row] = site.table(OBJECTION).iter_rows(named=True)
    assert (row["customer_ref"], row["email"], row["communication"], row["brand"]) == (
        None,
        "ann@example.com",
        None,
        None,
    )


def test_a_post_of_list_unsubscribe_is_an_objection_and_clicking_a_link_never_is(site: FactSite) -> None:
    """Security scanners follow every link of a mail, also the one to the page where one unsubscribes."""
    page = f"/unsubscribe?c={KEYS.sign('member', 'M1')}&m={KEYS.sign('campaign', 'C1')}"
    looked = hit(page, SENT + DAY)
    site.land("members.csv", members("M1"))
    site.land("hits1.log", [click("M1", "a", SENT + DAY), looked])
    feedback(site)
    assert site.table(OBJECTION).is_empty()
    site.land("hits2.log", [looked.replace("GET", "POST")])
    feedback(site)
    [row] = site.table(OBJECTION).iter_rows(named=True)
    assert (row["event_type"], row["request_method"], row["customer_ref"]) == (
        "list_unsubscribe", "POST", "crm:M1-customer",
    )  # fmt: skip
    assert site.deliveries()["M1"]["unsubscribe_flag"] == 1


def test_points_of_soft_bounces_halve_with_time_and_a_delivery_ends_them(site: FactSite) -> None:
    site.land("members.csv", members("M1"))
    days = 86_400
    blocked = [(0, "blocked"), (10, "blocked"), (20, "blocked"), (25, "delivered"), (30, "blocked")]
    site.land("events.jsonl", [bounce("M1", day * days, kind) for day, kind in blocked])
    feedback(site)
    assert [row["score"] for row in scores(site)] == [1.0, 1.5, 1.75, 1.0]
    assert [row["suppressed_until_dt"] for row in scores(site)] == [None] * 4
    revived = SENT + timedelta(days=25)
    assert [row["revived_dt"] for row in scores(site)] == [revived, revived, revived, None]


def bounce(member: str, seconds: float, kind: str, reason: str = "452 4.2.2 mailbox full") -> str:
    """An event of SendGrid: a soft bounce that it calls blocked, or a delivery."""
    told = delivery(member, seconds, "bounce" if kind == "blocked" else kind)
    words = f'"reason": "{reason}", "type": "{kind}", ' if kind == "blocked" else ""
    return told.replace("{", "{" + words, 1).replace('sg_event_id": "', f'sg_event_id": "{seconds}')


def test_what_tells_of_the_mail_gives_no_points_and_a_day_counts_once(site: FactSite) -> None:
    site.land("members.csv", members("M1", "M2"))
    spam = "550 5.7.1 message rejected as spam"
    again = [bounce("M2", hour * 3600, "blocked") for hour in range(1, 6)]
    site.land("events.jsonl", [bounce("M1", 60, "blocked", spam), *again])
    site.land("later.eml", dsn("M2@mail", "m2@example.com", "4.2.2", "452 4.2.2 mailbox full", day=2))
    feedback(site)
    found = [(row["recipient"], row["points"]) for row in scores(site)]
    assert found == [("m2@example.com", 1.0), ("m2@example.com", 1.0)], "a day's five as one, the next day's by mail"


def test_who_holds_an_address_that_bounces_is_not_sent_to_until_it_is_alive_or_another_or_the_time_is_over(
    site: FactSite,
) -> None:
    site.land("members.csv", members("M1", "M2", "M3"))
    twice = [bounce(name, day * 86_400, "blocked") for name in ("M1", "M2", "M3") for day in (0, 1, 2)]
    site.land("events.jsonl", [*twice, bounce("M2", 5 * 86_400, "delivered")])
    spans = [(1, "M1@example.com", 0), (2, "m2@example.com", 0), (3, "m3@example.com", 0), (3, "new@example.com", 4)]
    history = pl.DataFrame(
        {
            "customer_key": [key for key, _, _ in spans],
            "email": [email for _, email, _ in spans],
            "valid_from_dt": [datetime(2026, 4, 1, tzinfo=UTC) if not day else SENT + day * DAY for _, _, day in spans],
        },
        schema={name: DIM_CUSTOMER_HISTORY.polars_schema[name] for name in ("customer_key", "email", "valid_from_dt")},
    )
    path = site.engine.lake.data_file(DIM_CUSTOMER_HISTORY)
    path.parent.mkdir(parents=True, exist_ok=True)
    history.write_parquet(path)
    site.engine.refresh_view(DIM_CUSTOMER_HISTORY)
    feedback(site)
    rows = site.engine.query(bouncing_addresses(site.engine)).sort("customer_key")
    since = SENT + 2 * DAY
    expires = since + 20 * DAY
    assert rows.select("customer_key", "since_dt", "expires_dt", "lifted_dt", "lifted_by").rows() == [
        (1, since, expires, None, None),
        (2, since, expires, SENT + 5 * DAY, "the address is alive"),
        (3, since, expires, SENT + 4 * DAY, "a new address"),
    ]
    assert rows["named"].n_unique() == 3


_SAID = st.lists(
    st.tuples(st.integers(0, 28), st.integers(0, 23), st.sampled_from(["blocked", "blocked", "delivered"])),
    min_size=1, max_size=12, unique_by=lambda each: each[:2],
)  # fmt: skip


def replayed(said: list[tuple[int, int, str]]) -> list[float]:
    """The scores by a slow replay: what is left, day after day."""
    score, last, days = 0.0, 0.0, set[int]()
    found = []
    for day, hour, kind in sorted(said):
        if kind == "delivered":
            score, days = 0.0, set()
            continue
        if day in days:
            continue
        days.add(day)
        now = day + hour / 24
        score = score * 0.5 ** ((now - last) / RULES.half_life_days) + 1.0
        last = now
        found.append(round(score, 6))
    return found


@given(said=_SAID, hidden=st.integers(0, 29))
@settings(max_examples=5)
def test_scores_are_those_of_a_replay_and_what_comes_later_changes_none_of_them(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[int, int, str]], hidden: int
) -> None:
    site = planned(tmp_path_factory.mktemp("homes") / "home")
    midnight = SENT.replace(hour=0)
    offset = (midnight - SENT).total_seconds()
    told = [bounce("M1", offset + day * 86_400 + hour * 3_600, kind) for day, hour, kind in said]
    lay(site, {"members.csv": members("M1"), "events.jsonl": told})
    feedback(site)
    everything = [row["score"] for row in scores(site)]
    assert everything == pytest.approx(replayed(said), abs=2e-6)
    site.feedback(RULES, midnight + hidden * DAY)
    known = [each for each in said if timedelta(days=each[0], hours=each[1]) <= hidden * DAY]
    assert [row["score"] for row in scores(site)] == everything[: len(replayed(known))]
