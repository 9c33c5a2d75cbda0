"""Events of any e-mail service provider, told in one vocabulary.

Here: the steps from a raw event to its row, and the key by which a second delivery of it is known. Not here: the
providers' words (`vocabulary.yaml`), who acted (`campaign/actors`) and whom it concerns (`campaign/events`).
"""

import polars as pl

from crm_platform.campaign.providers.outcomes import with_outcome, with_reason
from crm_platform.campaign.providers.values import NUMBER_OF_RECIPIENTS, values_of
from crm_platform.campaign.providers.vocabulary import Provider, providers
from crm_platform.sources.readers.json_texts import PLACE, JsonTexts
from crm_platform.warehouse.digest import digests

UNKNOWN_PROVIDER, UNKNOWN_TYPE = "unknown_provider", "unknown_type"
NORMALISED = {
    PLACE: pl.Int64(),
    "provider": pl.String(),
    "provider_type": pl.String(),
    "event_type": pl.String(),
    "recipient": pl.String(),
    "original_message_id": pl.String(),
    "vendor_id": pl.String(),
    "bounce_kind": pl.String(),
    "reason": pl.String(),
    "address_invalid": pl.Boolean(),
    "status": pl.String(),
    "smtp_code": pl.String(),
    "diagnostic": pl.String(),
    "rule": pl.String(),
    "evidence": pl.String(),
    "url": pl.String(),
    "user_agent": pl.String(),
    "ip_address": pl.String(),
    "is_proxy": pl.Boolean(),
    "campaign": pl.String(),
    "member": pl.String(),
    "link": pl.String(),
    "event_id": pl.String(),
    "rejected_reason": pl.String(),
}
"""The columns of a normalised event. `rejected_reason`: why it is put aside, null where it is not."""

_ADDRESS = r"([^\s<>\"',;:()\[\]]+@[^\s<>\"',;:()\[\]]+)"
_EMPTY, _SEPARATOR = "\x1e", "\x1f"
_USUAL_KEYS = (("vendor_id", "type", "recipient"), ("message_id", "type", "recipient", "time", "url"))
_BY_RECIPIENT = ("opened", "clicked")
_PROXY_WORDS = ("true", "1", "apple", "gmail", "proxy_open", "unique_proxy_open", "loadedbyproxy")


def normalise(events: pl.DataFrame) -> pl.DataFrame:
    """Events[provider, event (JSON), event_dt] in the columns of NORMALISED, a row per event and recipient.

    PLACE is the row of the event; rows are in its order, recipients in theirs. Who opened or clicked a mail of several
    recipients cannot be told: such an event has one row, without a recipient.
    """
    numbered = events.select(
        pl.int_range(pl.len()).alias("row"), "provider", "event", time=pl.col("event_dt").dt.to_string("iso:strict"),
        day=pl.col("event_dt").dt.date().cast(pl.String),
    )  # fmt: skip
    parts = []
    with JsonTexts() as reader:
        for rows in numbered.partition_by("provider"):
            provider = providers().get(rows["provider"][0] or "")
            parts.append(_unknown(rows) if provider is None else _told(reader, rows, provider))
    told = pl.concat(parts) if parts else pl.DataFrame(schema=NORMALISED)
    return told.sort(PLACE, maintain_order=True)


def _told(reader: JsonTexts, rows: pl.DataFrame, provider: Provider) -> pl.DataFrame:
    values = values_of(reader, rows["event"], provider)
    values = values.with_columns(rows.select(pl.exclude("event").gather(values[PLACE])))
    values = values.with_columns(pl.col("recipient").pipe(_address), pl.col("message_id").str.strip_chars("<> "))
    events = _one_of_each_response(with_outcome(values, provider))
    raw = rows["event"].gather(events[PLACE])
    told = with_reason(events).with_columns(event_id=digests(events.select(_key(provider, raw)).to_series()))
    return told.with_columns(
        pl.col("row").alias(PLACE),
        provider_type="type",
        original_message_id="message_id",
        is_proxy=pl.coalesce("is_proxy", "actor").str.to_lowercase().is_in(_PROXY_WORDS).fill_null(False),
        rejected_reason=pl.when(pl.col("event_type") == "unknown").then(pl.lit(UNKNOWN_TYPE)),
    ).select(pl.col(name).cast(dtype) for name, dtype in NORMALISED.items())


def _address(recipient: pl.Expr) -> pl.Expr:
    """The bare address in small letters; what has no `@` stays as it is."""
    return pl.coalesce(recipient.str.extract(_ADDRESS), recipient.str.strip_chars()).str.to_lowercase()


def _one_of_each_response(events: pl.DataFrame) -> pl.DataFrame:
    """Events, but one row without a recipient for a response that several recipients may have given."""
    is_shared = pl.col("event_type").is_in(_BY_RECIPIENT) & (pl.col(NUMBER_OF_RECIPIENTS) > 1)
    shared = events.with_columns(recipient=pl.when(~is_shared).then("recipient"))
    return shared.filter(~is_shared | pl.col(PLACE).is_first_distinct())


def _key(provider: Provider, raw: pl.Series) -> pl.Expr:
    """What names an event: the first line of the provider's `once`, or of the usual, of which the first field is there;
    the event itself where none is. Always with the day: providers' keys are told to be unique within one, and a day of
    events can be made without looking at the others."""
    lines = (*provider.once, *_USUAL_KEYS)
    keys = [
        pl.when(pl.col(line[0]).is_not_null()).then(
            pl.concat_str(pl.lit(str(number)), *(pl.col(name).fill_null(_EMPTY) for name in line), separator=_SEPARATOR)
        )
        for number, line in enumerate(lines)
    ]
    named = pl.coalesce(*keys, raw)
    return pl.concat_str("provider", pl.col("day").fill_null(_EMPTY), named, separator=_SEPARATOR).alias("key")


def _unknown(rows: pl.DataFrame) -> pl.DataFrame:
    """Events of no known provider."""
    known = rows.select(
        "provider",
        pl.col("row").alias(PLACE),
        event_type=pl.lit("unknown"),
        address_invalid=pl.lit(False),
        is_proxy=pl.lit(False),
        event_id=digests(rows["event"]),
        rejected_reason=pl.lit(UNKNOWN_PROVIDER),
    )
    return pl.concat([pl.DataFrame(schema=NORMALISED), known], how="diagonal_relaxed").select(
        pl.col(name).cast(dtype) for name, dtype in NORMALISED.items()
    )
