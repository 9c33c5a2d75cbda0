"""The making of `campaign.mail_report` from the mails that the sources have delivered.

Here: which days are read, and their publishing. Not here: what a mail says (`parse.py`).
"""

from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

import polars as pl

from crm_platform.campaign.mail.contracts import MAIL_DAY, MAIL_REPORT
from crm_platform.campaign.mail.parse import parse_message, report_frame
from crm_platform.campaign.mail.report import MailReport
from crm_platform.sources.all_sources import StagingRefs, all_sources
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import Publication, Write, publish, publish_frame, write_parts

MAIL_FEEDS = ("mail_messages",)
BYTES_AT_ONCE = 64 * 1024**2


def publish_mail_reports(engine: Engine, staging: StagingRefs) -> dict[str, Publication]:
    """Publish what the mails report, by the day on which their files were received (UTC).

    Only days are read whose mails are not those of the table: a new day costs a day. A mail that came twice is of the
    day when it came first.

    Raises:
        ContractViolation: the reports break the contract; no day was published.
    """
    with all_sources(engine, MAIL_FEEDS, staging), engine.temporary_view("mail_once", _sql("mail_once")):
        days = engine.query(_sql("days_to_read"))["file_date"].to_list()
        reports = _publish_days(engine, days)
    counts = engine.query(
        "SELECT file_date, count(DISTINCT message_sha256) AS number_of_mails, count(*) AS number_of_reports "
        "FROM campaign.mail_report GROUP BY file_date ORDER BY file_date"
    )
    return {MAIL_REPORT.table: reports, MAIL_DAY.table: publish_frame(engine, MAIL_DAY, counts)}


def rebuild_mail_reports(engine: Engine, staging: StagingRefs, days: Collection[str]) -> Publication:
    """Read those of these days (`YYYY-MM-DD`) anew that the table has, as after a change of the rules.

    Mails that it does not hold come with the next run of `publish_mail_reports`.

    Raises:
        ContractViolation: the reports break the contract; no day was published.
    """
    present = sorted({*days} & {*engine.lake.partition_keys(MAIL_REPORT)})
    with all_sources(engine, MAIL_FEEDS, staging), engine.temporary_view("mail_once", _sql("mail_once")):
        return _publish_days(engine, [date.fromisoformat(day) for day in present])


def _publish_days(engine: Engine, days: Collection[date]) -> Publication:
    return publish(engine, MAIL_REPORT, {day.isoformat(): _write_of(engine, day) for day in days})


def _write_of(engine: Engine, day: date) -> Write:
    return lambda path: _write_day(engine, day, path)


def _write_day(engine: Engine, day: date, path: Path) -> None:
    """Write the reports of a day in the order of the mails' digests, a part of the mails at a time."""
    write_parts(MAIL_REPORT, (_reports(mails) for mails in _mails_of(engine, day)), path)


def _mails_of(engine: Engine, day: date) -> Iterator[pl.DataFrame]:
    """The mails of a day: message_sha256, source, file_dt, raw; some megabytes of them at a time."""
    sizes = engine.query(
        "SELECT message_sha256, size_bytes FROM mail_once WHERE CAST(file_dt AS DATE) = $day ORDER BY 1", {"day": day}
    )
    parts = sizes.group_by(part=pl.col("size_bytes").cum_sum() // BYTES_AT_ONCE, maintain_order=True).agg(
        first=pl.col("message_sha256").first(), last=pl.col("message_sha256").last()
    )
    for part in parts.iter_rows(named=True):
        yield engine.query(_sql("mails_of_part"), {"day": day, "first": part["first"], "last": part["last"]})


def _reports(mails: pl.DataFrame) -> pl.DataFrame:
    """The rows of the table for these mails. A loop over rows, which mails need: they are text, not a table."""
    found: list[MailReport] = []
    for raw in mails["raw"]:
        found.extend(parse_message(raw.encode("latin-1", "replace")))
    told = report_frame(found).unique(["message_sha256", "recipient"], keep="first", maintain_order=True)
    rows = told.join(mails.drop("raw"), on="message_sha256", how="left", maintain_order="left")
    return rows.with_columns(file_date=pl.col("file_dt").dt.date())


def _sql(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8").rstrip().rstrip(";")
