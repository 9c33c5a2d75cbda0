"""`config/campaign.yaml`: what it says is what counts, and a mistake in it is told with its place."""

from pathlib import Path

import pytest

from crm_platform.campaign.settings import CampaignSettings, load_campaign_settings
from crm_platform.configuration import ConfigurationError
from crm_platform.settings import REPOSITORY


def test_the_file_of_the_repository_says_what_the_package_would(tmp_path: Path) -> None:
    assert load_campaign_settings(REPOSITORY / "config" / "campaign.yaml") == CampaignSettings()
    assert load_campaign_settings(tmp_path / "campaign.yaml") == CampaignSettings()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("orders: {touch: middle}", "orders.touch"),
        ("orders: {evidence: [luck]}", "orders.evidence.0"),
        ("delivery: {no_word_means_delivered_after_days: {email: -1}}", "delivery.no_word_means_delivered_after_days"),
        ("bounces: {points: {soft: -1}}", "bounces.points"),
        ("bounces: {reasons_without_points: [luck]}", "luck: no such reason"),
        ("bounces: {half_life_days: 0}", "bounces.half_life_days"),
        ("orders: [", "not YAML"),
        ("results: {confidence: 95}", "results.confidence"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=place.replace(".", r"\.")):
        load_campaign_settings(path)
