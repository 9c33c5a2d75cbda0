"""Dagster's own storage below the platform's home: `DAGSTER_HOME` and its `dagster.yaml`."""

import os

from crm_platform.settings import REPOSITORY, Home
from crm_platform.warehouse.files import written_durably


def prepare_dagster_home(home: Home) -> None:
    """Let Dagster keep its runs below the home, unless `DAGSTER_HOME` says otherwise.

    The settings are the repository's `dagster.yaml`, copied when it is not there; a person's own changes stand.
    """
    if os.environ.get("DAGSTER_HOME"):
        return
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        with written_durably(settings) as prepared:
            prepared.write_bytes((REPOSITORY / "dagster.yaml").read_bytes())
    os.environ["DAGSTER_HOME"] = str(home.dagster)
