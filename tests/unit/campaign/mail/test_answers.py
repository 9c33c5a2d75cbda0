"""What servers and providers of all kinds answer (`answers/`): the reason, and whether it ends the address.

The answers are made up from knowledge of how servers speak, each below the reason that its writer gave it before the
rules were asked; docs/bounces.md says what the rules told of each set at first sight.
"""

from pathlib import Path
from typing import Any

import pytest

from crm_platform.campaign.mail.reasons import PERMANENT_ADDRESS_REASONS, Verdict, decide, reason_definitions
from crm_platform.campaign.mail.refusals import Lines, refusals_of
from crm_platform.yaml_text import read_yaml

FOLDER = Path(__file__).with_name("answers")
ANSWERS: dict[str, Any] = {path.stem: read_yaml(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.yaml")}
SETS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "codes",
)  # fmt: skip
CASES = [(told, reason) for told in SETS for reason in ANSWERS[told]]


def verdict_on(answer: str) -> Verdict:
    """What an answer alone says, as a report quotes it."""
    return decide(refusals_of(answer, "", [], Lines.of([], 0), ""))


@pytest.mark.parametrize(("told", "reason"), CASES)
def test_answers_give_their_reason_and_end_the_address_or_not(told: str, reason: str) -> None:
    answers = ANSWERS[told][reason]
    verdicts = {answer: verdict_on(answer) for answer in answers}
    ends_address = reason in PERMANENT_ADDRESS_REASONS
    wrong = {
        answer: verdict for answer, verdict in verdicts.items()
        if (verdict.reason, verdict.is_address_invalid)
        != (reason, ends_address and answer not in ANSWERS["temporary"])
    }  # fmt: skip
    assert answers
    assert wrong == {}


@pytest.mark.parametrize("upon", ["", " (in reply to RCPT TO command)"])
def test_what_is_not_about_the_recipient_ends_no_address(upon: str) -> None:
    answers = ANSWERS["about_others"]
    assert len(answers) > 40
    assert [answer for answer in answers if verdict_on(answer + upon).is_address_invalid] == []


def test_every_set_is_read_and_every_reason_that_a_server_gives_has_answers() -> None:
    assert set(ANSWERS) == {*SETS, "temporary", "about_others"}
    said_by_no_server = {"feedback", "vacation", "delivered", "undefined"}
    assert {reason for _, reason in CASES} == set(reason_definitions()) - said_by_no_server
