"""The making of the dimensions: what each is made from, and the surrogate keys that never change.

Here: the registry, the giving of keys, publishing. Not here: what a dimension promises (`dimensions.py`) and what its
members are (one `.sql` file each).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_platform.sources.all_sources import StagingRefs
from crm_platform.sources.company import Company
from crm_platform.sources.dimensions.dimensions import (
    DimBrand,
    DimChannel,
    DimCommunication,
    DimDate,
    DimLanguage,
    DimLocale,
    DimProduct,
    DimPromotionSource,
    DimStore,
    DimSubscriptionPeriod,
    LocaleCountry,
)
from crm_platform.sources.dimensions.relations import dimension_inputs
from crm_platform.warehouse.contract import Column, Contract, TableModel, contract_of
from crm_platform.warehouse.engine import Engine, Parameter, literal, quoted, relation_name
from crm_platform.warehouse.publish import Publication, publish

UNKNOWN_NAME = "Unknown"


@dataclass(frozen=True)
class Dimension:
    """A dimension and what it is made from.

    `sections` of `company.yaml`, `feeds` of every source, and `tables` that have to be published before it. Where
    `gives_keys`, the SQL file lists the members that there are now, and the table's first three columns are the
    surrogate key, the natural key and the name, its last `is_current`. Otherwise the SQL file is the whole table.
    """

    contract: Contract
    sql_file: Path
    sections: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    gives_keys: bool = True


def _dimension(
    model: type[TableModel],
    sections: tuple[str, ...] = (),
    feeds: tuple[str, ...] = (),
    tables: tuple[str, ...] = (),
    gives_keys: bool = True,
) -> Dimension:
    contract = contract_of(model)
    return Dimension(contract, Path(__file__).with_name(f"{contract.table}.sql"), sections, feeds, tables, gives_keys)


DIMENSIONS: Mapping[str, Dimension] = {
    dimension.contract.table: dimension
    for dimension in (
        _dimension(DimDate, gives_keys=False),
        _dimension(DimBrand, sections=("brands",)),
        _dimension(DimLanguage, sections=("languages",)),
        _dimension(DimLocale, sections=("locales", "countries")),
        _dimension(LocaleCountry, sections=("countries",), tables=("sources.dim_locale",), gives_keys=False),
        _dimension(DimChannel, sections=("channels",)),
        _dimension(DimCommunication, sections=("communications",)),
        _dimension(DimPromotionSource, sections=("promotion_sources",)),
        _dimension(DimSubscriptionPeriod, sections=("subscription_periods",)),
        _dimension(DimProduct, feeds=("products", "prices")),
        _dimension(DimStore, feeds=("stores",)),
    )
}


def publish_dimension(engine: Engine, name: str, company: Company, staging: StagingRefs) -> Publication:
    """Publish a dimension of `DIMENSIONS` from the company and the staged feeds (feed name to one view per source).

    Keys that were given stay as they are, new members get the next ones in the order of their natural keys, and a
    member that its source no longer has stays as it last was, with `is_current` 0.

    Raises:
        KeyError: there is no such dimension.
        ContractViolation: the members break the dimension's contract; nothing was published.
    """
    dimension = DIMENSIONS[name]
    members = dimension.sql_file.read_text(encoding="utf-8").rstrip().rstrip(";")
    _see_what_is_published(engine, dimension)
    query = keyed_query(dimension.contract, members) if dimension.gives_keys else members
    with dimension_inputs(engine, company, dimension.sections, dimension.feeds, staging):
        return publish(engine, dimension.contract, {None: lambda path: engine.write_query(query, path)})


def _see_what_is_published(engine: Engine, dimension: Dimension) -> None:
    # A view made before another process published the table's first file shows no rows: every key would be given anew.
    engine.refresh_view(dimension.contract)
    for table in dimension.tables:
        engine.refresh_view(engine.contracts[table])


def keyed_query(contract: Contract, members: str) -> str:
    """SQL for a dimension with its keys, from SQL for the members that there are now (natural key and attributes).

    A natural key that stands twice among the members gets one surrogate key twice, which the audit refuses.
    """
    described = contract.columns[1:-1]
    key, natural_key = quoted(contract.column_names[0]), quoted(contract.column_names[1])
    return f"""
WITH members AS (
    SELECT {_cast(described)} FROM (
{members}
    ) AS listed
),

published AS (SELECT * FROM {relation_name(contract)} WHERE {key} > 0),

new_members AS (
    SELECT members.{natural_key}
    FROM members LEFT JOIN published ON members.{natural_key} = published.{natural_key}
    WHERE published.{key} IS NULL
),

given_keys AS (
    SELECT {natural_key}, {key} FROM published
    UNION ALL
    SELECT
        {natural_key},
        -- dense_rank, not row_number: a member listed twice must not become two.
        (SELECT coalesce(max({key}), 0) FROM published) + dense_rank() OVER (ORDER BY {natural_key})
    FROM new_members
),

keyed_rows AS (
    SELECT {_unknown_member(contract)}
    UNION ALL
    SELECT given_keys.{key}, {_names(described, "members")}, 1
    FROM members INNER JOIN given_keys ON members.{natural_key} = given_keys.{natural_key}
    UNION ALL
    SELECT published.{key}, {_names(described, "published")}, 0
    FROM published LEFT JOIN members ON published.{natural_key} = members.{natural_key}
    WHERE members.{natural_key} IS NULL
)

SELECT {_cast(contract.columns)} FROM keyed_rows ORDER BY {key}
"""


def _unknown_member(contract: Contract) -> str:
    values: dict[int, Parameter] = {0: 0, 2: UNKNOWN_NAME, len(contract.columns) - 1: 1}
    return ", ".join(
        f"CAST({literal(values.get(place))} AS {column.duckdb_type}) AS {quoted(column.name)}"
        for place, column in enumerate(contract.columns)
    )


def _names(columns: Sequence[Column], relation: str) -> str:
    return ", ".join(f"{relation}.{quoted(column.name)}" for column in columns)


def _cast(columns: Sequence[Column]) -> str:
    return ", ".join(
        f"CAST({quoted(column.name)} AS {column.duckdb_type}) AS {quoted(column.name)}" for column in columns
    )
