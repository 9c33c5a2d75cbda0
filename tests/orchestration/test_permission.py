"""Permission in a refresh: its tables and checks, the demo company's truth, and `crm permit`."""

import json
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from crm_platform.permission.decision.decide import Moment, Question, decided
from crm_platform.permission.decision.tables import DECISION_CONTRACTS
from crm_platform.permission.settings import load_permission_settings
from crm_platform.permission.tables import PERMISSION_CONTRACTS
from crm_platform.settings import REPOSITORY
from crm_platform.warehouse.contract import contracts_by_name
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from tests.end_to_end.commands import Platform
from tests.end_to_end.tables import table
from tests.orchestration.permission_truth import Truth, communications, days_of
from tests.orchestration.running import materialized, refreshed, up_to
from tests.orchestration.small_company import SHOP, customers_csv, deliver, write_config

FORMS = """\
source: forms
description: Forms of the shop.
owner: team:commerce
feeds:
  permission_events:
    description: One row per event.
    customers_of: shop
    files: forms/events_*.jsonl
    form: {kind: json_lines}
    columns:
      event_id: id
      event_type: type
      customer_id: customer
      permission_kind: kind
      communication: communication
      channel: channel
      form: form
      valid_until_date: until
      event_dt: at
"""


def told(number: int, what: str, customer: str = "C1", **more: str) -> str:
    """A line of the forms' events."""
    about = {"kind": "subscription", "communication": "ivory_weekly", "channel": "email", "form": "newsletter"}
    row = {"id": str(number), "type": what, "customer": customer, "at": f"2020-02-{number:02d}T10:00:00Z", **about}
    return json.dumps({**row, **more}) + "\n"


def reasons(
    home: Path, questions: list[Question], at: datetime, config: Path = REPOSITORY / "config"
) -> dict[tuple[int, int], str]:
    """The reason by customer and number of the question."""
    settings = load_permission_settings(config / "permission.yaml")
    with duckdb.connect() as connection:
        engine = Engine(connection, Lake(home / "lake"), contracts_by_name(DECISION_CONTRACTS))
        with decided(engine, settings, "SELECT customer_key FROM scv.golden_record", questions, Moment(at, at)):
            rows = engine.query("SELECT customer_key, question_number - 1, reason_code FROM decision")
    return {(key, number): reason for key, number, reason in rows.iter_rows()}


def test_a_refresh_makes_every_table_and_says_what_had_no_effect(tmp_path: Path) -> None:
    home, config = tmp_path / "home", write_config(tmp_path / "config", shop=SHOP, forms=FORMS)
    deliver(home, "shop/customers_1.csv", customers_csv(range(1, 4)))
    lines = [
        told(1, "opt_in"),
        told(2, "opt_in", "C2", until="2020-03-01"),
        told(3, "double_opt_in_confirm", "C3"),
        told(4, "opt_in", "nobody"),
    ]
    deliver(home, "forms/events_1.jsonl", "".join(lines))
    result = refreshed(home, config, up_to("permission"))
    assert result.success, [event.message for event in result.all_events if event.is_step_failure]
    assert {contract.table for contract in PERMISSION_CONTRACTS} <= materialized(result)
    failed = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    assert failed == {"every_event_has_its_effect"}
    refused = dict(table(home, "permission.refused_event").select("event_id", "reason").iter_rows())
    assert refused == {
        "forms.permission_events:3": "confirmation_without_request",
        "forms.permission_events:4": "unknown_customer",
    }
    active = table(home, "permission.fact_subscription").sort("subscribed_dt")["is_active_flag"].to_list()
    assert active == [1, 0], "what has expired by the run is over"
    named = table(home, "permission.active_subscriber")
    assert named["communication_name"].to_list() == ["Ivory Weekly"]
    everything = " ".join(
        str(value.value)
        for event in result.all_events
        if event.is_step_materialization and event.asset_key and event.asset_key.path[0] == "permission"
        for value in event.step_materialization_data.materialization.metadata.values()
    )
    assert "example.org" not in everything and "data:image/png" in everything


