"""`crm events` as a person calls it: any mix of files in, rows out, the rest goes on where one cannot be read."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from crm_platform.cli.events import events
from crm_platform.cli.failures import CommandError
from tests.unit.campaign.events.site import KEY, SENT, click, delivery, pixel

APP = typer.Typer()
APP.command()(events)


def run(*arguments: str | Path, code: int = 0, **environment: str) -> Result:
    result = CliRunner().invoke(APP, list(map(str, arguments)), env=environment)
    if isinstance(result.exception, CommandError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def bodies(tmp_path: Path) -> Path:
    file = tmp_path / "bodies.jsonl"
    file.write_text("\n".join([delivery("a"), f"[{delivery('b', 9, 'bounce')}, {delivery('a')}]", "nonsense"]))
    return file


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_every_line_has_its_rows_in_every_form(bodies: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    summary = json.loads(run(bodies, "--out", out, "--json").stdout)
    readers: dict[str, Any] = {".jsonl": pl.read_ndjson, ".csv": pl.read_csv, ".parquet": pl.read_parquet}
    rows = readers[suffix](out)
    assert rows.select("line", "provider", "event_type", "recipient").rows() == [
        (1, "sendgrid", "delivered", "a@example.com"),
        (2, "sendgrid", "bounced", "b@example.com"),
        (2, "sendgrid", "delivered", "a@example.com"),
        (3, None, "unknown", None),
    ]
    assert rows["dedupe_key"][0] == rows["dedupe_key"][2]
    assert (summary["rows"], summary["duplicates"]) == (4, 1)


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(bodies: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = run(tmp_path / "missing.jsonl", bodies, "--out", out, code=1)
    assert "missing.jsonl" in result.stderr
    assert len(out.read_text().splitlines()) == 4


def test_logs_are_read_with_the_keys_of_the_environment(tmp_path: Path) -> None:
    log = tmp_path / "hits.log"
    log.write_text(
        "\n".join([pixel("M1", SENT), click("M1", "a", SENT), pixel("M1", SENT).replace("c=k.", "c=k.a")]) + "\n"
    )
    out = tmp_path / "out.jsonl"
    run("--log", log, "--out", out, CRM_TRACKING_KEYS=f"k:{KEY}", CRM_HOME=str(tmp_path))
    assert pl.read_ndjson(out)["rejected_reason"].to_list() == [None, None, "forged_identifier"]
    (tmp_path / "tracking.keys").write_text("k:another-key-of-these-tests\n")
    run("--log", log, "--out", out, CRM_TRACKING_KEYS="", CRM_HOME=str(tmp_path))
    assert set(pl.read_ndjson(out)["rejected_reason"]) == {"forged_identifier"}
    (tmp_path / "tracking.keys").unlink()
    with pytest.raises(CommandError, match="CRM_TRACKING_KEYS"):
        run("--log", log, CRM_TRACKING_KEYS="", CRM_HOME=str(tmp_path))


def test_wrong_wishes_are_refused_in_a_line(bodies: Path) -> None:
    with pytest.raises(CommandError, match="must end in"):
        run(bodies, "--out", "x.txt")
    with pytest.raises(CommandError, match="there is no provider"):
        run(bodies, "--provider", "nobody")
