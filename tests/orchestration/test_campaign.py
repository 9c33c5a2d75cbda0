"""Campaigns in a refresh: every table, the demo company's truth, late answers that start a run, and days made anew."""

import json
import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.days import DAILY_CONTRACTS, MOST_DAYS_TOLD, day_events
from assets.jobs import DAILY_JOB
from crm_platform.campaign.events.contracts import EVENT
from crm_platform.campaign.tables import CAMPAIGN_CONTRACTS
from crm_platform.demo.tracking import sign
from crm_platform.permission.decision.decide import Question
from crm_platform.settings import REPOSITORY, Home
from tests.end_to_end.commands import Platform
from tests.end_to_end.tables import stamps, table, table_names
from tests.orchestration.running import QUIET, definitions_of, refreshed
from tests.orchestration.test_permission import reasons

CONFIG = REPOSITORY / "config"
DAILY = [contract.table for contract in DAILY_CONTRACTS]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


def test_a_refresh_makes_every_table_and_every_slice_adds_up(refreshed_demo: Platform) -> None:
    home = refreshed_demo.home
    assert {contract.name for contract in CAMPAIGN_CONTRACTS} <= table_names(home)
    results = table(home, "campaign.campaign_results")
    parts = [pl.col(f"number_{name}") for name in ("delivered", "failed", "pending")]
    for marts in (results, table(home, "campaign.deliverability")):
        assert (marts["number_selected"] == marts["number_not_sent"] + marts["number_sent"]).all()
        assert marts.select((pl.sum_horizontal(parts) == pl.col("number_sent")).all()).item()
    assert results["number_sent"].sum() > 0
    ended = table(home, "scv.ended_identifier").filter(pl.col("kind") == "email")
    assert ended.height > 0, "the single customer view hears of bounced addresses"


def test_what_became_of_what_was_sent_is_what_happened(refreshed_demo: Platform) -> None:
    truth = pl.read_parquet(refreshed_demo.home / "landing" / "_truth" / "responses.parquet")
    told = truth.filter(pl.col("outcome") != "pending")
    judged = told.join(table(refreshed_demo.home, "campaign.fact_campaign_delivery"), on="member_id")
    right = (pl.col("outcome") == "delivered") == (pl.col("delivery_status_key") == 1)
    assert judged.select(right.mean()).item() >= 0.97


@dataclass(frozen=True)
class Late:
    """A copy of the demo company's platform to which answers have come late, and who gave them when."""

    home: Path
    clicked: dict[str, Any]
    unsubscribed: dict[str, Any]
    complained: dict[str, Any]

    @property
    def moment(self) -> datetime:
        """When they answered."""
        moment: datetime = self.clicked["sent_dt"] + timedelta(hours=5)
        return moment


@pytest.fixture
def late(refreshed_demo: Platform, tmp_path: Path) -> Late:
    """A log with a click and a one-click unsubscription, and an event of a complaint."""
    home = refreshed_demo.copied(tmp_path / "home").home
    active = table(home, "permission.active_subscriber").filter(
        communication_code="ivory_weekly", channel_code="email", is_permitted=True
    )
    plan = table(home, "campaign.dim_campaign").filter(communication_code="ivory_weekly")
    links = table(home, "campaign.dim_url").unique("campaign_id", keep="first", maintain_order=True)
    sent = table(home, "campaign.fact_campaign_delivery").filter(pl.col("sent_dt").is_not_null(), number_of_clicks=0)
    rows = sent.join(plan.select("campaign_id"), on="campaign_id").join(active, on="customer_key", how="semi")
    rows = rows.join(links.select("campaign_id", "link_id"), on="campaign_id").sort("sent_dt", "member_id")
    late = Late(home, *rows.unique("customer_key", keep="last", maintain_order=True).tail(3).iter_rows(named=True))
    requests = [
        f"GET /r?l={_link(late.clicked)}&{_mail(late.clicked)}",
        f"POST /unsubscribe?{_mail(late.unsubscribed)}",
    ]
    lines = [
        f'203.0.113.9 - - [{late.moment:%d/%b/%Y:%H:%M:%S +0000}] "{request} HTTP/1.1" {status} 178 "-" "{BROWSER}"\n'
        for request, status in zip(requests, (302, 200), strict=True)
    ]
    _laid(late, "mail/redirect/redirect_late.log", "".join(lines))
    complaint = {"event": "spamreport", "email": "of.no@use.example", "sg_event_id": "late", "member": _member(late)}
    told = complaint | {"timestamp": int(late.moment.timestamp()), "category": [late.complained["campaign_id"]]}
    _laid(late, "mail/events/late.jsonl", json.dumps(told) + "\n")
    return late


def _link(row: dict[str, Any]) -> str:
    return sign(f"{row['campaign_id']}/{row['link_id']}", "link")


def _mail(row: dict[str, Any]) -> str:
    return f"c={sign(row['member_id'])}&m={sign(row['campaign_id'], 'campaign')}"


def _member(late: Late) -> str:
    return sign(late.complained["member_id"])


def _laid(late: Late, name: str, content: str) -> None:
    path = Home(late.home).zone.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    delivered = (late.moment + timedelta(hours=1)).timestamp()
    os.utime(path, (delivered, delivered))


