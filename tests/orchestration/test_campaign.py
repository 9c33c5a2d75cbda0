"""Campaigns in a refresh: every table, the demo company's truth, and a late click log that starts a run."""

import os
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from crm_platform.campaign.tables import CAMPAIGN_CONTRACTS
from crm_platform.demo.tracking import sign
from crm_platform.settings import REPOSITORY, Home
from tests.end_to_end.commands import Platform
from tests.end_to_end.tables import table, table_names
from tests.orchestration.running import definitions_of, refreshed

CONFIG = REPOSITORY / "config"
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


@pytest.fixture
def late(refreshed_demo: Platform, tmp_path: Path) -> tuple[Path, str]:
    """A copy of the demo company's platform to which a late click log has come, and the member who clicked."""
    home = refreshed_demo.copied(tmp_path / "home").home
    sent = table(home, "campaign.fact_clickthrough").filter(click_status=0, number_of_machine_clicks=0)
    links = table(home, "campaign.dim_url")
    row = sent.join(links.select("url_key", "link_id"), on="url_key").sort("sent_dt", "member_id").row(-1, named=True)
    link = f"{row['campaign_id']}/{row['link_id']}"
    tokens = sign(link, "link"), sign(row["member_id"]), sign(row["campaign_id"], "campaign")
    moment = row["sent_dt"] + timedelta(hours=5)
    request = "GET /r?l={}&c={}&m={} HTTP/1.1".format(*tokens)
    log = Home(home).zone.landing / "mail" / "redirect" / "redirect_late.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f'203.0.113.9 - - [{moment:%d/%b/%Y:%H:%M:%S +0000}] "{request}" 302 178 "-" "{BROWSER}"\n')
    delivered = (moment + timedelta(hours=1)).timestamp()
    os.utime(log, (delivered, delivered))
    return home, row["member_id"]


def test_a_late_click_log_starts_a_run_of_what_hangs_on_it_and_the_day_of_sending_is_put_right(
    late: tuple[Path, str],
) -> None:
    home, member = late
    definitions = definitions_of(home, CONFIG)
    sensor = definitions.get_repository_def().get_sensor_def("landing_sensor")
    with dg.DagsterInstance.ephemeral() as instance:
        tick = sensor.evaluate_tick(dg.build_sensor_context(instance, definitions=definitions))
    [asked] = tick.run_requests or []
    keys = {key.to_user_string() for key in asked.asset_selection or ()}
    assert {"campaign/event", "campaign/fact_campaign_delivery", "campaign/campaign_results"} <= keys
    assert not {"campaign/mail_report", "campaign/dim_campaign", "scv/source_record"} & keys
    before = _files(home)
    result = refreshed(home, CONFIG, dg.AssetSelection.assets(*(asked.asset_selection or ())))
    assert result.success, [event.message for event in result.all_events if event.is_step_failure]
    [fact] = table(home, "campaign.fact_campaign_delivery").filter(member_id=member).iter_rows(named=True)
    assert (fact["open_status"], fact["number_of_clicks"]) == (1, 1)
    written = {name for name, content in _files(home).items() if content != before.get(name)}
    assert f"due_dt={fact['due_dt']:%Y-%m-%d}" in written
    assert len(written) < len(before)


def _files(home: Path) -> dict[str, bytes]:
    folder = home / "lake" / "campaign" / "fact_campaign_delivery"
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/data.parquet")}
