"""`config/scv.yaml`: what it may say, and what is answered where it says something else."""

from pathlib import Path

import pytest

from crm_platform.configuration import ConfigurationError
from crm_platform.scv.settings import ScvSettings, load_scv_settings
from tests.unit.scv.company import CONFIG

DECLARED = (CONFIG / "scv.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("trust: [", "is not YAML"),
        (
            DECLARED.replace("rule: most_recent", "rule: newest", 1),
            r"survivorship\.family_name\.rule: Input should be 'trusted'",
        ),
        (DECLARED.replace("trust: [", "trust: [shop, "), "trust: shop stands more than once"),
        (DECLARED.replace("ended_by: [cancelled]", "ended_by: [canceled]", 1), r"roles\.purchaser\.ended_by"),
        (DECLARED.replace("largest_changed_share: 0.10", "largest_changed_share: 10"), "less than or equal to 1"),
        (DECLARED.replace("  title:", "  tittle:"), "survivorship"),
    ],
)
def test_a_mistake_is_answered_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "scv.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        load_scv_settings(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"scv\.yaml cannot be read"):
        load_scv_settings(tmp_path / "scv.yaml")


def test_the_settings_have_a_schema_for_editors_that_describes_every_key() -> None:
    schema = ScvSettings.model_json_schema()
    described = schema["$defs"]["Survivorship"]["properties"]
    assert all("description" in about for about in described.values())


def test_a_group_without_a_rule_goes_by_the_most_recent_value() -> None:
    settings = load_scv_settings(CONFIG / "scv.yaml").model_copy(update={"survivorship": {}})
    assert settings.rule_of("email").rule == "most_recent"
