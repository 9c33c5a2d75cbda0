"""`campaign.mail_report`: from files in the landing folder to the table, a day at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest

from crm_platform.campaign.mail.contracts import MAIL_DAY, MAIL_REPORT
from crm_platform.campaign.mail.parse import parse_message
from crm_platform.campaign.mail.stage import publish_mail_reports, rebuild_mail_reports
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import RECORDS
from crm_platform.warehouse.contract import contracts_by_name
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.publish import Publication
from tests.unit.campaign.mail.mails import EVERY_KIND, EXIM, QMAIL, vacation
from tests.unit.sources.site import Site

MESSAGES = {"contract": "mail_messages", "files": "mail/**/*.*", "form": {"kind": "mail"}}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A home whose feed is the mailbox of returned mail."""
    return Site(tmp_path, MESSAGES)


@contextmanager
def engine_of(site: Site) -> Iterator[Engine]:
    with duckdb.connect(config=engine_settings("1GB", 1, site.root / "spill")) as connection:
        contracts = contracts_by_name([site.feed.contract, *RECORDS, MAIL_REPORT, MAIL_DAY])
        yield Engine(connection, site.lake, contracts, [latest_view(site.feed)])


def publish(site: Site) -> Publication:
    with engine_of(site) as engine:
        return publish_mail_reports(engine, staging_refs([site.feed]))[MAIL_REPORT.table]


def rebuild(site: Site, *days: str) -> Publication:
    with engine_of(site) as engine:
        return rebuild_mail_reports(engine, staging_refs([site.feed]), days)


def as_mbox(*mails: bytes) -> bytes:
    return b"".join(b"From MAILER-DAEMON Mon Feb  2 08:00:00 2026\n" + each + b"\n" for each in mails)


def test_every_mail_of_every_file_is_in_the_table_with_what_it_reports(site: Site) -> None:
    site.land("mail/box.mbox", as_mbox(*EVERY_KIND.values()))
    site.load()
    assert publish(site).partition_keys == ("2026-02-01",)
    rows = site.table(MAIL_REPORT)
    expected = [report for raw in EVERY_KIND.values() for report in parse_message(raw)]
    assert rows.height == len(expected)
    assert sorted(rows["recipient"]) == sorted(str(report.recipient) for report in expected)
    assert set(rows["source"]) == {"shop"}
    assert rows.filter(recipient="bob@example.org", kind="bounce")["address_invalid"].all()


def test_a_new_day_costs_a_day(site: Site) -> None:
    site.land("mail/one.eml", QMAIL)
    site.load()
    publish(site)
    site.land("mail/two.eml", EXIM, day=1)
    site.load()
    assert publish(site).partition_keys == ("2026-02-02",)
    assert publish(site).partition_keys == ()
    assert site.table(MAIL_REPORT).height == 3


def test_a_mail_that_comes_again_in_another_file_is_one_mail(site: Site) -> None:
    site.land("mail/one.eml", QMAIL)
    site.load()
    publish(site)
    site.land("mail/again.mbox", as_mbox(QMAIL, vacation()), day=1)
    site.load()
    assert publish(site).partition_keys == ("2026-02-02",)
    assert site.table(MAIL_REPORT).group_by("file_date").len().sort("file_date")["len"].to_list() == [2, 1]


def test_a_day_grows_when_more_of_it_comes(site: Site) -> None:
    site.land("mail/one.eml", QMAIL)
    site.load()
    publish(site)
    site.land("mail/two.eml", EXIM)
    site.load()
    assert publish(site).partition_keys == ("2026-02-01",)
    assert site.table(MAIL_REPORT).height == 3


def test_the_days_that_are_held_are_counted(site: Site) -> None:
    site.land("mail/box.mbox", as_mbox(QMAIL, vacation()))
    site.land("mail/two.eml", EXIM, day=1)
    site.load()
    publish(site)
    counted = site.table(MAIL_DAY).sort("file_date").with_columns(pl.col("file_date").cast(pl.String))
    assert counted.rows() == [("2026-02-01", 2, 3), ("2026-02-02", 1, 1)]


def test_reading_anew_gives_the_same_bytes_and_takes_nothing_new(site: Site) -> None:
    site.land("mail/box.mbox", as_mbox(*EVERY_KIND.values()))
    site.load()
    publish(site)
    (table,) = site.lake.data_files(MAIL_REPORT)
    before = table.read_bytes()
    site.land("mail/two.eml", EXIM, day=1)
    site.load()
    assert rebuild(site, "2026-01-31", "2026-02-01", "2026-02-02").partition_keys == ("2026-02-01",)
    assert table.read_bytes() == before


def test_no_mails_make_an_empty_table(site: Site) -> None:
    assert publish(site).partition_keys == ()
    with engine_of(site) as engine:
        assert engine.query("SELECT * FROM campaign.mail_report").schema.names() == MAIL_REPORT.column_names


def test_what_is_no_mail_is_in_quarantine_and_stops_nothing(site: Site) -> None:
    site.land("mail/box.mbox", as_mbox(QMAIL, b"\0\1\2 not a mail\n"))
    site.load()
    assert site.counts() == [(2, 1, 1, 0)]
    publish(site)
    assert site.table(MAIL_REPORT).select(pl.col("message_sha256").n_unique()).item() == 1
