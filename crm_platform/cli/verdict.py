"""`crm verdict` and `crm undo-merge`: a person decides who is who, and the next refresh heeds it for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from crm_platform.cli.console import output
from crm_platform.cli.failures import CommandError
from crm_platform.cli.home import prepare_home
from crm_platform.environment import config_from, home_from, tuning_from
from crm_platform.warehouse.engine import Engine

DecidedBy = Annotated[str, typer.Option("--by", help="Who decides.")]
Reason = Annotated[str | None, typer.Option(help="Why.")]


def give_verdict(
    record_a: Annotated[str, typer.Argument(help="A record, as <source>.<feed>:<id>.")],
    record_b: Annotated[str, typer.Argument(help="The other record.")],
    verdict: Annotated[str, typer.Argument(help="same or different.")],
    by: DecidedBy,
    reason: Reason = None,
) -> None:
    """Decide that two records are one customer, or are not: it stands above what the model says.

    Example: crm verdict shop.customers:S1 till.customers:200 same --by anna --reason "asked her"
    """
    from crm_platform.scv.identity.verdicts import Verdict, VerdictError, refuse_unknown, write_verdicts
    from crm_platform.sources.feeds.steward import VERDICTS

    if verdict not in VERDICTS:
        raise CommandError(f"the verdict is one of {', '.join(VERDICTS)}, not {verdict!r}")
    if record_a == record_b:
        raise CommandError("a verdict is on two records, not on one and the same")
    with _engine() as engine:
        try:
            refuse_unknown(engine, [record_a, record_b])
        except VerdictError as unknown:
            raise CommandError(str(unknown)) from None
    given = Verdict(min(record_a, record_b), max(record_a, record_b), verdict, by, reason, datetime.now(UTC))
    path = write_verdicts(home_from().zone.landing, [given])
    output.print(f"Written: {path}. The next refresh heeds it.", soft_wrap=True)


def undo_merge(
    key_a: Annotated[int, typer.Argument(help="A customer's key.")],
    key_b: Annotated[int, typer.Argument(help="The key that it was merged with.")],
    by: DecidedBy,
    reason: Reason = None,
) -> None:
    """Take the merge of two customers back, for good: the next refresh gives each its own key again.

    Example: crm undo-merge 17 204 --by anna --reason "father and son"
    """
    from crm_platform.scv.identity.verdicts import VerdictError, verdicts_against_merge, write_verdicts

    with _engine() as engine:
        try:
            verdicts = verdicts_against_merge(engine, key_a, key_b, by, reason, datetime.now(UTC))
        except VerdictError as impossible:
            raise CommandError(str(impossible)) from None
    path = write_verdicts(home_from().zone.landing, verdicts)
    output.print(f"{len(verdicts):,} verdicts written: {path}. The next refresh heeds them.", soft_wrap=True)


@contextmanager
def _engine() -> Iterator[Engine]:
    from resources.warehouse import WarehouseResource

    tuning = tuning_from()
    prepare_home(home_from())
    resource = WarehouseResource(
        home=str(home_from().root),
        config_folder=str(config_from()),
        memory_limit=tuning.memory_limit,
        threads=tuning.threads,
    )
    with resource.engine() as engine:
        yield engine
