"""Exchange rates: by month, without gaps, and what is wrong in them is said."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from crm_platform.configuration import ConfigurationError
from crm_platform.settings import REPOSITORY
from crm_platform.sources.sales.exchange_rates import ExchangeRates, load_exchange_rates

FIRST, SECOND = (
    {"currency": "GBP", "from": "2024-01-01", "rate": 1.17},
    {"currency": "GBP", "from": "2025-01-01", "rate": 1.2},
)


def test_the_declared_rates_are_taken() -> None:
    assert load_exchange_rates(REPOSITORY / "config" / "exchange_rates.yaml").currency == "EUR"


def test_every_day_has_one_rate_and_the_first_holds_before_it_too() -> None:
    rates = ExchangeRates.model_validate({"currency": "EUR", "rates": [SECOND, FIRST]}).by_span()
    for day, rate in (
        (date(1999, 1, 1), "1.17"),
        (date(2024, 12, 31), "1.17"),
        (date(2025, 1, 1), "1.2"),
        (date(2099, 1, 1), "1.2"),
    ):
        [holding] = rates.filter(currency="GBP").filter(pl.col("from_date") <= day, pl.col("until_date") > day)["rate"]
        assert holding == Decimal(rate)
    assert rates.filter(currency="EUR")["rate"].to_list() == [Decimal(1)]


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([{**FIRST, "from": "2024-01-02"}], "from the first day of a month"),
        ([{**FIRST, "currency": "EUR"}], "the company's own currency has no rate"),
        ([FIRST, FIRST], "two rates hold from that day"),
        ([{**FIRST, "rate": 0}], "rates.0.rate: Input should be greater than 0"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, rates: list[dict[str, object]], said: str) -> None:
    path = tmp_path / "exchange_rates.yaml"
    lines = ", ".join(f"{{{', '.join(f'{key}: {value}' for key, value in rate.items())}}}" for rate in rates)
    path.write_text(f"currency: EUR\nrates: [{lines}]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_exchange_rates(path)
    assert said in str(refused.value)
