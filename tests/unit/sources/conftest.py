"""Fixtures of the ingest's tests: a home with one declared feed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sources.site import ORDERS, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A home whose feed is the orders of a shop, as CSV."""
    return Site(tmp_path)


@pytest.fixture
def site_of(tmp_path: Path) -> Callable[..., Site]:
    """Make a home for a declared feed; what is given replaces what the orders' declaration says."""

    def make(declaration: Mapping[str, Any] = ORDERS, **changes: Any) -> Site:
        return Site(tmp_path, {**declaration, **changes})

    return make
