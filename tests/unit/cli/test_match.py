"""`crm match` as a person calls it: files in, files out, and a clear refusal."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from crm_platform.cli.failures import CommandError
from crm_platform.cli.main import app
from crm_platform.problem import Problem
from crm_platform.sources.readers.batch import RefusedFile
from tests.unit.scv.match.people import people_with_doubles

PEOPLE, _ = people_with_doubles(40)


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["match", *map(str, arguments)])
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    PEOPLE.write_csv(file)
    return file


def test_every_record_gets_its_customer_the_same_from_csv_and_parquet_in_any_order(
    people: Path, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    run(people, "--out", one)
    shuffled = tmp_path / "people.parquet"
    PEOPLE.sample(fraction=1.0, shuffle=True, seed=3).write_parquet(shuffled)
    run(shuffled, "--out", other)
    assert one.read_bytes() == other.read_bytes()
    clusters = pl.read_csv(one, infer_schema=False)
    assert clusters.columns == ["record_id", "customer_key", "match_probability"]
    assert clusters["record_id"].to_list() == sorted(PEOPLE["record_id"])


def test_columns_by_other_names_and_another_delimiter_are_read(people: Path, tmp_path: Path) -> None:
    expected, found, file = tmp_path / "expected.csv", tmp_path / "found.csv", tmp_path / "semicolons.csv"
    run(people, "--out", expected)
    PEOPLE.rename({"last_name": "Nachname", "record_id": "Nr"}).write_csv(file, separator=";")
    run(file, "--out", found, "--column", "last_name=Nachname", "--column", "record_id=Nr")
    assert found.read_bytes() == expected.read_bytes()


def test_an_encoding_other_than_utf_8_is_read_and_a_row_that_cannot_be_is_told(tmp_path: Path) -> None:
    file, out = tmp_path / "people.csv", tmp_path / "out.csv"
    named = PEOPLE.with_columns(record_id=pl.concat_str(pl.lit("Ä"), "record_id"))
    for encoding in ("utf-16", "cp1252", "utf-8-sig"):
        text = named.write_csv(separator=";") + "Ä1;too;few\n"
        file.write_bytes(text.encode(encoding))
        told = json.loads(run(file, "--out", out, "--json"))
        assert (told["records"], told["rows_unreadable"]) == (PEOPLE.height, 1)
        assert pl.read_csv(out, infer_schema=False)["record_id"].to_list() == sorted(named["record_id"])


def test_the_summary_can_be_read_by_a_program(people: Path, tmp_path: Path) -> None:
    summary = json.loads(run(people, "--out", tmp_path / "out.parquet", "--json"))
    assert summary["records"] == PEOPLE.height
    assert pl.read_parquet(tmp_path / "out.parquet")["customer_key"].n_unique() == summary["customers"]


def test_a_pair_is_explained_field_by_field(people: Path) -> None:
    shown = run(people, "--explain", "r00000", "r00001")
    assert "surname" in shown
    assert "points" in shown


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", (), "is empty"),
        ("record_id,colour\n1,red\n", (), "No column can be compared"),
        ("first_name\nann\n", (), "no column record_id"),
        ("record_id,first_name\n1,ann\n1,bob\n", (), "have a record_id that another one has"),
        ("record_id,first_name\n1,ann\n", ("--column", "last_name=Nachname"), "has no column 'Nachname'"),
        ("record_id,first_name\n1,ann\n", ("--column", "last_name"), "canonical=name"),
        ("record_id,first_name\n1,ann\n2,bob\n", ("--explain", "1", "7"), "no record '7'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    text: str, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Problem, match=said):
        run(file, "--out", tmp_path / "out.csv", *options)
    assert not list(tmp_path.glob(".writing-*"))


def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "people.csv.gz"
    file.write_bytes(gzip.compress(PEOPLE.write_csv().encode())[:-40])
    with pytest.raises(RefusedFile, match="ends in the middle"):
        run(file, "--out", tmp_path / "out.csv")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no file"):
        run(tmp_path / "nowhere.csv", "--out", tmp_path / "out.csv")
