"""What became of a mail, by a provider's words and by what the receiving server answered.

Here: applying the types and outcomes of `vocabulary.yaml`, and the reasons of bounces (`campaign/mail/reasons.py`)
to the servers' answers, each distinct one once. Not here: reading the values (`values.py`).
"""

import polars as pl

from crm_platform.campaign.mail.reasons import decide
from crm_platform.campaign.mail.replies import Reply
from crm_platform.campaign.providers.vocabulary import CONDITIONS, Outcome, Provider

UNTOLD_REASONS = ("onhold", "undefined")
"""What the rules say where neither words nor status tell a reason."""
NOT_DELIVERED = ("bounced", "deferred", "rejected", "failed")
_SAID = {
    "event_type": pl.String(),
    "bounce_kind": pl.String(),
    "reason": pl.String(),
    "is_address_invalid": pl.Boolean(),
}
_SETTLED = {
    "reason": pl.String(),
    "address_invalid": pl.Boolean(),
    "bounce_kind": pl.String(),
    "status": pl.String(),
    "smtp_code": pl.String(),
    "rule": pl.String(),
    "evidence": pl.String(),
}
_ADDRESS = r"<?[^\s<>\"',;:()\[\]]+@[^\s<>\"',;:()\[\]]+>?"
_STATUS = r"(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|$)"
_CODE = r"(?:^|[^\d.])([45]\d\d)(?:[ :;-]|$)"


def with_outcome(values: pl.DataFrame, provider: Provider) -> pl.DataFrame:
    """Values of a provider's events with event_type, bounce_kind, reason, is_address_invalid as the provider says."""
    conditions = values.select(
        pl.col("type"),
        pl.col("kind").str.to_lowercase(),
        pl.col("class").str.to_lowercase(),
        word=_where_asked(provider, "word", pl.col("reason_word").str.to_lowercase()),
        code=_where_asked(provider, "code", pl.col("smtp_code")),
    )
    distinct = conditions.unique(maintain_order=True)
    types = pl.col("type").replace_strict(dict(provider.types), default="unknown", return_dtype=pl.String)
    told = distinct.with_columns(_first(provider.outcomes, name, dtype) for name, dtype in _SAID.items())
    told = told.with_columns(event_type=pl.coalesce("event_type", types.fill_null("unknown")))
    said = conditions.join(told, on=list(CONDITIONS), how="left", nulls_equal=True, maintain_order="left")
    return values.with_columns(said.select(*_SAID))


def _where_asked(provider: Provider, condition: str, value: pl.Expr) -> pl.Expr:
    """The value where an outcome asks for it, so that free texts do not make every row distinct."""
    types = {name for each in provider.outcomes if condition in each.conditions for name in each.type}
    return pl.when(pl.col("type").is_in(sorted(types))).then(value) if types else pl.lit(None, pl.String)


def _first(outcomes: tuple[Outcome, ...], name: str, dtype: pl.DataType) -> pl.Expr:
    """What the first outcome that holds and says anything of `name` says."""
    said = pl.lit(None, dtype)
    for outcome in reversed([each for each in outcomes if getattr(each, name) is not None]):
        holds = [pl.col(condition).is_in(list(values)) for condition, values in outcome.conditions.items()]
        if outcome.has:
            holds.append(pl.col(outcome.has).is_not_null())
        said = (
            pl.when(pl.all_horizontal(holds).fill_null(False))
            .then(pl.lit(getattr(outcome, name), dtype))
            .otherwise(said)
        )
    return said.alias(name)


def with_reason(events: pl.DataFrame) -> pl.DataFrame:
    """Events with reason, address_invalid, bounce_kind, status, smtp_code, rule and evidence settled.

    Of most events nothing is to be settled: only those that were not delivered are judged.
    """
    is_refused = events["event_type"].is_in(NOT_DELIVERED).fill_null(False)
    settled = _settled(events.filter(is_refused))
    places = is_refused.arg_true()
    untouched = events.select(reason=_where_held_back(pl.col("reason"), pl.col("reason")))["reason"]
    plain = {name: pl.Series([None], dtype=dtype).new_from_index(0, events.height) for name, dtype in _SETTLED.items()}
    plain |= {"reason": untouched, "address_invalid": pl.repeat(False, events.height, eager=True)}
    columns = {name: values.scatter(places, settled[name]) for name, values in plain.items()}
    return events.drop("is_address_invalid").with_columns(**columns)


