"""What the demo company is told from outside: its declaration (`config/company.yaml`), its period, its chunks.

Reading the declaration belongs here; what is made from it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import yaml

from crm_platform.configuration import Declared

COMPANY_FILE = Path(__file__).parents[2] / "config" / "company.yaml"
HISTORY_DAYS = 730
DELTA_DAYS = 3
CHUNK_SIZE = 20_000


class Brand(Declared):
    """A brand and the product line it sells."""

    code: str
    name: str
    product_line: str


class Country(Declared):
    """A country of a locale; `code` is ISO 3166 alpha-2, `vat_pct` a percentage, `calling_code` without the plus."""

    code: str
    name: str
    language: str
    time_zone: str
    vat_pct: float
    calling_code: str


class Locale(Declared):
    """A market: one currency (ISO 4217), one or more countries."""

    code: str
    name: str
    currency: str
    countries: tuple[Country, ...]


class Named(Declared):
    """A code and what people read for it."""

    code: str
    name: str


class Channel(Named):
    """A channel; an addressed one needs an address of the customer."""

    is_addressed: bool


class Communication(Named):
    """What is sent: subscribed to by name (kind subscription) or under a general permission of its type."""

    kind: str
    type: str
    brand: str
    channels: tuple[str, ...]
    language: str | None = None
    locales: tuple[str, ...] | None = None


class SubscriptionPeriod(Named):
    """How long a permission holds; no months: until it is withdrawn."""

    months: int | None = None


class CompanySettings(Declared):
    """The whole declaration of the company."""

    company: str
    brands: tuple[Brand, ...]
    locales: tuple[Locale, ...]
    languages: tuple[Named, ...]
    channels: tuple[Channel, ...]
    communications: tuple[Communication, ...]
    promotion_sources: tuple[Named, ...]
    subscription_periods: tuple[SubscriptionPeriod, ...]

    def countries(self) -> dict[str, tuple[Locale, Country]]:
        """Every country by its code, with the locale it belongs to."""
        return {country.code: (locale, country) for locale in self.locales for country in locale.countries}


def load_company(path: Path = COMPANY_FILE) -> CompanySettings:
    """Read the declaration; raises pydantic's ValidationError where it does not hold."""
    return CompanySettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Period:
    """The time the files tell of: two years up to `as_of` inclusive, the last days delivered day by day."""

    as_of: date

    @property
    def start(self) -> date:
        """First day of the history."""
        return self.as_of - timedelta(days=HISTORY_DAYS)

    @property
    def first_delivery(self) -> date:
        """Day of the initial delivery; what happened later comes in a daily file."""
        return self.as_of - timedelta(days=DELTA_DAYS)

    @property
    def delivery_days(self) -> list[date]:
        """Days on which files arrive, the initial delivery first."""
        return [self.first_delivery + timedelta(days=offset) for offset in range(DELTA_DAYS + 1)]


@dataclass(frozen=True)
class Chunk:
    """A run of people made in one go: people `first` to `first + size - 1`."""

    index: int
    first: int
    size: int

    @property
    def record_base(self) -> int:
        """First number free for this chunk's records; twice the people, as some have two records in a system."""
        return 2 * self.first


def chunks(customers: int) -> Iterator[Chunk]:
    """Cut the people into chunks of at most CHUNK_SIZE."""
    for index, first in enumerate(range(0, customers, CHUNK_SIZE)):
        yield Chunk(index=index, first=first, size=min(CHUNK_SIZE, customers - first))
