"""`crm bounces`: what mails that came back report, alone, without Dagster."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_platform.cli.console import output, progress
from crm_platform.cli.outputs import EVENTS, check_out, refuse_if_nothing_was_read, tell_unreadable

if TYPE_CHECKING:
    from crm_platform.campaign.mail.report import MailReport

_ROWS_AT_ONCE = 5_000
_MAIL_KINDS = {
    "bounce": "bounce",
    "delayed": "bounce",
    "complaint": "complaint",
    "not_spam": "complaint",
    "auth_failure": "complaint",
    "auto_reply": "autoreply",
}


def bounces(
    paths: Annotated[
        list[Path], typer.Argument(help="Files or folders: mbox, Maildir, .eml, packed with gzip or not.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help=".jsonl: a line per mail with its recipients; .csv or .parquet: a row per recipient."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find out from bounces, complaints and automatic replies whom mail did not reach, and why.

    Every mail has a line, also one that reports nothing. Exit code 1 where a file cannot be read; the rest is done.

    Example: crm bounces mail/bounces --out bounces.jsonl
    """
    files = [file for path in paths for file in _files(path)]
    check_out(out, files, EVENTS)
    summary = _Summary()
    with progress() as bars:
        mails = summary.counted(_reports_of(bars.track(files, description="Reading mails")))
        if out is None:
            for _ in mails:
                pass
        else:
            _write(mails, out)
    summary.show(as_json)
    tell_unreadable(summary.unreadable)
    if summary.unreadable:
        raise typer.Exit(1)


class _Mail:
    """A mail of a file and its reports; `message` says why where it could not be read."""

    def __init__(self, file: Path, number: int, reports: "list[MailReport]", message: str = "") -> None:
        self.file = file
        self.number = number
        self.reports = reports
        self.message = message

    @property
    def kind(self) -> str:
        """What the mail is as a whole."""
        return _MAIL_KINDS.get(self.reports[0].kind, "none") if self.reports else "unreadable"

    def as_line(self) -> dict[str, Any]:
        """The mail as a line of JSON."""
        line: dict[str, Any] = {"file": str(self.file), "mail": self.number, "kind": self.kind, "recipients": []}
        if not self.reports:
            return line | {"message": self.message}
        first = self.reports[0]
        for report in self.reports:
            if report.recipient is not None:
                line["recipients"].append(_about_recipient(report))
        of_mail = ("feedback_type", "original_message_id", "campaign", "feedback_id", "message_sha256")
        return line | {name: getattr(first, name) for name in of_mail}

    def as_rows(self) -> Iterator[dict[str, Any]]:
        """The mail as rows, one per recipient."""
        for report in self.reports:
            yield {"file": str(self.file), "mail": self.number, **asdict(report)}


class _Summary:
    """What was found, by kind and reason."""

    def __init__(self) -> None:
        self.mails: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.recipients = 0
        self.invalid = 0
        self.unreadable: list[tuple[Path, str]] = []

    def counted(self, mails: Iterator[_Mail]) -> Iterator[_Mail]:
        """The same mails, counted on the way.

        Raises:
            CommandError: at the end, where none could be read.
        """
        for mail in mails:
            self.mails[mail.kind] += 1
            if not mail.reports:
                self.unreadable.append((mail.file, mail.message))
            for report in mail.reports:
                if report.recipient is not None and report.reason is not None:
                    self.recipients += 1
                    self.invalid += report.address_invalid
                    self.reasons[report.reason] += 1
            yield mail
        refuse_if_nothing_was_read(self.unreadable, self.mails.total() > len(self.unreadable))

    def show(self, as_json: bool) -> None:
        """Print it."""
        figures = {
            "mails": self.mails.total(),
            "kinds": dict(self.mails.most_common()),
            "recipients": self.recipients,
            "addresses_invalid": self.invalid,
            "reasons": dict(self.reasons.most_common()),
        }
        if as_json:
            output.print_json(data=figures)
            return
        output.print(
            f"{self.mails.total():,} mails: {_listed(self.mails)}. {self.recipients:,} recipients, {self.invalid:,} "
            f"with an address that is no good: {_listed(self.reasons)}.",
            highlight=False,
            soft_wrap=True,
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common()) or "none"


def _about_recipient(report: "MailReport") -> dict[str, Any]:
    return {
        "recipient": report.recipient,
        "kind": report.kind,
        "action": report.action,
        "status": report.enhanced_status,
        "smtp_code": report.smtp_code,
        "reason": report.reason,
        "bounce_kind": report.bounce_kind,
        "address_invalid": report.address_invalid,
        "rule": report.rule,
        "evidence": report.evidence,
        "remote_mta": report.remote_mta,
        "event_dt": report.event_dt.isoformat() if report.event_dt else None,
    }


def _files(path: Path) -> list[Path]:
    """The files of a path: itself, or those below a folder, without hidden ones and what a Maildir still writes."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not _is_unfinished(file))


def _is_unfinished(file: Path) -> bool:
    folder = file.parent
    return file.name.startswith(".") or (folder.name == "tmp" and (folder.parent / "cur").is_dir())


def _reports_of(files: "Iterator[Path] | Any") -> Iterator[_Mail]:
    from crm_platform.campaign.mail.parse import parse_message
    from crm_platform.sources.readers.archive import contents
    from crm_platform.sources.readers.batch import ReadLimits, RefusedFile
    from crm_platform.sources.readers.mail_files import mails_in

    for file in files:
        number = 0
        if not file.exists():
            yield _Mail(file, 1, [], "there is no such file or folder")
            continue
        try:
            for content in contents(file, ReadLimits()):
                with content.stream() as stream:
                    for mail in mails_in(stream):
                        number += 1
                        yield _Mail(file, number, parse_message(mail.content))
        except RefusedFile as refused:
            yield _Mail(file, number + 1, [], refused.message)
        except OSError as failure:
            yield _Mail(file, number + 1, [], failure.strerror or type(failure).__name__)


def _write(mails: Iterator[_Mail], out: Path) -> None:
    from crm_platform.warehouse.files import written_durably

    with written_durably(out) as prepared:
        if out.suffix == ".jsonl":
            with prepared.open("w", encoding="utf-8") as lines:
                lines.writelines(json.dumps(mail.as_line(), ensure_ascii=False) + "\n" for mail in mails)
        else:
            _write_rows((row for mail in mails for row in mail.as_rows()), prepared, out.suffix)


def _write_rows(rows: Iterator[dict[str, Any]], prepared: Path, suffix: str) -> None:
    from itertools import islice

    import polars as pl
    import pyarrow.parquet as pq

    from crm_platform.campaign.mail.report import REPORT_SCHEMA

    schema: dict[str, pl.DataType] = {"file": pl.String(), "mail": pl.Int64(), **REPORT_SCHEMA}
    if suffix == ".csv":
        with prepared.open("wb") as file:
            pl.DataFrame(schema=schema).write_csv(file)
            while part := list(islice(rows, _ROWS_AT_ONCE)):
                pl.DataFrame(part, schema=schema).write_csv(file, include_header=False)
        return
    arrow_schema = pl.DataFrame(schema=schema).to_arrow().schema
    with pq.ParquetWriter(prepared, arrow_schema, compression="zstd") as writer:
        while part := list(islice(rows, _ROWS_AT_ONCE)):
            writer.write_table(pl.DataFrame(part, schema=schema).to_arrow().cast(arrow_schema))
