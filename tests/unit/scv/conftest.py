"""What tests of the single customer view may ask for."""

from pathlib import Path

import pytest

from tests.unit.scv.company import Company, engine_on


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company whose sources have said nothing yet."""
    return Company(engine_on(tmp_path / "lake"))
