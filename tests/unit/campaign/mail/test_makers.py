"""Whole mails of many makers (`makers.yaml`): what they are, the recipient and the reason."""

from pathlib import Path
from typing import Any

import pytest

from crm_platform.campaign.mail.parse import parse_message
from crm_platform.yaml_text import read_yaml
from tests.unit.campaign.mail.mails import mail

ANN = "ann@example.com"
MAILS: Any = read_yaml(Path(__file__).with_name("makers.yaml").read_text(encoding="utf-8"))


def _raw(told: dict[str, str]) -> bytes:
    head = told.get("head", "Content-Type: text/plain; charset=utf-8").split("\n")
    raw = mail(told["text"].format(to=ANN), *head, sender=told["from"], subject=told["subject"])
    return raw.replace(b"Return-Path: <>\n", b"")


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_what_its_maker_meant(name: str) -> None:
    told = MAILS[name]
    (report,) = parse_message(_raw(told))
    assert report.kind == told["kind"], report.rule
    assert report.reason == told.get("reason", report.reason)
    if told["kind"] in ("bounce", "delayed", "delivered", "complaint"):
        assert report.recipient == (None if told.get("nobody") else ANN)
