"""`crm loyalty`: a balance now and at a past time, and questions that cannot be answered."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm_platform.cli.failures import CommandError
from crm_platform.cli.loyalty import app
from tests.unit.loyalty.club import Club, at, line, one_point_an_euro, order, redemption, settings_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose member earned 100 points in January and spent 30 in March of 2025."""
    club = Club(tmp_path, [{"email": "ann@example.org"}])
    club.state("shop.orders", order("1", at(1, 10)))
    club.state("shop.order_lines", line("1", at(1, 10), 100))
    club.state("club.loyalty_redemptions", redemption("R", at(3, 1), 30))
    club.run(settings_of(one_point_an_euro()), at(4, 1))
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("customer", ["1", "ann@example.org", "shop:1"])
def test_a_balance_is_told_now_and_as_it_was(home: Path, customer: str) -> None:
    told = CliRunner().invoke(app, ["balance", "--customer", customer, "--json"])
    assert told.exit_code == 0, told.output
    now = json.loads(told.stdout)
    assert now["points"] == 70 and now["by_expiry"] == [{"expires_date": "2026-01-31", "points": 70}]
    then = CliRunner().invoke(app, ["balance", "--customer", customer, "--at", "2025-02-01", "--json"])
    assert json.loads(then.stdout)["points"] == 100


def test_a_balance_is_readable(home: Path) -> None:
    told = CliRunner().invoke(app, ["balance", "--customer", "1", "--at", "2025-04-01"]).stdout
    assert "Customer 1 had 70 points" in told and "burn" in told and "-30" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--customer", "bob@example.org"], "no customer is"),
        (["--customer", "1", "--at", "soon"], "is no time"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(home: Path, arguments: list[str], said: str) -> None:
    failed = CliRunner().invoke(app, ["balance", *arguments])
    assert isinstance(failed.exception, CommandError) and said in str(failed.exception)


def test_a_home_without_points_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    failed = CliRunner().invoke(app, ["balance", "--customer", "1"])
    assert "run `crm refresh`" in str(failed.exception)


def test_the_declared_scheme_is_checked_and_its_schema_is_printed() -> None:
    assert "can be used: Ivory Points, 2 schemes" in CliRunner().invoke(app, ["check"]).stdout.replace("\n", " ")
    assert "schemes" in json.loads(CliRunner().invoke(app, ["schema"]).stdout)["properties"]
