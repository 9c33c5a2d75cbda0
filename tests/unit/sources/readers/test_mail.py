"""Behaviour of the mail reader: mbox and single mails, line ends, what is no mail, and what stays of the bytes."""

import gzip
import hashlib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from crm_platform.sources.readers.batch import FileForm, ReadLimits, RefusedFile
from crm_platform.sources.readers.mail_files import MAXIMUM_MAIL_BYTES, mails_in
from crm_platform.sources.readers.mail_headers import decoded_words, moment, read_fields
from tests.unit.sources.readers.reading import read_bytes

MAIL = FileForm(kind="mail")
ENVELOPE = b"From MAILER-DAEMON Mon Feb  2 08:00:00 2026\n"
ONE = (
    b"From: =?utf-8?q?M=C3=BCller?= <post@example.com>\nSubject: Undeliverable:\n =?utf-8?b?w6Rw?=\n"
    b"Message-ID: <1@example.com>\nDate: Mon, 02 Feb 2026 08:00:00 +0100\n\nFrom here on: text \xe9\xff.\n"
)
OTHER = b"From: b@example.org\nSubject: x\n\nFrom b Mon Feb  2 09:00:00 2026 on\n"


def test_a_mail_is_a_row_with_its_bytes(tmp_path: Path) -> None:
    read = read_bytes(tmp_path, ONE, MAIL)
    (row,) = read.rows.to_dicts()
    assert row["raw"].encode("latin-1") == ONE.strip()
    assert row["message_sha256"] == hashlib.sha256(ONE.strip()).hexdigest()
    assert (row["sender"], row["subject"]) == ("Müller <post@example.com>", "Undeliverable: äp")
    assert (row["message_id"], row["size_bytes"]) == ("1@example.com", len(ONE.strip()))
    assert row["sent_dt"] == datetime(2026, 2, 2, 7, tzinfo=UTC)
    assert row["source_line"] == 1


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_mbox_is_cut_at_its_envelopes_and_unquoted(tmp_path: Path, end: bytes) -> None:
    quoted = OTHER.replace(b"\nFrom b", b"\n>From b")
    mbox = (ENVELOPE + ONE + b"\n" + ENVELOPE + quoted + b"\n").replace(b"\n", end)
    read = read_bytes(tmp_path, mbox, MAIL)
    assert [raw.encode("latin-1") for raw in read.rows["raw"]] == [
        ONE.replace(b"\n", end).strip(),
        OTHER.replace(b"\n", end).strip(),
    ]
    assert read.lines == [1, 1 + (ENVELOPE + ONE + b"\n").count(b"\n")]


def test_a_mail_is_the_same_in_an_mbox_and_alone(tmp_path: Path) -> None:
    alone = read_bytes(tmp_path, ONE, MAIL).rows.drop("source_line")
    boxed = read_bytes(tmp_path, ENVELOPE + ONE + b"\n\n", MAIL).rows.drop("source_line")
    packed = read_bytes(tmp_path, gzip.compress(ENVELOPE + ONE), MAIL).rows.drop("source_line")
    assert alone.rows() == boxed.rows() == packed.rows()


def test_what_is_no_mail_is_a_reject_and_the_rest_is_read(tmp_path: Path) -> None:
    mbox = ENVELOPE + ONE + b"\n" + ENVELOPE + b"no header here\n\n" + ENVELOPE + b"A: \0\n\n" + ENVELOPE + ONE
    read = read_bytes(tmp_path, mbox, MAIL)
    assert read.rows.height == 2
    assert [reason for _, reason in read.rejects] == ["not_a_mail", "not_a_mail"]
    assert read.rejects[0][0] == 1 + (ENVELOPE + ONE + b"\n").count(b"\n")


def test_a_mail_that_is_too_large_is_a_reject_and_keeps_no_memory(tmp_path: Path) -> None:
    large = b"From: a@example.com\n\n" + b"x" * 1000 + b"\n"
    found = list(mails_in(BytesIO(ENVELOPE + large * 40 + b"\n" + ENVELOPE + ONE), maximum_bytes=5_000))
    assert [mail.is_too_large for mail in found] == [True, False]
    assert len(found[0].content) <= 5_000
    assert found[1].content == ONE.strip()
    one_line = list(mails_in(BytesIO(b"From: a@example.com\n\n" + b"x" * 3_000_000), maximum_bytes=5_000))
    assert [(mail.is_too_large, len(mail.content) <= 5_000) for mail in one_line] == [(True, True)]
    read = read_bytes(tmp_path, b"From: a@example.com\n\n" + b"y\n" * (MAXIMUM_MAIL_BYTES // 2), MAIL)
    assert read.rejects == [(1, "mail_too_large")]


def test_batches_follow_the_room_there_is(tmp_path: Path) -> None:
    mbox = (ENVELOPE + ONE) * 30
    read = read_bytes(tmp_path, mbox, MAIL, limits=ReadLimits(block_bytes=500))
    assert read.rows.height == 30
    assert read.lines == [1 + number * (ENVELOPE + ONE).count(b"\n") for number in range(30)]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile):
        read_bytes(tmp_path, b"", MAIL)


def test_header_fields_are_read_without_their_folding() -> None:
    headers = read_fields("A: one\n two\nb:three\nlost its folding\nA: four\n")
    assert headers.all("a") == ["one two", "four"]
    assert headers.get("b") == "three lost its folding"
    assert headers.get("c") == ""


@pytest.mark.parametrize("value", ["=?no-such?q?x?=", "=?utf-8?b?!?=", "=?base64?q?=FF?=", "=?utf-8?q?=FF?="])
def test_encoded_words_that_cannot_be_decoded_are_no_reason_to_stop(value: str) -> None:
    assert isinstance(decoded_words(value), str)


def test_the_first_date_that_is_one_counts() -> None:
    assert moment("", "soon", "Mon, 32 Feb 2026 08:00:00", "Thu,29 Apr 2010 23:34:45 +0900 (JST)") == datetime(
        2010, 4, 29, 14, 34, 45, tzinfo=UTC
    )
    assert moment("nothing") is None
