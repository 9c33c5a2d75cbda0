"""The declaration of costs and bands: what is taken, and how what is wrong in it is said."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from crm_platform.configuration import ConfigurationError
from crm_platform.settings import REPOSITORY
from crm_platform.value.profitability.settings import load_cost_settings

DECLARED = REPOSITORY / "config" / "costs.yaml"


def test_the_declared_costs_are_taken_and_every_kind_has_a_cost_for_the_channels_not_named() -> None:
    settings = load_cost_settings(DECLARED)
    rates = settings.rates()
    assert set(rates.filter(rates["channel"].is_null())["kind"]) == {"order", "parcel", "return", "contact", "piece"}
    assert settings.overheads().height == len(settings.overhead)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "limits that do not fall": ({"limits": {"A": 1, "B": 2, "C": 0, "D": 0}}, "they must fall from A to D"),
    "shares that do not rise": ({"by": "share", "limits": {"A": 0.4, "B": 0.2, "C": 1, "D": 1}}, "they must rise"),
    "shares above one": ({"by": "share", "limits": {"A": 1, "B": 2, "C": 3, "D": 4}}, "shares are from 0 to 1"),
    "a band without a limit": ({"limits": {"A": 3, "B": 2, "D": 0}}, "give one for C too"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bands_that_cannot_be_are_said_with_their_place(tmp_path: Path, name: str) -> None:
    bands, said = WRONG[name]
    path = tmp_path / "costs.yaml"
    path.write_text(yaml.safe_dump({"bands": bands}), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_cost_settings(path)
    assert "bands: " in str(refused.value) and said in str(refused.value)
    assert "See docs/profitability.md" in str(refused.value)
