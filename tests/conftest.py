"""What every test may ask for: a home of the demo company, made once, and switches to rewrite what tests compare.

Not here: fixtures of one piece of the platform, which stand beside its tests.
"""

from pathlib import Path

import pytest

from tests.end_to_end.commands import Platform


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switches of this repository's tests."""
    parser.addoption("--snapshot-update", action="store_true", help="Write the snapshots anew instead of comparing.")
    parser.addoption("--take-pictures", action="store_true", help="Write the pictures of the UI into docs/images.")


@pytest.fixture(scope="session")
def refreshed_demo(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The demo company with 200 customers after its first refresh; to be looked at, not changed (`Platform.copied`)."""
    platform = Platform(tmp_path_factory.mktemp("demo") / "home")
    platform.crm("demo", "--customers", "200", "--as-of", "2026-10-31")
    platform.crm("refresh", "--json")
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
