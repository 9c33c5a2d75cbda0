"""What customers cost and how they are banded: the model of `config/costs.yaml`.

Here: the settings and their loading, with errors that say what, where and what to do. Not here: how costs are given to
customers (the `.sql` files).
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import Field, model_validator

from crm_platform.configuration import Declared, load_configuration

Cost = Annotated[Decimal, Field(ge=0, decimal_places=4)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)]
Band = Literal["A", "B", "C", "D"]
BANDS = ("A", "B", "C", "D", "E")
OTHERS = "default"
_RATES: dict[str, pl.DataType | type[pl.DataType]] = {
    "kind": pl.String,
    "channel": pl.String,
    "amount": pl.Decimal(18, 4),
}
_OVERHEAD: dict[str, pl.DataType | type[pl.DataType]] = {
    "overhead": pl.String,
    "from_date": pl.Date,
    "until_date": pl.Date,
    "amount": pl.Decimal(18, 4),
    "shared_by": pl.String,
}


class Goods(Declared):
    """What goods cost where the catalogue does not say, and what they are worth when they come back."""

    unknown_cost_pct: Percent = Field(default=Decimal(60), description="Share of the sales value, in percent.")
    returned_worth_pct: Percent = Field(default=Decimal(50), description="Share of the cost, in percent.")


class Overhead(Declared):
    """A cost of every month, whoever buys."""

    name: str = Field(min_length=1, description="What it is.")
    from_date: date = Field(alias="from", description="First day of a month (UTC) from which it holds.")
    until_date: date | None = Field(default=None, alias="until", description="First day on which it holds no more.")
    amount_per_month: Cost = Field(description="So much a month.")
    shared_by: Literal["revenue", "orders"] = Field(description="In which shares customers carry it.")


class Bands(Declared):
    """From which margin on a customer is of which band; who is of none of them is an E."""

    window_months: int = Field(default=12, ge=1, le=240, description="Whole months before the snapshot that count.")
    by: Literal["margin", "share"] = Field(default="margin", description="Amounts, or shares of the customers.")
    limits: Mapping[Band, Decimal] = Field(description="The limit of each band.")

    @model_validator(mode="after")
    def _fall_in_order(self) -> "Bands":
        missing = [band for band in BANDS[:-1] if band not in self.limits]
        if missing:
            raise ValueError(f"limits: give one for {', '.join(missing)} too")
        limits = [self.limits[band] for band in ("A", "B", "C", "D")]
        if limits != sorted(limits, reverse=self.by == "margin"):
            order = "fall" if self.by == "margin" else "rise"
            raise ValueError(f"limits: they must {order} from A to D")
        if self.by == "share" and not all(0 <= limit <= 1 for limit in limits):
            raise ValueError("limits: shares are from 0 to 1")
        return self


class CostSettings(Declared):
    """The whole of `costs.yaml`."""

    goods: Goods = Goods()
    per_order: Mapping[str, Cost] = Field(default={OTHERS: Decimal(0)}, description="By channel of the order.")
    per_parcel: Cost = Field(default=Decimal(0), description="Each parcel that was dispatched.")
    per_return: Cost = Field(default=Decimal(0), description="Each return.")
    per_contact: Mapping[str, Cost] = Field(default={OTHERS: Decimal(0)}, description="By channel of the case.")
    per_piece: Mapping[str, Cost] = Field(default={OTHERS: Decimal(0)}, description="By channel of the campaign.")
    overhead: tuple[Overhead, ...] = ()
    bands: Bands

    def rates(self) -> pl.DataFrame:
        """kind (order, parcel, return, contact, piece), channel (null: those not named), amount."""
        by_channel = {"order": self.per_order, "contact": self.per_contact, "piece": self.per_piece}
        rows: list[tuple[str, str | None, Decimal]] = [
            (kind, None if channel == OTHERS else channel, amount)
            for kind, amounts in by_channel.items()
            for channel, amount in {OTHERS: Decimal(0), **amounts}.items()
        ]
        rows += [("parcel", None, self.per_parcel), ("return", None, self.per_return)]
        return pl.DataFrame(rows, schema=_RATES, orient="row")

    def overheads(self) -> pl.DataFrame:
        """overhead, from_date, until_date (exclusive), amount per month, shared_by."""
        rows = [
            (each.name, each.from_date, each.until_date or date.max, each.amount_per_month, each.shared_by)
            for each in self.overhead
        ]
        return pl.DataFrame(rows, schema=_OVERHEAD, orient="row")

    def limits(self) -> pl.DataFrame:
        """band and its limit, for A to D."""
        rows = [(band, self.bands.limits[band]) for band in ("A", "B", "C", "D")]
        return pl.DataFrame(rows, schema={"band": pl.String, "band_limit": pl.Decimal(18, 4)}, orient="row")


def load_cost_settings(path: Path) -> CostSettings:
    """The settings as `config/costs.yaml` declares them.

    Raises:
        ConfigurationError: the file is not there, is not YAML, or says what cannot be.
    """
    return load_configuration(path, CostSettings, "what customers cost", "docs/profitability.md")
