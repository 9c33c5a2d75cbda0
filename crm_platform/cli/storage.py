"""Dagster's own storage below the platform's home: `DAGSTER_HOME` and its `dagster.yaml`."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dagster as dg

from crm_platform.cli.home import prepare_home
from crm_platform.settings import REPOSITORY, Home
from crm_platform.warehouse.files import written_durably
from crm_platform.warehouse.lock import exclusive


@contextmanager
def opened_instance(home: Home) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance for the time of the block.

    Two commands that are the first at a new home would both create its tables, and one of them fail: one at a time.
    """
    with ExitStack() as stack:
        with exclusive(home.root / "work" / "storage.lock"):
            instance = stack.enter_context(dg.DagsterInstance.get())
            instance.get_runs(limit=1)
            instance.has_asset_key(dg.AssetKey("none"))
        yield instance


def prepare_dagster_home(home: Home) -> None:
    """Make the home, and let Dagster keep its runs below it, unless `DAGSTER_HOME` says otherwise.

    The settings are the repository's `dagster.yaml`, copied when it is not there; a person's own changes stand.
    """
    prepare_home(home)
    if os.environ.get("DAGSTER_HOME"):
        return
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        with written_durably(settings) as prepared:
            prepared.write_bytes((REPOSITORY / "dagster.yaml").read_bytes())
    os.environ["DAGSTER_HOME"] = str(home.dagster)
