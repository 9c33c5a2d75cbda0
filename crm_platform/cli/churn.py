"""`crm churn`: who will leave, from any company's orders or table of contracts, alone, without Dagster."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_platform.cli.console import output, progress
from crm_platform.cli.failures import CommandError
from crm_platform.cli.orders import last_day, last_day_until_today, read_orders_file
from crm_platform.cli.outputs import MODEL, check_out

if TYPE_CHECKING:
    import polars as pl

    from crm_platform.churn.labelled_tables import TrainedTable
    from crm_platform.churn.model import ChurnModel
    from crm_platform.value.orders_file import Orders

app = typer.Typer(help="Who will leave, and why.", no_args_is_help=True, add_completion=False)

OrdersFile = Annotated[Path, typer.Argument(help="CSV, Parquet, JSON Lines or Excel: a row per order or order line.")]
TableFile = Annotated[Path, typer.Argument(help="CSV, Parquet, JSON Lines or Excel: a row per customer.")]
Horizon = Annotated[int, typer.Option(min=1, max=3650, help="Days without a purchase that count as leaving.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="A column by another name: canonical=name in the file. Repeatable.")
]
DateFormats = Annotated[
    list[str] | None,
    typer.Option("--date-format", help="How dates are written (strptime), where not found. Repeatable."),
]
TimeZone = Annotated[str, typer.Option(help="The company's time zone: its days are counted.")]
DecimalMark = Annotated[str | None, typer.Option("--decimal", help="The decimal mark, . or , where it is not found.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


@app.command()
def predict(
    orders: OrdersFile,
    out: Annotated[Path, typer.Option(help="Where to write a row per customer; CSV or Parquet.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day that is known. Default: the file's last."),
    ] = None,
    horizon: Horizon = 90,
    model_out: Annotated[Path | None, typer.Option(help="Where to keep the model.")] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="A model kept by --model-out, of the same --horizon: score by it, without training."),
    ] = None,
    column: Columns = None,
    date_format: DateFormats = None,
    time_zone: TimeZone = "UTC",
    decimal: DecimalMark = None,
    as_json: AsJson = False,
) -> None:
    """Tell each customer's chance of buying nothing in the days after --as-of, and why.

    Writes customer_id, churn_prob, reason_1, reason_2, reason_3. Nothing after --as-of is looked at. Exit code 1 where
    the file cannot be used, or the model is of another horizon or younger than --as-of.

    Example: crm churn predict orders.csv --as-of 2025-06-30 --horizon 90 --out churn.csv
    """
    from time import perf_counter

    import polars as pl

    from crm_platform.churn.reasons import purchase_topics, reasons_of
    from crm_platform.churn.snapshots import snapshot_as_of
    from crm_platform.churn.store import save_model
    from crm_platform.churn.training import fit_silence_model

    check_out(out, [orders, *([model] if model else [])])
    check_out(model_out, [orders], MODEL)
    kept = _orders_model(model, horizon) if model else None
    started = perf_counter()
    with progress() as bars:
        task = bars.add_task("Reading", total=None)
        read = _read_orders(orders, column, date_format, time_zone, decimal)
        day = as_of.date() if as_of else last_day_until_today(read)
        if read.lines.filter((pl.col("purchase_date") <= day) & (pl.col("amount") > 0)).is_empty():
            raise CommandError(f"{orders} has no purchase up to {day}. Its last day is {last_day(read)}.")
        if kept and kept.card.as_of and kept.card.as_of > day:
            raise CommandError(
                f"{model} was trained on what came until {kept.card.as_of}, after {day}: it knows too much."
            )
        was_read = perf_counter()
        if kept is None:
            used, now = fit_silence_model(
                read.lines,
                day,
                horizon,
                on_step=lambda step, done, total: bars.update(task, description=step, completed=done, total=total),
            )
        trained = perf_counter()
        bars.update(task, description="Scoring", total=None)
        if kept is not None:
            used, now = kept, snapshot_as_of(read.lines, day, horizon, purchases=kept.purchases)
        chances = pl.Series("churn_prob", used.probabilities(now.rows))
        reasons = reasons_of(used, now.rows, purchase_topics())
        _write(pl.DataFrame([now.rows["customer_id"], chances]).hstack(reasons), out)
    if model_out is not None:
        save_model(used, model_out)
    figures = {
        "rows": read.rows,
        "left_out": {reason: count for reason, count in read.left_out.items() if count},
        "as_of": day.isoformat(),
        "last_row": last_day(read).isoformat(),
        "horizon": horizon,
        "customers": now.rows.height,
        "expected_to_leave": round(float(chances.sum()), 1),
        "learnt_from": [snapshot.isoformat() for snapshot in used.card.snapshots] if used.terms else [],
        "reading_seconds": round(was_read - started, 1),
        "training_seconds": round(trained - was_read, 1),
        "scoring_seconds": round(perf_counter() - trained, 1),
        "seconds": round(perf_counter() - started, 1),
    }
    _tell_prediction(figures, as_json)


@app.command()
def backtest(
    orders: OrdersFile,
    horizon: Horizon = 90,
    dates: Annotated[int, typer.Option(min=1, max=60, help="How many as-of dates to look back to.")] = 3,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The last day whose purchases are all known. Default: the file's last."
        ),
    ] = None,
    column: Columns = None,
    date_format: DateFormats = None,
    time_zone: TimeZone = "UTC",
    decimal: DecimalMark = None,
) -> None:
    """Tell, as JSON, what would have been said at earlier dates and how it turned out.

    At each date a model is fitted to what was known then; the windows do not overlap. Of all customers and of groups:
    AUC, Brier score, log loss, calibration error on ten bins, lift of the top tenth, and the error of the total.

    Example: crm churn backtest orders.csv --horizon 90
    """
    from crm_platform.churn.backtest import TooLittleHistory, run_backtest
    from crm_platform.churn.leaving import FallingSilent

    with progress() as bars:
        task = bars.add_task("Reading", total=None)
        read = _read_orders(orders, column, date_format, time_zone, decimal)
        try:
            results = run_backtest(
                FallingSilent(read.lines),
                horizon,
                until.date() if until else last_day_until_today(read),
                dates,
                on_step=lambda step, done, total: bars.update(task, description=step, completed=done, total=total),
            )
        except TooLittleHistory as refused:
            raise CommandError(f"{orders}: {refused}") from refused
    told = [
        {
            "as_of": result.as_of.isoformat(),
            "horizon": horizon,
            "learnt_from": result.number_of_snapshots,
            **result.metrics.rounded(),
            "purchase_model_alone": result.purchase_model.rounded() if result.purchase_model else None,
            "groups": {
                grouping: {name: metrics.rounded() for name, metrics in groups.items()}
                for grouping, groups in result.groups.items()
            },
            "calibration": result.calibration.to_dicts(),
        }
        for result in results
    ]
    output.print_json(data={"horizon": horizon, "dates": told})


@app.command()
def train(
    table: TableFile,
    label: Annotated[str, typer.Option(help="The column that says who left.")],
    model: Annotated[Path, typer.Option(help="Where to write the model.")] = Path("churn-model.json"),
    time: Annotated[
        str | None, typer.Option(help="The column with each row's date: the newest fifth is what is tested on.")
    ] = None,
    left: Annotated[str | None, typer.Option(help="The label's value of who left, where it is not yes or 1.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="A column to leave out. Repeatable.")] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="A column to keep though it looks like a leak. Repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Learn from a table who leaves: contracts, subscriptions, accounts.

    A column that tells by itself who left, or holds dates after its row's, is refused; columns that name the row are
    left out. Exit code 1 where nothing can be learnt.

    Example: crm churn train contracts.csv --label Churn --model churn-model.json
    """
    from tempfile import TemporaryDirectory

    from crm_platform.churn.labelled_tables import TableError, TableForm, read_table, train_on_table
    from crm_platform.churn.leakage import LeakError
    from crm_platform.churn.store import save_model

    check_out(model, [table], MODEL)
    with progress() as bars, TemporaryDirectory() as workspace:
        bars.add_task("Learning", total=None)
        try:
            raw = read_table(table, Path(workspace))
            trained = train_on_table(raw, TableForm(label, left, time, drop or [], keep or []))
        except (TableError, LeakError) as refused:
            raise CommandError(f"{table}: {refused}") from refused
    if not trained.model.terms:
        raise CommandError(f"{table}: too few rows of those who left or stayed, or no column says anything of them.")
    save_model(trained.model, model)
    _tell_training(trained, model, as_json)


