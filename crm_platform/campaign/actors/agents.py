"""Who acts by what the client calls itself: `agents.yaml`, and patterns that a company adds.

Here: finding the pattern of each distinct agent. Not here: the other signs and their order (`classify.py`).
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from crm_platform.yaml_text import read_yaml

_PACKAGE = "crm_platform.campaign.actors"
NO_AGENT = "no_agent"


class Agent(BaseModel):
    """A pattern of agents with the class of those who call themselves so."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the rule, as it stands beside an event.")
    acts: Literal["privacy_proxy", "machine", "human"] = Field(alias="class", description="As whom it counts.")
    agent: str = Field(description="Regular expression, in small letters, found anywhere in the agent.")

    @field_validator("agent")
    @classmethod
    def _is_expression(cls, expression: str) -> str:
        try:
            pl.Series([""]).str.contains(expression)
        except pl.exceptions.ComputeError:
            raise ValueError(f"{expression!r} is no regular expression that polars knows") from None
        return expression


@lru_cache(maxsize=1)
def known_agents() -> tuple[Agent, ...]:
    """The patterns as they stand in the package."""
    return tuple(
        Agent.model_validate(each) for each in read_yaml(files(_PACKAGE).joinpath("agents.yaml").read_text("utf-8"))
    )


def agent_signs(agents: pl.Series, known: Sequence[Agent]) -> pl.DataFrame:
    """What each agent tells: agent_class, agent_rule; null where no pattern is found, an empty agent is a machine's."""
    distinct = agents.unique(maintain_order=True).to_frame("agent")
    small = pl.col("agent").str.to_lowercase()
    number = pl.lit(None, pl.Int64)
    for place, each in reversed(list(enumerate(known))):
        number = pl.when(small.str.contains(each.agent)).then(pl.lit(place, pl.Int64)).otherwise(number)
    is_empty = pl.col("agent").is_null() | pl.col("agent").str.strip_chars(" -").eq("")
    names = {place: each.name for place, each in enumerate(known)}
    classes = {place: each.acts for place, each in enumerate(known)}
    told = distinct.with_columns(number=number).with_columns(
        agent_rule=pl.when(is_empty).then(pl.lit(NO_AGENT)).otherwise(
            pl.col("number").replace_strict(names, return_dtype=pl.String, default=None)
        ),
        agent_class=pl.when(is_empty).then(pl.lit("machine")).otherwise(
            pl.col("number").replace_strict(classes, return_dtype=pl.String, default=None)
        ),
    )  # fmt: skip
    found = agents.to_frame("agent").join(told, on="agent", how="left", nulls_equal=True, maintain_order="left")
    return found.select("agent_class", "agent_rule")
