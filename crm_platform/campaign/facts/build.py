"""The making of the facts of delivery and clicks: the days that something new touches, each made anew as a whole.

Here: the steps and their publishing. Not here: which days those are (`touched.py`) and what the rows say (the `.sql`
files).
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, FACT_INPUT
from crm_platform.campaign.facts.member_version import MEMBER_FEED, member_versions
from crm_platform.campaign.facts.touched import Touched, as_it_stands, touched
from crm_platform.campaign.settings import DeliveryRules
from crm_platform.sources.all_sources import all_sources_query, staging_refs
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, Parameter, literal
from crm_platform.warehouse.publish import Publication, Write, publish, publish_frame
from crm_platform.warehouse.steps import temporary_tables

MEMBERS_AT_ONCE = 500_000
FACTS = (FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH)
_READ = (
    "campaign.dim_campaign", "campaign.dim_cell", "campaign.dim_reason", "campaign.dim_url", "campaign.event",
    "campaign.mail_report", "scv.customer_ref_key", "scv.dim_customer_history", "sources.dim_brand",
    "sources.dim_channel", "sources.dim_communication", "sources.dim_locale",
)  # fmt: skip


def publish_delivery_facts(
    engine: Engine,
    feeds: Sequence[StagedFeed],
    rules: DeliveryRules,
    as_of: datetime,
    members_at_once: int = MEMBERS_AT_ONCE,
    anew: Collection[str] = (),
) -> dict[str, Publication]:
    """Make the days anew that what is new, changed or late belongs to, as of a time (UTC); the others stay as they are.

    The rows depend on what was told, not on the order in which it came. Killed anywhere, a further run makes the same:
    `campaign.fact_input` is written last.

    anew: days of sending that are made anew whatever has changed, as after days of events were made anew.

    Raises:
        ContractViolation: rows break a contract; the days in hand were not published.
    """
    work = touched(engine, feeds, rules, as_of).with_days(anew)
    made = _publish_portions(engine, feeds, rules, as_of, work, members_at_once)
    return made | {FACT_INPUT.table: publish_frame(engine, FACT_INPUT, work.inputs)}


def rebuild_delivery_facts(
    engine: Engine,
    feeds: Sequence[StagedFeed],
    rules: DeliveryRules,
    as_of: datetime,
    days: Collection[str],
    members_at_once: int = MEMBERS_AT_ONCE,
) -> dict[str, Publication]:
    """Make those of these days anew that there are, as of a time (UTC): what a range makes, day by day makes too.

    What is new, and days that there are not yet, come with the next run of `publish_delivery_facts`.

    Raises:
        ContractViolation: rows break a contract; the days in hand were not published.
    """
    present = sorted({*days} & {*engine.lake.partition_keys(FACT_CAMPAIGN_DELIVERY)})
    work = as_it_stands(engine, present)
    return _publish_portions(engine, feeds, rules, as_of, work, members_at_once)


def _publish_portions(
    engine: Engine,
    feeds: Sequence[StagedFeed],
    rules: DeliveryRules,
    as_of: datetime,
    work: Touched,
    members_at_once: int,
) -> dict[str, Publication]:
    for name in _READ:
        engine.refresh_view(engine.contracts[name])
    members = _members_due(engine, feeds, work)
    parts = [
        _publish_days(engine, feeds, rules, as_of, days, members, work)
        for days in _portions(members, work, members_at_once)
    ]
    if not parts:
        return {}
    return {contract.table: _added(contract, [part[contract.table] for part in parts]) for contract in FACTS}


def _members_due(engine: Engine, feeds: Sequence[StagedFeed], work: Touched) -> pl.DataFrame:
    """How many members each campaign has on the days touched: columns due_day, campaign_id, number_of_members."""
    versions = member_versions(feeds, work.days)
    return engine.query(
        f"SELECT due_day, campaign_id, count(*) AS number_of_members FROM ({versions}) AS told GROUP BY ALL"
    )


def _portions(members: pl.DataFrame, work: Touched, members_at_once: int) -> list[list[str]]:
    """The days in portions of some number of members, so that memory follows the portion."""
    by_day = dict(members.group_by("due_day").agg(pl.col("number_of_members").sum()).iter_rows())
    portions: list[list[str]] = []
    filled = members_at_once
    for day in work.days:
        if filled >= members_at_once:
            portions.append([])
            filled = 0
        portions[-1].append(day)
        filled += by_day.get(day, 0)
    return portions


def _publish_days(
    engine: Engine,
    feeds: Sequence[StagedFeed],
    rules: DeliveryRules,
    as_of: datetime,
    days: list[str],
    members: pl.DataFrame,
    work: Touched,
) -> dict[str, Publication]:
    frames = {
        "wanted_day": pl.DataFrame({"day": days}, schema={"day": pl.String}),
        "people_proxy": pl.DataFrame({"rule": rules.opens_of_people}, schema={"rule": pl.String}),
        "silent_channel": pl.DataFrame(
            list(rules.no_word_means_delivered_after_days.items()),
            schema={"channel": pl.String, "days": pl.Int64},
            orient="row",
        ),
        "reporting_campaign": pl.DataFrame(
            {"campaign_id": work.reporting_campaigns}, schema={"campaign_id": pl.String}
        ),
    }
    with engine.registered(**frames), _put_together(engine, feeds, days, members):
        return {contract.table: _publish_fact(engine, contract, days, as_of) for contract in FACTS}


@contextmanager
def _put_together(
    engine: Engine, feeds: Sequence[StagedFeed], days: list[str], members: pl.DataFrame
) -> Iterator[None]:
    """Let SQL read `send`, `told`, `course` and `send_customer` of these days, for the time of the block."""
    # What a clock that goes wrong tells of before the sending still belongs to it.
    since = datetime.fromisoformat(f"{days[0]}T00:00:00+00:00") - timedelta(days=1)
    names = ("send", "told", "course", "send_customer")
    with ExitStack() as made:
        with engine.temporary_view("counted_member", _members_query(feeds, days, members)):
            made.enter_context(temporary_tables(engine, Path(__file__).parent, names, {"since": since}))
        yield


def _members_query(feeds: Sequence[StagedFeed], days: Sequence[str], due: pl.DataFrame) -> str:
    """SQL for the newest members of the campaigns that these days have members of.

    The campaigns are written out, so that the engine skips the files that hold others.
    """
    told = due.filter(pl.col("due_day").is_in(days))["campaign_id"].unique().sort()
    campaigns = ", ".join(literal(name) for name in told)
    refs = staging_refs(feed for feed in feeds if feed.contract_name == MEMBER_FEED)
    members = all_sources_query(MEMBER_FEED, refs.get(MEMBER_FEED, ()))
    return f"SELECT * FROM ({members}) AS told WHERE campaign_id IN ({campaigns or 'NULL'})"


def _publish_fact(engine: Engine, contract: Contract, days: list[str], as_of: datetime) -> Publication:
    writes: dict[str | None, Write] = {day: _day_writer(engine, contract, {"day": day, "as_of": as_of}) for day in days}
    return publish(engine, contract, writes)


def _day_writer(engine: Engine, contract: Contract, parameters: dict[str, Parameter]) -> Write:
    return lambda path: engine.write_query(_sql(contract.table), path, parameters)


def _added(contract: Contract, parts: Sequence[Publication]) -> Publication:
    return Publication(
        contract,
        sum(part.number_of_rows for part in parts),
        sum(part.number_of_bytes for part in parts),
        tuple(key for part in parts for key in part.partition_keys),
    )


def _sql(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8").rstrip().rstrip(";")
