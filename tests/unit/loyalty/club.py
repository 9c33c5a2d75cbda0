"""A company with members whose orders, returns and redemptions are what a test says.

Here: staging, the members, running the ledger, reading it. Not here: how files become staged rows.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from crm_platform.loyalty.ledger.build import publish_ledger
from crm_platform.loyalty.settings import LoyaltySettings
from crm_platform.scv.golden.contracts import GOLDEN_RECORD
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.publish import publish_frame
from tests.unit.scv.company import Company, engine_on

RATES = ExchangeRates.model_validate(
    {"currency": "EUR", "rates": [{"currency": "GBP", "from": "2024-01-01", "rate": 1.25}]}
)
Row = Mapping[str, Any]
START = datetime(2024, 1, 1, tzinfo=UTC)


def at(month: int, day: int, year: int = 2025, hour: int = 12) -> datetime:
    """A moment, UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def settings_of(*schemes: Mapping[str, Any], **further: Any) -> LoyaltySettings:
    """Settings of these schemes."""
    return LoyaltySettings.model_validate({"programme": "Club", "schemes": list(schemes), **further})


def one_point_an_euro(**further: Any) -> dict[str, Any]:
    """A scheme by which a euro is a point for twelve months."""
    scheme = {"from": date(2024, 1, 1), "earning": [{"rule": "purchase", "points_per_amount": 1}]}
    return {**scheme, "expires_after_months": 12, **further}


def filled(contract: Contract, rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of a table whose columns that are not given are what they may be: empty, false, 1, or the first day."""
    default = {"Int64": 1, "Boolean": False, "Datetime(time_unit='us', time_zone='UTC')": START}
    blank = {
        column.name: None if column.is_nullable else default.get(str(contract.polars_schema[column.name]))
        for column in contract.columns
    }
    return pl.DataFrame([{**blank, **row} for row in rows], schema=contract.polars_schema)


class Club:
    """The declared sources on a lake, with members numbered from 1 whose shop accounts bear the same numbers."""

    def __init__(self, root: Path, members: Sequence[Row] = ({},)) -> None:
        self.engine = engine_on(root / "lake")
        self.company = Company(self.engine)
        self.feeds = self.company.feeds
        keyed = [
            {"customer_key": number, "customer_type": "person", **row} for number, row in enumerate(members, start=1)
        ]
        self.know(GOLDEN_RECORD, keyed)
        refs = [{"customer_ref": f"shop:{number}", "customer_key": number} for number in range(1, len(keyed) + 1)]
        self.know(CUSTOMER_REF_KEY, refs)

    def know(self, contract: Contract, rows: Sequence[Row]) -> None:
        """Publish these rows as a table."""
        publish_frame(self.engine, contract, filled(contract, rows))

    def sell(self, *products: Row) -> None:
        """Have these products in the catalogue."""
        rows = [{"product_key": number, **product} for number, product in enumerate(products, start=1)]
        self.know(DIMENSIONS["dim_product"].contract, rows)

    def state(self, feed: str, *rows: Row, delivered: datetime = START) -> None:
        """Let a source deliver these rows."""
        if rows:
            self.company.state(feed, *rows, delivered=delivered)

    def run(self, settings: LoyaltySettings, as_of: datetime, known_at: datetime | None = None) -> pl.DataFrame:
        """The ledger at a time, in the order in which things happened."""
        publish_ledger(self.engine, settings, RATES, self.feeds, as_of, known_at)
        order = "customer_key, event_dt, entry_type, expires_date, entry_id"
        return self.engine.query(f"SELECT * FROM loyalty.fact_loyalty_points ORDER BY {order}")

    def refused(self) -> dict[str, str]:
        """Reason by redemption."""
        rows = self.engine.query("SELECT redemption_id, reason FROM loyalty.refused_redemption")
        return dict(rows.iter_rows())


def order(number: str, moment: datetime, customer: int = 1, **columns: Any) -> dict[str, Any]:
    """An order of the shop."""
    return {"order_id": number, "customer_id": str(customer), "order_dt": moment, "currency": "EUR", **columns}


def line(number: str, moment: datetime, amount: float, product: str = "P", **columns: Any) -> dict[str, Any]:
    """A line of an order: one piece of so much."""
    place = {"order_id": number, "order_dt": moment, "product_id": product, "line_number": 1, "line_type": "sale"}
    return {**place, "quantity": 1, "unit_price_amount": amount, "currency": "EUR", **columns}


def redemption(number: str, moment: datetime, points: int, customer: int = 1) -> dict[str, Any]:
    """A redemption of points."""
    return {"redemption_id": number, "customer_id": str(customer), "points": points, "redeemed_dt": moment}
