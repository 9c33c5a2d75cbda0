"""Rules: what they say of a value, what a declared severity makes of it, and that what is loaded keeps the contract."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from crm_platform.sources.ledger import VALIDATION_RESULTS
from crm_platform.sources.rules import rules_of
from tests.unit.sources.site import CUSTOMERS, ORDERS, Site, staged_feed

FILE_DT = datetime(2026, 2, 1, tzinfo=UTC)


def broken(
    declaration: dict[str, Any], column: str, values: list[Any], countries: list[str] | None = None
) -> list[set[str]]:
    """The names of the rules that each value breaks."""
    feed = staged_feed(declaration)
    rows = pl.DataFrame({column: values}, schema={column: feed.contract.polars_schema[column]})
    if countries:
        rows = rows.with_columns(pl.Series("country", countries))
    rules = [rule for rule in rules_of(feed, rows.columns, FILE_DT, countries or []) if rule.column == column]
    verdicts = rows.select(rule.violated.alias(rule.name) for rule in rules)
    return [{name for name, is_broken in row.items() if is_broken} for row in verdicts.iter_rows(named=True)]


@pytest.mark.parametrize(
    ("address", "is_sound"),
    [
        ("ann@ivory.example", True),
        ("ann.o'neil+tag@sub.ivory.example", True),
        ("björn@müller.example", True),
        ("ann@ivory", False),
        ("ann@@ivory.example", False),
        (".ann@ivory.example", False),
        ("ann..b@ivory.example", False),
        ("ann b@ivory.example", False),
        ("nobody", False),
    ],
)
def test_an_address_that_cannot_be_one_is_warned_of(address: str, is_sound: bool) -> None:
    assert broken(CUSTOMERS, "email", [address, None]) == [set() if is_sound else {"email_syntax"}, set()]


def test_a_telephone_number_has_so_many_digits_and_no_letters() -> None:
    numbers = ["+44 (0)20 7946-0000", "020 79460000 ext. 12", "12345", "1234567890123456", "call me"]
    assert [bool(found) for found in broken(CUSTOMERS, "phone", numbers)] == [False, False, True, True, True]


def test_a_postcode_is_judged_by_its_country() -> None:
    found = broken(CUSTOMERS, "postcode", ["SW1A 1AA", "SW1A 1AA", "0150", "anything"], ["GB", "NO", "NO", "XX"])
    assert [bool(names) for names in found] == [False, True, False, False]


def test_a_date_is_neither_before_1900_nor_after_its_file() -> None:
    days = [datetime(1899, 12, 31), datetime(1900, 1, 1), datetime(2026, 2, 1), datetime(2026, 2, 3)]
    found = broken(CUSTOMERS, "birth_date", [day.date() for day in days])
    assert found == [{"date_before_1900"}, set(), set(), {"date_in_future"}]
    moments = [datetime(2026, 2, 1, 20, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC)]
    assert broken(ORDERS, "order_dt", moments) == [set(), {"date_in_future"}]


def test_ranges_lists_and_shapes_come_from_the_contract() -> None:
    assert broken(ORDERS, "currency", ["GBP", "pounds"]) == [set(), {"wrong_shape"}]
    assert broken(CUSTOMERS, "customer_type", ["person", "robot", None]) == [set(), {"unknown_value"}, set()]


def test_a_rule_may_be_off_a_warning_or_an_error_by_column_or_by_name() -> None:
    def severities(**rules: str) -> dict[str, str]:
        feed = staged_feed({**CUSTOMERS, "rules": rules})
        found = rules_of(feed, ["given:email", "email"], FILE_DT)
        return {rule.name: rule.severity for rule in found if rule.column == "email"}

    assert severities() == {"wrong_type": "error", "email_syntax": "warning"}
    assert severities(email="error") == {"wrong_type": "error", "email_syntax": "error"}
    assert severities(**{"email.email_syntax": "off"}) == {"wrong_type": "error"}


def test_a_key_cannot_be_excused() -> None:
    feed = staged_feed({**CUSTOMERS, "rules": {"customer_id": "off"}})
    found = {
        rule.name: rule.severity for rule in rules_of(feed, ["customer_id"], FILE_DT) if rule.column == "customer_id"
    }
    assert found == {"missing": "error"}


def test_an_impossible_birth_date_is_emptied_and_the_customer_loaded(site_of: Callable[..., Site]) -> None:
    site = site_of(CUSTOMERS)
    site.land(
        "customers_1.csv", "id,at,name,mail,born\n1,,Ann,a@b.example,2031-01-01\n2,,Bo,nobody,x\n3,,Cy,,1990-02-03\n"
    )
    site.load()
    assert site.counts() == [(3, 3, 0, 0)]
    assert [day and day.year for day in site.staged()["birth_date"]] == [None, None, 1990]
    assert site.staged()["email"].to_list() == ["a@b.example", "nobody", None]
    told = site.table(VALIDATION_RESULTS).select("rule", "column_name", "severity", "first_lines").rows()
    assert sorted(told) == [
        ("date_in_future", "birth_date", "warning", "2"),
        ("email_syntax", "email", "warning", "3"),
        ("wrong_type", "birth_date", "warning", "3"),
    ]


def test_a_sex_that_nobody_knows_is_emptied_and_the_customer_loaded(site_of: Callable[..., Site]) -> None:
    """One new letter in a system's list kept every customer who had it out of the platform."""
    site = site_of({**CUSTOMERS, "columns": {**CUSTOMERS["columns"], "sex": {"from": "sex", "map": {"F": "female"}}}})
    site.land("customers_1.csv", "id,at,name,mail,born,sex\n1,,Ann,,,F\n2,,Bo,,,X\n")
    site.load()
    assert site.counts() == [(2, 2, 0, 0)]
    assert site.staged()["sex"].to_list() == ["female", None]
    assert site.table(VALIDATION_RESULTS).select("rule", "severity").rows() == [("unknown_value", "warning")]


def test_a_time_that_places_the_row_stays_where_it_is_only_warned_of(site_of: Callable[..., Site]) -> None:
    """It was emptied, and a row without a month has no partition to be written to."""
    site = site_of(rules={"order_dt": "warning"})
    site.land("orders_1.csv", "id,at,net,status\nA,2031-01-05,1,paid\n")
    site.load()
    assert site.counts() == [(1, 1, 0, 0)]
    assert site.lake.partition_keys(site.feed.contract) == ["2031-01"]
