"""Reports in the languages of the locales (`languages.yaml`): the recipient and the reason."""

from pathlib import Path
from typing import Any

import pytest

from crm_platform.campaign.mail.parse import parse_message
from crm_platform.yaml_text import read_yaml
from tests.unit.campaign.mail.mails import mail

ANN = "ann@example.com"
REPORTS: Any = read_yaml(Path(__file__).with_name("languages.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_read_in_the_language_it_is_written_in(name: str) -> None:
    report = REPORTS[name]
    raw = mail(
        report["text"].format(to=ANN), "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit",
        subject=report["subject"],
    )  # fmt: skip
    told = [(each.kind, each.recipient, each.reason, each.address_invalid) for each in parse_message(raw)]
    assert told == [("bounce", ANN, report["reason"], report["reason"] == "userunknown")]
