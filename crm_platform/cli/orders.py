"""Order files that a person names on the command line, with what is said of their form."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crm_platform.cli.columns import mapping_of
from crm_platform.cli.console import complain
from crm_platform.cli.failures import CommandError

if TYPE_CHECKING:
    from crm_platform.value.orders_file import Orders


def read_orders_file(
    path: Path, columns: Sequence[str], date_formats: Sequence[str], time_zone: str, decimal_mark: str | None
) -> "Orders":
    """Read an order file; raises CommandError where an option or the file cannot be used."""
    from tempfile import TemporaryDirectory
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from crm_platform.value.order_dates import DateForm
    from crm_platform.value.orders_file import OrdersError, OrdersForm, read_orders

    if decimal_mark not in (None, ".", ","):
        raise CommandError(f"--decimal {decimal_mark}: the decimal mark is . or ,")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError(f"--time-zone {time_zone}: no such zone; write it as Europe/London.") from None
    form = OrdersForm(
        mapping_of(columns, "customer_id=Kunde"), DateForm(tuple(date_formats), time_zone), decimal_mark=decimal_mark
    )
    with TemporaryDirectory() as workspace:
        try:
            return read_orders(path, Path(workspace), form)
        except OrdersError as refused:
            raise CommandError(str(refused)) from refused


def last_day(orders: "Orders") -> date:
    """The day of the last row."""
    last = orders.lines["purchase_date"].max()
    assert isinstance(last, date)  # an order file without a dated row is refused
    return last


def last_day_until_today(orders: "Orders") -> date:
    """The day to look from where nobody names one: that of the last row, but none to come, of which is told."""
    last, today = last_day(orders), datetime.now(UTC).date()
    if last <= today:
        return last
    complain("warning", f"The file goes on until {last}: rows after today are not looked at.", "yellow")
    return today
