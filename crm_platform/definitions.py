"""The composition root: everything that Dagster is to know, put together from a home and a configuration.

Nothing imports this module but Dagster, the command line and the tests that check the whole.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from assets.campaign import campaign_assets
from assets.churn import churn_assets
from assets.dimensions import dimension_assets
from assets.jobs import daily_job, monthly_churn_job, monthly_job, refresh_job, weekly_job
from assets.loyalty import loyalty_assets
from assets.permission import permission_assets
from assets.scv import scv_assets
from assets.serving import serving_asset
from assets.sources import record_assets, staging_assets
from assets.value import value_assets
from crm_platform.environment import config_from, home_from, tracking_keys_from, tuning_from
from crm_platform.settings import Home, Tuning
from crm_platform.tables import tables_of
from resources.landing import LandingZoneResource
from resources.warehouse import WarehouseResource
from sensors.landing import landing_sensor
from sensors.schedules import monthly_churn_schedule, monthly_schedule, nightly_schedule, weekly_schedule


def build_definitions(
    home: Home, config_folder: Path, tuning: Tuning | None = None, **resource_overrides: Any
) -> dg.Definitions:
    """All definitions of the platform at `home`, with the sources declared below `config_folder`.

    Resources given by name take the place of the standard ones.

    Raises:
        ConfigurationError: a declared source cannot be used.
    """
    tuning = tuning or Tuning()
    tables = tables_of(config_folder)
    landing_zone = LandingZoneResource(home=str(home.root), quiet_seconds=tuning.quiet_seconds)
    resources: dict[str, Any] = {
        "landing_zone": landing_zone,
        "warehouse": WarehouseResource(
            home=str(home.root),
            config_folder=str(config_folder),
            memory_limit=tuning.memory_limit,
            threads=tuning.threads,
        ),
    }
    assets = [
        *staging_assets(tables.feeds),
        *dimension_assets(tables.feeds),
        *record_assets(tables.feeds),
        *scv_assets(tables.feeds),
        *permission_assets(tables.feeds, tuning.hash_key),
        *campaign_assets(tables.feeds, lambda: tracking_keys_from(home=home)),
        *loyalty_assets(tables.feeds),
        *value_assets(tables.feeds),
        *churn_assets(tables.feeds),
    ]
    return dg.Definitions(
        assets=[*assets, serving_asset([key for asset in assets for key in asset.keys])],
        jobs=[refresh_job, monthly_job, monthly_churn_job, weekly_job, daily_job],
        schedules=[nightly_schedule(), weekly_schedule(), monthly_schedule(), monthly_churn_schedule()],
        sensors=[landing_sensor(tables.feeds, landing_zone)],
        resources={**resources, **resource_overrides},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions for the environment's home and configuration."""
    return build_definitions(home_from(), config_from(), tuning_from())
