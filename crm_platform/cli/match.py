"""`crm match`: find out which rows of a file of people are one person, alone, without Dagster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_platform.cli.columns import mapping_of
from crm_platform.cli.console import output, progress
from crm_platform.cli.failures import CommandError
from crm_platform.cli.outputs import check_out

if TYPE_CHECKING:
    import polars as pl

    from crm_platform.scv.match.prepared import Matched


def match(
    people: Annotated[Path, typer.Argument(help="CSV, Parquet, JSON Lines or Excel with a column record_id.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write record_id, customer_key, match_probability; CSV or Parquet.")
    ] = None,
    explain: Annotated[
        tuple[str, str] | None, typer.Option(help="Two record_ids: show the evidence for and against one person.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A column by another name: canonical=name in the file. May be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find out which records are one person's. The same defaults serve every file.

    customer_key is the smallest record_id of the person's records. Exit code 1 where the file cannot be matched.

    Example: crm match people.csv --out clusters.csv --column last_name=surname
    """
    from time import perf_counter

    from crm_platform.scv.match.engine import match_people
    from crm_platform.scv.match.prepared import MatchError

    if out is None and explain is None:
        raise CommandError("Nothing to do: give --out CLUSTERS.csv, or --explain with two record_ids.")
    check_out(out, [people])
    started = perf_counter()
    with progress() as bars:
        task = bars.add_task("Reading", total=None)
        records, unreadable = _read(people, mapping_of(column or [], "last_name=surname"))
        try:
            matched = match_people(
                records,
                on_step=lambda step, done, total: bars.update(task, description=step, completed=done, total=total),
            )
        except MatchError as refused:
            raise CommandError(f"{people}: {refused}") from refused
    if out is not None:
        _write(matched.clusters.rename({"cluster_id": "customer_key"}), out)
    _summarise(matched, unreadable, perf_counter() - started, as_json)
    if explain is not None:
        _show_evidence(matched, *explain)


def _read(path: Path, mapping: dict[str, str]) -> "tuple[pl.DataFrame, int]":
    """The columns that a match can use, as text, and the number of rows that could not be read."""
    from tempfile import TemporaryDirectory

    import polars as pl

    from crm_platform.scv.standardise.people import USABLE_COLUMNS
    from crm_platform.sources.casts import as_text
    from crm_platform.sources.readers.batch import FileForm, ReadLimits
    from crm_platform.sources.readers.registry import kind_of_table, read_file

    if not path.is_file():
        raise CommandError(f"{path} is no file. Give a CSV, Parquet, JSON Lines or Excel file of people.")
    wanted = ["record_id", "source", *USABLE_COLUMNS]
    form = FileForm(kind=kind_of_table(path))
    batches, unreadable = [], 0
    with (
        TemporaryDirectory() as workspace,
        read_file(path, form, Path(workspace), ReadLimits(), [*mapping.values(), *wanted]) as file,
    ):
        names = [column.name for column in file.columns]
        missing = next((theirs for theirs in mapping.values() if theirs not in names), None)
        if missing is not None:
            raise CommandError(f"{path} has no column {missing!r}. It has: {', '.join(names)}.")
        ours = {theirs: canonical for canonical, theirs in mapping.items()}
        chosen = {name: ours.get(name, name) for name in names if ours.get(name, name) in wanted}
        for batch in file.batches():
            present = [name for name in chosen if name in batch.rows.columns]
            batches.append(
                batch.rows.select(
                    as_text(pl.col(name), batch.rows.schema[name]).alias(chosen[name]) for name in present
                )
            )
            unreadable += batch.rejects.height
    empty = pl.DataFrame(schema=dict.fromkeys(chosen.values(), pl.String))
    return pl.concat([empty, *batches], how="diagonal"), unreadable


def _write(clusters: "pl.DataFrame", out: Path) -> None:
    from crm_platform.warehouse.files import written_durably

    with written_durably(out) as prepared:
        if out.suffix == ".parquet":
            clusters.write_parquet(prepared)
        else:
            clusters.write_csv(prepared)


def _summarise(matched: "Matched", unreadable: int, seconds: float, as_json: bool) -> None:
    sizes = matched.clusters.group_by("cluster_id").len()["len"]
    figures = {
        "records": matched.clusters.height,
        "rows_unreadable": unreadable,
        "customers": len(sizes),
        "records_alone": int((sizes == 1).sum()),
        "largest": max(sizes.to_list(), default=0),
        "compared_fields": [field.name for field in matched.trained.model.fields],
        "seconds": round(seconds, 1),
    }
    if as_json:
        output.print_json(data=figures)
        return
    output.print(
        f"{figures['records']:,} records are {figures['customers']:,} customers; {figures['records_alone']:,} records "
        f"stand alone, the largest customer has {figures['largest']:,}. {seconds:.1f} s.",
        highlight=False,
    )
    if unreadable:
        output.print(f"Rows left out, for they could not be read: {unreadable:,}.", highlight=False)
    fields = [field.title for field in matched.trained.model.fields]
    output.print(f"Compared by {', '.join(fields) or 'nothing: no column says anything'}.", highlight=False)


def _show_evidence(matched: "Matched", one: str, other: str) -> None:
    import polars as pl
    from rich.table import Table

    from crm_platform.scv.match.explain import explain_pair

    if one == other:
        raise CommandError(f"{one} is one record. Give two record_ids to explain.")
    try:
        explanation = explain_pair(matched.records_of(pl.Series([one, other])), matched.trained, one, other)
    except KeyError as unknown:
        raise CommandError(f"There is no record {unknown.args[0]!r} in the file.") from unknown
    table = Table("field", min(one, other), max(one, other), "outcome", "points", title=f"{one} and {other}")
    table.columns[-1].justify = "right"
    for field, left, right, outcome, points in explanation.evidence.iter_rows():
        table.add_row(field, left or "", right or "", outcome, f"{points:+.1f}")
    output.print(table)
    keys = (
        matched.clusters.filter(record_id=one)["cluster_id"][0],
        matched.clusters.filter(record_id=other)["cluster_id"][0],
    )
    veto = " They must not be one: trusted identifiers differ." if explanation.is_vetoed else ""
    output.print(
        f"Together {explanation.weight:+.1f} points: one person with a probability of {explanation.probability:.4f} "
        f"by this pair alone, against two of the kind {explanation.rival!r}.{veto} In the clusters they are "
        f"{'one customer' if keys[0] == keys[1] else 'two customers'}.",
        highlight=False,
    )
