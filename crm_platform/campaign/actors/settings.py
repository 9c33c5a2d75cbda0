"""What a company may say about who acts: its own agents and networks, and how fast a machine is.

Here: the model. Not here: the file it is part of (`campaign/events/settings.py`).
"""

from pydantic import Field

from crm_platform.campaign.actors.agents import Agent
from crm_platform.campaign.actors.networks import Network
from crm_platform.configuration import Declared


class ActorSettings(Declared):
    """The signs by which machines are told from people."""

    agents: tuple[Agent, ...] = Field(default=(), description="Patterns of agents, tried before those of the package.")
    networks: tuple[Network, ...] = Field(default=(), description="Networks beside those of the package.")
    seconds_after: float = Field(
        default=10, ge=0, description="What comes within so many seconds of the delivery is a machine's."
    )
    seconds_before: float = Field(
        default=3600, ge=0, description="So is what comes up to so many seconds before it: a gateway looks first."
    )
    burst_links: int = Field(
        default=3, ge=2, description="So many different links of a mail without a pause are a machine's; all, if fewer."
    )
    burst_seconds: float = Field(default=10, gt=0, description="The pause between two requests that ends a burst.")
