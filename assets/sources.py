"""The stage `sources`: a staging table per declared feed, and what the ingest records about itself.

Here: the assets. Not here: the ingest (`crm_platform/sources/`) and what starts it (`sensors/`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import bar_chart, definition_metadata, markdown_table, publication_metadata
from assets.publishing import AssetEvents, asset_key, contract_check, published
from crm_platform.sources.declaration import DeclarationError
from crm_platform.sources.ledger import RECORDS
from crm_platform.sources.load import FeedLoad, load_feed
from crm_platform.sources.readers.batch import RefusedFile
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, relation_name
from resources.landing import LandingZoneResource
from resources.warehouse import WarehouseResource

GROUP = "sources"
MOST_QUARANTINED_SHARE = 0.05


def staging_assets(feeds: Iterable[StagedFeed]) -> list[dg.AssetsDefinition]:
    """A staging asset per feed."""
    return [_staging_asset(feed) for feed in feeds]


def record_assets(feeds: Sequence[StagedFeed]) -> list[dg.AssetsDefinition]:
    """An asset per record of the ingest, downstream of every staging table."""
    return [_record_asset(record, feeds) for record in RECORDS]


def _staging_asset(feed: StagedFeed) -> dg.AssetsDefinition:
    contract = feed.contract

    @dg.asset(
        key=asset_key(contract),
        group_name=GROUP,
        owners=[feed.owner],
        kinds={"parquet", _kind(feed)},
        tags={"source": feed.source, "feed": feed.contract_name},
        description=contract.description,
        metadata=definition_metadata(contract),
        check_specs=[contract_check(contract), *_ingest_checks(contract)],
    )
    def staging(landing_zone: LandingZoneResource, warehouse: WarehouseResource) -> AssetEvents:
        def build() -> tuple[FeedLoad, int, dict[str, int]]:
            with warehouse.engine() as engine:
                now = warehouse.now()
                _extract(feed, landing_zone, engine, now)
                load = load_feed(feed, landing_zone.arrived(feed), engine, landing_zone.zone, now, landing_zone.limits)
                return load, _number_of_rows(engine, contract), engine.lake.rows_by_partition(contract)

        yield from published(contract, build, lambda outcome: _staged(*outcome))

    return staging


def _extract(feed: StagedFeed, landing_zone: LandingZoneResource, engine: Engine, now: datetime) -> None:
    try:
        landing_zone.extract(feed, engine, now)
    except (RefusedFile, DeclarationError) as unreachable:
        raise dg.Failure(f"{feed.name}: {unreachable}") from None


def _staged(load: FeedLoad, total_rows: int, rows_by_partition: dict[str, int]) -> dg.MaterializeResult[Any]:
    counts = ("rows_received", "rows_loaded", "rows_quarantined", "rows_known")
    metadata: dict[str, Any] = {
        "dagster/row_count": total_rows,
        "files_taken": len(load.taken),
        "files_refused": len(load.refused),
        "deliveries_known": load.known_deliveries,
        **{count: load.total(count) for count in counts},
        **(publication_metadata(load.publication, total_rows) if load.publication else {}),
    }
    if load.feed.is_event_feed and rows_by_partition:
        metadata["rows_by_period"] = bar_chart("Rows by period", rows_by_partition)
    if not load.results.is_empty():
        rules = load.results.group_by("rule", "column_name", "severity").agg(pl.col("number_of_rows").sum())
        metadata["rules_broken"] = markdown_table(rules.sort("severity", "number_of_rows", descending=[False, True]))
    return dg.MaterializeResult(metadata=metadata, check_results=_check_results(load))


def _ingest_checks(contract: Contract) -> list[dg.AssetCheckSpec]:
    said = {
        "rows_reconcile": "Received = loaded + quarantined + known, for every file of the load.",
        "no_file_refused": "Every file of the load could be read.",
        "quarantine_is_small": f"At most {MOST_QUARANTINED_SHARE:.0%} of the rows of the load are in quarantine.",
        "columns_are_as_before": "No mapped column is gone or of another type.",
    }
    return [dg.AssetCheckSpec(name, asset=asset_key(contract), description=text) for name, text in said.items()]


def _check_results(load: FeedLoad) -> list[dg.AssetCheckResult]:
    unreconciled = [
        file
        for file in load.taken
        if file.rows_received != file.rows_loaded + file.rows_quarantined + file.rows_known or file.rows_known < 0
    ]
    received, quarantined = load.total("rows_received"), load.total("rows_quarantined")
    drifted = load.drift.filter(pl.col("kind") != "column_new", pl.col("is_mapped") | (pl.col("kind") == "column_gone"))
    refusals = {str(number): f"{file.file.name}: {file.refusal}" for number, file in enumerate(load.refused, start=1)}
    warning = dg.AssetCheckSeverity.WARN
    return [
        dg.AssetCheckResult(
            check_name="rows_reconcile", passed=not unreconciled, metadata={"files": len(unreconciled)}
        ),
        dg.AssetCheckResult(check_name="no_file_refused", passed=not refusals, metadata=dict(refusals)),
        dg.AssetCheckResult(
            check_name="quarantine_is_small",
            passed=quarantined <= MOST_QUARANTINED_SHARE * received,
            severity=warning,
            metadata={"rows_received": received, "rows_quarantined": quarantined},
        ),
        dg.AssetCheckResult(
            check_name="columns_are_as_before",
            passed=drifted.is_empty(),
            severity=warning,
            metadata={"changes": markdown_table(load.drift.select("column_name", "kind", "type_before", "type_now"))},
        ),
    ]


def _record_asset(record: Contract, feeds: Sequence[StagedFeed]) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(record),
        group_name=GROUP,
        owners=["team:data"],
        kinds={"parquet"},
        deps=[asset_key(feed.contract) for feed in feeds],
        description=record.description,
        metadata=definition_metadata(record),
    )
    def kept_record(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
        with warehouse.engine() as engine:
            by_feed = engine.lake.rows_by_partition(record)
            total = sum(by_feed.values())
        table = pl.DataFrame(
            {"feed": list(by_feed), "rows": list(by_feed.values())}, schema={"feed": pl.String, "rows": pl.Int64}
        )
        return dg.MaterializeResult(metadata={"dagster/row_count": total, "rows_by_feed": markdown_table(table)})

    return kept_record


def _kind(feed: StagedFeed) -> str:
    if feed.declaration.database is not None:
        url = feed.declaration.database.url or ""
        return "sqlite" if url.startswith("sqlite") else "postgres"
    return feed.declaration.form.kind if feed.declaration.form else "parquet"


def _number_of_rows(engine: Engine, contract: Contract) -> int:
    return int(engine.scalar(f"SELECT count(*) FROM {relation_name(contract)}"))
