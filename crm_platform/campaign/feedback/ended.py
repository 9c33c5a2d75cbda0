"""What the stages before this one learn of it: e-mail addresses that have ended.

It is told from `campaign.event` and `campaign.mail_report` alone, which are made of sources and of no customer: so the
single customer view may read them, and nothing goes round in a circle. Here: the query. Not here: what follows of it
(`scv.ended_identifier`, and of that the golden record and `permission.suppression`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from crm_platform.campaign.events.contracts import EVENT
from crm_platform.campaign.facts.member_version import member_versions
from crm_platform.campaign.mail.contracts import MAIL_REPORT
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, bound

ENDING_TABLES = (EVENT, MAIL_REPORT)
_MEMBERS = "SELECT message_id, lower(email) AS email FROM ({}) AS told WHERE coalesce(message_id, email) IS NOT NULL"


@contextmanager
def ended_emails(engine: Engine, feeds: Sequence[StagedFeed], as_of: datetime) -> Iterator[str]:
    """A query for the addresses that had ended by a time (UTC), with the columns of `ended_identifier.sql`."""
    for contract in ENDING_TABLES:
        engine.refresh_view(contract)
    text = Path(__file__).with_name("ended_email.sql").read_text(encoding="utf-8").rstrip()
    with engine.temporary_view("told_member", _MEMBERS.format(member_versions(feeds))):
        yield bound(text, {"as_of": as_of})
