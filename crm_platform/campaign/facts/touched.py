"""Which days of the facts are to be made anew: those that something new, changed or late belongs to.

Here: comparing what the facts were made of with what there is now, and the days that differences touch. Not here:
making the days (`build.py`).
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import polars as pl

from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY, FACT_INPUT
from crm_platform.campaign.facts.member_version import MEMBER_FEED, member_versions
from crm_platform.campaign.settings import DeliveryRules
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine, relation_name
from crm_platform.warehouse.steps import temporary_table

RULES, CLOCK, REPORTING, PLAN, CUSTOMERS, MAILS = "rules", "clock", "reporting", "plan", "customers", "mails"
FILE = "file:"
_SCHEMA = {"input": pl.String, "part": pl.String, "digest": pl.String}
_PARTS = f"""
SELECT concat('{FILE}', feed_name) AS input, file_id AS part, CAST(number_of_rows AS VARCHAR) AS digest
FROM campaign.event_file
UNION ALL
SELECT '{MAILS}', strftime(file_date, '%Y-%m-%d'), {{mail_digest}} FROM campaign.mail_report GROUP BY ALL
UNION ALL
SELECT '{CUSTOMERS}', 'numbers', {{number_digest}} FROM scv.customer_ref_key
UNION ALL
SELECT '{CUSTOMERS}', 'addresses', {{address_digest}} FROM scv.dim_customer_history WHERE email IS NOT NULL
UNION ALL
SELECT '{PLAN}', campaign_id, {{plan_digest}} FROM campaign.dim_campaign WHERE campaign_key > 0 GROUP BY campaign_id
UNION ALL
SELECT '{PLAN}', campaign_id || '/', {{link_digest}} FROM campaign.dim_url WHERE url_key > 0 GROUP BY campaign_id
"""


def _digest(columns: str) -> str:
    return f"concat(count(*), ':', coalesce(sum(CAST(hash({columns}) AS HUGEINT)), 0))"


@dataclass(frozen=True)
class Touched:
    """The days to be made anew, and what the facts are made of then (rows of FACT_INPUT)."""

    days: tuple[str, ...]
    inputs: pl.DataFrame
    reporting_campaigns: tuple[str, ...]

    def with_days(self, days: Collection[str]) -> "Touched":
        """The same with further days."""
        return replace(self, days=tuple(sorted({*self.days, *days})))


def touched(engine: Engine, feeds: Sequence[StagedFeed], rules: DeliveryRules, as_of: datetime) -> Touched:
    """What has to be made anew, as of a time (UTC)."""
    engine.refresh_view(FACT_INPUT)
    engine.refresh_view(FACT_CAMPAIGN_DELIVERY)
    before = engine.query("SELECT input, part, digest FROM campaign.fact_input")
    versions = member_versions(feeds)
    now = _parts_now(engine, rules, as_of)
    changed = now.join(before, on=["input", "part", "digest"], how="anti")
    changed_files = changed.filter(pl.col("input").str.starts_with(FILE))
    member_files = [f"{FILE}{feed.name}" for feed in feeds if feed.contract_name == MEMBER_FEED]
    is_told_again = not changed_files.join(before, on=["input", "part"], how="semi").is_empty()
    has_new_members = changed_files["input"].is_in(member_files).any()
    with (
        engine.registered(changed_file=changed_files),
        engine.temporary_view("member_version", versions),
        _what_is_new(engine, has_new_members, is_told_again),
    ):
        known = before.filter(pl.col("input") == REPORTING)["part"].to_list()
        delivering = "SELECT DISTINCT campaign_id FROM new_event WHERE is_delivery"  # of whose deliveries is told
        newly = sorted({*_texts(engine, delivering)} - {*known})
        whole_campaigns = {part.rstrip("/") for part in changed.filter(pl.col("input") == PLAN)["part"]} | {*newly}
        if (changed["input"] == RULES).any():
            days = _all_days(engine)
        else:
            days = {
                *_days_of_files(engine, has_new_members),
                *_days_of_mails(engine, changed.filter(pl.col("input") == MAILS)["part"].to_list()),
                *_days_of_campaigns(engine, sorted(whole_campaigns)),
                *(_days_of_customers(engine) if (changed["input"] == CUSTOMERS).any() else ()),
                *_days_of_silence(engine, before, rules, as_of),
            }
    reporting = sorted({*known, *newly})
    told = pl.DataFrame({"input": REPORTING, "part": reporting, "digest": "1"}, schema=_SCHEMA)
    return Touched(tuple(sorted(days)), pl.concat([now, told]).sort("input", "part"), tuple(reporting))


def as_it_stands(engine: Engine, days: Sequence[str]) -> Touched:
    """Some days to be made anew of what the facts are made of already."""
    engine.refresh_view(FACT_INPUT)
    inputs = engine.query("SELECT input, part, digest FROM campaign.fact_input")
    reporting = inputs.filter(pl.col("input") == REPORTING)["part"].sort()
    return Touched(tuple(days), inputs, tuple(reporting))


def _parts_now(engine: Engine, rules: DeliveryRules, as_of: datetime) -> pl.DataFrame:
    for name in ("event_file", "mail_report", "event", "dim_campaign", "dim_url"):
        engine.refresh_view(engine.contracts[f"campaign.{name}"])
    for name in ("customer_ref_key", "dim_customer_history"):
        engine.refresh_view(engine.contracts[f"scv.{name}"])
    sql = _PARTS.format(
        mail_digest=_digest(
            "message_sha256, recipient, kind, reason, bounce_kind, address_invalid, original_message_id"
        ),
        number_digest=_digest("customer_ref, customer_key"),
        address_digest=_digest("customer_key, email, valid_from_dt, valid_until_dt"),
        plan_digest=_digest("communication_code, channel_code, brand_code, locale_code"),
        link_digest=_digest("url_key, link_id, url"),
    )
    fixed = [
        (RULES, "delivery", hashlib.sha256(rules.model_dump_json().encode()).hexdigest()),
        (CLOCK, "as_of", as_of.date().isoformat()),
    ]
    return pl.concat([engine.query(sql).cast(_SCHEMA), pl.DataFrame(fixed, schema=_SCHEMA, orient="row")])  # type: ignore[arg-type]


def _texts(engine: Engine, sql: str, **frames: pl.DataFrame) -> list[str]:
    with engine.registered(**frames):
        return engine.query(sql).to_series().drop_nulls().to_list()


def _all_days(engine: Engine) -> set[str]:
    return {
        *engine.lake.partition_keys(FACT_CAMPAIGN_DELIVERY),
        *_texts(engine, "SELECT DISTINCT due_day FROM member_version"),
    }


# What is told of members whose day of sending is known is told by that day alone: few rows, however many events.
_NEW_EVENT = """
SELECT DISTINCT
    campaign_id, strftime(sent_dt, '%Y-%m-%d') AS day, event_type = 'delivered' AS is_delivery, is_placed,
    CASE WHEN NOT is_placed THEN cell_id END AS cell_id,
    CASE WHEN NOT is_placed THEN member_id END AS member_id,
    CASE WHEN NOT is_placed THEN customer_ref END AS customer_ref,
    CASE WHEN NOT is_placed THEN recipient END AS recipient