def test_the_decisions_agree_with_the_truth_of_the_demo_company_now_and_on_five_past_days(
    refreshed_demo: Platform,
) -> None:
    truth = Truth(refreshed_demo.home, 200, date(2026, 10, 31), 1)
    sent = communications(refreshed_demo.home)
    questions = [Question(row[0], channel) for row in sent.iter_rows() for channel in row[-1].split(",")]
    offered = {(each.communication, each.channel) for each in questions}
    yes = 0
    for at in days_of(truth):
        decided_so = reasons(refreshed_demo.home, questions, at)
        # Whom nothing reaches has agreed to it all the same, and some need not agree.
        beside = ("invalid_address", "customer_deleted", "legitimate_interest", "no_consent_needed")
        open_ones = {place for place, reason in decided_so.items() if reason not in beside}
        found = {
            (str(key), questions[number].communication, questions[number].channel)
            for key, number in open_ones
            if decided_so[key, number] in ("subscribed", "permitted")
        }
        asked = {(str(key), questions[number].communication, questions[number].channel) for key, number in open_ones}
        expected = {each for each in truth.permitted(at, sent) if each[1:] in offered and each in asked}
        assert found == expected, (at, sorted(found ^ expected)[:5])
        yes += len(found)
    assert yes > 500


@pytest.fixture
def subscriber(refreshed_demo: Platform) -> int:
    """A customer who may be sent Amber Escapes by e-mail."""
    rows = table(refreshed_demo.home, "permission.active_subscriber")
    wanted = rows.filter(communication_code="amber_escapes", channel_code="email", is_permitted=True)
    return int(wanted["customer_key"][0])


def test_crm_permit_answers_yes_and_no_by_its_exit_code_and_says_why(refreshed_demo: Platform, subscriber: int) -> None:
    asked = ("permit", "--customer", str(subscriber), "--communication", "amber_escapes", "--channel", "email")
    yes = refreshed_demo.run(*asked, "--json")
    assert (yes.code, yes.answer["is_permitted"], yes.answer["reason"]) == (0, True, "subscribed")
    [*_, event] = yes.answer["evidence"]
    assert event["event_type"] in ("opt_in", "double_opt_in_confirm") and event["file_line"] > 0
    no = refreshed_demo.run(*asked, "--at", "2019-01-01", "--json")
    assert (no.code, no.answer["reason"], no.answer["evidence"]) == (3, "no_consent", [])
    for option in ("communication", "channel", "brand"):
        wrong = refreshed_demo.run("permit", "--customer", str(subscriber), f"--{option}", "nonsense")
        assert wrong.code == 1 and f"{option} 'nonsense'; there are" in wrong.errors


def test_crm_permit_proves_what_was_agreed_to_under_one_address(refreshed_demo: Platform, subscriber: int) -> None:
    customers = table(refreshed_demo.home, "scv.golden_record")
    email = customers.filter(customer_key=subscriber)["email"].item()
    proof = refreshed_demo.crm("permit", "--customer", email, "--proof", "--json").answer
    assert proof["customer_key"] == subscriber
    assert any(row["communication"] == "amber_escapes" and row["effect"] == "grant" for row in proof["events"])
    read = refreshed_demo.crm("permit", "--customer", email, "--proof").output
    assert "amber_escapes, email" in read and "wording" in read


def test_crm_permit_shows_every_communication_by_the_preferred_channel_first(
    refreshed_demo: Platform, subscriber: int
) -> None:
    answers = refreshed_demo.crm("permit", "--customer", str(subscriber), "--json").answer
    assert {row["communication"] for row in answers} == set(communications(refreshed_demo.home)["communication"])
    customers = table(refreshed_demo.home, "scv.golden_record")
    preferred = customers.filter(customer_key=subscriber)["preferred_channel"].item()
    channels = [row["channel"] for row in answers if row["communication"] == "ivory_offers"]
    assert channels[0] == (preferred if preferred in channels else "email")