def test_late_answers_start_a_run_of_what_hangs_on_them_and_the_day_of_sending_and_the_permission_are_put_right(
    late: Late,
) -> None:
    home, member = late.home, late.clicked["member_id"]
    definitions = definitions_of(home, CONFIG)
    sensor = definitions.get_repository_def().get_sensor_def("landing_sensor")
    with dg.DagsterInstance.ephemeral() as instance:
        tick = sensor.evaluate_tick(dg.build_sensor_context(instance, definitions=definitions))
    [asked] = tick.run_requests or []
    keys = {key.to_user_string() for key in asked.asset_selection or ()}
    assert {"campaign/event_file", "campaign/fact_input", "campaign/objection", "permission/consent_event"} <= keys
    assert not {"campaign/mail_report", "campaign/dim_campaign", "scv/source_record"} & keys
    before = _files(home)
    result = refreshed(home, CONFIG, dg.AssetSelection.assets(*(asked.asset_selection or ())))
    assert result.success, [event.message for event in result.all_events if event.is_step_failure]
    days = [event.partition for event in result.all_events if event.is_step_materialization and event.partition]
    assert f"{late.moment:%Y-%m-%d}" in days, "the days that were made are told to Dagster"
    [fact] = table(home, "campaign.fact_campaign_delivery").filter(member_id=member).iter_rows(named=True)
    assert (fact["open_status"], fact["number_of_clicks"]) == (1, 1)
    written = {name for name, content in _files(home).items() if content != before.get(name)}
    assert f"due_dt={fact['due_dt']:%Y-%m-%d}" in written
    assert len(written) < len(before)
    for row, wanted in ((late.unsubscribed, "withdrawn"), (late.complained, "complained")):
        question, after = Question("ivory_weekly", "email"), late.moment + timedelta(days=1)
        assert reasons(home, [question], after)[row["customer_key"], 0] == wanted
        assert reasons(home, [question], late.moment - timedelta(hours=1))[row["customer_key"], 0] == "subscribed"


def _days_made(home: Path, first: str, last: str) -> dg.ExecuteInProcessResult:
    """A backfill of a range of days in one run."""
    job = definitions_of(home, CONFIG).resolve_job_def(DAILY_JOB)
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False, tags=span)


def test_a_range_of_days_in_one_run_and_day_by_day_makes_the_tables_of_the_refresh(
    refreshed_demo: Platform, tmp_path: Path
) -> None:
    home = refreshed_demo.copied(tmp_path / "home").home
    days = sorted(day for name, day in _days_there(home) if name == "fact_campaign_delivery")[-3:]
    there = {(name, day) for name, day in _days_there(home) if days[0] <= day <= days[-1]}
    assert {("fact_campaign_delivery", day) for day in days} <= there
    for asked in ([(days[0], days[-1])], [(day, day) for day in (days[-1], days[0])]):
        spoilt = {(name, day) for name, day in there if any(first <= day <= last for first, last in asked)}
        for name, day in spoilt:
            _empty(home, name, day)
        before = stamps(home)
        for first, last in asked:
            result = _days_made(home, first, last)
            assert result.success, [event.message for event in result.all_events if event.is_step_failure]
        _assert_equal_days(home, refreshed_demo.home)
        assert _written_anew(before, stamps(home)) == spoilt


def test_of_a_load_of_years_the_newest_days_are_told_and_the_last_with_what_is_to_be_seen() -> None:
    rows = {f"{date(2024, 1, 1) + timedelta(days=number)}": number for number in range(400)}
    told = day_events(EVENT, rows, {"dagster/row_count": 79_800})
    assert [event.partition for event in told] == sorted(rows)[-MOST_DAYS_TOLD:]
    assert [event.metadata["dagster/partition_row_count"].value for event in told[-2:]] == [398, 399]
    assert [event for event in told if "dagster/row_count" in event.metadata] == told[-1:]


def _assert_equal_days(home: Path, expected: Path) -> None:
    """The same rows: how the engine encodes a column depends on what else it has in hand."""
    for name in DAILY:
        assert_frame_equal(table(home, f"campaign.{name}"), table(expected, f"campaign.{name}"))


def _days_there(home: Path) -> set[tuple[str, str]]:
    return {(name, day.partition("=")[2]) for name in DAILY for day in _files(home, name)}


def _empty(home: Path, name: str, day: str) -> None:
    """Spoil a day: a file that is made anew to the same bytes would stand as it is."""
    [path] = (home / "lake" / "campaign" / name).glob(f"*={day}/data.parquet")
    pl.read_parquet(path).clear().write_parquet(path)


def _written_anew(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> set[tuple[str, str]]:
    """Table and day of every file of the tables by the day that is another one by now."""
    changed = (Path(name).parts for name, stamp in after.items() if before.get(name) != stamp)
    return {(parts[1], parts[2].partition("=")[2]) for parts in changed if parts[0] == "campaign" and parts[1] in DAILY}


def _files(home: Path, name: str = "fact_campaign_delivery") -> dict[str, bytes]:
    folder = home / "lake" / "campaign" / name
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/data.parquet")}
