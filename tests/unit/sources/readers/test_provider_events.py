"""Bodies of providers' posts: every event out of every wrapping, with its line, its provider and its time."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_platform.sources.readers.batch import MEMBER, SOURCE_LINE, FileForm, ReadLimits
from tests.unit.sources.readers.reading import Read, read_bytes

FORM = FileForm(kind="provider_events")
SENDGRID = {"event": "open", "email": "a@example.com", "timestamp": 1461095246, "sg_event_id": "e1"}
SES = {"eventType": "Send", "mail": {"messageId": "m1", "timestamp": "2016-10-14T05:02:16.645Z"}}
MANDRILL = {"event": "click", "_id": "m2", "ts": 1461095246, "msg": {"email": "b@example.com"}}


def read(folder: Path, text: str | bytes, limits: ReadLimits | None = None) -> Read:
    return read_bytes(folder, text.encode() if isinstance(text, str) else text, FORM, limits=limits)


def events(found: Read) -> list[tuple[int, str | None, Any]]:
    """Line, provider and event of each row."""
    rows = found.rows.select(SOURCE_LINE, "provider", "event").rows()
    return [(line, provider, json.loads(event)) for line, provider, event in rows]


def test_lines_arrays_and_form_bodies_stand_in_one_file(tmp_path: Path) -> None:
    form = "mandrill_events=%5B%7B%22event%22%3A%22send%22%2C%22_id%22%3A%22x%22%2C%22ts%22%3A1%7D%5D"
    found = read(tmp_path, f"{json.dumps(SES)}\n\n{json.dumps([SENDGRID, MANDRILL])}\n{form}\n")
    assert events(found) == [
        (1, "ses", SES),
        (3, "sendgrid", SENDGRID),
        (3, "mandrill", MANDRILL),
        (4, "mandrill", {"event": "send", "_id": "x", "ts": 1}),
    ]
    assert found.rows[MEMBER].to_list() == [None, None, "event 2", None]
    assert found.rejects == []


@pytest.mark.parametrize("text", [json.dumps([SES, SENDGRID], indent=2), json.dumps([SES, SENDGRID]),
                                  json.dumps(SES, indent=1) + "\n" + json.dumps(SENDGRID, indent=1)])  # fmt: skip
def test_a_document_over_many_lines_is_read_as_its_events(tmp_path: Path, text: str) -> None:
    assert [(provider, event) for _, provider, event in events(read(tmp_path, text))] == [
        ("ses", SES),
        ("sendgrid", SENDGRID),
    ]


def test_envelopes_are_opened_and_their_time_is_when_it_was_told(tmp_path: Path) -> None:
    sns = {"Type": "Notification", "MessageId": "1", "TopicArn": "t", "Timestamp": "2018-03-26T17:58:59.675Z",
           "Message": json.dumps(SES)}  # fmt: skip
    bridge = {"version": "0", "detail-type": "Email", "time": "2018-03-27T00:00:00Z", "detail": SES}
    staged = {"provider": "Amazon SES", "event": SES, "received_dt": "2018-03-28T00:00:00Z"}
    batch = {"events": [SENDGRID, SENDGRID]}
    users = {"auth": "x", "events_by_user": [{"user_id": 1, "events": [{"event_name": "e", "event_data": {}}]}]}
    found = read(tmp_path, "\n".join(map(json.dumps, (sns, bridge, staged, batch, users))))
    assert [provider for _, provider, _ in events(found)] == [
        "ses",
        "ses",
        "ses",
        "sendgrid",
        "sendgrid",
        "unisender_go",
    ]
    assert found.rows["received_dt"].to_list()[:4] == [
        datetime(2018, 3, 26, 17, 58, 59, 675_000, UTC), datetime(2018, 3, 27, tzinfo=UTC),
        datetime(2018, 3, 28, tzinfo=UTC), None,
    ]  # fmt: skip
    assert set(found.rows["event_dt"][:3]) == {datetime(2016, 10, 14, 5, 2, 16, 645_000, UTC)}


@pytest.mark.parametrize(
    ("event", "moment"),
    [
        ({"event": "open", "sg_event_id": "1", "timestamp": 1461095246}, "2016-04-19T19:47:26"),
        ({"event": "click", "message-id": "1", "ts_epoch": 1461095246000}, "2016-04-19T19:47:26"),
        ({"event-data": {"event": "opened", "timestamp": 1461095246.5}}, "2016-04-19T19:47:26.500"),
        ({"msys": {"track_event": {"type": "open", "timestamp": "1461095246"}}}, "2016-04-19T19:47:26"),
        ({"RecordType": "Open", "ReceivedAt": "2016-04-19T15:47:26.0000000-04:00"}, "2016-04-19T19:47:26"),
        ({"event_name": "x", "status": "sent", "event_time": "2016-04-19 19:47:26"}, "2016-04-19T19:47:26"),
        ({"nobody": "knows", "timestamp": "2016-04-19T19:47:26Z"}, "2016-04-19T19:47:26"),
    ],
)
def test_times_are_read_in_every_form(tmp_path: Path, event: dict[str, Any], moment: str) -> None:
    (found,) = read(tmp_path, json.dumps(event)).rows["event_dt"]
    assert found == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_what_is_no_event_is_refused_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, b'{"event": "open", "sg_event_id": "1"}\nnothing\n42\n[1, {}]\n\xff\xfe{}\n{"a": \n{}\n')
    assert [(line, reason) for line, reason in sorted(found.rejects)] == [
        (2, "not_json"), (3, "not_an_object"), (4, "not_an_object"), (5, "invalid_encoding"), (6, "not_json"),
    ]  # fmt: skip
    assert events(found) == [(1, "sendgrid", {"event": "open", "sg_event_id": "1"}), (4, None, {}), (7, None, {})]


def test_small_blocks_and_gzip_give_the_same_events_in_order(tmp_path: Path) -> None:
    lines = [json.dumps(SENDGRID | {"sg_event_id": str(number)}) for number in range(3_000)]
    lines[10] = json.dumps([json.loads(lines[10]), json.loads(lines[11])])
    text = "\n".join(lines).encode()
    whole = read(tmp_path, text)
    blocks = read(tmp_path, gzip.compress(text), ReadLimits(block_bytes=1_000, batch_rows=7))
    assert whole.rows.equals(blocks.rows.select(whole.rows.columns))
    document = read(tmp_path, b"[" + b",".join(line for line in text.split(b"\n") if line[:1] == b"{") + b"]",
                    ReadLimits(block_bytes=5_000))  # fmt: skip
    places = document.rows.select(SOURCE_LINE, MEMBER)
    assert places.n_unique() == places.height == 2_999
