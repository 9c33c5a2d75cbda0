"""`crm lift`: figures of any file, and what a person is told who asks for what is not there."""

import json
from pathlib import Path

import pytest

from crm_platform.cli.failures import CommandError
from crm_platform.cli.lift import lift

CUSTOMERS = (
    "segment,bought,spend\n" + "mail,1,10\nmail,0,0\nmail,1,20\nmail,0,2\n" + "none,0,0\nnone,1,4\nnone,0,0\nnone,0,0\n"
)


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(CUSTOMERS)
    return path


def test_the_figures_are_given_as_json_and_as_a_table(customers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lift(customers, "segment", ["mail"], "none", ["bought", "spend"], as_json=True)
    bought, spend = json.loads(capsys.readouterr().out)
    assert (bought["lift"], bought["number_treated"], bought["incremental"]) == (0.25, 4, 1.0)
    assert spend["lift"] == 7.0 and spend["lift_low"] < 7.0 < spend["lift_high"]
    lift(customers, "segment", ["mail"], "none", ["bought"])
    assert "+0.250000" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("by", "arm", "outcome", "told"),
    [
        ("group", "mail", "bought", "no column 'group'"),
        ("segment", "letter", "bought", "Nobody has 'letter'"),
        ("segment", "mail", "segment", "is no number"),
    ],
)
def test_what_is_not_there_is_said(customers: Path, by: str, arm: str, outcome: str, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        lift(customers, by, [arm], "none", [outcome])


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        lift(tmp_path / "nothing.csv", "segment", ["mail"], "none", ["bought"])
