"""`config/permission.yaml`: what it may say, and what is said of a mistake in it."""

from pathlib import Path

import pytest

from crm_platform.configuration import ConfigurationError
from crm_platform.permission.reasons import Reason
from crm_platform.permission.settings import load_permission_settings
from tests.unit.permission.world import SETTINGS


def test_a_locale_without_a_law_of_its_own_has_the_general_one() -> None:
    assert SETTINGS.law_of("italy") == SETTINGS.law_of(None) == SETTINGS.laws["default"]
    assert SETTINGS.law_of("us").legitimate_interest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("merge: sometimes", "merge: Input should be"),
        ("laws: {uk: {needs_nothing: [nonsense]}}", "laws.uk.needs_nothing.0"),
        ("complaints: []", "complaints: there is no such key"),
        ("merge: [", "is not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "permission.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        load_permission_settings(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"permission\.yaml cannot be read"):
        load_permission_settings(tmp_path / "permission.yaml")


def test_every_reason_is_a_sentence() -> None:
    assert all(reason.text.endswith(".") for reason in Reason)
    assert {reason for reason in Reason if reason.is_permission} == {
        Reason.SUBSCRIBED,
        Reason.PERMITTED,
        Reason.LEGITIMATE_INTEREST,
        Reason.NO_CONSENT_NEEDED,
    }
