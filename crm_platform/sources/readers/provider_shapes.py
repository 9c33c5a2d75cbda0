"""Whose event a JSON object is, what it is wrapped in and where its time stands: `provider_shapes.yaml` as expressions.

Here: the model of that file and the expressions that find wrapper and provider. Not here: reading files
(`provider_events.py`), nor what an event means (the campaign stage).
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

import polars as pl
from pydantic import Field

from crm_platform.configuration import Declared
from crm_platform.yaml_text import read_yaml

_PACKAGE = "crm_platform.sources.readers"
VALUES = {"type": "value_of_type", "event": "value_of_event"}
"""The keys whose value a shape may ask for, and the columns that hold it."""


class Envelope(Declared):
    """What an event may be wrapped in."""

    name: str
    keys: tuple[str, ...] = Field(min_length=1)
    event: str
    received: str | None = None
    provider: str | None = None


class Shape(Declared):
    """What an event of a provider looks like."""

    keys: tuple[str, ...] = Field(min_length=1)
    values: Mapping[str, str] = Field(default_factory=dict)
    only: bool = False


class ProviderShape(Declared):
    """How a provider's events are told from others, and where they say when it happened."""

    shapes: tuple[Shape, ...]
    time: tuple[str, ...]
    names: tuple[str, ...] = ()


class Shapes(Declared):
    """`provider_shapes.yaml` as a whole."""

    envelopes: tuple[Envelope, ...]
    providers: Mapping[str, ProviderShape]
    any_time: tuple[str, ...]

    def times_of(self, provider: str | None) -> tuple[str, ...]:
        """The paths at which a provider's events say when they happened."""
        known = self.providers.get(provider or "")
        return known.time if known else self.any_time


@lru_cache(maxsize=1)
def shapes() -> Shapes:
    """The shapes as they stand in the package."""
    return Shapes.model_validate(read_yaml(files(_PACKAGE).joinpath("provider_shapes.yaml").read_text("utf-8")))


def envelope_of(keys: pl.Expr) -> pl.Expr:
    """The number of the envelope that has these keys (a list of text), null where it is none."""
    found = pl.lit(None, pl.Int64)
    for number, envelope in reversed(list(enumerate(shapes().envelopes))):
        found = pl.when(_has(keys, envelope.keys)).then(pl.lit(number, pl.Int64)).otherwise(found)
    return found


def asks_for_values(keys: pl.Expr) -> pl.Expr:
    """Whether the provider of an event with these keys depends on the values of VALUES."""
    asking = [shape for known in shapes().providers.values() for shape in known.shapes if shape.values]
    return pl.any_horizontal(_has(keys, shape.keys) for shape in asking)


def provider_of(keys: pl.Expr) -> pl.Expr:
    """The provider of an event by its keys and the columns of VALUES; null where its shape is unknown."""
    found = pl.lit(None, pl.String)
    for name, known in reversed(list(shapes().providers.items())):
        fits = pl.any_horizontal(_fits(keys, shape) for shape in known.shapes)
        found = pl.when(fits).then(pl.lit(name)).otherwise(found)
    return found


def provider_named(name: pl.Expr) -> pl.Expr:
    """The provider that somebody calls so, whatever case and blanks; other names stay as they are."""
    simple = name.str.to_lowercase().str.strip_chars()
    known = {alias: provider for provider, shape in shapes().providers.items() for alias in shape.names}
    return simple.replace(known).str.replace_all(r"[\s-]+", "_")


def _fits(keys: pl.Expr, shape: Shape) -> pl.Expr:
    fits = _has(keys, shape.keys)
    if shape.only:
        fits &= keys.list.len() == len(shape.keys)
    for name, expression in shape.values.items():
        fits &= pl.col(VALUES[name]).str.contains(expression).fill_null(False)
    return fits


def _has(keys: pl.Expr, wanted: tuple[str, ...]) -> pl.Expr:
    return pl.all_horizontal(keys.list.contains(pl.lit(key)) for key in wanted)
