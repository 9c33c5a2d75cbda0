"""The values of a provider's events, out of their JSON: one row per recipient, one column per field of the vocabulary.

Here: reading by the paths of `vocabulary.yaml`. Not here: what the values mean (`outcomes.py`).
"""

import polars as pl

from crm_platform.campaign.providers.vocabulary import ANY, EACH, FIELDS, Provider
from crm_platform.sources.readers.json_texts import PLACE, JsonTexts

NUMBER_OF_RECIPIENTS = "number_of_recipients"


def values_of(reader: JsonTexts, events: pl.Series, provider: Provider) -> pl.DataFrame:
    """The columns of FIELDS (text, null where the event has no such value), PLACE (the event's row) and
    `number_of_recipients`, in the order of the events and of the recipients within each."""
    whole = _read(reader, events, provider, "")
    rows = pl.DataFrame({PLACE: pl.int_range(events.len(), eager=True)})
    rows = rows.with_columns(texts.alias(path) for path, texts in whole.items())
    if provider.any_of:
        inner = rows.select(pl.coalesce(provider.any_of)).to_series()
        rows = rows.with_columns(texts.alias(path) for path, texts in _read(reader, inner, provider, ANY).items())
    rows = _for_each_recipient(reader, rows, provider)
    return rows.select(
        PLACE, NUMBER_OF_RECIPIENTS, *(_field(rows, provider.fields.get(name, ()), name) for name in FIELDS)
    )


def _field(rows: pl.DataFrame, paths: tuple[str, ...], name: str) -> pl.Expr:
    present = [pl.when(pl.col(path) != "").then(pl.col(path)) for path in paths if path in rows.columns]
    return pl.coalesce(*present).alias(name) if present else pl.lit(None, pl.String).alias(name)


def _read(reader: JsonTexts, texts: pl.Series, provider: Provider, within: str) -> dict[str, pl.Series]:
    """The values at the provider's paths that stand within `each` or `any`, or in the event itself, by path."""
    named = [path for paths in provider.fields.values() for path in paths]
    if within:
        wanted = {path: path.removeprefix(within).removeprefix(".") for path in named if _root(path) == within}
    else:
        own = [path for path in named if _root(path) not in (EACH, ANY) or not (provider.each or provider.any_of)]
        wanted = {path: path for path in (*own, *provider.each, *provider.any_of)}
    if not wanted:
        return {}
    read = dict(zip(wanted, reader.at(texts, list(wanted.values())), strict=True))
    cut = {path: read[path].str.splitn(mark, 2).struct[0] for path, mark in provider.until.items() if path in read}
    return read | cut


def _root(path: str) -> str:
    return path.partition(".")[0]


def _for_each_recipient(reader: JsonTexts, rows: pl.DataFrame, provider: Provider) -> pl.DataFrame:
    """A row for each element of the first list of the provider's `each` that is there and not empty."""
    one = pl.lit(1, pl.UInt32).alias(NUMBER_OF_RECIPIENTS)
    if not provider.each:
        return rows.with_columns(one)
    lists = rows.select(
        pl.coalesce(pl.when(pl.col(path).str.contains(r"^\[\s*[^\]\s]")).then(path) for path in provider.each)
    ).to_series()
    elements = reader.elements(lists)
    values = _read(reader, elements["event"], provider, EACH)
    parted = elements.select(pl.col(PLACE).cast(pl.Int64)).with_columns(
        pl.len().over(PLACE).alias(NUMBER_OF_RECIPIENTS), *(texts.alias(path) for path, texts in values.items())
    )
    return rows.join(parted, on=PLACE, how="left", maintain_order="left_right").with_columns(
        pl.col(NUMBER_OF_RECIPIENTS).fill_null(1)
    )
