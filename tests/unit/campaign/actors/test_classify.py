"""Who acted: each sign decides by itself, in the order that is written down."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from crm_platform.campaign.actors.classify import classify
from crm_platform.campaign.actors.settings import ActorSettings

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SENT = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
SCHEMA: dict[str, Any] = {
    "event_type": pl.String, "method": pl.String, "user_agent": pl.String, "network": pl.String, "is_proxy": pl.Boolean,
    "member_id": pl.String, "campaign_id": pl.String, "link_id": pl.String, "url": pl.String,
    "event_dt": pl.Datetime("us", "UTC"), "arrived_dt": pl.Datetime("us", "UTC"), "number_of_links": pl.Int64,
}  # fmt: skip


def response(seconds: float = 5_000, **changes: Any) -> dict[str, Any]:
    """A click of a person, unless something is changed."""
    person = {
        "event_type": "clicked", "method": "GET", "user_agent": BROWSER, "is_proxy": False, "member_id": "M1",
        "campaign_id": "C1", "link_id": "a", "event_dt": SENT + timedelta(seconds=seconds), "arrived_dt": SENT,
        "number_of_links": 3,
    }  # fmt: skip
    return person | changes


def judged(*responses: dict[str, Any], settings: ActorSettings | None = None) -> list[tuple[str, str]]:
    """Class and rule of responses."""
    verdicts = classify(pl.DataFrame(list(responses), schema=SCHEMA), settings or ActorSettings())
    return verdicts.select("actor_class", "actor_rule").rows()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("human", "no_sign")),
        ({"method": None}, ("human", "no_sign")),
        ({"method": "HEAD"}, ("machine", "method")),
        ({"is_proxy": True}, ("privacy_proxy", "told_by_provider")),
        ({"user_agent": GMAIL, "event_type": "opened"}, ("privacy_proxy", "agent:gmail_image_proxy")),
        ({"user_agent": "Mozilla/5.0", "event_type": "opened"}, ("privacy_proxy", "agent:apple_mail_privacy")),
        ({"user_agent": "python-requests/2.31.0"}, ("machine", "agent:http_library")),
        ({"user_agent": "WhatsApp/2.24.20 N"}, ("machine", "agent:link_preview")),
        ({"user_agent": "Mozilla/5.0 (NewBot/1.0; +https://new.example)"}, ("machine", "agent:calls_itself_robot")),
        ({"user_agent": "Mozilla/5.0 (Linux; Android 9; CUBOT X19) Chrome/100.0 Mobile"}, ("human", "no_sign")),
        ({"user_agent": None}, ("machine", "agent:no_agent")),
        ({"user_agent": None, "method": None}, ("human", "no_sign")),
        ({"network": "amazon_hosting"}, ("machine", "network:amazon_hosting")),
        ({"network": "apple", "event_type": "opened"}, ("privacy_proxy", "network:apple")),
        ({"network": "apple"}, ("human", "no_sign")),
        ({"seconds": 4}, ("machine", "too_soon")),
        ({"seconds": -60}, ("machine", "too_soon")),
        ({"seconds": 60, "arrived_dt": None}, ("human", "no_sign")),
    ],
)
def test_each_sign_decides(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert judged(response(**changes)) == [expected]


def test_all_links_of_a_mail_in_one_breath_are_a_machines_with_the_picture_fetched_among_them() -> None:
    burst = [response(5_000 + number, link_id=link) for number, link in enumerate("abc")]
    picture = response(5_001.5, event_type="opened", link_id=None)
    later = response(9_000, link_id="a")
    other = response(5_001, member_id="M2", link_id="b")
    verdicts = judged(*burst, picture, later, other)
    assert verdicts[:4] == [("machine", "burst")] * 4
    assert verdicts[4:] == [("human", "no_sign")] * 2


def test_two_links_are_a_burst_only_where_the_mail_has_no_more() -> None:
    two = [response(5_000 + number, link_id=link) for number, link in enumerate("ab")]
    assert judged(*two) == [("human", "no_sign")] * 2
    assert judged(*(each | {"number_of_links": 2} for each in two)) == [("machine", "burst")] * 2


def test_clicking_one_link_twice_is_no_burst_whatever_the_number_of_links() -> None:
    twice = [response(5_000 + number, number_of_links=1) for number in range(3)]
    assert judged(*twice) == [("human", "no_sign")] * 3


def test_order_of_rows_makes_no_difference() -> None:
    rows = [response(5_000 + number, link_id=link) for number, link in enumerate("abc")] + [response(9_999)]
    assert judged(*reversed(rows)) == judged(*rows)[::-1]


def test_a_company_adds_its_own_agents_and_networks() -> None:
    settings = ActorSettings.model_validate(
        {
            "agents": [{"name": "our_check", "class": "machine", "agent": "chrome/142"}],
            "networks": [{"name": "our_gateway", "acts": "machine", "ranges": ["198.51.100.0/24"]}],
        }
    )
    assert judged(response(), settings=settings) == [("machine", "agent:our_check")]
    with_network = response(user_agent="Opera/9", network="our_gateway")
    assert judged(with_network, settings=settings) == [("machine", "network:our_gateway")]
