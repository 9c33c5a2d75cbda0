"""`crm permit`: may this be sent to this customer, and why; and the proof of what a customer agreed to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_platform.cli.console import output
from crm_platform.cli.failures import CommandError

if TYPE_CHECKING:
    from crm_platform.permission.decision.ask import Answer, Row
    from crm_platform.warehouse.engine import Engine

NO = 3
"""Exit code of a single question that is answered with no."""


def permit(
    customer: Annotated[str, typer.Option(help="A key, an e-mail address, or <source>:<customer_id>.")],
    communication: Annotated[list[str] | None, typer.Option(help="Code of a communication; none: all.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Code of a channel; none: those it is sent by.")] = None,
    brand: Annotated[str | None, typer.Option(help="Code of the brand; none: the communication's own.")] = None,
    locale: Annotated[str | None, typer.Option(help="Code of the locale; none: any.")] = None,
    at: Annotated[str | None, typer.Option(help="The time asked about, ISO 8601 (UTC if it names no zone).")] = None,
    known_at: Annotated[
        str | None, typer.Option(help="When what is known was known; else the time asked about.")
    ] = None,
    known_by: Annotated[str, typer.Option(help="company: it had been told; platform: it had taken it in.")] = "company",
    proof: Annotated[bool, typer.Option("--proof", help="Show all that the customer agreed to and withdrew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say whether something may be sent to a customer, and why.

    For a past time the answer is by what was known then. Exit code 0: yes, 3: no, 1: it cannot be asked. Of several
    questions all answers are shown, in the order of the channels that the customer prefers, with exit code 0.

    Example: crm permit --customer anna@example.org --communication ivory_weekly --channel email
    """
    from crm_platform.permission.decision import ask
    from crm_platform.permission.decision.decide import Moment
    from crm_platform.permission.settings import load_permission_settings

    now = datetime.now(UTC)
    asked_at = _time(at) if at else now
    moment = Moment(asked_at, _time(known_at) if known_at else min(asked_at, now), _is_platform(known_by))
    with _engine() as (engine, config):
        try:
            key = ask.customer_of(engine, customer, moment.known_at)
            if proof:
                _show_proof(ask.proof(engine, key, moment.known_at), as_json)
                return
            questions = ask.offered_questions(engine, communication or (), channel or (), brand, locale)
            settings = load_permission_settings(config / "permission.yaml")
            found = ask.answers(engine, settings, key, questions, moment)
        except ask.AskError as impossible:
            raise CommandError(str(impossible)) from None
    _show(found, key, moment.at, as_json)
    if len(found) == 1 and not found[0].is_permitted:
        raise typer.Exit(NO)


@contextmanager
def _engine() -> "Iterator[tuple[Engine, Any]]":
    """An engine that only reads, and the folder of the configuration: a question does not wait for Dagster."""
    import duckdb

    from crm_platform.environment import config_from, home_from, tuning_from
    from crm_platform.permission.decision.tables import DECISION_CONTRACTS
    from crm_platform.warehouse.contract import contracts_by_name
    from crm_platform.warehouse.engine import Engine, engine_settings
    from crm_platform.warehouse.lake import Lake

    home, tuning = home_from(), tuning_from()
    if not (home.lake / "permission").is_dir():
        raise CommandError(f"{home.root} has no permissions yet: run `crm refresh`, or set CRM_HOME")
    settings = engine_settings(tuning.memory_limit, tuning.threads, home.spill)
    with duckdb.connect(config=settings) as connection:
        yield Engine(connection, Lake(home.lake), contracts_by_name(DECISION_CONTRACTS)), config_from()


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is no time: write it as 2026-03-29T01:30:00+01:00 or 2026-03-29") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_platform(known_by: str) -> bool:
    if known_by not in ("company", "platform"):
        raise CommandError(f"--known-by is company or platform, not {known_by!r}")
    return known_by == "platform"


def _show(found: "Sequence[Answer]", key: int, at: datetime, as_json: bool) -> None:
    if as_json:
        rows = [_as_row(answer, key, at) for answer in found]
        output.print_json(data=rows[0] if len(rows) == 1 else rows, default=_plain)
        return
    for answer in found:
        asked = f"{answer.question.communication} by {answer.question.channel}"
        output.print(f"{'yes' if answer.is_permitted else 'no':4}{asked}: {answer.reason.text}", highlight=False)
        if len(found) == 1:
            for row in answer.evidence:
                output.print(f"    {_in_words(row)}", highlight=False)


def _as_row(answer: "Answer", key: int, at: datetime) -> "Row":
    question = answer.question
    return {
        "customer_key": key,
        "communication": question.communication,
        "channel": question.channel,
        "brand": question.brand,
        "locale": question.locale,
        "at": at,
        "is_permitted": answer.is_permitted,
        "reason": str(answer.reason),
        "text": answer.reason.text,
        "evidence": list(answer.evidence),
    }


def _plain(value: Any) -> str:
    """Times and dates as ISO 8601 writes them."""
    return str(value.isoformat())


def _show_proof(document: "Row", as_json: bool) -> None:
    if as_json:
        output.print_json(data=document, default=_plain)
        return
    output.print(f"Customer {document['customer_key']}, as known at {document['known_at']:%Y-%m-%d %H:%M} UTC")
    for row in (*document["events"], *document["suppressions"]):
        output.print(_in_words(row), highlight=False)
    if not document["events"]:
        output.print("Has never agreed to anything, nor withdrawn it.")


def _in_words(row: "Row") -> str:
    """An event or a suppression as a line."""
    if "suppression_id" in row:
        lifted = f", lifted {row['lifted_dt']:%Y-%m-%d} by {row['lifted_by']}" if row["lifted_dt"] else ""
        since = f"{row['since_dt']:%Y-%m-%d %H:%M}"
        return f"{since} suppressed by {row['channel']}: {row['reason']} ({row['source']}){lifted}"
    names = (row["communication"] or row["communication_type"], row["channel"], row["brand"], row["locale"])
    about = ", ".join(name for name in names if name) or "everything"
    how = ", ".join(
        f"{label} {row[name]}"
        for label, name in (("form", "form"), ("method", "request_method"), ("wording", "wording_version"))
        if row[name]
    )
    until = f", until {row['valid_until_date']}" if row["valid_until_date"] else ""
    place = f"{row['source']}.{row['feed']}, file {row['file_id'][:12]}, line {row['file_line']}"
    return f"{row['event_dt']:%Y-%m-%d %H:%M:%S} {row['event_type']}: {about}{until} ({how}; {place})"
