"""Where a command may write, and what it does where nothing could be read."""

from pathlib import Path

import pytest

from crm_platform.cli.failures import CommandError
from crm_platform.cli.outputs import EVENTS, MODEL, check_out, refuse_if_nothing_was_read, tell_unreadable


@pytest.mark.parametrize(
    ("name", "said"),
    [("out.xlsx", "must end in one of .csv, .parquet"), ("out.jsonl", "must end in"), ("folder", "is a folder")],
)
def test_a_name_that_cannot_be_right_is_refused(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(CommandError, match=said):
        check_out(tmp_path / name, [])


def test_the_file_that_is_read_is_not_written_over_whatever_it_is_called(tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    orders.touch()
    (tmp_path / "link.csv").symlink_to(orders)
    for name in ("orders.csv", "link.csv", "../" + tmp_path.name + "/orders.csv"):
        with pytest.raises(CommandError, match="is the file that is read"):
            check_out(tmp_path / name, [orders])


def test_what_can_be_written_is_let_through(tmp_path: Path) -> None:
    check_out(None, [])
    for name in ("new.csv", "new", "new.tmp"):
        check_out(tmp_path / name, [tmp_path / "orders.csv"])
    check_out(tmp_path / "events.jsonl", [], EVENTS)
    check_out(tmp_path / "a.model", [], MODEL)


def test_only_where_all_files_failed_nothing_is_written() -> None:
    failed = [(Path("mails/a.eml"), "a.eml is empty"), (Path("b"), "No such file or directory")]
    with pytest.raises(CommandError, match="mails/a.eml: is empty; b: No such file"):
        refuse_if_nothing_was_read(failed, has_read=False)
    refuse_if_nothing_was_read(failed, has_read=True)
    refuse_if_nothing_was_read([], has_read=False)


def test_a_file_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    tell_unreadable([(Path("mails/a.eml"), "a.eml is empty")])
    assert capsys.readouterr().err == "crm: mails/a.eml: is empty\n"
