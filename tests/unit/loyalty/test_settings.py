"""The scheme's declaration: what is taken, and how what is wrong in it is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from crm_platform.configuration import ConfigurationError
from crm_platform.loyalty.settings import load_loyalty_settings
from crm_platform.settings import REPOSITORY

DECLARED = REPOSITORY / "config" / "loyalty.yaml"
Content = dict[str, Any]


def test_the_declared_scheme_is_taken() -> None:
    settings = load_loyalty_settings(DECLARED)
    assert [step.tier for step in settings.schemes[-1].tiers.steps] == ["silver", "gold", "platinum"]


def first_rule(content: Content) -> Content:
    rule: Content = content["schemes"][0]["earning"][0]
    return rule


WRONG: dict[str, tuple[Callable[[Content], Any], str]] = {
    "a rule that gives nothing": (lambda c: first_rule(c).update(points_per_amount=0), "schemes.0.earning.0: give"),
    "days without a birthday": (lambda c: first_rule(c).update(within_days=3), "belongs to `occasion: birthday`"),
    "an unknown key": (lambda c: first_rule(c).update(point=3), "schemes.0.earning.0.point: there is no such key"),
    "a rule twice": (lambda c: c["schemes"][0]["earning"].append(first_rule(c)), "a rule stands more than once"),
    "schemes out of order": (lambda c: c["schemes"].reverse(), "the days from which they hold must rise"),
    "a status that is none": (lambda c: c["schemes"][0].update(reversed_by=["lost"]), "schemes.0.reversed_by.0"),
    "a lowest balance above zero": (lambda c: c["schemes"][0].update(lowest_balance=1), "less than or equal to 0"),
    "retention above entry": (
        lambda c: c["schemes"][0]["tiers"]["steps"][0].update(retention_points=501),
        "`retention_points` are at most",
    ),
    "tiers that fall": (lambda c: c["schemes"][0]["tiers"]["steps"].reverse(), "must rise from the lowest"),
    "no scheme": (lambda c: c.update(schemes=[]), "schemes: Tuple should have at least 1 item"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, name: str) -> None:
    change, said = WRONG[name]
    content = yaml.safe_load(DECLARED.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "loyalty.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_loyalty_settings(path)
    assert said in str(refused.value) and "See docs/loyalty.md" in str(refused.value)


def test_a_file_that_is_missing_or_no_yaml_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="it says how points are earned"):
        load_loyalty_settings(tmp_path / "loyalty.yaml")
    (tmp_path / "loyalty.yaml").write_text("schemes: [", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is not YAML"):
        load_loyalty_settings(tmp_path / "loyalty.yaml")
