"""How amounts of several currencies are brought together: the model of `config/exchange_rates.yaml`.

Here: the declared rates, their loading, and the rates as rows. Not here: the amounts.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field, model_validator

from crm_platform.configuration import Declared, load_configuration
from crm_platform.sources.feeds.codes import CURRENCY

CurrencyCode = Annotated[str, Field(pattern=CURRENCY)]
RATE_DIGITS = 8
RATE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "currency": pl.String,
    "from_date": pl.Date,
    "until_date": pl.Date,
    "rate": pl.Decimal(18, RATE_DIGITS),
}


class ExchangeRate(Declared):
    """What one unit of a currency is worth from a month on."""

    currency: CurrencyCode = Field(description="ISO 4217.")
    from_date: date = Field(alias="from", description="First day of a month (UTC).")
    rate: Decimal = Field(gt=0, decimal_places=RATE_DIGITS, description="Units of the company's currency for one.")


class ExchangeRates(Declared):
    """The whole of `exchange_rates.yaml`."""

    currency: CurrencyCode = Field(description="Currency of the company's figures, ISO 4217.")
    rates: tuple[ExchangeRate, ...] = ()

    @model_validator(mode="after")
    def _hold_by_month(self) -> "ExchangeRates":
        for rate in self.rates:
            if rate.from_date.day != 1:
                raise ValueError(f"{rate.currency} {rate.from_date}: a rate holds from the first day of a month")
            if rate.currency == self.currency:
                raise ValueError(f"{rate.currency}: the company's own currency has no rate")
        starts = [(rate.currency, rate.from_date) for rate in self.rates]
        for currency, start in sorted({each for each in starts if starts.count(each) > 1}):
            raise ValueError(f"{currency} {start}: two rates hold from that day; leave one")
        return self

    def by_span(self) -> pl.DataFrame:
        """currency, from_date, until_date (exclusive), rate: without gaps, from the first day there is to the last."""
        rows: list[tuple[str, date, date, Decimal]] = [(self.currency, date.min, date.max, Decimal(1))]
        for currency in sorted({rate.currency for rate in self.rates}):
            ordered = sorted((rate.from_date, rate.rate) for rate in self.rates if rate.currency == currency)
            starts = [date.min, *(start for start, _ in ordered[1:])]
            ends = [*(start for start, _ in ordered[1:]), date.max]
            rows += [(currency, start, end, rate) for start, end, (_, rate) in zip(starts, ends, ordered, strict=True)]
        return pl.DataFrame(rows, schema=RATE_SCHEMA, orient="row")


def load_exchange_rates(path: Path) -> ExchangeRates:
    """The rates as `config/exchange_rates.yaml` declares them.

    Raises:
        ConfigurationError: the file is not there, is not YAML, or says what cannot be.
    """
    return load_configuration(path, ExchangeRates, "what money is worth", "docs/profitability.md")
