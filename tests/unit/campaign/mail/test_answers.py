"""What servers and providers of all kinds answer (`answers.yaml`): the reason, and whether it ends the address."""

from pathlib import Path
from typing import Any

import pytest

from crm_platform.campaign.mail.reasons import PERMANENT_ADDRESS_REASONS, decide, reason_definitions
from crm_platform.campaign.mail.refusals import Lines, refusals_of
from crm_platform.yaml_text import read_yaml

ANSWERS: Any = read_yaml(Path(__file__).with_name("answers.yaml").read_text(encoding="utf-8"))
CASES = [
    (reason, answer)
    for told in ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "codes")
    for reason, answers in ANSWERS[told].items()
    for answer in answers
]


@pytest.mark.parametrize(("reason", "answer"), CASES)
def test_an_answer_gives_its_reason_and_ends_the_address_or_not(reason: str, answer: str) -> None:
    verdict = decide(refusals_of(answer, "", [], Lines.of([], 0), ""))
    ends_address = reason in PERMANENT_ADDRESS_REASONS and answer not in ANSWERS["temporary"]
    assert (verdict.reason, verdict.is_address_invalid) == (reason, ends_address), verdict.rule


def test_every_reason_that_a_server_gives_has_answers() -> None:
    said_by_no_server = {"feedback", "vacation", "delivered", "undefined"}
    assert {reason for reason, _ in CASES} == set(reason_definitions()) - said_by_no_server
