"""What every test may ask for: a home of the demo company, made once, and switches to rewrite what tests compare.

Not here: fixtures of one piece of the platform, which stand beside its tests.
"""

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.end_to_end.commands import Platform

# How long an example takes says something of the machine's other work, not of the platform.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switches of this repository's tests."""
    parser.addoption("--snapshot-update", action="store_true", help="Write the snapshots anew instead of comparing.")
    parser.addoption("--take-pictures", action="store_true", help="Write the pictures of the UI into docs/images.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first file makes the demo; next come long ones that can do without it, so that nobody waits."""
    makes_it, longest = "tests/browser/", ("tests/end_to_end/test_kill.py", "tests/packaging/test_image.py")
    items.sort(key=lambda item: (not item.nodeid.startswith(makes_it), not item.nodeid.startswith(longest)))


@pytest.fixture(scope="session")
def refreshed_demo(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The demo company with 200 customers after its first refresh; to be looked at, not changed (`Platform.copied`).

    Processes that run tests side by side share it: the first makes it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "refreshed_demo"
    shared.mkdir(exist_ok=True)
    platform, is_made = Platform(shared / "home"), shared / "is_made"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made.exists():
            platform.crm("demo", "--customers", "200", "--as-of", "2026-10-31")
            platform.crm("refresh", "--json")
            is_made.touch()
    return platform


@pytest.fixture
def snapshot_is_updated(request: pytest.FixtureRequest) -> bool:
    """Whether this run writes its snapshots instead of comparing them."""
    return bool(request.config.getoption("--snapshot-update"))


@pytest.fixture(scope="session")
def picture_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the UI go: docs/images when asked for, else a folder that is thrown away."""
    if request.config.getoption("--take-pictures"):
        return Path(__file__).parent.parent / "docs" / "images"
    return tmp_path_factory.mktemp("pictures")
