"""The dimensions of the stage `sources` that need no matching: from the company's own lists and from staged feeds.

Here: the assets. Not here: what a dimension is and how it keeps its keys (`crm_platform/sources/dimensions/`).
"""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.metadata import definition_metadata, publication_metadata
from assets.publishing import AssetEvents, asset_key, contract_check, published
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.company import load_company
from crm_platform.sources.dimensions.build import DIMENSIONS, Dimension, publish_dimension
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.publish import Publication
from resources.warehouse import WarehouseResource


def dimension_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """An asset per dimension."""
    return [_dimension_asset(name, dimension, feeds) for name, dimension in DIMENSIONS.items()]


def _dimension_asset(name: str, dimension: Dimension, feeds: Sequence[StagedFeed]) -> dg.AssetsDefinition:
    contract = dimension.contract
    staged = [feed for feed in feeds if feed.contract_name in dimension.feeds]

    @dg.asset(
        key=asset_key(contract),
        group_name="sources",
        owners=["team:data"],
        kinds={"parquet", "duckdb"},
        deps=[
            *(asset_key(feed.contract) for feed in staged),
            *(dg.AssetKey(table.split(".")) for table in dimension.tables),
        ],
        description=contract.description,
        metadata=definition_metadata(contract),
        check_specs=[contract_check(contract)],
    )
    def dimension_table(warehouse: WarehouseResource) -> AssetEvents:
        def build() -> Publication:
            company = load_company(Path(warehouse.config_folder) / "company.yaml")
            with warehouse.engine() as engine:
                return publish_dimension(engine, name, company, staging_refs(staged))

        yield from published(
            contract,
            build,
            lambda done: dg.MaterializeResult(metadata=publication_metadata(done, done.number_of_rows)),
        )

    return dimension_table
