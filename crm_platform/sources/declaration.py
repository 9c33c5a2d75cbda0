"""What a source is: its files or tables, their form, and how its columns map to the canonical ones.

Here: the model of `config/sources/<source>.yaml` and its loading, with errors that say what, where and what to do.
Not here: reading the data (`readers/`) and applying the mapping (`mapping.py`).
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

import polars as pl
from pydantic import BeforeValidator, Field, model_validator

from crm_platform.configuration import ConfigurationError, Declared, load_configuration
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.sources.readers.batch import FileForm

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Severity = Literal["error", "warning", "off"]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _check_regular_expression(expression: str) -> None:
    """By the engine that will use it: look-around, for one, is known to others but not to polars."""
    try:
        pl.Series([""]).str.contains(expression)
    except pl.exceptions.ComputeError as error:
        why = [line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")]
        raise ValueError(f"{expression!r} is no regular expression that polars knows: {'; '.join(why)}") from None


class ColumnMapping(Declared):
    """Where a canonical column's value comes from and how it is read."""

    sources: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        default=(), alias="from", description="Name of the source's column; of several, the first that is there."
    )
    join: tuple[str, ...] = Field(default=(), description="Source columns whose values are joined.")
    separator: str = Field(default=" ", description="What stands between joined values.")
    value: str | int | float | bool | None = Field(default=None, description="A constant for every row.")
    map: Mapping[str, str | None] = Field(default_factory=dict, description="Values of the source to canonical ones.")
    match: Mapping[str, str] = Field(
        default_factory=dict, description="Regular expressions to values: the first that is found in the value decides."
    )
    otherwise: str | None = Field(default=None, description="The value where no `match` is found.")
    format: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        default=(), description="strptime formats of dates and times, tried in turn; ISO 8601 when none is given."
    )
    time_zone: str = Field(default="UTC", description="IANA zone of times that carry no offset.")
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal mark, if not the form's.")

    @model_validator(mode="after")
    def _has_one_origin(self) -> "ColumnMapping":
        origins = [bool(self.sources), bool(self.join), self.value is not None]
        if sum(origins) != 1:
            raise ValueError("give exactly one of `from`, `join` and `value`")
        for expression in self.match:
            _check_regular_expression(expression)
        unformed = next((text for text in self.format if "%" not in text), None)
        if unformed is not None:
            raise ValueError(f"{unformed!r} is no format of dates: write it as %d.%m.%Y, say")
        if self.time_zone not in _time_zones():
            raise ValueError(f"{self.time_zone!r} is no IANA time zone")
        return self


@cache
def _time_zones() -> set[str]:
    return available_timezones()  # reads the zones' folders: 20 ms, which every mapped column would pay


def _as_column_mapping(value: object) -> object:
    return {"from": value} if isinstance(value, str | list) else value


class DatabaseTable(Declared):
    """A table or query of a database, read through a connection URL."""

    url: str | None = Field(
        default=None, description="postgresql://… or sqlite:///…; `{landing}` stands for the landing folder."
    )
    url_env: str | None = Field(default=None, description="Environment variable that holds the URL (for passwords).")
    table: str | None = Field(default=None, description="Table, with its schema if it has one.")
    query: str | None = Field(default=None, description="A query in place of a table.")
    cursor: str | None = Field(
        default=None, description="Column that grows with every change: only newer rows are read."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> "DatabaseTable":
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give either `url` or `url_env`")
        if (self.table is None) == (self.query is None):
            raise ValueError("give either `table` or `query`")
        return self


class FeedDeclaration(Declared):
    """One feed of a source: where it lies, what it looks like, what it becomes."""

    contract: Name | None = Field(default=None, description="Canonical feed; the feed's own name when not given.")
    description: str = Field(default="", description="What one row is, in this source.")
    files: str | None = Field(default=None, description="Glob of the files, below the landing folder.")
    database: DatabaseTable | None = Field(default=None, description="A database table in place of files.")
    form: FileForm | None = Field(default=None, description="What the files look like.")
    columns: dict[str, Annotated[ColumnMapping, BeforeValidator(_as_column_mapping)]] = Field(
        default_factory=dict, description="Canonical column to where its value comes from."
    )
    key: tuple[str, ...] | None = Field(
        default=None, description="Columns that name one thing, if not the contract's; an empty list: the whole row."
    )
    repeats_are_events: bool | None = Field(
        default=None, description="Whether two equal rows of one file are two events, if not as the contract says."
    )
    customers_of: Name | None = Field(
        default=None, description="The source whose numbers `customer_id` holds, if not this one."
    )
    rules: dict[str, Severity] = Field(
        default_factory=dict,
        description="Severity of a column's rules (`phone`) or of one rule (`birth_date.missing`).",
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> "FeedDeclaration":
        if (self.files is None) == (self.database is None):
            raise ValueError("give either `files` (with `form`) or `database`")
        if self.files is not None and self.form is None:
            raise ValueError("`files` need a `form` with its `kind`")
        if self.files is not None and (self.files.startswith("/") or ".." in Path(self.files).parts):
            raise ValueError("`files` is a pattern below the landing folder, without `..` or a leading slash")
        return self


class SourceDeclaration(Declared):
    """A source: an outer system that delivers feeds."""

    source: Name = Field(description="Name; staging tables are sources.stg_<source>_<feed>.")
    description: str = Field(description="What the system is.")
    owner: str = Field(default="team:data", description="Who answers for it: `team:<name>` or an e-mail address.")
    feeds: dict[Name, FeedDeclaration] = Field(description="The feeds by name.", min_length=1)

    @model_validator(mode="after")
    def _knows_its_contracts(self) -> "SourceDeclaration":
        for name, feed in self.feeds.items():
            contract = feed.contract or name
            if contract not in FEEDS:
                raise ValueError(
                    f"feed {name}: there is no contract {contract!r}; there are {', '.join(sorted(FEEDS))}"
                )
            canonical = FEEDS[contract].to_schema().columns
            for column in feed.columns:
                if column not in canonical:
                    raise ValueError(f"feed {name}: the contract {contract} has no column {column!r}")
            named = {*(rule.split(".")[0] for rule in feed.rules), *(feed.key or ())}
            for column in sorted(named - set(canonical)):
                raise ValueError(
                    f"feed {name}: rules or key name {column!r}, which the contract {contract} does not have"
                )
        return self


def load_sources(folder: Path) -> list[SourceDeclaration]:
    """All declared sources, by name, from the YAML files of a folder (`config/sources`).

    Raises:
        ConfigurationError: a file is not YAML, is incomplete or names what does not exist; or two name one source.
    """
    sources: dict[str, SourceDeclaration] = {}
    for path in sorted(folder.glob("*.yaml")):
        declared = load_source(path)
        if declared.source in sources:
            raise ConfigurationError(f"{path.name}: the source {declared.source!r} is declared twice; rename one.")
        sources[declared.source] = declared
    return [sources[name] for name in sorted(sources)]


def load_source(path: Path) -> SourceDeclaration:
    """One declared source.

    Raises:
        ConfigurationError: the file is not YAML, is incomplete or names what does not exist.
    """
    return load_configuration(path, SourceDeclaration, "what a source delivers", "docs/adding-a-source.md")
