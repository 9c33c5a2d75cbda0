"""The published database: what analysts and BI open. Made last, from every table."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from resources.warehouse import WarehouseResource

SERVING_KEY = dg.AssetKey(["serving", "crm"])


def serving_asset(tables: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset of the serving file, downstream of these tables."""

    @dg.asset(
        key=SERVING_KEY,
        group_name="serving",
        owners=["team:data"],
        kinds={"duckdb"},
        deps=tables,
        description="crm.duckdb: views on every table of the lake, with comments and the data dictionary; read-only.",
    )
    def crm(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
        number_of_tables = warehouse.publish_serving()
        return dg.MaterializeResult(metadata={"tables": number_of_tables})

    return crm
