"""Whole mails of many makers (`makers/`): what they are, the recipient and the reason; and mails that are no reports
(`ordinary.yaml`)."""

from pathlib import Path
from typing import Any

import pytest

from crm_platform.campaign.mail.parse import parse_message
from crm_platform.yaml_text import read_yaml
from tests.unit.campaign.mail.mails import mail

ANN = "ann@example.com"
FOLDER = Path(__file__).with_name("makers")
MAILS: dict[str, Any] = {
    name: told
    for path in sorted(FOLDER.glob("*.yaml"))
    for name, told in read_yaml(path.read_text(encoding="utf-8")).items()
}


def _raw(told: dict[str, str]) -> bytes:
    head = told.get("head", "Content-Type: text/plain; charset=utf-8").split("\n")
    raw = mail(told["text"].format(to=ANN), *head, sender=told["from"], subject=told["subject"].format(to=ANN))
    return raw.replace(b"Return-Path: <>\n", b"")


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_what_its_maker_meant(name: str) -> None:
    told = MAILS[name]
    (report,) = parse_message(_raw(told))
    assert report.kind == told["kind"], report.rule
    assert report.reason == told.get("reason", report.reason)
    if told["kind"] in ("bounce", "delayed", "delivered", "complaint"):
        assert report.recipient == (None if told.get("nobody") else ANN)


@pytest.mark.parametrize("return_path", [b"<>", b"<news@shop.example>"])
def test_mail_that_only_speaks_of_deliveries_is_no_report(return_path: bytes) -> None:
    ordinary = read_yaml(FOLDER.with_name("ordinary.yaml").read_text(encoding="utf-8"))
    assert len(ordinary) > 20
    taken: dict[str, Any] = {}
    for name, told in ordinary.items():
        raw = mail(
            told["text"], "Content-Type: text/plain; charset=utf-8", sender=told["from"], subject=told["subject"]
        )
        taken[name] = {report.kind for report in parse_message(raw.replace(b"Path: <>", b"Path: " + return_path))}
    assert {name: kinds for name, kinds in taken.items() if not kinds <= {"other", "auto_reply"}} == {}
