"""What the company calls its brands, locales, languages, channels and communications.

Here: the model of `config/company.yaml` and its loading, with errors that say what, where and what to do. Not here:
the dimensions that are filled from it (`dimensions/`).
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from crm_platform.configuration import Declared, load_configuration
from crm_platform.sources.feeds.codes import COUNTRY, CURRENCY, LANGUAGE

CommunicationKind = Literal["subscription", "general"]
CommunicationType = Literal["transactional", "marketing", "third_party", "promotional", "subscription"]


def _not_a_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError('YAML reads an unquoted NO, ON or YES as a truth value: write it in quotes, such as "NO"')
    return value


def _known_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no IANA time zone, such as Europe/Oslo") from error
    return name


Code = Annotated[str, BeforeValidator(_not_a_truth_value), Field(pattern=r"^[a-z][a-z0-9_]*$")]
CountryCode = Annotated[str, BeforeValidator(_not_a_truth_value), Field(pattern=COUNTRY)]
LanguageCode = Annotated[str, BeforeValidator(_not_a_truth_value), Field(pattern=LANGUAGE)]
CurrencyCode = Annotated[str, Field(pattern=CURRENCY)]
DisplayName = Annotated[str, Field(min_length=1)]
TimeZone = Annotated[str, AfterValidator(_known_time_zone)]


class Brand(Declared):
    """A brand under which the company sells."""

    code: Code = Field(description="What the sources call it.")
    name: DisplayName = Field(description="What people read.")
    product_line: Code = Field(description="Line of products that it sells.")


class Country(Declared):
    """A country of a locale."""

    code: CountryCode = Field(description="ISO 3166-1 alpha-2.")
    name: DisplayName = Field(description="What people read.")
    language: LanguageCode = Field(description="Language that customers are addressed in, ISO 639-1.")
    time_zone: TimeZone = Field(description="IANA time zone.")
    vat_pct: float = Field(ge=0, le=100, description="Standard VAT in percent, 20.0 for twenty percent.")
    calling_code: str = Field(pattern=r"^[1-9][0-9]{0,3}$", description="Country's telephone code, without +.")


class Locale(Declared):
    """A market: one or several countries that are served as one."""

    code: Code = Field(description="What the sources call it.")
    name: DisplayName = Field(description="What people read.")
    currency: CurrencyCode = Field(description="Currency of its prices, ISO 4217.")
    countries: tuple[Country, ...] = Field(min_length=1, description="Its countries.")


class Language(Declared):
    """A language that customers are addressed in."""

    code: LanguageCode = Field(description="ISO 639-1.")
    name: DisplayName = Field(description="What people read.")


class Channel(Declared):
    """A way to reach customers."""

    code: Code = Field(description="What the sources call it.")
    name: DisplayName = Field(description="What people read.")
    is_addressed: bool = Field(description="Whether what goes this way needs an address of the customer.")


class Communication(Declared):
    """What can be subscribed to (kind subscription) or is sent under a general permission of its type."""

    code: Code = Field(description="What the sources call it.")
    name: DisplayName = Field(description="What people read.")
    kind: CommunicationKind = Field(description="By which kind of permission it is sent.")
    type: CommunicationType = Field(description="Type of communication that a general permission names.")
    brand: Code = Field(description="Code of the brand that sends it.")
    language: LanguageCode | None = Field(default=None, description="Its language; none: the customer's own.")
    locales: tuple[Code, ...] = Field(default=(), description="Codes of the locales it is sent in; none: all.")
    channels: tuple[Code, ...] = Field(min_length=1, description="Codes of the channels it is sent by.")


class PromotionSource(Declared):
    """Where somebody came across a communication."""

    code: Code = Field(description="What the sources call it.")
    name: DisplayName = Field(description="What people read.")


class SubscriptionPeriod(Declared):
    """How long a subscription runs."""

    code: Code = Field(description="What the sources call it.")
    name: DisplayName = Field(description="What people read.")
    months: int | None = Field(default=None, ge=1, description="Its length in months; none: until withdrawn.")


class Company(Declared):
    """The whole of `company.yaml`; codes are unique, and what refers to a code refers to one that is there."""

    company: DisplayName = Field(description="Name of the company.")
    brands: tuple[Brand, ...] = Field(min_length=1)
    locales: tuple[Locale, ...] = Field(min_length=1)
    languages: tuple[Language, ...] = Field(min_length=1)
    channels: tuple[Channel, ...] = Field(min_length=1)
    communications: tuple[Communication, ...] = ()
    promotion_sources: tuple[PromotionSource, ...] = ()
    subscription_periods: tuple[SubscriptionPeriod, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> "Company":
        problems = [*self._repeated_codes(), *self._unknown_references()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _repeated_codes(self) -> Iterable[str]:
        yield from _repeated("brands", self.brands)
        yield from _repeated("locales", self.locales)
        yield from _repeated("languages", self.languages)
        yield from _repeated("channels", self.channels)
        yield from _repeated("communications", self.communications)
        yield from _repeated("promotion_sources", self.promotion_sources)
        yield from _repeated("subscription_periods", self.subscription_periods)
        for locale in self.locales:
            yield from _repeated(f"locales.{locale.code}.countries", locale.countries)

    def _unknown_references(self) -> Iterable[str]:
        languages, brands = _codes(self.languages), _codes(self.brands)
        locales, channels = _codes(self.locales), _codes(self.channels)
        for locale in self.locales:
            for country in locale.countries:
                place = f"locales.{locale.code}.countries.{country.code}"
                yield from _unknown(place, "language", [country.language], languages)
        for communication in self.communications:
            place = f"communications.{communication.code}"
            yield from _unknown(place, "brand", [communication.brand], brands)
            yield from _unknown(place, "locale", communication.locales, locales)
            yield from _unknown(place, "channel", communication.channels, channels)
            if communication.language is not None:
                yield from _unknown(place, "language", [communication.language], languages)


_Coded = Brand | Country | Locale | Language | Channel | Communication | PromotionSource | SubscriptionPeriod


def load_company(path: Path) -> Company:
    """The company as `config/company.yaml` declares it.

    Raises:
        ConfigurationError: the file is not there, is not YAML, is incomplete or names what it does not declare.
    """
    return load_configuration(path, Company, "what the company calls its brands and locales", "docs/naming.md")


def _codes(members: Iterable[_Coded]) -> list[str]:
    return [member.code for member in members]


def _repeated(place: str, members: Sequence[_Coded]) -> Iterable[str]:
    codes = _codes(members)
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield f"{place}: the code {code!r} stands more than once; give each a code of its own"


def _unknown(place: str, kind: str, named: Iterable[str], declared: Collection[str]) -> Iterable[str]:
    for code in named:
        if code not in declared:
            yield f"{place}: there is no {kind} {code!r}; there are {', '.join(sorted(declared))}"
