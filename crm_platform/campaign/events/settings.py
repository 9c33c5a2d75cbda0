"""`config/events.yaml`: how answers to what was sent are read and judged.

Here: the model and its loading. Not here: keys, which are no configuration (`campaign/tracking`).
"""

from pathlib import Path

from pydantic import Field

from crm_platform.campaign.access_logs.settings import TrackingSettings
from crm_platform.campaign.actors.settings import ActorSettings
from crm_platform.configuration import Declared, load_configuration_or_defaults


class EventSettings(Declared):
    """The whole of `events.yaml`."""

    tracking: TrackingSettings = Field(default=TrackingSettings(), description="The pixel and the redirecting page.")
    actors: ActorSettings = Field(default=ActorSettings(), description="How machines are told from people.")


def load_event_settings(path: Path) -> EventSettings:
    """The settings; those of the package where there is no such file.

    Raises:
        ConfigurationError: the file is not YAML, or says what cannot be.
    """
    return load_configuration_or_defaults(path, EventSettings, "how machines are told from people", "docs/events.md")
