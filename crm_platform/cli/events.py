"""`crm events`: what e-mail service providers and access logs tell, in one vocabulary, alone, without Dagster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_platform.cli.console import output, progress
from crm_platform.cli.failures import CommandError
from crm_platform.cli.outputs import EVENTS, check_out, refuse_if_nothing_was_read, tell_unreadable

if TYPE_CHECKING:
    import polars as pl

    from crm_platform.campaign.tracking.signatures import Keyring


def events(
    paths: Annotated[
        list[Path], typer.Argument(help="Files or folders: JSON Lines, arrays, form bodies, packed with gzip or not.")
    ],
    out: Annotated[Path | None, typer.Option(help="Where the rows go: .jsonl, .csv or .parquet.")] = None,
    log: Annotated[
        bool, typer.Option("--log", help="They are access logs of pixel and redirect; wants CRM_TRACKING_KEYS.")
    ] = False,
    provider: Annotated[
        str | None, typer.Option(help="Whose events they are, such as ses, where their shape should not decide.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Tell events of any e-mail service provider in one vocabulary: a row per event and recipient, with the line.

    A second delivery has the same dedupe_key. Exit code 1 where a file cannot be read; the rest is done.

    Example: crm events webhooks.jsonl ses/ --out events.jsonl
    """
    _check_provider(provider)
    keyring = _keyring() if log else None
    summary = _Summary()
    files = [file for path in paths for file in _files(path)]
    check_out(out, files, EVENTS)
    with progress() as bars, _writer(out) as write:
        for rows in _rows_of(bars.track(files, description="Reading events"), provider, keyring, summary):
            summary.count(rows)
            write(rows)
        refuse_if_nothing_was_read(summary.unreadable, bool(summary.counts))
    summary.show(as_json)
    tell_unreadable(summary.unreadable)
    if summary.unreadable:
        raise typer.Exit(1)


def _check_provider(provider: str | None) -> None:
    from crm_platform.campaign.providers.vocabulary import providers

    if provider is not None and provider not in providers():
        raise CommandError(f"there is no provider {provider!r}; there are {', '.join(sorted(providers()))}.")


def _keyring() -> "Keyring":
    from crm_platform.campaign.tracking.signatures import KeyringError
    from crm_platform.environment import tracking_keys_from

    try:
        keyring = tracking_keys_from()
    except KeyringError as unusable:
        raise CommandError(f"{unusable} See CRM_TRACKING_KEYS.") from unusable
    if keyring is None:
        raise CommandError("--log wants the keys that identifiers were signed with: set CRM_TRACKING_KEYS=id:key.")
    return keyring


def _files(path: Path) -> list[Path]:
    """The files of a path: itself, or those below a folder without hidden ones."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))


def _rows_of(
    files: Any, provider: str | None, keyring: "Keyring | None", summary: "_Summary"
) -> "Iterator[pl.DataFrame]":
    import tempfile
    from datetime import UTC, datetime

    from crm_platform.campaign.events.files import events_of_file
    from crm_platform.campaign.events.settings import load_event_settings
    from crm_platform.environment import config_from
    from crm_platform.sources.readers.batch import RefusedFile

    settings = load_event_settings(config_from() / "events.yaml")
    with tempfile.TemporaryDirectory() as work:
        for file in files:
            try:
                yield from events_of_file(file, Path(work), settings, datetime.now(UTC), provider, keyring)
            except RefusedFile as refused:
                summary.unreadable.append((file, refused.message))
            except OSError as failure:
                summary.unreadable.append((file, failure.strerror or type(failure).__name__))


@contextmanager
def _writer(out: Path | None) -> "Iterator[Any]":
    """A function that appends rows to a file, which is in its place when all of them are there."""
    if out is None:
        yield lambda rows: None
        return
    from crm_platform.campaign.events.files import ROW
    from crm_platform.warehouse.files import written_durably

    with written_durably(out) as prepared:
        if out.suffix == ".parquet":
            with _parquet_writer(prepared, ROW) as write:
                yield write
            return
        with prepared.open("wb") as file:
            if out.suffix == ".csv":
                _empty(ROW).write_csv(file)
            yield (
                lambda rows: (
                    rows.write_ndjson(file) if out.suffix == ".jsonl" else rows.write_csv(file, include_header=False)
                )
            )


@contextmanager
def _parquet_writer(path: Path, schema: Any) -> "Iterator[Any]":
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, _empty(schema).to_arrow().schema, compression="zstd") as writer:
        yield lambda rows: writer.write_table(rows.to_arrow())


def _empty(schema: Any) -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(schema=schema)


class _Summary:
    """What was found, by provider and type."""

    def __init__(self) -> None:
        self.counts: list[pl.DataFrame] = []
        self.keys: list[pl.Series] = []
        self.unreadable: list[tuple[Path, str]] = []

    def count(self, rows: "pl.DataFrame") -> None:
        """Count further rows."""
        import polars as pl

        self.counts.append(
            rows.group_by("provider", "event_type", "rejected_reason", "actor_class").agg(
                events=pl.len(), invalid=pl.col("address_invalid").sum()
            )
        )
        # Half of each digest is enough to count by, and 8 bytes a row hold any file.
        self.keys.append(rows["dedupe_key"].drop_nulls().str.head(16).str.to_integer(base=16, dtype=pl.UInt64))

    def show(self, as_json: bool) -> None:
        """Print it."""
        figures = self._figures()
        if as_json:
            output.print_json(data=figures)
            return
        from rich.table import Table

        table = Table("provider", "event", "who acted", "rows", "addresses invalid", "put aside because")
        for line in figures["events"]:
            table.add_row(
                line["provider"] or "?", line["event_type"], line["actor_class"] or "", f"{line['events']:,}",
                f"{line['invalid']:,}" if line["invalid"] else "", line["rejected_reason"] or "",
            )  # fmt: skip
        output.print(table)
        output.print(f"{figures['rows']:,} rows, {figures['duplicates']:,} of them delivered before.", highlight=False)

    def _figures(self) -> dict[str, Any]:
        import polars as pl

        by = ["provider", "event_type", "actor_class", "rejected_reason"]
        found = pl.concat(self.counts).group_by(by).sum().sort(by) if self.counts else None
        keys = pl.concat(self.keys) if self.keys else pl.Series([], dtype=pl.UInt64)
        return {
            "rows": int(found["events"].sum()) if found is not None else 0,
            "duplicates": keys.len() - keys.n_unique(),
            "events": found.select(*by, "events", "invalid").to_dicts() if found is not None else [],
            "unreadable": [str(path) for path, _ in self.unreadable],
        }