@app.command()
def score(
    table: TableFile,
    model: Annotated[Path, typer.Option(help="A model that `crm churn train` wrote.")],
    out: Annotated[Path, typer.Option(help="Where to write a row per row of the table; CSV or Parquet.")],
    as_json: AsJson = False,
) -> None:
    """Tell the chance of leaving of each row of a table, by a model that was trained on one like it.

    Writes the column that names each row, churn_prob, reason_1, reason_2, reason_3.

    Example: crm churn score today.csv --model churn-model.json --out churn.csv
    """
    from tempfile import TemporaryDirectory

    import polars as pl

    from crm_platform.churn.labelled_tables import TableError, identifier_of, read_table, score_rows
    from crm_platform.churn.reasons import column_topics, reasons_of
    from crm_platform.churn.store import ModelRefused, load_model

    check_out(out, [table, model])
    with progress() as bars, TemporaryDirectory() as workspace:
        bars.add_task("Scoring", total=None)
        try:
            loaded = _contract_model(load_model(model), model)
            raw = read_table(table, Path(workspace))
            rows = score_rows(raw, loaded)
        except (ModelRefused, TableError) as refused:
            raise CommandError(str(refused)) from refused
        chances = pl.Series("churn_prob", loaded.probabilities(rows))
        reasons = reasons_of(loaded, rows, column_topics(rows, rows.columns))
    _write(pl.DataFrame([identifier_of(raw, loaded), chances]).hstack(reasons), out)
    figures = {"rows": rows.height, "expected_to_leave": round(float(chances.sum()), 1)}
    if as_json:
        output.print_json(data=figures)
    else:
        output.print(
            f"{rows.height:,} rows scored; {figures['expected_to_leave']:,.0f} are expected to leave.", highlight=False
        )


