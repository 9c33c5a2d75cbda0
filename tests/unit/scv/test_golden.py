"""The golden record: which value survives, where it came from, how it stood before, and what time it may know of."""

import tempfile
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.scv.golden.build import publish_ended_identifiers, publish_golden_record
from crm_platform.scv.settings import Survivorship
from crm_platform.warehouse.engine import literal
from tests.unit.scv.company import SETTINGS, Company, engine_on, on

SHOP, TILL, WEB, CRM = "shop.customers:S1", "till.customers:T1", "web.registrations:U1", "crm.customers:C1"


def one_customer(company: Company, *records: str) -> None:
    company.groups = [list(records)]


def shop(updated: datetime, customer_id: str = "S1", **columns: object) -> dict[str, object]:
    return {
        "customer_id": customer_id,
        "customer_type": "person",
        "created_dt": on(1),
        "updated_dt": updated,
        **columns,
    }


def test_the_newest_value_survives_with_its_source_and_time(company: Company) -> None:
    company.state("shop.customers", shop(on(2), first_name="Ann", last_name="Bell", email="ann@old.example"))
    company.state("till.customers", shop(on(5), "T1", email="ann@new.example"))
    one_customer(company, SHOP, TILL)
    company.run_golden(on(20))
    assert company.customer(SHOP)["email"] == "ann@new.example"
    [origin] = company.rows("customer_provenance").filter(attribute="email").iter_rows(named=True)
    assert (origin["record_id"], origin["source"], origin["stated_dt"]) == (TILL, "till", on(5))


def test_a_last_resort_gives_its_value_only_where_no_other_source_has_one(company: Company) -> None:
    company.state("shop.customers", shop(on(2), last_name="Bell"))
    company.state("till.customers", shop(on(5), "T1", first_name="ANN", last_name="BELLE"))
    one_customer(company, SHOP, TILL)
    company.run_golden(on(20))
    row = company.customer(SHOP)
    assert (row["first_name"], row["last_name"], row["full_name"]) == ("Ann", "Bell", "Ann Bell")


def test_an_address_survives_as_one_and_takes_the_country_from_who_knows_it(company: Company) -> None:
    company.state("shop.customers", shop(on(2), address_line="1 Mill Lane", city="Leeds", region="Yorks", country="GB"))
    company.state(
        "web.customer_updates",
        {"update_id": "1", "customer_id": "U1", "address_line": "2 Oak Road", "city": "York", "event_dt": on(6)},
    )
    company.state("web.registrations", {"registration_id": "U1", "customer_id": "U1", "registered_dt": on(3)})
    one_customer(company, SHOP, WEB)
    company.run_golden(on(20))
    row = company.customer(SHOP)
    assert (row["address_line"], row["city"], row["region"], row["country"]) == ("2 Oak Road", "York", None, "GB")


def test_the_most_frequent_value_survives_whatever_its_case(company: Company) -> None:
    rule = Survivorship(rule="most_frequent")
    company.settings = SETTINGS.model_copy(update={"survivorship": {**SETTINGS.survivorship, "job": rule}})
    company.state("shop.customers", shop(on(9), job_title="Baker"))
    company.state("till.customers", shop(on(2), "T1", job_title="NURSE"))
    company.state("crm.customers", shop(on(3), "C1", job_title="Nurse"))
    one_customer(company, SHOP, TILL, CRM)
    company.run_golden(on(20))
    assert company.customer(SHOP)["job_title"] == "Nurse"


def test_the_most_complete_and_the_most_trusted_value_survive_where_they_are_asked_for(company: Company) -> None:
    rules = {
        "address": Survivorship(rule="most_complete"),
        "email": Survivorship(rule="trusted", trust=("till", "shop")),
    }
    company.settings = SETTINGS.model_copy(update={"survivorship": {**SETTINGS.survivorship, **rules}})
    company.state("shop.customers", shop(on(9), city="Leeds", email="s@x.example"))
    company.state("till.customers", shop(on(2), "T1", city="Leeds", postcode="LS1 1AA", email="t@x.example"))
    one_customer(company, SHOP, TILL)
    company.run_golden(on(20))
    row = company.customer(SHOP)
    assert (row["postcode"], row["email"]) == ("LS1 1AA", "t@x.example")


