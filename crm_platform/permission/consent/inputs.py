"""What tells of consent: the feeds of the sources, and what later stages add.

Here: the relations of statements that `consent_statement.sql` reads. Not here: what becomes of them (`build.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from crm_platform.permission.settings import EVERY_LOCALE, PermissionSettings
from crm_platform.scv.records.build import every_version
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine

CONSENT_FEEDS = ("permission_events", "registrations", "call_outcomes")
_STATEMENTS = ("permission_event_statement", "registration_statement", "call_statement")


@contextmanager
def stated_consent(
    engine: Engine, settings: PermissionSettings, feeds: Sequence[StagedFeed], further: Sequence[str] = ()
) -> Iterator[None]:
    """Let SQL read `stated_consent`, every statement of consent of every source, for the time of the block.

    further: queries that give statements of other stages, with the columns of `permission_event_statement.sql`.
    """
    engine.refresh_view(FILE_LEDGER)
    statements = [Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8") for name in _STATEMENTS]
    query = "\nUNION ALL BY NAME\n".join(f"({text.rstrip().rstrip(';')}\n)" for text in (*statements, *further))
    with (
        engine.registered(**_rules(settings)),
        every_version(engine, CONSENT_FEEDS, feeds),
        engine.temporary_view("stated_consent", query),
    ):
        yield


def _rules(settings: PermissionSettings) -> dict[str, pl.DataFrame]:
    tick = settings.registration_tick
    ticks = [(tick.communication_type, channel) for channel in tick.channels] if tick else []
    confirmed = [(locale, channel) for locale, law in settings.laws.items() for channel in law.double_opt_in]
    return {
        "tick_permission": _texts(ticks, "communication_type", "channel"),
        "objecting_outcome": _texts([(outcome,) for outcome in settings.do_not_call.outcomes], "outcome"),
        "objected_channel": _texts([(channel,) for channel in settings.do_not_call.channels], "channel"),
        "confirmed_channel": _texts(confirmed, "locale", "channel"),
        "law_locale": _texts([(locale,) for locale in settings.laws if locale != EVERY_LOCALE], "locale"),
    }


def _texts(rows: Sequence[tuple[str, ...]], *names: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
