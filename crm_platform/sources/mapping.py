"""A source's rows as the canonical columns: which source column each comes from, its value mapped and cast.

Here: choosing, joining, mapping. Not here: casting a value (`casts.py`) and judging it (`rules.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from crm_platform.sources.casts import as_text, cast_column
from crm_platform.sources.declaration import ColumnMapping
from crm_platform.sources.readers.batch import RefusedFile
from crm_platform.sources.staging import StagedFeed

GIVEN_PREFIX = "given:"


@dataclass(frozen=True)
class MappedColumns:
    """How the columns of one file become the canonical ones: mapped, absent (they stay null) and source columns
    that no canonical one is made from."""

    mappings: Mapping[str, ColumnMapping]
    absent: tuple[str, ...]
    unused: tuple[str, ...]


def expected_columns(feed: StagedFeed) -> list[str]:
    """The source columns that a feed's mapping speaks of: by them a header is recognised."""
    spoken = [name for mapping in feed.declaration.columns.values() for name in (*mapping.sources, *mapping.join)]
    unmapped = [name for name in feed.canonical_columns if name not in feed.declaration.columns]
    return spoken or unmapped


def match_columns(feed: StagedFeed, present: Sequence[str]) -> MappedColumns:
    """Find for each canonical column where it comes from in a file that has the columns `present`.

    A canonical column that is not declared is taken from the source column of its own name.

    Raises:
        RefusedFile: a column that must have values (`missing_column`), or every column, is not there.
    """
    schema = feed.contract.frame_schema
    mappings: dict[str, ColumnMapping] = {}
    absent: list[str] = []
    for name in feed.canonical_columns:
        mapping = feed.declaration.columns.get(name) or ColumnMapping.model_validate({"from": name})
        found = _with_present_source(mapping, present)
        if found is not None:
            mappings[name] = found
        elif name in feed.declaration.columns or not schema.columns[name].nullable:
            absent.append(name)
    needed = [name for name in absent if not schema.columns[name].nullable]
    if needed or not any(mapping.value is None for mapping in mappings.values()):
        raise RefusedFile("missing_column", _missing_column_message(feed, needed or absent, present))
    used = {name for mapping in mappings.values() for name in (*mapping.sources, *mapping.join)}
    unused = tuple(name for name in present if name not in used)
    return MappedColumns(mappings, tuple(absent), unused)


def map_rows(rows: pl.DataFrame, columns: MappedColumns, feed: StagedFeed) -> pl.DataFrame:
    """Rows of a file as canonical columns.

    Gives each canonical column, cast (null where it cannot be), `given:<column>` for those that come from the source,
    as they came, and `file_part`, `file_line`.
    """
    wanted = feed.contract.polars_schema
    present = rows.schema
    given = [
        _given_value(mapping, present).alias(GIVEN_PREFIX + name)
        for name, mapping in columns.mappings.items()
        if mapping.value is None
    ]
    gathered = rows.select("file_part", "file_line", *given)
    mark = feed.declaration.form.decimal if feed.declaration.form else "."
    return gathered.with_columns(
        _canonical_value(name, columns.mappings.get(name), gathered.schema, wanted[name], mark)
        for name in feed.canonical_columns
    )


def _with_present_source(mapping: ColumnMapping, present: Sequence[str]) -> ColumnMapping | None:
    if mapping.value is not None:
        return mapping
    if mapping.join:
        joined = tuple(name for name in mapping.join if name in present)
        return mapping.model_copy(update={"join": joined}) if joined else None
    first = next((name for name in mapping.sources if name in present), None)
    return mapping.model_copy(update={"sources": (first,)}) if first is not None else None


def _given_value(mapping: ColumnMapping, present: Mapping[str, pl.DataType]) -> pl.Expr:
    if mapping.join:
        parts = [as_text(pl.col(name), present[name]) for name in mapping.join]
        joined = pl.concat_str(parts, separator=mapping.separator, ignore_nulls=True)
        return as_text(joined, pl.String())  # of nothing but nulls the joined text is empty, not null
    name = mapping.sources[0]
    if mapping.map or mapping.match:
        return _mapped(as_text(pl.col(name), present[name]), mapping)
    if present[name] == pl.String:
        return as_text(pl.col(name), present[name])
    # NaN is how a float column says that there is no value.
    return pl.col(name).fill_nan(None) if present[name].is_float() else pl.col(name)


def _mapped(text: pl.Expr, mapping: ColumnMapping) -> pl.Expr:
    mapped = text.replace(dict(mapping.map)) if mapping.map else text
    if not mapping.match:
        return mapped
    decided = pl.lit(mapping.otherwise, dtype=pl.String)
    for expression, value in reversed(list(mapping.match.items())):
        decided = pl.when(mapped.str.contains(expression)).then(pl.lit(value)).otherwise(decided)
    return pl.when(mapped.is_not_null()).then(decided)


def _canonical_value(
    name: str, mapping: ColumnMapping | None, gathered: Mapping[str, pl.DataType], wanted: pl.DataType, mark: str
) -> pl.Expr:
    if mapping is None:
        return pl.lit(None, dtype=wanted).alias(name)
    if mapping.value is not None:
        text = str(mapping.value)
        return cast_column(pl.lit(text), pl.String(), wanted, mapping.format, mapping.time_zone).alias(name)
    source = GIVEN_PREFIX + name
    is_clean = not mapping.map and not mapping.match and gathered[source] == pl.String
    if is_clean and wanted == pl.String:
        return pl.col(source).alias(name)  # `_given_value` has trimmed it: to do it again costs as much
    return cast_column(
        pl.col(source), gathered[source], wanted, mapping.format, mapping.time_zone, mapping.decimal or mark
    ).alias(name)


def _missing_column_message(feed: StagedFeed, missing: Sequence[str], present: Sequence[str]) -> str:
    sought = [
        f"{name} (from {' or '.join((*mapping.sources, *mapping.join))})" if mapping else name
        for name in missing
        for mapping in [feed.declaration.columns.get(name)]
    ]
    # A file without a header has people's data for names, which are shown nowhere.
    is_header = bool(set(expected_columns(feed)) & set(present))
    shown = (
        f"which has: {', '.join(present)[:300]}"
        if is_header
        else "nor any that is mapped (are its columns named in it?)"
    )
    return (
        f"the columns for {', '.join(sought)} are not in the file, {shown}. "
        f"Mend the mapping of {feed.name} in its declaration, then run `crm sources replay`"
    )
