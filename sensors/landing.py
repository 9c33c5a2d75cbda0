"""The sensor on the landing folder: what arrives is loaded, and what hangs on it refreshed."""

import time
from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from assets.jobs import MADE_AGAIN, REFRESH_JOB, REFRESHED
from assets.publishing import asset_key
from crm_platform.sources.arrivals import Sight, memory_from, next_request
from crm_platform.sources.landing import LandedFile
from crm_platform.sources.staging import StagedFeed
from resources.landing import LandingZoneResource

NAME = "landing_sensor"
LOOK_EVERY_SECONDS = 30
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def landing_sensor(feeds: Sequence[StagedFeed], landing_zone: LandingZoneResource) -> dg.SensorDefinition:
    """Looks at the landing folder; one run loads a batch of files and refreshes what depends on them."""
    by_name = {feed.name: feed for feed in feeds}

    @dg.sensor(
        name=NAME,
        job_name=REFRESH_JOB,
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs {REFRESH_JOB} for the feeds of which files have arrived.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        landed = {name: [_sight(file) for file in landing_zone.landed(feed)] for name, feed in by_name.items()}
        request, memory = next_request(landed, memory_from(context.cursor), time.time(), landing_zone.quiet_seconds)
        if request is None:
            return dg.SensorResult(skip_reason="Nothing new has arrived.", cursor=memory.dumped())
        if _is_under_way(context):
            # The files still lie there because they are being loaded, not because the load failed.
            return dg.SkipReason("The load asked for before is under way.")
        keys = [asset_key(by_name[name].contract) for name in request.feeds]
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=request.key,
                    asset_selection=_with_downstream(context, keys),
                    tags={"files": str(request.number_of_files), **MADE_AGAIN},
                )
            ],
            cursor=memory.dumped(),
        )

    return look


def _is_under_way(context: dg.SensorEvaluationContext) -> bool:
    asked_here = dg.RunsFilter(statuses=UNFINISHED, tags={"dagster/sensor_name": NAME})
    return bool(context.instance.get_runs(asked_here, limit=1))


def _with_downstream(context: dg.SensorEvaluationContext, keys: Sequence[dg.AssetKey]) -> list[dg.AssetKey]:
    definitions = context.repository_def
    if definitions is None:
        return list(keys)
    graph = definitions.asset_graph
    made_anew = dg.AssetSelection.assets(*keys).downstream() & REFRESHED
    return sorted(made_anew.resolve(graph), key=lambda key: key.to_user_string())


def _sight(file: LandedFile) -> Sight:
    return Sight(file.name, file.size, _seconds(file.file_dt))


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