def _where_held_back(reason: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
    """The provider's reason of what it held back itself, which no server has answered; of the rest what is given."""
    is_held_back = (pl.col("bounce_kind") == "suppressed").fill_null(False)
    return pl.when(is_held_back).then(pl.coalesce(reason, pl.lit("onhold"))).otherwise(otherwise)


def _settled(refused: pl.DataFrame) -> pl.DataFrame:
    """The columns of _SETTLED of events that were not delivered.

    What the receiving server answered goes before the provider's class of it: the same words mean the same whoever
    passed them on.
    """
    answered = refused.with_columns(
        status=pl.coalesce("status", pl.col("diagnostic").str.extract(_STATUS)),
        smtp_code=pl.coalesce(
            pl.col("smtp_code").str.extract(r"^\s*(\d{3})\b"), pl.col("diagnostic").str.extract(_CODE)
        ),
    )
    judged = _with_verdicts(answered)
    is_held_back = (pl.col("bounce_kind") == "suppressed").fill_null(False)
    by_answer = pl.col("answer_reason").is_not_null() & ~pl.col("answer_reason").is_in(UNTOLD_REASONS) & ~is_held_back
    provider_rule = pl.concat_str("provider", "type", "kind", "class", separator=":", ignore_nulls=True)
    is_temporary = pl.coalesce("status", "smtp_code").str.starts_with("4").fill_null(False)
    told = pl.coalesce("reason", "answer_reason", pl.lit("undefined"))
    return judged.select(
        "status",
        "smtp_code",
        reason=pl.when(by_answer).then("answer_reason").otherwise(_where_held_back(pl.col("reason"), told)),
        address_invalid=pl.col("event_type").is_in(("bounced", "rejected"))
        & pl.when(by_answer).then("answer_is_invalid").otherwise(pl.col("is_address_invalid").fill_null(False)),
        bounce_kind=pl.when(is_temporary & (pl.col("bounce_kind") == "hard"))
        .then(pl.lit("soft"))
        .when(pl.col("bounce_kind").is_null() & (pl.col("event_type") == "bounced"))
        .then(pl.when("answer_is_hard").then(pl.lit("hard")).otherwise(pl.lit("soft")))
        .otherwise("bounce_kind"),
        rule=pl.when(by_answer).then("answer_rule").otherwise(provider_rule),
        evidence=pl.coalesce("diagnostic", provider_rule),
    )


def _with_verdicts(refused: pl.DataFrame) -> pl.DataFrame:
    """Events with what the rules of bounces say of the server's answer; each distinct answer is judged once."""
    answers = refused.select(
        text=pl.col("diagnostic").str.replace_all(_ADDRESS, "<>"), code="smtp_code", status="status"
    )
    distinct = answers.filter(pl.any_horizontal(pl.all().is_not_null())).unique(maintain_order=True)
    verdicts = [
        decide([Reply(text=text or "", status=status or "", code=code or "")])
        for text, code, status in distinct.iter_rows()
    ]
    judged = distinct.with_columns(
        answer_reason=pl.Series([each.reason for each in verdicts], dtype=pl.String),
        answer_rule=pl.Series([each.rule for each in verdicts], dtype=pl.String),
        answer_is_hard=pl.Series([each.is_hard for each in verdicts], dtype=pl.Boolean),
        answer_is_invalid=pl.Series([each.is_address_invalid for each in verdicts], dtype=pl.Boolean),
    )
    found = answers.join(judged, on=["text", "code", "status"], how="left", nulls_equal=True, maintain_order="left")
    return refused.with_columns(found.select(pl.selectors.starts_with("answer_")))
