"""How points are earned, spent and lost, and what makes a tier: the model of `config/loyalty.yaml`.

Here: the settings and their loading, with errors that say what, where and what to do. Not here: what they bring about
(`ledger/`, `members/`, `satisfaction/`).
"""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from crm_platform.configuration import Declared, load_configuration
from crm_platform.sources.company import Code
from crm_platform.sources.feeds.orders import ORDER_STATUSES

Status = Annotated[str, Field(pattern=rf"^({'|'.join(ORDER_STATUSES)})$")]
Text = Annotated[str, Field(min_length=1)]
ANY_CODE = "ANY"
LONGEST_MONTHS = 240


class EarningRule(Declared):
    """What an order earns; every condition that is given has to hold."""

    rule: Code = Field(description="Name of the rule, as the ledger shows it.")
    points_per_amount: Decimal = Field(
        default=Decimal(0), ge=0, decimal_places=4, description="Points per unit of the company's currency without VAT."
    )
    points: int = Field(default=0, ge=0, description="Points per order, once.")
    smallest_amount: Decimal = Field(
        default=Decimal(0),
        ge=0,
        decimal_places=4,
        description="What the products that count must come to, without VAT.",
    )
    products: tuple[Text, ...] = Field(default=(), description="Only these products count.")
    product_lines: tuple[Text, ...] = Field(default=(), description="Only products of these lines count.")
    categories: tuple[Text, ...] = Field(default=(), description="Only products of these categories count.")
    brands: tuple[Code, ...] = Field(default=(), description="Only products of these brands count.")
    channels: tuple[Text, ...] = Field(default=(), description="Only orders that came by these channels.")
    locales: tuple[Code, ...] = Field(default=(), description="Only orders of these locales.")
    promotion_codes: tuple[Text, ...] = Field(
        default=(), description=f"Only orders with one of these codes of campaigns; {ANY_CODE}: with any."
    )
    occasion: Literal["first_purchase", "birthday"] | None = Field(default=None, description="Only then.")
    within_days: int = Field(default=0, ge=0, le=180, description="Days before and after the birthday.")
    from_date: date | None = Field(default=None, alias="from", description="First day (UTC); none: with the scheme.")
    until_date: date | None = Field(default=None, alias="until", description="Last day (UTC); none: with the scheme.")
    counts_for_tier: bool = Field(default=True, description="Whether its points count for the tier.")

    @model_validator(mode="after")
    def _gives_something(self) -> "EarningRule":
        if not self.points and not self.points_per_amount:
            raise ValueError("give `points` or `points_per_amount`, or leave the rule out")
        if self.within_days and self.occasion != "birthday":
            raise ValueError("`within_days` belongs to `occasion: birthday`")
        return self

    @property
    def is_by_product(self) -> bool:
        """Whether it depends on what was bought."""
        return bool(self.products or self.product_lines or self.categories or self.brands)


class Burning(Declared):
    """How points may be spent."""

    smallest_points: int = Field(default=1, ge=1, description="The least that can be spent at once.")
    step_points: int = Field(default=1, ge=1, description="What is spent is a multiple of it.")


class Tier(Declared):
    """A tier above having none."""

    tier: Code = Field(description="Its name.")
    entry_points: int = Field(ge=1, description="Qualifying points that lead into it.")
    retention_points: int = Field(ge=0, description="Qualifying points that keep a member in it.")

    @model_validator(mode="after")
    def _is_kept_by_no_more(self) -> "Tier":
        if self.retention_points > self.entry_points:
            raise ValueError("`retention_points` are at most `entry_points`: who has just come in would be out again")
        return self


class Tiers(Declared):
    """The tiers, from the lowest, judged on the first day of each month (UTC)."""

    qualifying_months: int = Field(default=12, ge=1, le=LONGEST_MONTHS, description="Months whose earnings count.")
    grace_months: int = Field(
        default=0, ge=0, le=LONGEST_MONTHS, description="Months in a row below retention without consequence."
    )
    steps: tuple[Tier, ...] = Field(default=(), description="The tiers, the lowest first.")

    @model_validator(mode="after")
    def _rises(self) -> "Tiers":
        names = [step.tier for step in self.steps]
        if len(set(names)) < len(names):
            raise ValueError(f"a tier stands more than once among {', '.join(names)}")
        for attribute in ("entry_points", "retention_points"):
            points = [getattr(step, attribute) for step in self.steps]
            if points != sorted(points):
                raise ValueError(f"`{attribute}` must rise from the lowest tier to the highest")
        return self


class Scheme(Declared):
    """The rules from a day on."""

    from_date: date = Field(alias="from", description="First day (UTC) on which it holds.")
    earning: tuple[EarningRule, ...] = Field(min_length=1, description="What earns points.")
    expires_after_months: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_MONTHS,
        description="Points last to the end of so many months later; none: for good.",
    )
    burning: Burning = Burning()
    lowest_balance: int = Field(
        default=0, le=0, description="How far taking back points that are spent already may bring a balance below zero."
    )
    reversed_by: tuple[Status, ...] = Field(
        default=("cancelled",), description="Statuses of an order by which all that it earned is taken back."
    )
    tiers: Tiers = Tiers()

    @model_validator(mode="after")
    def _names_each_rule_once(self) -> "Scheme":
        names = [rule.rule for rule in self.earning]
        if len(set(names)) < len(names):
            raise ValueError(f"a rule stands more than once among {', '.join(names)}")
        return self


class Satisfaction(Declared):
    """How answers to surveys are read."""

    csat_satisfied_from: int = Field(default=4, ge=0, le=10, description="Lowest satisfied score.")


class LoyaltySettings(Declared):
    """The whole of `loyalty.yaml`."""

    programme: Text = Field(description="Name of the scheme.")
    point_value_amount: Decimal = Field(
        default=Decimal(0), ge=0, decimal_places=6, description="Worth of a point in the company's currency."
    )
    customer_types: tuple[Literal["person", "company"], ...] = Field(
        default=("person",), min_length=1, description="Types of customers that take part."
    )
    satisfaction: Satisfaction = Satisfaction()
    schemes: tuple[Scheme, ...] = Field(min_length=1, description="The rules by the day from which they hold.")

    @model_validator(mode="after")
    def _one_scheme_at_a_time(self) -> "LoyaltySettings":
        starts = [scheme.from_date for scheme in self.schemes]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError("schemes: the days from which they hold must rise; each scheme ends where the next begins")
        return self


def load_loyalty_settings(path: Path) -> LoyaltySettings:
    """The settings as `config/loyalty.yaml` declares them.

    Raises:
        ConfigurationError: the file is not there, is not YAML, or says what cannot be.
    """
    return load_configuration(path, LoyaltySettings, "how points are earned", "docs/loyalty.md")
