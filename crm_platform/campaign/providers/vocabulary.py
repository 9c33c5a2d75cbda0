"""What the providers' events mean: `vocabulary.yaml` as models, and the vocabulary that all events are told in.

Here: the model of that file and its checks. Not here: applying it (`normalise.py`, `outcomes.py`).
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from crm_platform.campaign.mail.reasons import reason_definitions
from crm_platform.yaml_text import read_yaml

_PACKAGE = "crm_platform.campaign.providers"

EventType = Literal[
    "queued", "sent", "rejected", "failed", "bounced", "deferred", "delivered", "autoresponded", "opened", "clicked",
    "complained", "unsubscribed", "subscribed", "unknown",
]  # fmt: skip
"""What can happen to what was sent: the event types of django-anymail (docs.anymail.dev, tracking)."""
EVENT_TYPES: tuple[str, ...] = EventType.__args__  # type: ignore[attr-defined]
BounceKind = Literal["hard", "soft", "suppressed"]
BOUNCE_KINDS: tuple[str, ...] = BounceKind.__args__  # type: ignore[attr-defined]
FIELDS = (
    "type", "kind", "class", "reason_word", "record", "recipient", "message_id", "vendor_id", "token", "status",
    "smtp_code", "diagnostic", "url", "user_agent", "ip_address", "is_proxy", "actor", "campaign", "member", "link",
)  # fmt: skip
"""The values that a provider's event may hold, by name."""
CONDITIONS = ("type", "kind", "class", "word", "code")
EACH, ANY = "each", "any"
_KEYS_OF_EVENTS = (*FIELDS, "time", "day")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Paths = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Outcome(_Strict):
    """A refinement: every condition that is given holds, and what it says is taken."""

    type: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    class_: tuple[str, ...] = Field(default=(), alias="class")
    word: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    has: str | None = None
    event_type: EventType | None = None
    bounce_kind: BounceKind | None = None
    reason: str | None = None
    is_address_invalid: bool | None = None

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """Condition to the values of which one must be there."""
        given = {"type": self.type, "kind": self.kind, "class": self.class_, "word": self.word, "code": self.code}
        return {name: values for name, values in given.items() if values}


class Provider(_Strict):
    """What the events of one provider mean."""

    fields: Mapping[str, Paths]
    types: Mapping[str, EventType]
    outcomes: tuple[Outcome, ...] = ()
    once: tuple[tuple[str, ...], ...] = ()
    each: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    until: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _hangs_together(self) -> "Provider":
        unknown = sorted(set(self.fields) - set(FIELDS)) + sorted(
            {name for line in self.once for name in line} - set(_KEYS_OF_EVENTS)
        )
        unknown += sorted({each.reason for each in self.outcomes if each.reason} - set(reason_definitions()))
        unknown += sorted({name for each in self.outcomes for name in each.type} - set(self.types))
        if unknown:
            raise ValueError(f"there is no field, reason or type {', '.join(unknown)}")
        return self


@lru_cache(maxsize=1)
def providers() -> Mapping[str, Provider]:
    """What is known of each provider.

    Raises:
        ValueError: `vocabulary.yaml` names a field, a reason, a type or an event type that there is not.
    """
    content: Any = read_yaml(files(_PACKAGE).joinpath("vocabulary.yaml").read_text("utf-8"))
    return {name: Provider.model_validate(provider) for name, provider in content.items()}
