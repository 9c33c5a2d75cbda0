"""What tests of permission may ask for."""

from pathlib import Path

import pytest

from tests.unit.permission.world import START, World, write_dimensions


@pytest.fixture(scope="session")
def dimensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that holds the dimensions of the declared company, to be copied."""
    root = tmp_path_factory.mktemp("dimensions")
    write_dimensions(root)
    return root


@pytest.fixture
def world(tmp_path: Path, dimensions: Path) -> World:
    """A world of two customers: 1 is known to the web (U1) and the call centre (C1), 2 to the web alone (U2)."""
    made = World(tmp_path / "lake", dimensions, emails={"web:U1": "ann@example.org", "web:U2": "bo@example.org"})
    made.who_is_who([(START, {"web:U1": 1, "crm:C1": 1, "web:U2": 2})])
    return made