FROM (
    SELECT event.*, sent_dt IS NOT NULL AND member_id IS NOT NULL AS is_placed
    FROM campaign.event AS event SEMI JOIN changed_file ON changed_file.part = event.file_id
    {loaded_since}
) AS told
"""
_LOADED_SINCE = f"""
    WHERE event.loaded_dt >= (
        SELECT min(ledger.loaded_dt) FROM sources.file_ledger AS ledger
        SEMI JOIN changed_file
            ON changed_file.part = ledger.file_id AND changed_file.input = concat('{FILE}', ledger.feed_name))
"""
_NEW_MEMBER = f"""
SELECT DISTINCT version.* FROM member_version AS version
SEMI JOIN changed_file
    ON changed_file.part = version.file_id AND changed_file.input = concat('{FILE}', version.feed_name)
"""
_SAME_MEMBER = "told.cell_id = version.cell_id AND told.member_id = version.member_id"
_SAME_CUSTOMER = "told.customer_ref = version.customer_ref"
_UNPLACED = "NOT told.is_placed AND told.campaign_id IS NOT NULL"
_OF_EVENTS = (
    (_SAME_MEMBER, f"{_UNPLACED} AND told.day IS NULL AND told.member_id IS NOT NULL"),
    (_SAME_CUSTOMER, f"{_UNPLACED} AND told.member_id IS NULL AND told.customer_ref IS NOT NULL"),
    ("told.recipient = lower(version.email)", f"{_UNPLACED} AND told.member_id IS NULL AND told.customer_ref IS NULL"),
)
# A new member takes from an older one of the same customer and campaign what was told after it: both are touched.
_OF_MEMBERS = (
    (_SAME_CUSTOMER, "TRUE"),
    ("lower(told.email) = lower(version.email)", "TRUE"),
    (f"told.source = version.source AND {_SAME_MEMBER}", "TRUE"),
)


@contextmanager
def _what_is_new(engine: Engine, has_new_members: bool, is_told_again: bool) -> Iterator[None]:
    """Let SQL read `new_event` and, where there are some, `new_member`.

    is_told_again: whether files have changed that were there before. What one of them told first keeps the time at
    which it was loaded, though another file tells it now.
    """
    events = _NEW_EVENT.format(loaded_since="" if is_told_again else _LOADED_SINCE)
    members = temporary_table(engine, "new_member", _NEW_MEMBER) if has_new_members else nullcontext()
    with temporary_table(engine, "new_event", events), members:
        yield


def _days_of_files(engine: Engine, has_new_members: bool) -> set[str]:
    """The days of members that new files tell of, and of those whom new events concern.

    An event whose member was found tells the day itself; the members, of whom there may be very many, are looked
    through for the others alone, so that an hour's events cost the same in any lake.
    """
    days = {*_texts(engine, "SELECT DISTINCT day FROM new_event WHERE campaign_id IS NOT NULL")}
    meetings = [("new_event", *each) for each in _OF_EVENTS]
    meetings += [("new_member", *each) for each in _OF_MEMBERS] if has_new_members else []
    for name, same, which in meetings:
        if engine.scalar(f"SELECT count(*) FROM {name} AS told WHERE {which}"):
            days |= {*_texts(
                engine,
                "SELECT DISTINCT version.due_day FROM member_version AS version "
                f"JOIN {name} AS told ON told.campaign_id = version.campaign_id AND {same} WHERE {which}",
            )}  # fmt: skip
    return days


def _days_of_mails(engine: Engine, file_days: list[str]) -> list[str]:
    return _texts(
        engine,
        """
        SELECT DISTINCT version.due_day FROM member_version AS version
        JOIN campaign.mail_report AS report ON report.original_message_id = version.message_id
        WHERE strftime(report.file_date, '%Y-%m-%d') IN (SELECT day FROM mail_day)
        """,
        mail_day=pl.DataFrame({"day": file_days}, schema={"day": pl.String}),
    ) if file_days else []  # fmt: skip


def _days_of_campaigns(engine: Engine, campaigns: list[str]) -> list[str]:
    return _texts(
        engine,
        "SELECT DISTINCT due_day FROM member_version SEMI JOIN whole_campaign USING (campaign_id)",
        whole_campaign=pl.DataFrame({"campaign_id": campaigns}, schema={"campaign_id": pl.String}),
    ) if campaigns else []  # fmt: skip


def _days_of_customers(engine: Engine) -> list[str]:
    """The days with members whose customer has another key by now, or was not found by number."""
    return _texts(
        engine,
        f"""
        SELECT DISTINCT strftime(fact.due_dt, '%Y-%m-%d') FROM {relation_name(FACT_CAMPAIGN_DELIVERY)} AS fact
        JOIN member_version AS version ON version.source = fact.source AND version.campaign_id = fact.campaign_id
            AND version.cell_id = fact.cell_id AND version.member_id = fact.member_id
        LEFT JOIN scv.customer_ref_key AS numbered ON numbered.customer_ref = version.customer_ref
        WHERE fact.customer_found_by <> 'number' OR numbered.customer_key IS DISTINCT FROM fact.customer_key
        """,
    )


def _days_of_silence(engine: Engine, before: pl.DataFrame, rules: DeliveryRules, as_of: datetime) -> set[str]:
    """The days for which no word means delivered since the clock went on."""
    clock = before.filter(pl.col("input") == CLOCK)["digest"].to_list()
    if not clock:
        return set()
    last, today = date.fromisoformat(clock[0]), as_of.date()
    present = engine.lake.partition_keys(FACT_CAMPAIGN_DELIVERY)
    spans = [
        sorted(each - timedelta(days=after) for each in (last, today))
        for after in rules.no_word_means_delivered_after_days.values()
    ]
    return {day for day in present if any(start <= date.fromisoformat(day) < end for start, end in spans)}
