"""A declared feed as a staging table: its contract follows from the canonical one and the declaration."""

import pytest

from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.warehouse.versions import LINEAGE
from tests.unit.sources.site import CUSTOMERS, ORDERS, staged_feed


@pytest.mark.parametrize("name", sorted(FEEDS))
def test_every_canonical_feed_makes_a_staging_table(name: str) -> None:
    feed = staged_feed({"files": "*.csv", "form": {"kind": "csv"}}, name)
    contract = feed.contract
    assert contract.name == f"sources.stg_shop_{name}"
    assert contract.key == ("file_id", "file_part", "file_line")
    assert tuple(contract.column_names[-len(LINEAGE) :]) == LINEAGE
    assert tuple(contract.column_names[: len(feed.natural_key)]) == feed.natural_key
    assert contract.partition is not None
    nullable = {column.name for column in contract.columns if column.is_nullable}
    assert not nullable & {*feed.natural_key, contract.partition.column, *LINEAGE}


def test_events_are_cut_by_their_time_and_the_rest_by_the_day_of_delivery() -> None:
    orders, customers = staged_feed(ORDERS), staged_feed(CUSTOMERS)
    assert orders.is_event_feed and not customers.is_event_feed
    assert customers.contract.partition is not None and customers.contract.partition.column == "file_dt"
    assert customers.version_column == "updated_dt"


def test_a_declared_key_stands_in_for_the_contracts() -> None:
    assert staged_feed(ORDERS).natural_key == ("order_id",)
    assert staged_feed({**ORDERS, "key": []}).natural_key == ()
    feed = staged_feed({**ORDERS, "key": ["order_id", "store_id"]})
    assert feed.contract.column_names[:2] == ["order_id", "store_id"]
    assert not next(column for column in feed.contract.columns if column.name == "store_id").is_nullable


def test_a_rule_that_only_warns_is_no_check_of_the_contract() -> None:
    def checks(**rules: str) -> tuple[str, ...]:
        columns = staged_feed({**ORDERS, "rules": rules}).contract.columns
        return next(column for column in columns if column.name == "currency").checks

    assert checks() and checks(currency="error") and not checks(currency="warning")
