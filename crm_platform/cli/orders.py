"""Order files that a person names on the command line, with what is said of their form."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crm_platform.cli.columns import mapping_of
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
