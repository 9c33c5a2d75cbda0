"""`crm lift`: what a treatment changed, worked out from any file of customers, alone, without Dagster."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_platform.cli.console import output
from crm_platform.cli.failures import CommandError

if TYPE_CHECKING:
    import polars as pl

_SHOWN = (
    "arm",
    "outcome",
    "number_treated",
    "number_control",
    "lift",
    "lift_low",
    "lift_high",
    "p_value",
    "incremental",
)


def lift(
    path: Annotated[Path, typer.Argument(help="A .csv or .parquet file with a row per customer.")],
    by: Annotated[str, typer.Option(help="Column that says which group a customer was in.")],
    arm: Annotated[list[str], typer.Option(help="Its value for those treated; may be given several times.")],
    control: Annotated[str, typer.Option(help="Its value for the control group.")],
    outcome: Annotated[list[str], typer.Option(help="Column of 0 and 1 or of an amount; may be given several times.")],
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Compare those treated with a control group: the difference, its confidence interval (Wald), what it brought.

    Example: crm lift customers.csv --by segment --arm mail --control none --outcome visit --outcome spend
    """
    if not 0.5 < confidence < 1:
        raise CommandError(f"--confidence {confidence}: give a number between 0.5 and 1, such as 0.95.")
    customers = _customers(path, [by, *outcome])
    rows = [_compared(customers, by, name, control, each, confidence) for name in arm for each in outcome]
    if as_json:
        output.print_json(json.dumps(rows))
        return
    _show(rows, confidence)


def _customers(path: Path, columns: list[str]) -> "pl.DataFrame":
    """The columns that are asked for."""
    import polars as pl

    try:
        rows = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as unreadable:
        raise CommandError(f"{path} cannot be read: {' '.join(str(unreadable).split())[:200]}") from None
    if missing := [name for name in columns if name not in rows.columns]:
        raise CommandError(f"{path} has no column {missing[0]!r}; there are: {', '.join(rows.columns)}.")
    for name in columns[1:]:
        if not (rows[name].dtype.is_numeric() or rows[name].dtype == pl.Boolean):
            raise CommandError(f"{path}: {name!r} is no number; an outcome is 0 or 1, or an amount.")
    return rows.select(list(dict.fromkeys(columns)))


def _compared(
    customers: "pl.DataFrame", by: str, arm: str, control: str, outcome: str, confidence: float
) -> dict[str, Any]:
    """The figures of one arm and outcome, by name."""
    import polars as pl

    from crm_platform.campaign.results import lift as arithmetic

    groups = {
        name: customers.filter(pl.col(by).cast(pl.String) == value)[outcome].drop_nulls()
        for name, value in (("treated", arm), ("control", control))
    }
    for name, value in (("treated", arm), ("control", control)):
        if groups[name].is_empty():
            raise CommandError(f"Nobody has {value!r} in the column {by!r}; there are: {_values(customers, by)}.")
    sums = pl.concat([arithmetic.sums_of(values, name) for name, values in groups.items()], how="horizontal")
    found = arithmetic.lift(sums, confidence).row(0, named=True)
    counts = {f"number_{name}": found[f"{name}_number"] for name in groups}
    return {name: ({"arm": arm, "outcome": outcome} | counts | found)[name] for name in _SHOWN}


def _values(customers: "pl.DataFrame", by: str) -> str:
    return ", ".join(repr(str(value)) for value in customers[by].unique().drop_nulls().sort().head(10))


def _show(rows: list[dict[str, Any]], confidence: float) -> None:
    from rich.table import Table

    table = Table("arm", "outcome", "treated", "control", "lift", f"{confidence:.0%}", "p", "incremental")
    for row in rows:
        low, high = row["lift_low"], row["lift_high"]
        table.add_row(
            row["arm"], row["outcome"], f"{row['number_treated']:,}", f"{row['number_control']:,}",
            f"{row['lift']:+.6f}", "" if low is None else f"[{low:.6f}, {high:.6f}]",
            "" if row["p_value"] is None else f"{row['p_value']:.4f}", f"{row['incremental']:,.2f}",
        )  # fmt: skip
    output.print(table)
