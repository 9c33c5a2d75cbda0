"""Every way in which a delivery is broken: it is named clearly, put aside or left, and the other feeds are loaded.

One refresh meets all of them at once, each in a feed of its own. The refresh runs without the right of root to read
everything, else there would be no file that is not ours to read.
"""

import gzip
import io
import os
import random
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import xlsxwriter

from assets.sources import drift_complaint
from tests.end_to_end.commands import Finished, Platform
from tests.end_to_end.tables import table, table_names
from tests.orchestration.small_company import LONG_AGO, customers_csv, deliver, write_config

COLUMNS = (
    "{customer_id: CustNo, customer_type: {value: person}, first_name: Forename, email: Email, updated_dt: LastMod}"
)
CSV = '{kind: csv, delimiter: ";"}'
GOOD = customers_csv(range(1, 4))
REFUSED = {
    "truncated_gzip": "ends in the middle of its packed data: ask for it again",
    "wrong_columns": "the columns for customer_id (from CustNo) are not in the file",
    "empty": "is empty (0 bytes): ask for it to be delivered again",
    "folder": "is a folder, not a file: name the files in it with a glob",
    "binary": "holds NUL bytes, so it is not text: check the form declared for it",
    "zip_bomb": "deliver it in parts, or raise the limits",
    "no_permission": "cannot be read (Permission denied): give the platform's user access",
}
QUARANTINED = {
    "truncated_csv": (3, 2, {"wrong_number_of_columns"}),
    "open_quote": (4, 3, {"unterminated_quote"}),
    "wrong_encoding": (3, 0, {"invalid_encoding"}),
    "long_line": (4, 3, {"line_too_long"}),
    "formula": (2, 1, {"formula_without_value"}),
}
"""Feed to rows received, rows loaded, and the reasons of the rest."""
FORMS = {
    **dict.fromkeys([*REFUSED, *QUARANTINED, "good", "half_written"], CSV),
    "wrong_encoding": '{kind: csv, delimiter: ";", encoding: utf-8}',
    "formula": "{kind: excel}",
}


@dataclass(frozen=True)
class Refreshed:
    """The home after the refresh that met them all, and what it said."""

    home: Path
    said: Finished
    checks: dict[str, dg.AssetCheckEvaluation]


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refreshed]:
    """One refresh of all broken deliveries, while one file is still being written."""
    folder = tmp_path_factory.mktemp("bad_files")
    home = folder / "home"
    platform = Platform(home, write_config(folder / "config", outer=_declaration()), prefix=_without_power_to_read())
    for name, content in _deliveries().items():
        deliver(home, name, content)
    (home / "landing" / "folder.csv").mkdir()
    unreadable = deliver(home, "no_permission.csv", GOOD)
    unreadable.chmod(0)
    half_written = deliver(home, "half_written.csv", GOOD)
    with half_written.open("a"):
        os.utime(half_written, (LONG_AGO, LONG_AGO))
        said = platform.run("refresh")
    yield Refreshed(home, said, _soundness(home))
    unreadable.chmod(0o600)


