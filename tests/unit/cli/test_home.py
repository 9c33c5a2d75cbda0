"""Who may enter a home that a command makes."""

from pathlib import Path

from crm_platform.cli.home import prepare_home
from crm_platform.settings import Home


def test_a_new_home_is_its_owner_s_alone_and_one_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    prepare_home(Home(tmp_path / "new" / "home"))
    assert (tmp_path / "new" / "home").stat().st_mode & 0o777 == 0o700
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o750)
    prepare_home(Home(shared))
    assert shared.stat().st_mode & 0o777 == 0o750