def test_a_deleted_record_gives_way_and_a_customer_is_deleted_when_all_its_records_are(company: Company) -> None:
    company.state("shop.customers", shop(on(9), email="s@x.example", is_deleted=True))
    company.state("till.customers", shop(on(2), "T1", email="t@x.example"))
    one_customer(company, SHOP, TILL)
    company.run_golden(on(20))
    assert (company.customer(SHOP)["email"], company.customer(SHOP)["is_deleted"]) == ("t@x.example", False)
    company.state("till.customers", shop(on(21), "T1", email="t@x.example", is_deleted=True))
    company.run_golden(on(22))
    assert company.customer(SHOP)["is_deleted"] is True


def test_a_placeholder_never_survives(company: Company) -> None:
    company.state("till.customers", shop(on(9), "T1", email="no@email.com", birth_date=date(1900, 1, 1)))
    company.state("shop.customers", shop(on(2), email="ann@x.example", birth_date=date(1980, 5, 4)))
    one_customer(company, SHOP, TILL)
    company.run_golden(on(20))
    row = company.customer(SHOP)
    assert (row["email"], row["birth_date"]) == ("ann@x.example", date(1980, 5, 4))


def test_a_number_that_has_ended_gives_way_until_it_is_stated_anew(company: Company) -> None:
    company.state("shop.customers", shop(on(5), phone="+442079460001", country="GB"))
    company.state("crm.customers", shop(on(2), "C1", phone="+442079460002", country="GB"))
    call = {"call_id": "1", "customer_id": "C1", "phone": "+442079460001", "outcome": "wrong_number", "event_dt": on(8)}
    company.state("crm.call_outcomes", call)
    one_customer(company, SHOP, CRM)
    company.run_golden(on(20))
    assert (company.customer(SHOP)["phone"], company.customer(SHOP)["is_phone_ended"]) == ("+442079460002", False)
    company.state("shop.customers", shop(on(21), phone="+442079460001", country="GB"))
    company.run_golden(on(22))
    assert company.customer(SHOP)["phone"] == "+442079460001"


def test_an_address_that_is_no_good_is_so_for_everybody_who_has_it(company: Company) -> None:
    """It was written to for the father; the son has it too, and has another one besides."""
    company.state("shop.customers", shop(on(2), email="bells@x.example"), shop(on(5), "S2", email="Bells@x.example"))
    company.state("crm.customers", shop(on(3), "C1", email="son@x.example"))
    company.groups = [["shop.customers:S2", CRM]]
    company.run_identity(on(20))
    bounce = (
        "SELECT 'email' AS kind, CAST(NULL AS VARCHAR) AS customer_ref, 'bells@x.example' AS value, "
        f"CAST(NULL AS VARCHAR) AS country, {literal(on(8))} AS ended_dt, 'bounce: userunknown' AS reason"
    )
    publish_ended_identifiers(company.engine, SETTINGS.ended_identifiers, {}, on(20), [bounce])
    publish_golden_record(company.engine, SETTINGS, on(20))
    father, son = company.customer(SHOP), company.customer(CRM)
    assert (father["email"], father["is_email_ended"]) == ("bells@x.example", True)
    assert (son["email"], son["is_email_ended"]) == ("son@x.example", False)


def test_the_only_number_is_kept_when_it_has_ended_and_marked_so(company: Company) -> None:
    company.state("crm.customers", shop(on(2), "C1", phone="+442079460002", country="GB"))
    call = {"call_id": "1", "customer_id": "C1", "phone": "+442079460002", "outcome": "wrong_number", "event_dt": on(8)}
    company.state("crm.call_outcomes", call)
    company.run_golden(on(20))
    assert (company.customer(CRM)["phone"], company.customer(CRM)["is_phone_ended"]) == ("+442079460002", True)
    assert company.rows("dim_customer_history")["is_phone_ended"].to_list() == [False, True]


