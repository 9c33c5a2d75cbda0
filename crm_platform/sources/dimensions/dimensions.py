"""The contracts of the dimensions that every stage's facts point to.

Here: what each dimension promises. Every row has a surrogate key that never changes; key 0 is the member that is not
known, or none. A member stays for ever: `is_current` says whether its source still has it. Flags are 0 or 1, so that
they can be summed. Not here: how they are made (`build.py` and the `.sql` files).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.sources.feeds.codes import COUNTRY, CURRENCY, LANGUAGE
from crm_platform.sources.feeds.fields import code, number, pattern, text
from crm_platform.warehouse.contract import Amount, TableModel

LAST_DATE_KEY = 21_001_231


def surrogate_key(description: str) -> Any:
    """A key that stands for one member for ever, from 1; 0 is the member that is not known, or none."""
    return pa.Field(ge=0, description=f"{description}, for ever the same; 0: not known, or none.")


def natural_key(description: str) -> Any:
    """What the source calls the member; empty in the row of key 0 alone, so that nothing joins to that by chance."""
    return pa.Field(nullable=True, str_length={"min_value": 1}, description=description)


def display_name(description: str) -> Any:
    """What people read for the member; the row of key 0 is called Unknown."""
    return pa.Field(nullable=True, description=description)


def day(description: str) -> Any:
    """A date; empty where it is not known."""
    return pa.Field(nullable=True, description=description)


def yes_or_no(description: str) -> Any:
    """1 for yes, 0 for no, empty where neither can be said."""
    return pa.Field(nullable=True, isin=[0, 1], description=description)


def currentness() -> Any:
    """Whether the member's source still has it."""
    return pa.Field(isin=[0, 1], description="1 while the member's source has it, 0 since it has it no more.")


class DimDate(TableModel):
    """The calendar, 1900-01-01 to 2100-12-31; key 0 is no date."""

    date_key: int = pa.Field(ge=0, le=LAST_DATE_KEY, description="The date as the number yyyymmdd; 0: no date.")
    calendar_date: pl.Date = day("The date; empty for key 0.")
    calendar_year: int = number("Year.", ge=1900, le=2100)
    calendar_quarter: int = number("Quarter of the year, 1 to 4.", ge=1, le=4)
    calendar_month: int = number("Month of the year, 1 to 12.", ge=1, le=12)
    month_name: str = text("English name of the month.")
    day_of_month: int = number("Day of the month, 1 to 31.", ge=1, le=31)
    day_of_year: int = number("Day of the year, 1 to 366.", ge=1, le=366)
    iso_year: int = number("Year that the ISO 8601 week belongs to.", ge=1899, le=2101)
    iso_week: int = number("Week by ISO 8601, 1 to 53: it starts on Monday, week 1 has the first Thursday.", 1, 53)
    day_of_week: int = number("Day of the week by ISO 8601, 1 Monday to 7 Sunday.", ge=1, le=7)
    weekday_name: str = text("English name of the day of the week.")
    year_month: str = text("Year and month as yyyy-mm, which sorts.")
    year_quarter: str = text("Year and quarter as yyyy-Qq, which sorts.")
    year_week: str = text("ISO 8601 year and week as yyyy-Www, which sorts.")
    first_date_of_month: pl.Date = day("First day of the month.")
    last_date_of_month: pl.Date = day("Last day of the month.")
    is_weekend: int = yes_or_no("Whether it is Saturday or Sunday.")
    is_last_day_of_month: int = yes_or_no("Whether it is the last day of its month.")

    class Config(TableModel.Config):
        name = "sources.dim_date"
        unique = ["date_key"]
        metadata = {"grain": "one row per day", "kind": "dimension"}


