"""The making of `campaign.objection` and `campaign.bounce_score`, and what permission reads of them.

Both are told from `campaign.event`, `campaign.mail_report` and the plan of the campaigns, which are made of sources and
of no customer: so permission, on which campaigns stand, may read them, and nothing goes round in a circle. Here: the
steps, their publishing and the queries for permission. Not here: what follows of them (`permission/consent`,
`permission/suppression`).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.campaign.facts.member_version import MEMBER_FEED, member_versions
from crm_platform.campaign.feedback.contracts import BOUNCE_SCORE, FEEDBACK_CONTRACTS, OBJECTION
from crm_platform.campaign.mail.stage import MAIL_FEEDS
from crm_platform.campaign.settings import BounceRules
from crm_platform.scv.records.build import every_version
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, Parameter
from crm_platform.warehouse.publish import Publication, publish_sql_file
from crm_platform.warehouse.steps import step_sql, temporary_tables

_HERE = Path(__file__).parent
FEEDBACK_FEEDS = (MEMBER_FEED, *MAIL_FEEDS)
_READ = (
    "campaign.event", "campaign.mail_report", "campaign.dim_campaign", "sources.dim_communication",
    "sources.file_ledger",
)  # fmt: skip


def publish_feedback(
    engine: Engine, feeds: Sequence[StagedFeed], rules: BounceRules, as_of: datetime
) -> dict[str, Publication]:
    """Publish what recipients and their servers tell against being sent to; the scores as of a time (UTC).

    Raises:
        ContractViolation: rows break a contract; that table was not published.
    """
    for name in _READ:
        engine.refresh_view(engine.contracts[name])
    points = list(rules.points.items())
    frames = {
        "kind_points": pl.DataFrame(points, schema={"bounce_kind": pl.String, "points": pl.Float64}, orient="row"),
        "pointless_reason": pl.DataFrame({"reason": rules.reasons_without_points}, schema={"reason": pl.String}),
    }
    parameters: dict[str, Parameter] = {
        "as_of": as_of,
        "half_life_days": rules.half_life_days,
        "threshold": rules.threshold,
        "suppressed_days": rules.suppressed_days,
    }
    with engine.registered(**frames), _told(engine, feeds):
        return {
            OBJECTION.table: publish_sql_file(engine, OBJECTION, _HERE / "objection.sql"),
            BOUNCE_SCORE.table: publish_sql_file(engine, BOUNCE_SCORE, _HERE / "bounce_score.sql", parameters),
        }


def objection_statements(engine: Engine) -> str:
    """A query for the objections, with columns of `permission/consent/permission_event_statement.sql`."""
    return _query(engine, "objection_statement")


def bouncing_addresses(engine: Engine) -> str:
    """A query for who is not sent to because the address bounces, with those of `permission/suppression/build.py`."""
    return _query(engine, "bouncing_address")


@contextmanager
def _told(engine: Engine, feeds: Sequence[StagedFeed]) -> Iterator[None]:
    """Let SQL read `told_member` and `told_mail` for the time of the block."""
    with ExitStack() as stack:
        stack.enter_context(engine.temporary_view("member_version", member_versions(feeds)))
        stack.enter_context(every_version(engine, MAIL_FEEDS, feeds))
        stack.enter_context(temporary_tables(engine, _HERE, ("told_member", "told_mail"), {}))
        yield


def _query(engine: Engine, name: str) -> str:
    for contract in FEEDBACK_CONTRACTS:
        engine.refresh_view(contract)
    return step_sql(_HERE, name, {})