@pytest.mark.parametrize("feed", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_with_a_line_that_says_what_to_do(
    feed: str, refreshed: Refreshed
) -> None:
    if feed == "no_permission" and not _can_be_kept_from_reading():
        pytest.skip("this user reads every file, and setpriv is not there to give that up")
    evaluation = refreshed.checks[feed]
    assert not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert REFUSED[feed] in _text(evaluation)
    assert any(
        line.startswith(f"error sources.stg_outer_{feed}") and REFUSED[feed] in line
        for line in refreshed.said.errors.splitlines()
    )
    ledger = table(refreshed.home, "sources.file_ledger").filter(feed_name=f"outer.{feed}")
    assert ledger["status"].to_list() == ["refused"]


@pytest.mark.parametrize("feed", QUARANTINED)
def test_rows_that_cannot_be_read_are_put_aside_and_the_others_loaded(feed: str, refreshed: Refreshed) -> None:
    received, loaded, reasons = QUARANTINED[feed]
    ledger = table(refreshed.home, "sources.file_ledger").row(
        by_predicate=pl.col("feed_name") == f"outer.{feed}", named=True
    )
    assert (ledger["rows_received"], ledger["rows_loaded"], ledger["rows_quarantined"]) == (
        received,
        loaded,
        received - loaded,
    )
    aside = table(refreshed.home, "sources.quarantined_rows").filter(feed_name=f"outer.{feed}")
    assert set(aside["reason"]) == reasons
    evaluation = refreshed.checks[feed]
    assert not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.WARN
    assert f"{received - loaded} of {received} rows are in quarantine" in _text(evaluation)
    assert f"warning sources.stg_outer_{feed}" in refreshed.said.errors


def test_the_good_feed_is_loaded_all_the_same(refreshed: Refreshed) -> None:
    assert table(refreshed.home, "sources.stg_outer_good")["customer_id"].to_list() == ["C1", "C2", "C3"]
    assert refreshed.checks["good"].passed


def test_a_file_still_being_written_is_left_where_it_is(refreshed: Refreshed) -> None:
    assert (refreshed.home / "landing" / "half_written.csv").read_text() == GOOD
    assert "sources.stg_outer_half_written" not in table_names(refreshed.home)
    assert refreshed.checks["half_written"].passed


def test_no_delivery_is_lost(refreshed: Refreshed) -> None:
    home = refreshed.home
    left = {path.name for path in (home / "landing").iterdir()}
    kept = {path.name.partition("-")[2] for path in [*home.glob("archive/**/*.*"), *home.glob("quarantine/**/files/*")]}
    assert left == {"folder.csv", "no_permission.csv", "half_written.csv"}
    assert kept == set(_deliveries())


def test_a_refresh_that_met_refused_files_ends_with_an_error_code_and_a_line_for_each(refreshed: Refreshed) -> None:
    assert refreshed.said.code == 1
    lines = [line for line in refreshed.said.errors.splitlines() if line]
    assert sorted(line.split()[1].removeprefix("sources.stg_outer_").rstrip(":") for line in lines) == sorted(
        [*REFUSED, *QUARANTINED]
    )
    assert "Traceback" not in refreshed.said.errors


def test_the_summary_shows_the_tables_by_their_whole_name(refreshed: Refreshed) -> None:
    assert "sources.dim_subscription_period" in refreshed.said.output


def _declaration() -> str:
    feeds = "".join(
        f"  {name}:\n    contract: customers\n    files: {name}.*\n    form: {form}\n    columns: {COLUMNS}\n"
        for name, form in FORMS.items()
    )
    return f"source: outer\ndescription: Everything that can be wrong.\nfeeds:\n{feeds}"


def _deliveries() -> dict[str, str | bytes]:
    return {
        "good.csv": GOOD,
        "truncated_csv.csv": GOOD[:-25],
        "open_quote.csv": GOOD + 'C9;"An',
        "truncated_gzip.csv.gz": gzip.compress(customers_csv(range(2000)).encode())[:-200],
        "wrong_encoding.csv": GOOD.replace("Ann", "Ånn").encode("cp1252"),
        "wrong_columns.csv": GOOD.replace("CustNo", "Number"),
        "empty.csv": "",
        "binary.csv": random.Random(1).randbytes(5000),
        "long_line.csv": f"{GOOD}C9;{'x' * 3_000_000};c9@example.org;2020-01-01T00:00:00Z\n",
        "zip_bomb.csv.zip": _zip_bomb(),
        "formula.xlsx": _formula_without_value(),
    }


def _zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("customers.csv", GOOD + ("0" * 99 + "\n") * 1_000_000)
    return packed.getvalue()


def _formula_without_value() -> bytes:
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["CustNo", "Forename", "Email", "LastMod"])
        sheet.write_row(1, 0, ["C1", "Ann", "c1@example.org", "2020-01-01"])
        sheet.write_row(2, 0, ["C2", "", "c2@example.org", "2020-01-01"])
        sheet.write_formula(2, 1, '=UPPER("bob")', value="")
    return packed.getvalue()


def test_of_many_columns_that_are_gone_a_complaint_names_a_few() -> None:
    assert drift_complaint("column_gone", list("abcdefg")) == "column_gone: a, b, c, d, e and 2 more"
    assert drift_complaint("column_gone", ["a"]) == "column_gone: a"


def _without_power_to_read() -> tuple[str, ...]:
    if os.geteuid() == 0 and shutil.which("setpriv"):
        return ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    return ()


def _can_be_kept_from_reading() -> bool:
    return os.geteuid() != 0 or bool(_without_power_to_read())


def _soundness(home: Path) -> dict[str, dg.AssetCheckEvaluation]:
    """What the check of the delivery said, by feed, as Dagster keeps it."""
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        [run] = instance.get_runs()
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.dagster_event.asset_check_evaluation_data for entry in events if entry.dagster_event]
    return {
        each.asset_key.path[-1].removeprefix("stg_outer_"): each
        for each in found
        if each.check_name == "delivery_is_sound"
    }


def _text(evaluation: dg.AssetCheckEvaluation) -> str:
    return " ".join(str(value.value) for value in evaluation.metadata.values())