class DimProduct(TableModel):
    """Products of all sources by their company-wide key, with how often they were priced and marked down."""

    product_key: int = surrogate_key("Key of the product")
    product_id: str = natural_key("The product's key in its source.")
    product_name: str = display_name("Name of the product; empty where only prices tell of it.")
    brand_code: str = text("Code of the brand that sells it.")
    product_line: str = text("Line of products: electronics, music, travel.")
    category: str = text("Category within the line.")
    list_price_amount: Amount = number("List price of one piece without VAT, in `currency`.", ge=0)
    cost_amount: Amount = number("What one piece costs the company, without VAT, in `currency`.", ge=0)
    currency: str = pattern("Currency of the amounts, ISO 4217.", CURRENCY)
    vat_pct: float = number("VAT in percent, 20.0 for twenty percent.", ge=0, le=100)
    replenishment_days: int = number("Days after which a buyer is likely to need it again.", ge=0)
    reorder_level: int = number("Pieces in stock at which more is ordered.", ge=0)
    lead_time_days: int = number("Days from ordering at the supplier to having it.", ge=0)
    launched_date: pl.Date = day("First day of sale; may lie ahead.")
    discontinued_date: pl.Date = day("First day on which it is not sold any more.")
    number_of_prices: int = number("Prices told of it, over all locales and days.", ge=0)
    number_of_markdowns: int = number("Those of its prices that are markdowns.", ge=0)
    first_priced_date: pl.Date = day("First day of its earliest price.")
    last_priced_date: pl.Date = day("First day of its latest price; may lie ahead.")
    source: str = text("Source that the product comes from; of several, the one that told of it last.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_product"
        unique = ["product_key"]
        metadata = {"grain": "one row per product", "kind": "dimension"}


class DimStore(TableModel):
    """Stores and branches of all sources, with where they stand."""

    store_key: int = surrogate_key("Key of the store")
    store_id: str = natural_key("The store's key in its source.")
    store_name: str = display_name("Name of the store.")
    brand_code: str = text("Code of the brand on its front.")
    locale_code: str = text("Code of the locale that it belongs to.")
    country: str = pattern("Country it stands in, ISO 3166-1 alpha-2.", COUNTRY)
    city: str = text("Town or city it stands in.")
    postcode: str = text("Postcode it stands in.")
    latitude: float = number("Degrees north, WGS 84.", ge=-90, le=90)
    longitude: float = number("Degrees east, WGS 84.", ge=-180, le=180)
    opened_date: pl.Date = day("First day of business; may lie ahead.")
    closed_date: pl.Date = day("First day on which it is shut for good.")
    source: str = text("Source that the store comes from; of several, the one that told of it last.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_store"
        unique = ["store_key"]
        metadata = {"grain": "one row per store", "kind": "dimension"}


class DimBrand(TableModel):
    """Brands under which the company sells."""

    brand_key: int = surrogate_key("Key of the brand")
    brand_code: str = natural_key("What the sources call the brand.")
    brand_name: str = display_name("Name of the brand.")
    product_line: str = text("Line of products that the brand sells.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_brand"
        unique = ["brand_key"]
        metadata = {"grain": "one row per brand", "kind": "dimension"}


class DimLanguage(TableModel):
    """Languages that customers are addressed in."""

    language_key: int = surrogate_key("Key of the language")
    language_code: str = pattern("Language, ISO 639-1; empty for key 0.", LANGUAGE)
    language_name: str = display_name("English name of the language.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_language"
        unique = ["language_key"]
        metadata = {"grain": "one row per language", "kind": "dimension"}


class DimLocale(TableModel):
    """Locales: markets of one or several countries, which `locale_country` lists."""

    locale_key: int = surrogate_key("Key of the locale")
    locale_code: str = natural_key("What the sources call the locale.")
    locale_name: str = display_name("Name of the locale.")
    currency: str = pattern("Currency of the locale's prices, ISO 4217.", CURRENCY)
    number_of_countries: int = number("Countries that the locale spans.", ge=1)
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_locale"
        unique = ["locale_key"]
        metadata = {"grain": "one row per locale", "kind": "dimension"}


class LocaleCountry(TableModel):
    """The bridge from a locale to the countries that it spans."""

    locale_key: int = pa.Field(ge=1, description="Key of the locale in `dim_locale`.")
    country: str = pattern("Country, ISO 3166-1 alpha-2.", COUNTRY, nullable=False)
    country_name: str = display_name("English name of the country.")
    language_code: str = pattern("Language that customers of the country are addressed in, ISO 639-1.", LANGUAGE)
    time_zone: str = text("IANA time zone of the country.")
    vat_pct: float = number("Standard VAT in percent, 20.0 for twenty percent.", ge=0, le=100)
    calling_code: str = text("The country's telephone code, without +.")
    is_current: int = pa.Field(
        isin=[0, 1], description="1 while the locale spans the country, 0 since it does no more."
    )

    class Config(TableModel.Config):
        name = "sources.locale_country"
        unique = ["locale_key", "country"]
        metadata = {"grain": "one row per country of a locale", "kind": "dimension"}


class DimChannel(TableModel):
    """Ways to reach customers."""

    channel_key: int = surrogate_key("Key of the channel")
    channel_code: str = natural_key("What the sources call the channel.")
    channel_name: str = display_name("Name of the channel.")
    is_addressed: int = yes_or_no("Whether what goes this way needs an address of the customer.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_channel"
        unique = ["channel_key"]
        metadata = {"grain": "one row per channel", "kind": "dimension"}


class DimCommunication(TableModel):
    """What the company sends: communications to subscribe to, and those sent under a general permission."""

    communication_key: int = surrogate_key("Key of the communication")
    communication_code: str = natural_key("What the sources call the communication.")
    communication_name: str = display_name("Name of the communication.")
    communication_kind: str = code("By which kind of permission it is sent.", ("subscription", "general"))
    communication_type: str = text("Type of communication that a general permission names.")
    brand_code: str = text("Code of the brand that sends it.")
    language_code: str = pattern("Language it is written in, ISO 639-1; empty: the customer's own.", LANGUAGE)
    locale_codes: str = text("Codes of the locales it is sent in, sorted, separated by commas; empty: all.")
    channel_codes: str = text("Codes of the channels it is sent by, sorted, separated by commas.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_communication"
        unique = ["communication_key"]
        metadata = {"grain": "one row per communication", "kind": "dimension"}


class DimPromotionSource(TableModel):
    """Where somebody came across a communication."""

    promotion_source_key: int = surrogate_key("Key of the promotion source")
    promotion_source_code: str = natural_key("What the sources call the promotion source.")
    promotion_source_name: str = display_name("Name of the promotion source.")
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_promotion_source"
        unique = ["promotion_source_key"]
        metadata = {"grain": "one row per promotion source", "kind": "dimension"}


class DimSubscriptionPeriod(TableModel):
    """How long subscriptions run."""

    subscription_period_key: int = surrogate_key("Key of the subscription period")
    subscription_period_code: str = natural_key("What the sources call the period.")
    subscription_period_name: str = display_name("Name of the period.")
    number_of_months: int = number("Length in months; empty: until withdrawn.", ge=1)
    is_current: int = currentness()

    class Config(TableModel.Config):
        name = "sources.dim_subscription_period"
        unique = ["subscription_period_key"]
        metadata = {"grain": "one row per subscription period", "kind": "dimension"}
