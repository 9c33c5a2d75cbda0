"""Reads mails: an mbox, or a file that is one mail; yields the columns of mail_messages.

What does not begin with header fields, or is too large, is a reject. What a mail reports is for the campaign stage.
"""

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from crm_platform.sources.readers.batch import (
    RAW_CHARACTERS,
    SOURCE_LINE,
    RawBatch,
    ReadFile,
    Reject,
    SourceColumn,
    reject_frame,
)
from crm_platform.sources.readers.mail_files import MAXIMUM_MAIL_BYTES, RawMail, mails_in
from crm_platform.sources.readers.mail_headers import MAXIMUM_HEAD, decoded_words, moment, read_fields, split_head
from crm_platform.sources.readers.opening import Request

MAIL_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "message_sha256": pl.String,
    "message_id": pl.String,
    "sender": pl.String,
    "subject": pl.String,
    "sent_dt": pl.Datetime("us", "UTC"),
    "size_bytes": pl.Int64,
    "raw": pl.String,
}
"""The columns that a mail yields; `raw` is its bytes, each a character of Latin-1."""

_Row = tuple[int, str, str, str, str, datetime | None, int, str]


def open_mail(request: Request) -> ReadFile:
    """Open an mbox or a mail."""
    return ReadFile(
        columns=[SourceColumn(name, str(dtype)) for name, dtype in MAIL_COLUMNS.items()],
        read=lambda: _batches(request),
        content_lines=request.content.facts.lines if request.content.facts else None,
    )


def _batches(request: Request) -> Iterator[RawBatch]:
    """A batch has as many mails as there is room for in a block, at least one."""
    rows: list[_Row] = []
    rejects: list[Reject] = []
    room = request.limits.block_bytes
    with request.content.stream() as stream:
        for mail in mails_in(stream):
            reject = _reject(mail)
            if reject:
                rejects.append(reject)
            else:
                rows.append(_row(mail))
            room -= len(mail.content)
            if room < 0 or len(rows) >= request.limits.batch_rows:
                yield _batch(rows, rejects)
                rows, rejects, room = [], [], request.limits.block_bytes
    yield _batch(rows, rejects)


def _reject(mail: RawMail) -> Reject | None:
    raw = mail.content[:RAW_CHARACTERS].decode("latin-1")
    if mail.is_too_large:
        return Reject(mail.line, "mail_too_large", f"the mail has more than {MAXIMUM_MAIL_BYTES:,} bytes", raw)
    if not mail.is_mail:
        return Reject(mail.line, "not_a_mail", "it does not begin with header fields", raw)
    return None


def _row(mail: RawMail) -> _Row:
    text = mail.content.decode("latin-1")
    head = text[:MAXIMUM_HEAD].replace("\r\n", "\n").replace("\r", "\n")
    headers = read_fields(split_head(head.partition("\n")[2] if head.startswith(("From ", ">From ")) else head)[0])
    return (
        mail.line,
        mail.sha256,
        headers.get("message-id").strip("<> "),
        decoded_words(headers.get("from")),
        decoded_words(headers.get("subject")),
        moment(headers.get("date")),
        len(mail.content),
        text,
    )


def _batch(rows: list[_Row], rejects: list[Reject]) -> RawBatch:
    frame = pl.DataFrame(rows, schema={SOURCE_LINE: pl.Int64, **MAIL_COLUMNS}, orient="row")
    return RawBatch(frame, reject_frame(rejects))
