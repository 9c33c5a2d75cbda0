"""`crm bounces` as a person calls it: files and folders in, a line or row for each, and what could not be read."""

import gzip
import json
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from crm_platform.cli.bounces import bounces
from crm_platform.cli.failures import CommandError
from tests.unit.campaign.mail.mails import EVERY_KIND, EXIM, QMAIL, complaint, vacation

APP = typer.Typer()
APP.command()(bounces)
ENVELOPE = b"From MAILER-DAEMON Mon Feb  2 08:00:00 2026\n"


def run(*arguments: str | Path, exit_code: int = 0) -> tuple[str, str]:
    """Standard output and standard error of a call."""
    result = CliRunner().invoke(APP, list(map(str, arguments)))
    if isinstance(result.exception, CommandError):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result.stdout, result.stderr


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    """A folder with an mbox, a packed mail, and a Maildir."""
    folder = tmp_path / "mailbox"
    (folder / "dir" / "cur").mkdir(parents=True)
    (folder / "dir" / "tmp").mkdir()
    (folder / "tmp").mkdir()
    (folder / "box").write_bytes(ENVELOPE + QMAIL + b"\n" + ENVELOPE + vacation() + b"\n")
    (folder / "tmp" / "one.eml.gz").write_bytes(gzip.compress(EXIM))
    (folder / "dir" / "cur" / "1770000000.M1P1.host:2,S").write_bytes(complaint().replace(b"\n", b"\r\n"))
    (folder / "dir" / "tmp" / "half").write_bytes(QMAIL)
    (folder / ".hidden").write_bytes(QMAIL)
    return folder


def test_every_mail_of_a_folder_has_a_line(mailbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    run(mailbox, "--out", out)
    found = [(Path(line["file"]).name, line["mail"], line["kind"], len(line["recipients"])) for line in lines_of(out)]
    assert found == [
        ("box", 1, "bounce", 2),
        ("box", 2, "autoreply", 1),
        ("1770000000.M1P1.host:2,S", 1, "complaint", 1),
        ("one.eml.gz", 1, "bounce", 1),
    ]
    first = lines_of(out)[0]
    assert first["original_message_id"] == "m-17@ivory.example"
    assert {name: first["recipients"][0][name] for name in ("recipient", "action", "status", "reason")} == {
        "recipient": "ann@example.com",
        "action": "failed",
        "status": "5.1.1",
        "reason": "userunknown",
    }
    assert first["recipients"][0]["address_invalid"] is True
    assert lines_of(out)[2]["feedback_type"] == "abuse"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_has_a_row_per_recipient(mailbox: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"found{suffix}"
    run(mailbox, "--out", out)
    rows = pl.read_csv(out) if suffix == ".csv" else pl.read_parquet(out)
    assert rows["recipient"].to_list() == ["ann@example.com", "bob@example.org", *["ann@example.com"] * 3]
    assert rows["reason"].to_list() == ["userunknown", "hostunknown", "vacation", "feedback", "mailboxfull"]
    assert rows["address_invalid"].to_list() == [True, True, False, False, False]


def test_the_summary_counts_kinds_and_reasons(mailbox: Path) -> None:
    figures = json.loads(run(mailbox, "--json")[0])
    assert figures["kinds"] == {"bounce": 2, "autoreply": 1, "complaint": 1}
    assert (figures["mails"], figures["recipients"], figures["addresses_invalid"]) == (4, 5, 2)
    assert figures["reasons"]["userunknown"] == 1
    assert "4 mails" in run(mailbox)[0]


def test_what_cannot_be_read_is_said_and_the_rest_is_done(mailbox: Path, tmp_path: Path) -> None:
    (mailbox / "broken.gz").write_bytes(gzip.compress(QMAIL)[:-20])
    (mailbox / "empty.eml").touch()
    out = tmp_path / "found.jsonl"
    _, said = run(mailbox, tmp_path / "nowhere.eml", "--out", out, exit_code=1)
    unreadable = [Path(line["file"]).name for line in lines_of(out) if line["kind"] == "unreadable"]
    assert unreadable == ["broken.gz", "empty.eml", "nowhere.eml"]
    assert all(name in said for name in unreadable)
    assert sum(line["kind"] == "bounce" for line in lines_of(out)) == 2


def test_what_is_no_mail_is_a_line_of_kind_none(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    out = tmp_path / "found.jsonl"
    run(tmp_path / "picture.png", "--out", out)
    assert [(line["kind"], line["recipients"]) for line in lines_of(out)] == [("none", [])]


def test_an_output_of_another_form_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="jsonl"):
        run(tmp_path, "--out", tmp_path / "found.xlsx")
    with pytest.raises((SystemExit, click.UsageError, AssertionError)):
        run()


def test_the_same_mails_give_the_same_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    for number, raw in enumerate(EVERY_KIND.values()):
        (folder / f"{number}.eml").write_bytes(raw)
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    run(folder, "--out", one)
    run(folder, "--out", other)
    assert one.read_bytes() == other.read_bytes()
