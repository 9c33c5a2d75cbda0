"""What is handed out: the wheel holds the four packages and their data, the lock names nobody's machine."""

import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.end_to_end.commands import BINARIES, REPOSITORY

PACKAGES = {"crm_platform", "assets", "resources", "sensors"}
DATA_SUFFIXES = {".csv", ".sql", ".yaml"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in the wheel."""
    uv, folder = BINARIES / "uv", tmp_path_factory.mktemp("wheel")
    if not uv.exists():
        pytest.skip("uv is not in this environment")
    done = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", folder, REPOSITORY], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel: list[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == PACKAGES


def test_the_wheel_holds_code_and_data_and_no_other_kind_of_file(wheel: list[str]) -> None:
    assert {Path(name).suffix for name in wheel if ".dist-info/" not in name} <= {".py", *DATA_SUFFIXES}


def test_the_wheel_holds_every_data_file_of_the_packages(wheel: list[str]) -> None:
    expected = {
        path.relative_to(REPOSITORY).as_posix()
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.suffix in DATA_SUFFIXES
    }
    assert expected and expected <= set(wheel)


def test_the_lock_names_no_host_and_no_file() -> None:
    lines = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = "\n".join(line.split("#")[0] for line in lines)
    assert not re.search(r"://|--(index|find|extra|trusted)|\bfile:|(^|\s)\.{0,2}/", locked, flags=re.MULTILINE)
    assert not any("://" in line or re.search(r"\s/\w", line) for line in lines)


def test_every_line_of_the_lock_is_pinned_with_hashes() -> None:
    locked = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    requirements = [line for line in locked.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert requirements
    assert all("==" in line and "--hash=sha256:" in line for line in requirements)
