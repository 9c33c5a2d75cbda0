"""Requests to the pixel and the redirect: which are opens and clicks, which count for nothing, and whose they are."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crm_platform.campaign.access_logs.hits import client_addresses, tracked_hits
from crm_platform.campaign.access_logs.settings import TrackingSettings
from crm_platform.campaign.tracking.signatures import Keyring
from crm_platform.sources.readers.batch import FileForm
from tests.unit.sources.readers.reading import read_bytes

KEYS = Keyring({"k": b"the key of these tests, 2026"})
MEMBER, CAMPAIGN = KEYS.sign("member", "M1"), KEYS.sign("campaign", "C1")
LINK = KEYS.sign("link", "C1/offer")
PIXEL = f"/o.gif?c={MEMBER}&m={CAMPAIGN}"
CLICK = f"/r?l={LINK}&c={MEMBER}&m={CAMPAIGN}"
UNSUBSCRIBE = f"/unsubscribe?m={CAMPAIGN}&c={MEMBER}"
SCHEMA: dict[str, Any] = {
    "url": pl.String,
    "method": pl.String,
    "status": pl.Int64,
    "ip_address": pl.String,
    "forwarded_for": pl.String,
}


def hit(url: str, method: str | None = "GET", status: int | None = 200) -> dict[str, Any]:
    """What came of one request."""
    hits = pl.DataFrame([(url, method, status, "192.0.2.1", None)], schema=SCHEMA, orient="row")
    return tracked_hits(hits, KEYS, TrackingSettings()).row(0, named=True)


@pytest.mark.parametrize(
    ("url", "status", "event"),
    [
        (PIXEL, 200, "opened"),
        (PIXEL, 304, "opened"),
        (PIXEL, 206, "opened"),
        (CLICK, 302, "clicked"),
        (CLICK, 307, "clicked"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opens_and_clicks_name_member_campaign_and_link(url: str, status: int, event: str, method: str) -> None:
    found = hit(url, method, status)
    assert found["rejected_reason"] is None
    assert (found["event_type"], found["member_id"], found["campaign_id"]) == (event, "M1", "C1")
    assert found["link_id"] == ("offer" if event == "clicked" else None)


@pytest.mark.parametrize(
    ("url", "method", "status", "reason"),
    [
        (PIXEL, "POST", 200, "wrong_method"),
        (UNSUBSCRIBE, "POST", 404, "wrong_status"),
        (UNSUBSCRIBE.replace(MEMBER[-4:], "0000"), "POST", 200, "forged_identifier"),
        (f"/unsubscribe?c={MEMBER}", "POST", 200, "no_identifier"),
        (PIXEL, None, 200, "wrong_method"),
        (PIXEL, "GET", 404, "wrong_status"),
        (PIXEL, "GET", 302, "wrong_status"),
        (CLICK, "GET", 200, "wrong_status"),
        (CLICK, "GET", 304, "wrong_status"),
        ("/o.gif", "GET", 200, "no_identifier"),
        (f"/o.gif?c={MEMBER}", "GET", 200, "no_identifier"),
        (f"/r?c={MEMBER}&m={CAMPAIGN}", "GET", 302, "no_identifier"),
        (PIXEL.replace(MEMBER[-4:], "0000"), "GET", 200, "forged_identifier"),
        (f"/o.gif?c=M1&m={CAMPAIGN}", "GET", 200, "forged_identifier"),
        (f"/o.gif?c={CAMPAIGN}&m={MEMBER}", "GET", 200, "forged_identifier"),
        (CLICK.replace(LINK, KEYS.sign("link", "C2/offer")), "GET", 302, "identifiers_of_different_mails"),
    ],
)
def test_what_counts_for_nothing_is_told_why(url: str, method: str | None, status: int, reason: str) -> None:
    assert hit(url, method, status)["rejected_reason"] == reason


def test_a_post_of_list_unsubscribe_unsubscribes_and_looking_at_its_page_does_not() -> None:
    """RFC 8058: scanners follow the links of a mail, with GET; only a mail client's POST is a person's wish."""
    found = hit(UNSUBSCRIBE, "POST", 200)
    assert (found["event_type"], found["member_id"], found["campaign_id"]) == ("unsubscribed", "M1", "C1")
    assert found["rejected_reason"] is None
    looked = [(UNSUBSCRIBE, method, 200, None, None) for method in ("GET", "HEAD", None)]
    others = [("/basket", "POST", 200, None, None), ("/unsubscribe/all", "POST", 200, None, None)]
    hits = pl.DataFrame([*looked, *others], schema=SCHEMA, orient="row")
    assert tracked_hits(hits, KEYS, TrackingSettings()).is_empty()


def test_other_pages_are_left_out_and_an_encoded_dot_is_a_dot() -> None:
    assert hit(PIXEL.replace(".", "%2E", 2).replace("/o%2Egif", "/o.gif"))["member_id"] == "M1"
    hits = pl.DataFrame(
        [("/r/else", "GET", 200, None, None), ("/o.gifx", "GET", 200, None, None)], schema=SCHEMA, orient="row"
    )
    assert tracked_hits(hits, KEYS, TrackingSettings()).is_empty()
    absolute = hit("https://news.example.com:443" + PIXEL)
    assert absolute["event_type"] == "opened"


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),  # nobody whom we believe
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),  # the first is what the client claims
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "unknown", "unknown"),
    ],
)
def test_forwarded_addresses_are_believed_from_our_own_proxies_only(
    address: str, forwarded: str | None, client: str
) -> None:
    addresses = client_addresses(pl.Series([address]), pl.Series([forwarded], dtype=pl.String), ["10.0.0.0/8"])
    assert addresses.to_list() == [client]
    untrusted = client_addresses(pl.Series([address]), pl.Series([forwarded], dtype=pl.String), [])
    assert untrusted.to_list() == [address]


ANSWERED = f'- - [01/May/2026:08:00:00 +0000] "GET {PIXEL} HTTP/1.1" 200 43 "-" "Agent/1"'
LOGS = {
    "combined with a forwarded address": f'10.0.0.1 {ANSWERED} "198.51.100.1"\n',
    "vhost": f"news.example.com:443 198.51.100.1 {ANSWERED}\n",
    "cloudfront": "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem "
    "sc-status cs(Referer) cs(User-Agent) cs-uri-query x-edge-request-id x-forwarded-for\n"
    + "\t".join(["2026-05-01", "08:00:00", "LHR1", "43", "10.0.0.1", "GET", "d.cloudfront.net", "/o.gif", "200", "-",
                 "Agent/1%2520x", PIXEL.partition("?")[2], "rq-1", "198.51.100.1"]) + "\n",
    "alb": f'https 2026-05-01T08:00:00.000000Z app/x/1 198.51.100.1:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 43 '
    f'"GET https://news.example.com:443{PIXEL} HTTP/1.1" "Agent/1" ECDHE TLSv1.2 arn:aws:x "Root=1-58337262" "-" "-" 0 '
    '2026-05-01T08:00:00.000000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"\n',
    "nginx json": '{"time_iso8601":"2026-05-01T08:00:00+00:00","remote_addr":"10.0.0.1",'
    f'"request":"GET {PIXEL} HTTP/1.1",'
    '"status":200,"http_user_agent":"Agent/1","http_x_forwarded_for":"198.51.100.1"}\n',
}  # fmt: skip


@pytest.mark.parametrize("layout", sorted(LOGS))
def test_every_layout_of_a_log_tells_the_same_open(layout: str, tmp_path: Path) -> None:
    rows = read_bytes(tmp_path, LOGS[layout].encode(), FileForm(kind="access_log")).rows
    settings = TrackingSettings(trusted_proxies=("10.0.0.0/8",))
    (found,) = tracked_hits(rows, KEYS, settings).to_dicts()
    assert found["rejected_reason"] is None
    assert (found["event_type"], found["member_id"], found["address"]) == ("opened", "M1", "198.51.100.1")
    assert found["user_agent"].startswith("Agent/1")
    assert found["event_dt"].isoformat() == "2026-05-01T08:00:00+00:00"
