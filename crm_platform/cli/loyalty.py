"""`crm loyalty`: a member's points, now or at a past time; the scheme's settings, checked and described."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from crm_platform.cli.console import output
from crm_platform.cli.failures import CommandError
from crm_platform.environment import config_from

if TYPE_CHECKING:
    from crm_platform.loyalty.ledger.balance import Statement
    from crm_platform.warehouse.engine import Engine

app = typer.Typer(
    help="Points of members, and the scheme (config/loyalty.yaml).", no_args_is_help=True, add_completion=False
)


@app.command()
def balance(
    customer: Annotated[str, typer.Option(help="A key, an e-mail address, or <source>:<customer_id>.")],
    at: Annotated[str | None, typer.Option(help="The time asked about, ISO 8601 (UTC if it names no zone).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show a member's points as they stand, or stood: the balance, when it lapses, and the newest movements.

    Example: crm loyalty balance --customer shop:S00000017 --at 2026-01-01
    """
    from crm_platform.loyalty.ledger.balance import statement_at
    from crm_platform.permission.decision.ask import AskError, customer_of

    now = datetime.now(UTC)
    moment = _time(at) if at else now
    with _engine() as engine:
        try:
            key = customer_of(engine, customer, now)
        except AskError as impossible:
            raise CommandError(str(impossible)) from None
        _show(statement_at(engine, key, moment), key, moment, as_json)


@app.command()
def check() -> None:
    """Read `config/loyalty.yaml` and say whether it can be used.

    Example: crm loyalty check
    """
    from crm_platform.loyalty.settings import load_loyalty_settings

    settings = load_loyalty_settings(config_from() / "loyalty.yaml")
    output.print(f"config/loyalty.yaml can be used: {settings.programme}, {len(settings.schemes)} schemes.")


@app.command()
def schema() -> None:
    """Print the JSON schema of `config/loyalty.yaml`, by which editors complete and check.

    Example: crm loyalty schema > loyalty.schema.json
    """
    from crm_platform.loyalty.settings import LoyaltySettings

    output.print_json(data=LoyaltySettings.model_json_schema())


@contextmanager
def _engine() -> "Iterator[Engine]":
    import duckdb

    from crm_platform.environment import home_from, tuning_from
    from crm_platform.loyalty.tables import LOYALTY_CONTRACTS
    from crm_platform.permission.decision.tables import DECISION_CONTRACTS
    from crm_platform.warehouse.contract import contracts_by_name
    from crm_platform.warehouse.engine import Engine, engine_settings
    from crm_platform.warehouse.lake import Lake

    home, tuning = home_from(), tuning_from()
    if not (home.lake / "loyalty").is_dir():
        raise CommandError(f"{home.root} has no points yet: run `crm refresh`, or set CRM_HOME")
    with duckdb.connect(config=engine_settings(tuning.memory_limit, tuning.threads, home.spill)) as connection:
        yield Engine(connection, Lake(home.lake), contracts_by_name((*DECISION_CONTRACTS, *LOYALTY_CONTRACTS)))


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is no time: write it as 2026-03-29T01:30:00+01:00 or 2026-03-29") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _show(statement: "Statement", key: int, at: datetime, as_json: bool) -> None:
    from rich.table import Table

    if as_json:
        output.print_json(
            data={
                "customer_key": key,
                "at": at.isoformat(),
                "points": statement.points,
                "by_expiry": [
                    {"expires_date": day and day.isoformat(), "points": points}
                    for day, points in statement.by_expiry.items()
                ],
                "entries": statement.entries.rows(named=True),
            },
            default=str,
        )
        return
    lapsing = ", ".join(f"{points:,} until {day or 'paid'}" for day, points in statement.by_expiry.items())
    output.print(
        f"Customer {key} had {statement.points:,} points at {at:%Y-%m-%d %H:%M} UTC{lapsing and ': '}{lapsing}."
    )
    shown = Table("when", "what", "rule", "points", "until")
    for row in statement.entries.iter_rows(named=True):
        moment = f"{row['event_dt']:%Y-%m-%d %H:%M}"
        shown.add_row(
            moment, row["entry_type"], row["rule"] or "", f"{row['points']:+,}", str(row["expires_date"] or "")
        )
    output.print(shown)
