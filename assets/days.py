"""Tables that are made by the day: a refresh makes the days that what arrived touches, a backfill any days anew.

Here: their partitions, and which table says what each was made of. It is the asset that a refresh makes, so that a
refresh needs no partition. Not here: the assets (each stage's own module).
"""

import dagster as dg

from assets.publishing import asset_key
from crm_platform.campaign.events.contracts import EVENT, EVENT_FILE
from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, FACT_INPUT
from crm_platform.campaign.mail.contracts import MAIL_DAY, MAIL_REPORT
from crm_platform.warehouse.contract import Contract

DAYS = dg.DailyPartitionsDefinition(start_date="2015-01-01", end_offset=1)
KEEPERS = {
    MAIL_REPORT.name: MAIL_DAY,
    EVENT.name: EVENT_FILE,
    FACT_CAMPAIGN_DELIVERY.name: FACT_INPUT,
    FACT_CLICKTHROUGH.name: FACT_INPUT,
}
"""Of each table by the day the one that is written with it by a refresh, last."""
MOST_DAYS_TOLD = 31
"""Of a first load of years the newest days are told: each takes Dagster's storage some hundredths of a second."""
DAILY_CONTRACTS = (MAIL_REPORT, EVENT, FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH)


def input_keys(contract: Contract) -> list[dg.AssetKey]:
    """The assets that whoever reads a table waits for."""
    keeper = KEEPERS.get(contract.name)
    return [asset_key(contract), *([asset_key(keeper)] if keeper else [])]


def day_events(
    contract: Contract, rows_by_day: dict[str, int], metadata: dict[str, dg.MetadataValue | str | int | float]
) -> list[dg.AssetMaterialization]:
    """What a refresh tells of the days that it made: the newest with their rows, the last with all else to be seen."""
    days = sorted(rows_by_day)[-MOST_DAYS_TOLD:]
    return [
        dg.AssetMaterialization(
            asset_key(contract),
            partition=day,
            metadata={"dagster/partition_row_count": rows_by_day[day], **(metadata if day == days[-1] else {})},
        )
        for day in days
    ]
