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
from crm_platform.configuration import ConfigurationError
from crm_platform.sources.ledger import RECORDS, TakenFile
from crm_platform.sources.load import FeedLoad, load_feed
from crm_platform.sources.readers.batch import RefusedFile
from crm_platform.sources.staging import StagedFeed
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, relation_name
from resources.landing import LandingZoneResource
from resources.warehouse import WarehouseResource

GROUP = "sources"
RECONCILED = "rows_reconcile"
SOUND = "delivery_is_sound"
MOST_QUARANTINED_SHARE = 0.05
MOST_NAMED = 5
"""Columns that a complaint names."""


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
    except (RefusedFile, ConfigurationError) as unreachable:
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
    if load.taken and load.feed.is_event_feed:
        metadata["rows_by_period"] = bar_chart("Rows by period", rows_by_partition)
    if not load.results.is_empty():
        rules = load.results.group_by("rule", "column_name", "severity").agg(pl.col("number_of_rows").sum())
        metadata["rules_broken"] = markdown_table(rules.sort("severity", "number_of_rows", descending=[False, True]))
    return dg.MaterializeResult(metadata=metadata, check_results=_check_results(load))


def _ingest_checks(contract: Contract) -> list[dg.AssetCheckSpec]:
    said = {
        RECONCILED: "Received = loaded + quarantined + known, for every file of the load.",
        SOUND: f"Every file could be read, at most {MOST_QUARANTINED_SHARE:.0%} of the rows went to quarantine, and no "
        "column is gone or of another type.",
    }
    return [dg.AssetCheckSpec(name, asset=asset_key(contract), description=text) for name, text in said.items()]


def _check_results(load: FeedLoad) -> list[dg.AssetCheckResult]:
    unreconciled = [
        file
        for file in load.taken
        if file.rows_received != file.rows_loaded + file.rows_quarantined + file.rows_known or file.rows_known < 0
    ]
    reconciled = dg.AssetCheckResult(
        check_name=RECONCILED,
        passed=not unreconciled,
        metadata={"files": len(load.taken), "files_not_reconciled": len(unreconciled)},
    )
    return [reconciled, _soundness(load)]


def _soundness(load: FeedLoad) -> dg.AssetCheckResult:
    """A file that was refused is an error; rows in quarantine and changed columns are a warning."""
    complaints = [_refusal(file) for file in load.refused]
    received, quarantined = load.total("rows_received"), load.total("rows_quarantined")
    if quarantined > MOST_QUARANTINED_SHARE * received:
        complaints.append(f"{quarantined:,} of {received:,} rows are in quarantine: see crm sources quarantine")
    changed = load.drift.filter(pl.col("kind") != "column_new")
    complaints += [
        drift_complaint(str(kind), names["column_name"].to_list())
        for (kind,), names in changed.group_by("kind", maintain_order=True)
    ]
    return dg.AssetCheckResult(
        check_name=SOUND,
        passed=not complaints,
        severity=dg.AssetCheckSeverity.ERROR if load.refused else dg.AssetCheckSeverity.WARN,
        metadata={str(number): complaint for number, complaint in enumerate(complaints, start=1)},
    )


def drift_complaint(kind: str, columns: Sequence[str]) -> str:
    """What became of columns, with the names of the first: a file of other people's may lack hundreds."""
    more = f" and {len(columns) - MOST_NAMED:,} more" if len(columns) > MOST_NAMED else ""
    return f"{kind}: {', '.join(columns[:MOST_NAMED])}{more}"


def _refusal(file: TakenFile) -> str:
    """The file's path and why it was refused; readers know only its name, with which some begin."""
    said = str(file.refusal).removeprefix(file.file.path.name).lstrip(" :")
    return f"{file.file.name}: {said}"


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
