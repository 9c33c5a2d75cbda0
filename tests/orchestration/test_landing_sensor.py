"""The landing sensor as Dagster evaluates it: one request for a batch, another one only after a load that failed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.sources.arrivals import FIRST_RETRY_SECONDS, memory_from
from tests.orchestration.running import definitions_of
from tests.orchestration.small_company import customers_csv, deliver, orders_csv, write_config


@dataclass
class Looking:
    """The sensor with what it remembers from look to look."""

    home: Path
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    cursor: str | None = None

    def look(self) -> list[dg.RunRequest]:
        """One evaluation, as the daemon does it."""
        context = dg.build_sensor_context(self.instance, cursor=self.cursor, definitions=self.definitions)
        sensor = self.definitions.get_repository_def().get_sensor_def("landing_sensor")
        tick = sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        return list(tick.run_requests or ())

    def wait(self, seconds: float) -> None:
        """Let time pass, as far as the sensor's memory goes."""
        memory = memory_from(self.cursor)
        asked = {batch: (times, last - seconds) for batch, (times, last) in memory.asked.items()}
        self.cursor = replace(memory, asked=asked).dumped()

    def launch(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
        """A run that the daemon made of a request."""
        tags = {"dagster/sensor_name": "landing_sensor", "dagster/run_key": request.run_key or ""}
        self.instance.add_run(dg.DagsterRun(job_name="refresh", status=status, tags=tags))


@pytest.fixture
def looking(tmp_path: Path) -> Iterator[Looking]:
    """A sensor at the home of the small company, where nothing has arrived yet."""
    definitions = definitions_of(tmp_path / "home", write_config(tmp_path / "config"))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Looking(tmp_path / "home", definitions, instance)


def test_nothing_is_asked_for_when_nothing_has_arrived(looking: Looking) -> None:
    assert looking.look() == []


def test_a_batch_of_files_is_one_run_of_their_feeds_and_of_what_hangs_on_them(looking: Looking) -> None:
    deliver(looking.home, "shop/customers_1.csv", customers_csv([1]))
    deliver(looking.home, "shop/orders_1.csv", orders_csv([1]))
    [request] = looking.look()
    chosen = {key.to_user_string() for key in request.asset_selection or ()}
    assert {"sources/stg_shop_customers", "sources/stg_shop_orders", "sources/file_ledger", "serving/crm"} <= chosen
    assert not chosen & {"sources/stg_stock_products", "sources/dim_product"}
    assert request.tags["files"] == "2"


def test_what_was_asked_for_is_not_asked_for_again_at_the_next_look(looking: Looking) -> None:
    deliver(looking.home, "shop/customers_1.csv", customers_csv([1]))
    assert len(looking.look()) == 1
    assert looking.look() == []


def test_files_that_a_failed_load_left_are_asked_for_again_under_another_key(looking: Looking) -> None:
    deliver(looking.home, "shop/customers_1.csv", customers_csv([1]))
    [first] = looking.look()
    looking.launch(first, dg.DagsterRunStatus.FAILURE)
    assert looking.look() == []
    looking.wait(FIRST_RETRY_SECONDS + 1)
    [second] = looking.look()
    assert second.run_key != first.run_key


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_nothing_is_asked_for_again_while_the_load_is_under_way(looking: Looking, status: dg.DagsterRunStatus) -> None:
    """A load that takes ten minutes was asked for three times over."""
    deliver(looking.home, "shop/customers_1.csv", customers_csv([1]))
    [request] = looking.look()
    looking.launch(request, status)
    looking.wait(FIRST_RETRY_SECONDS + 1)
    assert looking.look() == []


def test_files_that_were_taken_in_are_forgotten(looking: Looking) -> None:
    landed = deliver(looking.home, "shop/customers_1.csv", customers_csv([1]))
    assert len(looking.look()) == 1
    landed.unlink()
    assert looking.look() == []
    deliver(looking.home, "shop/customers_1.csv", customers_csv([1]))
    assert len(looking.look()) == 1