def _read_orders(
    path: Path, columns: list[str] | None, date_formats: list[str] | None, time_zone: str, decimal: str | None
) -> "Orders":
    return read_orders_file(path, columns or [], date_formats or [], time_zone, decimal)


def _orders_model(path: Path, horizon: int) -> "ChurnModel":
    from crm_platform.churn.store import ModelRefused, load_model

    try:
        model = load_model(path)
    except ModelRefused as refused:
        raise CommandError(str(refused)) from refused
    if model.card.horizon != horizon:
        of = f"{model.card.horizon} days of silence" if model.card.horizon else "a table of contracts"
        raise CommandError(f"{path} is a model of {of}, not of {horizon} days. Give its --horizon, or leave it out.")
    return model


def _contract_model(model: "ChurnModel", path: Path) -> "ChurnModel":
    if model.purchases is not None or model.card.horizon is not None:
        raise CommandError(f"{path} is a model of orders: give them to crm churn predict.")
    return model


def _write(rows: "pl.DataFrame", out: Path) -> None:
    from crm_platform.warehouse.files import written_durably

    with written_durably(out) as prepared:
        if out.suffix == ".parquet":
            rows.write_parquet(prepared)
        else:
            rows.write_csv(prepared, float_precision=6)


def _tell_prediction(figures: dict[str, object], as_json: bool) -> None:
    if as_json:
        output.print_json(data=figures)
        return
    output.print(
        f"{figures['rows']:,} rows, {figures['customers']:,} customers with a purchase up to {figures['as_of']}; "
        f"{figures['expected_to_leave']:,.0f} of them are expected to buy nothing in the {figures['horizon']} days "
        f"after. Reading {figures['reading_seconds']} s, training {figures['training_seconds']} s, scoring "
        f"{figures['scoring_seconds']} s.",
        highlight=False,
    )
    left_out, learnt_from = figures["left_out"], figures["learnt_from"]
    assert isinstance(left_out, dict) and isinstance(learnt_from, list)
    if left_out:
        output.print("Rows left out: " + ", ".join(f"{name} {count:,}" for name, count in left_out.items()) + ".")
    if not learnt_from:
        output.print("The history is too short to learn from: the purchase model stands alone, so there is one reason.")
    if str(figures["last_row"]) < str(figures["as_of"]):
        output.print(
            f"The file ends on {figures['last_row']}: the days until {figures['as_of']} count as without purchases.",
            highlight=False,
        )


def _tell_training(trained: "TrainedTable", path: Path, as_json: bool) -> None:
    metrics = trained.metrics.rounded()
    if as_json:
        findings = [{"column": each.column, "verdict": each.verdict, "why": each.why} for each in trained.findings]
        output.print_json(
            data={
                "model": str(path),
                "rows": trained.model.card.number_of_rows,
                "rows_without_label": trained.number_of_unlabelled,
                "columns": [term.column.name for term in trained.model.terms],
                "findings": findings,
                "tested_on": trained.tested_on,
                "metrics": metrics,
            }
        )
        return
    for finding in trained.findings:
        output.print(f"Column {finding.column} is {finding.verdict}: it {finding.why}.", highlight=False)
    output.print(
        f"{trained.model.card.number_of_rows:,} rows, {len(trained.model.terms)} columns. "
        f"Tested on {trained.tested_on}: AUC {metrics['auc']}, Brier {metrics['brier']}, calibration error "
        f"{metrics['ece']}, total {metrics['total_error']:+.1%}. Written: {path}.",
        highlight=False,
        soft_wrap=True,
    )
