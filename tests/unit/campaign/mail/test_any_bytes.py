"""What holds for any mail at all: it is read, soon, and the same whatever its line ends and the file it lies in."""

from io import BytesIO
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.campaign.mail.parse import parse_message
from crm_platform.campaign.mail.report import MailReport
from crm_platform.sources.readers.mail_files import mails_in
from tests.unit.campaign.mail.mails import ABOUT_MAIL, EVERY_KIND, about, report

MAILS = list(EVERY_KIND.values())
for each_mail in MAILS:  # the rules are read and compiled once, which is not what the deadlines are about
    parse_message(each_mail)
SECONDS = 10.0


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A mail with some stretches of it taken out, doubled, or replaced by other bytes."""
    raw = draw(st.sampled_from(MAILS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 80)))
        filling = draw(st.one_of(st.just(b""), st.just(raw[start:end] * 2), st.binary(max_size=40)))
        raw = raw[:start] + filling + raw[end:]
    return raw


def told(raw: bytes) -> list[tuple[object, ...]]:
    """What a mail reports, but for the digest of its bytes."""
    return [
        tuple(value for name, value in vars(each).items() if name != "message_sha256") for each in parse_message(raw)
    ]


def is_sound(each: MailReport) -> bool:
    """Whether a report keeps what every report promises."""
    values = [value for value in vars(each).values() if isinstance(value, str)]
    is_about_somebody = each.recipient is not None or not each.address_invalid
    return is_about_somebody and all(value and value.encode("utf-8") for value in values)


@given(st.binary(max_size=3_000))
def test_any_bytes_are_read(raw: bytes) -> None:
    assert parse_message(raw)


@given(mutated())
def test_a_damaged_mail_is_read_and_its_reports_are_sound(raw: bytes) -> None:
    reports = parse_message(raw)
    assert reports
    assert all(is_sound(each) for each in reports)
    assert len({each.recipient for each in reports}) == len(reports)


@given(mutated())
def test_line_ends_make_no_difference(raw: bytes) -> None:
    plain = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert told(plain) == told(plain.replace(b"\n", b"\r\n")) == told(plain.replace(b"\n", b"\r"))


@given(st.lists(st.sampled_from(MAILS), min_size=1, max_size=4), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_a_mail_in_an_mbox_is_the_mail_in_a_file_of_its_own(mails: list[bytes], end: bytes) -> None:
    quoted = [raw.replace(b"\nFrom ", b"\n>From ") for raw in mails]
    mbox = b"".join(b"From MAILER-DAEMON Mon Feb  2 08:00:00 2026\n" + each + b"\n\n" for each in quoted)
    found = [each.content for each in mails_in(BytesIO(mbox.replace(b"\n", end)))]
    alone = [each.content for raw in mails for each in mails_in(BytesIO(raw.replace(b"\n", end)))]
    assert found == alone
    assert [parse_message(each) for each in found] == [parse_message(raw.replace(b"\n", end)) for raw in mails]


HEAD = b"From: MAILER-DAEMON@a.example\nSubject: failure notice\n"
MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\n" + b"a" * 2 * MEGABYTE,
        HEAD + b"\n" + b"a@" * MEGABYTE,
        HEAD + b"\n" + b"could not be delivered " * 80_000,
        HEAD + b"\n" + b"550 <a@b.example>\n" * 100_000,
        HEAD + b"\n" + b"<a@b.example>:\n" * 100_000,
        HEAD + b"X-Failed-Recipients: " + b"a@b.example, " * 100_000 + b"\n\ncould not be delivered\n",
        HEAD + b"X: y\n" + b" z\n" * 600_000 + b"\nbody\n",
        HEAD + b"Content-Type: text/html\n\n" + b"<style" * 300_000,
        HEAD + b"Content-Type: text/html\n\n" + b"<a <br " * 250_000,
        HEAD + b"Content-Type: text/html\n\n" + b"<!--" * 400_000,
        HEAD + b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\n" * 300_000,
        HEAD + b"Content-Type: multipart/mixed; boundary=a\n" + b'; x="y' * 200_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(2_000)),
        report(ABOUT_MAIL, *(about(f"a{number}@b.example") for number in range(8_000))),
        HEAD + b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: rfc822;a@b.example\n" * 50_000,
        HEAD + b'\n{"mail": ' + b'{"a":' * 100_000,
        b"\n" * 2 * MEGABYTE,
        b"From " * 400_000,
    ],
    ids=range(18),
)
def test_a_mail_made_to_be_slow_is_read_in_bounded_time(raw: bytes) -> None:
    started = perf_counter()
    assert parse_message(raw)
    assert perf_counter() - started < SECONDS
