"""What may be sent on what ground: the model of `config/permission.yaml`.

Here: the settings and their loading, with errors that say what, where and what to do. Not here: what they bring about
(`consent/`, `suppression/`, `decision/`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from crm_platform.configuration import Declared, load_configuration
from crm_platform.sources.company import Code, CommunicationType

Need = Literal["subscription", "permission", "legitimate_interest", "nothing"]
Channel = Literal["email", "sms", "post", "telephone", "rss", "web"]
EVERY_LOCALE = "default"


class LegitimateInterest(Declared):
    """What may be sent without consent as long as the customer does not object."""

    channel: Channel = Field(description="By which channel.")
    types: tuple[CommunicationType, ...] = Field(min_length=1, description="Which types of communication.")
    only_purchasers: bool = Field(default=True, description="Only to who is a purchaser at that time.")


class Law(Declared):
    """What the law of a locale says."""

    needs_nothing: tuple[CommunicationType, ...] = Field(
        default=("transactional",), description="Types that must or may go to everybody, a global opt-out or not."
    )
    legitimate_interest: tuple[LegitimateInterest, ...] = Field(default=(), description="What goes without consent.")
    double_opt_in: tuple[Channel, ...] = Field(
        default=(), description="Channels by which consent counts only when it was confirmed."
    )


class RegistrationTick(Declared):
    """What the tick on a registration form permits."""

    communication_type: CommunicationType = Field(default="marketing", description="Type of communication.")
    channels: tuple[Channel, ...] = Field(default=("email",), description="By which channels.")


class DoNotCall(Declared):
    """Which outcomes of a call withdraw what."""

    outcomes: tuple[str, ...] = Field(default=("do_not_call",), description="Outcomes that are an objection.")
    channels: tuple[Channel, ...] = Field(default=("telephone",), description="Channels that the customer objects to.")


class SuppressionRules(Declared):
    """What keeps an address or a customer from being sent to, whatever was agreed."""

    complaint_channels: tuple[Channel, ...] = Field(
        default=("email",), description="A complaint ends everything by these channels that was agreed before it."
    )
    complaint_expires_after_months: int | None = Field(
        default=None, ge=1, description="After which earlier consents count again; none: never."
    )
    invalid_address: bool = Field(default=True, description="Whether an address that has ended is not sent to.")
    invalid_address_expires_after_months: int | None = Field(
        default=None, ge=1, description="After which an address that has ended is tried again; none: never."
    )
    deleted_customer: bool = Field(default=True, description="Whether customers whom every source deleted are left be.")


class Undo(Declared):
    """A person's decision that a suppression holds no more."""

    suppression_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="As in `permission.suppression`.")
    undone_by: str = Field(min_length=1, description="Who decided it.")
    reason: str = Field(min_length=1, description="Why.")


class PermissionSettings(Declared):
    """The whole of `permission.yaml`."""

    communications: Mapping[Code, Need] = Field(
        default={}, description="What single communications need, in place of what their kind and type say."
    )
    laws: Mapping[Code, Law] = Field(
        default={EVERY_LOCALE: Law()}, description="By locale; `default` for those not named."
    )
    merge: Literal["most_restrictive", "most_recent"] = Field(
        default="most_restrictive",
        description="How the statements of records that are one customer add up: a withdrawal in one of them holds "
        "against all until it is taken back there or after they were known to be one; or the last word counts.",
    )
    confirm_within_days: int = Field(default=30, ge=1, description="Days within which a double opt-in is confirmed.")
    registration_tick: RegistrationTick | None = Field(default=RegistrationTick(), description="null: permits nothing.")
    do_not_call: DoNotCall = DoNotCall()
    suppression: SuppressionRules = SuppressionRules()
    undone_suppressions: tuple[Undo, ...] = ()
    channel_order: tuple[Channel, ...] = Field(
        default=("email", "sms", "post", "telephone", "web", "rss"),
        description="Which permitted channel to prefer, after the one that the customer prefers.",
    )
    re_permission_days: int = Field(default=30, ge=1, description="Consents that end within so many days are listed.")

    def law_of(self, locale: str | None) -> Law:
        """The law of a locale; the general one where none is declared."""
        return self.laws.get(locale or EVERY_LOCALE) or self.laws.get(EVERY_LOCALE) or Law()


def load_permission_settings(path: Path) -> PermissionSettings:
    """The settings as `config/permission.yaml` declares them.

    Raises:
        ConfigurationError: the file is not there, is not YAML, or says what cannot be.
    """
    return load_configuration(path, PermissionSettings, "what may be sent on what ground", "docs/permission.md")
