"""Behaviour of the access log reader, layout by layout."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_platform.sources.readers.batch import SOURCE_LINE, FileForm, RefusedFile
from tests.unit.sources.readers.reading import Read, read_bytes

LOG = FileForm(kind="access_log")
COMBINED = b'203.0.113.9 - - [17/May/2015:10:05:03 +0200] "GET /o.gif?c=1 HTTP/1.1" 200 43 "-" "Mozilla/5.0 (X11)"\n'


def only_hit(read: Read) -> dict[str, object]:
    """The one row of a log, without what is null."""
    (hit,) = read.rows.drop(SOURCE_LINE).to_dicts()
    return {name: value for name, value in hit.items() if value is not None}


def test_combined_lines_are_read_in_utc_and_a_broken_one_is_a_reject(tmp_path: Path) -> None:
    broken = b'203.0.113.9 - - [17/May/2015:10:05:03 +0200] "GET /o.gif HTTP/1.1" 200 43 "-" "Mozilla\n'
    read = read_bytes(tmp_path, COMBINED + broken + b"\n" + COMBINED, LOG)
    assert read.lines == [1, 4]
    assert read.rejects == [(2, "unparsable_log_line")]
    assert read.rows.row(0, named=True) == {
        "ip_address": "203.0.113.9",
        "remote_user": None,
        "event_dt": datetime(2015, 5, 17, 8, 5, 3, tzinfo=UTC),
        "method": "GET",
        "url": "/o.gif?c=1",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes_sent": 43,
        "referrer": None,
        "user_agent": "Mozilla/5.0 (X11)",
        "request_id": None,
        "host": None,
        "forwarded_for": None,
        SOURCE_LINE: 1,
    }


def test_common_lines_are_read(tmp_path: Path) -> None:
    hit = only_hit(read_bytes(tmp_path, b'::1 - frank [10/Oct/2000:13:55:36 -0700] "-" 408 -\n', LOG))
    assert hit == {
        "ip_address": "::1",
        "remote_user": "frank",
        "event_dt": datetime(2000, 10, 10, 20, 55, 36, tzinfo=UTC),
        "status": 408,
    }


def test_a_virtual_host_is_no_client(tmp_path: Path) -> None:
    hit = only_hit(read_bytes(tmp_path, b"www.example.com:443 " + COMBINED, LOG))
    assert (hit["host"], hit["ip_address"]) == ("www.example.com", "203.0.113.9")


def test_escapes_are_undone(tmp_path: Path) -> None:
    line = COMBINED.replace(b"Mozilla/5.0 (X11)", rb"say \"hi\" \xc3\xa9 \\ \xe9")
    assert (
        only_hit(read_bytes(tmp_path, COMBINED.replace(b"X11", rb"\xc3\xa9"), LOG))["user_agent"] == "Mozilla/5.0 (é)"
    )
    assert str(only_hit(read_bytes(tmp_path, line, LOG))["user_agent"]).startswith('say "hi" ')


def test_bytes_of_a_scanner_are_kept_as_the_url(tmp_path: Path) -> None:
    hit = only_hit(read_bytes(tmp_path, COMBINED.replace(b"GET /o.gif?c=1 HTTP/1.1", rb"\x16\x03\x01"), LOG))
    assert (hit["url"], "method" in hit) == ("\x16\x03\x01", False)


def test_bytes_that_are_no_text_harm_their_own_line_only(tmp_path: Path) -> None:
    form = FileForm(kind="access_log", encoding="utf-8")
    read = read_bytes(tmp_path, COMBINED + COMBINED.replace(b"X11", b"\xff") + COMBINED, form)
    assert read.lines == [1, 3]
    assert read.rejects == [(2, "invalid_encoding")]


def test_cloudfront_is_read_by_the_names_of_its_fields(tmp_path: Path) -> None:
    data = (
        b"#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(User-Agent) cs-uri-query sc-bytes"
        b" x-edge-request-id\n"
        b"2019-12-04\t21:02:31\t192.0.2.1\tGET\t/i.html\t200\tMozilla/5.0%2520(X)\ta=b\t392\tSOX4==\n"
        b"short\tline\n"
    )
    read = read_bytes(tmp_path, data, LOG)
    assert read.rejects == [(4, "unparsable_log_line")]
    assert only_hit(read) == {
        "ip_address": "192.0.2.1",
        "event_dt": datetime(2019, 12, 4, 21, 2, 31, tzinfo=UTC),
        "method": "GET",
        "url": "/i.html?a=b",
        "status": 200,
        "bytes_sent": 392,
        "user_agent": "Mozilla/5.0 (X)",
        "request_id": "SOX4==",
    }


def test_a_load_balancer_line_is_read(tmp_path: Path) -> None:
    data = (
        b"https 2018-07-02T22:23:00.186641Z app/lb/50 192.0.2.9:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366"
        b' "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:aws:x "Root=1-58337262-36d2" "-" "-" 0\n'
    )
    hit = only_hit(read_bytes(tmp_path, data, LOG))
    assert hit["event_dt"] == datetime(2018, 7, 2, 22, 23, 0, 186641, tzinfo=UTC)
    assert (hit["ip_address"], hit["bytes_sent"], hit["request_id"]) == ("192.0.2.9", 366, "Root=1-58337262-36d2")


def test_json_lines_are_read_by_usual_and_declared_keys(tmp_path: Path) -> None:
    data = (
        b'{"who":"192.0.2.1","time_iso8601":"2024-01-01T10:00:00+02:00","request":"GET /x HTTP/2.0","status":200}\n{}\n'
    )
    read = read_bytes(tmp_path, data, FileForm(kind="access_log", keys={"ip_address": "who"}))
    assert read.rejects == [(2, "unparsable_log_line")]
    assert only_hit(read) == {
        "ip_address": "192.0.2.1",
        "event_dt": datetime(2024, 1, 1, 8, tzinfo=UTC),
        "method": "GET",
        "url": "/x",
        "protocol": "HTTP/2.0",
        "status": 200,
    }


def test_what_is_no_access_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile) as refusal:
        read_bytes(tmp_path, b"hello\nworld\n", LOG)
    assert refusal.value.reason == "unknown_log_dialect"