def test_the_history_tells_how_a_customer_stood_on_any_day(company: Company) -> None:
    company.state("shop.customers", shop(on(2), last_name="Bell", city="Leeds"))
    company.state("shop.customers", shop(on(9), last_name="Wood", city="Leeds"), delivered=on(9))
    company.state("shop.customers", shop(on(12), last_name="Wood", city="Leeds"), delivered=on(12))
    company.run_golden(on(20))
    history = company.rows("dim_customer_history", "valid_from_dt")
    assert history.select("last_name", "valid_from_dt", "valid_until_dt").rows() == [
        ("Bell", on(2), on(9)),
        ("Wood", on(9), None),
    ]


def test_a_split_puts_both_histories_right(company: Company) -> None:
    company.state("shop.customers", shop(on(2), last_name="Bell", email="father@x.example"))
    company.state("till.customers", shop(on(6), "T1", last_name="Bell", email="son@x.example"))
    one_customer(company, SHOP, TILL)
    company.run_golden(on(20))
    assert company.rows("dim_customer_history").height == 2
    company.groups = [[SHOP], [TILL]]
    company.run_golden(on(21))
    history = company.rows("dim_customer_history", "customer_key").select("customer_key", "email", "valid_from_dt")
    assert history.rows() == [
        (company.key_of(SHOP), "father@x.example", on(2)),
        (company.key_of(TILL), "son@x.example", on(6)),
    ]


statements = st.lists(
    st.tuples(
        st.sampled_from(["S1", "S2", "S3"]),
        st.integers(min_value=0, max_value=400),
        st.sampled_from(["ann@x.example", "bob@x.example", None]),
        st.sampled_from(["Leeds", "York", None]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def stated(company: Company, rows: Sequence[tuple[str, int, str | None, str | None, bool]]) -> None:
    """One delivery with these versions of accounts, in this order."""
    versions = []
    for customer_id, hours, email, city, is_deleted in rows:
        moment = on(1) + timedelta(hours=hours)
        versions.append(shop(moment, customer_id, created_dt=moment, email=email, city=city, is_deleted=is_deleted))
    company.state("shop.customers", *versions)


@settings(max_examples=6)
@given(statements)
def test_versions_of_a_history_never_overlap_and_the_last_one_is_the_golden_record(
    rows: list[tuple[str, int, str | None, str | None, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        company = Company(engine_on(Path(folder)), groups=[["shop.customers:S1", "shop.customers:S2"]])
        stated(company, rows)
        company.run_golden(on(30))
        history = company.rows("dim_customer_history", "customer_key, valid_from_dt")
        following = history.with_columns(next_dt=pl.col("valid_from_dt").shift(-1).over("customer_key"))
        assert following.filter(pl.col("valid_until_dt").ne_missing(pl.col("next_dt"))).is_empty()
        assert history.filter(pl.col("valid_until_dt") <= pl.col("valid_from_dt")).is_empty()
        current = history.filter(pl.col("valid_until_dt").is_null()).drop("valid_from_dt", "valid_until_dt")
        assert_frame_equal(current, company.rows("golden_record", "customer_key").select(current.columns))


@settings(max_examples=4)
@given(statements, st.integers(min_value=0, max_value=400))
def test_nothing_that_is_stated_after_as_of_has_any_influence(
    rows: list[tuple[str, int, str | None, str | None, bool]], hours: int
) -> None:
    """Change every event after `as_of`, and nothing before it changes."""
    as_of = on(1) + timedelta(hours=hours)
    until_then = [row for row in rows if row[1] <= hours]
    tables = ("golden_record", "customer_provenance", "dim_customer_history")
    found = []
    for said in (rows, until_then):
        with tempfile.TemporaryDirectory() as folder:
            company = Company(engine_on(Path(folder)), groups=[["shop.customers:S1", "shop.customers:S2"]])
            stated(company, said)
            company.run_golden(as_of)
            found.append([company.rows(table) for table in tables])
    for with_later, without in zip(*found, strict=True):
        assert_frame_equal(with_later, without)
