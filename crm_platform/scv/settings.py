"""How customers are recognised and their golden record is made: the model of `config/scv.yaml`.

Here: the settings and their loading, with errors that say what, where and what to do. Not here: what they bring about
(`identity/`, `golden/`, `review/`).
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from crm_platform.configuration import Declared, load_configuration
from crm_platform.sources.feeds.orders import ORDER_STATUSES

Rule = Literal["trusted", "most_recent", "most_complete", "most_frequent"]
Group = Literal[
    "given_name", "family_name", "title", "birth_date", "sex", "email", "phone", "mobile_phone", "address", "company",
    "job", "language", "preferred_channel", "interests", "national_id", "tax_id", "brand", "locale", "lead_source",
    "life_style",
]  # fmt: skip
SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]
Status = Annotated[str, Field(pattern=rf"^({'|'.join(ORDER_STATUSES)})$")]


class Survivorship(Declared):
    """By which rule one of several values survives."""

    rule: Rule = Field(description="trusted: by the order of sources; most_recent; most_complete; most_frequent.")
    trust: tuple[SourceName, ...] = Field(
        default=(), description="An order of sources for this group alone, in place of the general one."
    )
    last_resort: tuple[SourceName, ...] = Field(
        default=(), description="Sources whose value is taken only where no other has one."
    )


class OrderRole(Declared):
    """When orders make a purchaser or a payer, and until when."""

    made_by: tuple[Status, ...] = Field(min_length=1, description="Statuses of an order that make one.")
    ended_by: tuple[Status, ...] = Field(default=(), description="Statuses by which an order counts no more.")
    lapses_after_months: int | None = Field(default=None, ge=1, description="Months without an order; none: never.")


class LapsingRole(Declared):
    """A role that ends by itself."""

    lapses_after_months: int | None = Field(default=None, ge=1, description="Months without activity; none: never.")


class ProspectRole(LapsingRole):
    """Somebody who may become a purchaser."""

    ends_with_purchase: bool = Field(default=True, description="Whether the first purchase ends it.")


class Roles(Declared):
    """The rules that make and end each role."""

    purchaser: OrderRole
    payer: OrderRole
    registered: LapsingRole = LapsingRole()
    subscriber: LapsingRole = LapsingRole()
    prospect: ProspectRole = ProspectRole()


class EndedIdentifiers(Declared):
    """What proves that an address or a number reaches its customer no more."""

    call_outcomes: tuple[str, ...] = Field(default=("wrong_number",), description="Outcomes that end a telephone.")
    sms_statuses: tuple[str, ...] = Field(default=("rejected",), description="Statuses that end a mobile telephone.")
    returned_post_but: tuple[str, ...] | None = Field(
        default=("refused",),
        description="Post that came back ends an address, but for these reasons; null: it never does.",
    )


class GuardSettings(Declared):
    """How much one run may change of who is who."""

    largest_changed_share: float = Field(default=0.10, gt=0, le=1, description="Share of yesterday's customers.")
    from_customers: int = Field(default=100, ge=1, description="Fewer customers than this are not guarded.")
    allow_on: date | None = Field(default=None, description="A day (UTC) on which any change may pass.")


class ReviewSettings(Declared):
    """Which pairs a person should look at."""

    lowest_probability: float = Field(default=0.2, ge=0, le=1, description="Pairs less likely than this are no doubt.")
    highest_probability: float = Field(default=0.9, ge=0, le=1, description="Pairs likelier than this are no doubt.")
    largest_list: int = Field(default=1000, ge=1, description="Pairs on the list at most, the riskiest first.")


class QualityLimits(Declared):
    """Beyond which figures a run's quality check warns."""

    largest_cluster: int = Field(default=50, ge=2, description="Records of one customer.")
    largest_grey_share: float = Field(default=0.05, gt=0, le=1, description="Grey pairs, as a share of the records.")


class ScvSettings(Declared):
    """The whole of `scv.yaml`."""

    trust: tuple[SourceName, ...] = Field(
        description="Sources (or source.feed), the most trusted first; those not named come after, by name."
    )
    survivorship: Mapping[Group, Survivorship] = Field(description="The rule of each group of attributes.")
    roles: Roles
    ended_identifiers: EndedIdentifiers = EndedIdentifiers()
    guard: GuardSettings = GuardSettings()
    review: ReviewSettings = ReviewSettings()
    quality: QualityLimits = QualityLimits()

    @model_validator(mode="after")
    def _names_each_once(self) -> "ScvSettings":
        for place, named in (
            ("trust", self.trust),
            *((group, rule.trust) for group, rule in self.survivorship.items()),
        ):
            repeated = sorted({name for name in named if named.count(name) > 1})
            if repeated:
                raise ValueError(f"{place}: {', '.join(repeated)} stands more than once; name each source once")
        return self

    def rule_of(self, group: Group) -> Survivorship:
        """The rule of a group; the most recent value where none is declared."""
        return self.survivorship.get(group, Survivorship(rule="most_recent"))


def load_scv_settings(path: Path) -> ScvSettings:
    """The settings as `config/scv.yaml` declares them.

    Raises:
        ConfigurationError: the file is not there, is not YAML, is incomplete or names what does not exist.
    """
    return load_configuration(path, ScvSettings, "how customers are recognised", "docs/single-customer-view.md")
