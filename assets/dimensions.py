"""The dimensions of the stage `sources` that need no matching: from the company's own lists and from staged feeds.

Here: the assets. Not here: what a dimension is and how it keeps its keys (`crm_platform/sources/dimensions/`).
"""

from collections.abc import Sequence

import dagster as dg

from assets.steps import Call, Made, Step, step_assets
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.company import load_company
from crm_platform.sources.dimensions.build import DIMENSIONS, Dimension, publish_dimension
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.engine import Engine

GROUP = "sources"


def dimension_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """An asset per dimension, on these staged feeds."""
    return step_assets(GROUP, [_step(name, dimension, feeds) for name, dimension in DIMENSIONS.items()], feeds)


def _step(name: str, dimension: Dimension, feeds: Sequence[StagedFeed]) -> Step:
    staged = [feed for feed in feeds if feed.contract_name in dimension.feeds]

    def build(engine: Engine, call: Call) -> Made:
        company = load_company(call.config_folder / "company.yaml")
        return Made({dimension.contract.table: publish_dimension(engine, name, company, staging_refs(staged))})

    tables = tuple(each.contract for each in DIMENSIONS.values() if each.contract.name in dimension.tables)
    return Step(name, (dimension.contract,), build, tables=tables, feeds=dimension.feeds)
