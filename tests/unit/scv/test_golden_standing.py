"""Golden records that stand are carried over, and are what they would be if they were made anew."""

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.scv.golden.build import publish_golden_record
from crm_platform.scv.golden.contracts import (
    CUSTOMER_PROVENANCE,
    DIM_CUSTOMER_HISTORY,
    GOLDEN_INPUT,
    GOLDEN_RECORD,
)
from crm_platform.scv.settings import Survivorship
from tests.unit.scv.company import SETTINGS, Company, Row, engine_on, on

PHONE = "+442079460000"
ACCOUNTS = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8")
MADE = (GOLDEN_RECORD, CUSTOMER_PROVENANCE, DIM_CUSTOMER_HISTORY)
GROUPINGS = ([], [["S1", "S2"]], [["S1", "S2"], ["S3", "S4"]], [["S2", "S3", "S4"]])


@dataclass(frozen=True)
class Delivery:
    """What arrives before a run: versions of accounts (account, hours, e-mail, whether deleted), accounts whose number
    has ended, and who is whom from then on."""

    versions: list[tuple[str, int, str | None, bool]]
    ended: set[str]
    grouping: list[list[str]]


deliveries = st.lists(
    st.builds(
        Delivery,
        st.lists(
            st.tuples(
                st.sampled_from(ACCOUNTS),
                st.integers(min_value=0, max_value=500),
                st.sampled_from(["ann@x.example", "bob@x.example", None]),
                st.booleans(),
            ),
            min_size=3,
            max_size=12,
        ),
        st.sets(st.sampled_from(ACCOUNTS), max_size=3),
        st.sampled_from(GROUPINGS),
    ),
    min_size=2,
    max_size=3,
)


def account(customer_id: str, hours: int, email: str | None, is_deleted: bool = False) -> Row:
    moment = on(1) + timedelta(hours=hours)
    told = {"customer_type": "person", "created_dt": moment, "updated_dt": moment, "phone": PHONE}
    return {"customer_id": customer_id, "email": email, "is_deleted": is_deleted, **told}


def deliver(company: Company, delivery: Delivery, day: int) -> None:
    company.state("crm.customers", *(account(*version) for version in delivery.versions), delivered=on(day))
    [wrong_number, *_] = SETTINGS.ended_identifiers.call_outcomes
    told = {"phone": PHONE, "outcome": wrong_number, "event_dt": on(day - 1)}
    calls = [{"call_id": f"{day}-{each}", "customer_id": each, **told} for each in sorted(delivery.ended)]
    company.state("crm.call_outcomes", *calls, delivered=on(day))
    company.groups = [[f"crm.customers:{each}" for each in group] for group in delivery.grouping]


def golden(company: Company) -> list[pl.DataFrame]:
    return [company.rows(contract.table) for contract in (*MADE, GOLDEN_INPUT)]


@settings(max_examples=4)
@given(deliveries)
def test_what_is_carried_over_is_what_would_be_made_anew(given_deliveries: list[Delivery]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        company = Company(engine_on(Path(folder)))
        # Runs before the last statements: what was yet to come then is news later, without any delivery.
        for day, delivery in enumerate(given_deliveries, start=16):
            deliver(company, delivery, day)
            company.run_golden(on(day))
        carried = golden(company)
        company.engine.lake.data_file(GOLDEN_INPUT).unlink()
        publish_golden_record(company.engine, company.settings, on(day))
        for left, right in zip(carried, golden(company), strict=True):
            assert_frame_equal(left, right)


def two_customers(company: Company) -> None:
    company.state("crm.customers", account("S1", 0, "ann@x.example"), account("S2", 0, "bob@x.example"))
    company.run_golden(on(20))


def told_otherwise(company: Company) -> None:
    """Write another name for each customer into the golden record: who is made anew loses it."""
    file = company.engine.lake.data_file(GOLDEN_RECORD)
    pl.read_parquet(file).with_columns(first_name=pl.lit("Nobody")).write_parquet(file)


def names(company: Company) -> list[str | None]:
    return company.rows("golden_record", "customer_key")["first_name"].to_list()


def test_only_whom_something_new_is_told_of_is_made_anew(company: Company) -> None:
    two_customers(company)
    told_otherwise(company)
    company.state("crm.customers", account("S2", 30, "bob@y.example"), delivered=on(21))
    company.run_golden(on(21))
    assert names(company) == ["Nobody", None]
    assert company.customer("crm.customers:S2")["email"] == "bob@y.example"


def test_where_nothing_is_new_the_files_stay_as_they_are(company: Company) -> None:
    two_customers(company)
    files = [company.engine.lake.data_file(contract) for contract in MADE]
    before = [file.stat().st_ino for file in files]
    company.run_golden(on(21))
    assert [file.stat().st_ino for file in files] == before


def test_other_rules_make_everybody_anew(company: Company) -> None:
    two_customers(company)
    told_otherwise(company)
    rule = {"job": Survivorship(rule="most_frequent")}
    company.settings = SETTINGS.model_copy(update={"survivorship": {**SETTINGS.survivorship, **rule}})
    company.run_golden(on(21))
    assert names(company) == [None, None]


def test_a_table_that_is_gone_is_made_anew_for_everybody(company: Company) -> None:
    two_customers(company)
    told_otherwise(company)
    company.engine.lake.data_file(CUSTOMER_PROVENANCE).unlink()
    company.run_golden(on(21))
    assert names(company) == [None, None]
    assert company.rows("customer_provenance")["customer_key"].n_unique() == 2
