"""`crm value`: what each customer of an order file is worth, alone, without Dagster."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_platform.cli.console import output, progress
from crm_platform.cli.failures import CommandError
from crm_platform.cli.orders import last_day, last_day_until_today, read_orders_file
from crm_platform.cli.outputs import check_out

if TYPE_CHECKING:
    import polars as pl

    from crm_platform.value.forecast import Forecast
    from crm_platform.value.orders_file import Orders


def value(
    orders: Annotated[Path, typer.Argument(help="CSV, Parquet, JSON Lines or Excel: a row per order or order line.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day that is known. Default: the file's last."),
    ] = None,
    horizon: Annotated[int, typer.Option(min=1, max=3650, help="Days after as-of to forecast.")] = 90,
    out: Annotated[Path | None, typer.Option(help="Where to write a row per customer; CSV or Parquet.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A column by another name: canonical=name in the file. May be repeated.")
    ] = None,
    date_format: Annotated[
        list[str] | None, typer.Option(help="How dates are written (strptime), where it is not found. May be repeated.")
    ] = None,
    time_zone: Annotated[str, typer.Option(help="The company's time zone: its days are counted.")] = "UTC",
    decimal: Annotated[str | None, typer.Option(help="The decimal mark, . or , where it is not found.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Forecast every customer's purchases and spend, and name recency, frequency, monetary value and habits.

    Nothing after --as-of is looked at. Needs customer_id, order_dt and amount (or quantity and unit_price); uses
    order_id, product_id, category, quantity and discount. Exit code 1 where the file cannot be used.

    Example: crm value orders.csv --as-of 2025-06-30 --horizon 90 --out value.csv --column customer_id=Kunde
    """
    from time import perf_counter

    from crm_platform.value.forecast import ForecastError
    from crm_platform.value.forecast import forecast as forecast_customers
    from crm_platform.value.purchase_models.maximum_likelihood import FitError

    if out is None:
        raise CommandError("Nothing to do: give --out VALUE.csv.")
    check_out(out, [orders])
    started = perf_counter()
    with progress() as bars:
        task = bars.add_task("Reading", total=None)
        read = read_orders_file(orders, column or [], date_format or [], time_zone, decimal)
        day = as_of.date() if as_of else last_day_until_today(read)
        try:
            made = forecast_customers(
                read.lines,
                day,
                horizon,
                on_step=lambda step, done, total: bars.update(task, description=step, completed=done, total=total),
            )
        except (ForecastError, FitError) as refused:
            raise CommandError(f"{orders}: {refused}") from refused
        rows = _rows(read, made, day)
    _write(rows, out)
    _summarise(_figures(read, made, day, horizon, perf_counter() - started), as_json)


def _rows(orders: "Orders", made: "Forecast", as_of: date) -> "pl.DataFrame":
    """The forecast with RFM and habits beside it."""
    from crm_platform.value.insight import insight_as_of
    from crm_platform.value.rfm import read_segments, rfm_of

    bands = rfm_of(made.features, read_segments())
    figures = made.features.select("customer_id", "recency_days", "tenure_days", "spend_total", "spend_mean")
    rows = made.customers
    for part in (bands, figures, insight_as_of(orders.lines, made.features, as_of)):
        rows = rows.join(part, on="customer_id", how="left", maintain_order="left")
    return rows


def _write(rows: "pl.DataFrame", out: Path) -> None:
    from crm_platform.warehouse.files import written_durably

    with written_durably(out) as prepared:
        if out.suffix == ".parquet":
            rows.write_parquet(prepared)
        else:
            rows.write_csv(prepared, float_precision=6)


def _figures(orders: "Orders", made: "Forecast", as_of: date, horizon: int, seconds: float) -> dict[str, object]:
    customers = made.customers
    return {
        "rows": orders.rows,
        "left_out": {reason: count for reason, count in orders.left_out.items() if count},
        "columns": orders.columns,
        "as_of": as_of.isoformat(),
        "last_row": last_day(orders).isoformat(),
        "horizon": horizon,
        "customers": customers.height,
        "expected_buyers": round(float((1 - customers["p_no_purchase"]).sum()), 1),
        "expected_purchases": round(float(customers["expected_purchases"].sum()), 1),
        "expected_spend": round(float(customers["expected_spend"].sum()), 2),
        "base": made.choice.model + (" by cohort" if made.choice.by_cohort else ""),
        "learnt_from": [day.isoformat() for day in made.plan.dates],
        "learnt_horizon": made.plan.horizon,
        "purchase_level": round(made.purchase_level, 3),
        "spend_level": round(made.spend_level, 3),
        "seconds": round(seconds, 1),
    }


def _summarise(figures: dict[str, object], as_json: bool) -> None:
    if as_json:
        output.print_json(data=figures)
        return
    left_out = figures["left_out"]
    assert isinstance(left_out, dict)
    output.print(
        f"{figures['rows']:,} rows, {figures['customers']:,} customers with a purchase up to {figures['as_of']}. "
        f"In the {figures['horizon']} days after: {figures['expected_buyers']:,.0f} of them buy, "
        f"{figures['expected_purchases']:,.0f} purchases, {figures['expected_spend']:,.2f} spent. "
        f"{figures['seconds']} s.",
        highlight=False,
    )
    if left_out:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in left_out.items())
        output.print(f"Rows left out: {reasons}.", highlight=False)
    dates = figures["learnt_from"]
    assert isinstance(dates, list)
    learnt = f"{len(dates)} earlier dates" if dates else "nothing: the history is too short, so there are no intervals"
    output.print(f"Base {figures['base']}; learnt from {learnt}.", highlight=False)
    if str(figures["last_row"]) < str(figures["as_of"]):
        output.print(
            f"The file ends on {figures['last_row']}; the days until {figures['as_of']} "
            "count as days without purchases.",
            highlight=False,
        )
