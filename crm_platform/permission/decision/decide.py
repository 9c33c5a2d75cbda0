"""The one decision: may communication C go by channel H, under brand B in locale L, to customer X at time T, and why.

Here: questions, the moment they are asked for, and the relation `decision` that answers them, for one customer or for
millions alike. Not here: the rules (`decision.sql`, `config/permission.yaml`) and the proof (`proof.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.permission.settings import EVERY_LOCALE, PermissionSettings
from crm_platform.warehouse.engine import Engine, Parameter, bound

DECISION_TABLES = (
    "permission.consent_event",
    "permission.consent_party",
    "permission.suppression",
    "scv.golden_record",
    "scv.customer_role",
    "sources.dim_communication",
)
QUESTION_SCHEMA = {
    "question_number": pl.Int64,
    "communication": pl.String,
    "channel": pl.String,
    "brand": pl.String,
    "locale": pl.String,
}


@dataclass(frozen=True)
class Question:
    """What is to be sent: codes. No brand is the communication's own, no locale is any."""

    communication: str
    channel: str
    brand: str | None = None
    locale: str | None = None


@dataclass(frozen=True)
class Moment:
    """The time that is asked about, and when what is known of it was known (UTC).

    by_taken: known is what the platform had taken in, not what the company had been told.
    """

    at: datetime
    known_at: datetime
    by_taken: bool = False


def questions_frame(questions: Sequence[Question]) -> pl.DataFrame:
    """question_number (from 1, in their order) and the columns of `Question`."""
    rows = [
        (number, each.communication, each.channel, each.brand, each.locale) for number, each in enumerate(questions, 1)
    ]
    return pl.DataFrame(rows, schema=QUESTION_SCHEMA, orient="row")


@contextmanager
def decided(
    engine: Engine, settings: PermissionSettings, customers: str, questions: Sequence[Question], moment: Moment
) -> Iterator[None]:
    """Let SQL read `decision` and `asked_question` for the time of the block.

    `decision` has customer_key, question_number, is_permitted, reason_code (a `Reason`), event_order (of the event that
    decides, as in `permission.consent_event`) and suppression_id, one row per customer and question.

    customers: a query that gives each `customer_key` once.
    """
    frames = {**_rules(settings), "asked_question": questions_frame(questions)}
    parameters: dict[str, Parameter] = {
        "at": moment.at,
        "known_at": moment.known_at,
        "by_taken": moment.by_taken,
        "merge": settings.merge,
    }
    query = bound(Path(__file__).with_name("decision.sql").read_text(encoding="utf-8"), parameters)
    with (
        engine.registered(**frames),
        engine.temporary_view("asked_customer", customers),
        engine.temporary_view("decision", query),
    ):
        yield


def one_customer(customer_key: int) -> str:
    """The customers of a decision on one."""
    return f"SELECT CAST({int(customer_key)} AS BIGINT) AS customer_key"


def _rules(settings: PermissionSettings) -> dict[str, pl.DataFrame]:
    """The laws as relations; a locale without a law of its own has that of `default`."""
    laws = {EVERY_LOCALE: settings.law_of(None), **settings.laws}
    exempt = [(locale, kind) for locale, law in laws.items() for kind in dict.fromkeys(law.needs_nothing)]
    interests = {
        (locale, interest.channel, kind): interest.only_purchasers
        for locale, law in laws.items()
        for interest in law.legitimate_interest
        for kind in interest.types
    }
    texts = {"locale": pl.String, "channel": pl.String, "communication_type": pl.String}
    return {
        "law_locale": pl.DataFrame({"locale": list(laws)}, schema={"locale": pl.String}),
        "exempt_type": pl.DataFrame(
            exempt, schema={"locale": pl.String, "communication_type": pl.String}, orient="row"
        ),
        "legitimate_interest": pl.DataFrame(
            [(*place, only) for place, only in interests.items()],
            schema={**texts, "only_purchasers": pl.Boolean},
            orient="row",
        ),
        "declared_need": pl.DataFrame(
            list(settings.communications.items()), schema={"communication": pl.String, "need": pl.String}, orient="row"
        ),
    }
