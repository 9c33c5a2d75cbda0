"""By what customers were reached: told of the records that bear their numbers, and compared with what others state."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crm_platform.scv.identity.contacts import CONTACT_SCHEMA, stated_contacts
from crm_platform.scv.identity.links import model_links
from crm_platform.scv.records.build import publish_records
from tests.unit.scv.company import Company, engine_on, on
from tests.unit.scv.test_links import people


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """Anna, whom the call centre knows by one address, one number at home and one mobile number."""
    company = Company(engine_on(tmp_path / "lake"))
    company.state(
        "crm.customers",
        {
            "customer_id": "C1", "first_name": "Anna", "last_name": "Holm", "email": "anna@x.example",
            "phone": "+44 20 7946 0001", "mobile_phone": "+447700900001", "country": "GB", "created_dt": on(1),
        },
    )  # fmt: skip
    return company


def told(company: Company, as_of: datetime) -> list[tuple[str, str, str]]:
    publish_records(company.engine, company.feeds, as_of)
    return stated_contacts(company.engine, company.feeds, as_of).select("customer_ref", "kind", "value").rows()


def case(number: int, **said: object) -> dict[str, object]:
    return {"case_id": f"K{number}", "customer_id": "C1", "opened_dt": on(2 + number), **said}


def test_what_no_record_of_the_customer_states_is_told_once_whoever_was_reached_by_it(company: Company) -> None:
    company.state(
        "crm.support_cases",
        case(1, email="Anna@X.example", phone="07700 900001"),
        case(2, email="anna.new@y.example"),
        case(3, email="ANNA.NEW@y.example", phone="+441134960009"),
    )
    company.state(
        "crm.permission_events",
        {"event_id": "E1", "event_type": "opt_in", "customer_id": "C1", "email": "anna@z.example", "event_dt": on(9)},
    )
    assert told(company, on(20)) == [
        ("crm:C1", "email", "ANNA.NEW@y.example"),
        ("crm:C1", "email", "anna@z.example"),
        ("crm:C1", "phone", "+441134960009"),
    ]


def test_a_contact_of_after_the_run_is_not_known(company: Company) -> None:
    company.state("crm.support_cases", case(5, email="anna.new@y.example"))
    assert told(company, on(6)) == []
    assert told(company, on(7)) == [("crm:C1", "email", "anna.new@y.example")]


def test_who_writes_from_the_new_mailbox_is_found_by_it() -> None:
    """Nothing else ties them: another town, another mailbox, a common name."""
    statements = pl.concat(
        [
            people(400).with_columns(customer_ref=pl.format("shop:{}", "record_id")),
            people(1).select(pl.exclude("record_id", "source", "email")).with_columns(
                record_id=pl.lit("till.customers:new"), source=pl.lit("till"), email=pl.lit("elsewhere77@z.example")
            ),
        ],
        how="diagonal_relaxed",
    )  # fmt: skip
    row = ("shop:shop.customers:0000", "email", "elsewhere77@z.example", on(3))
    contacts = pl.DataFrame([row], schema=CONTACT_SCHEMA, orient="row")

    def cluster_of(found: pl.DataFrame, record_id: str) -> str:
        return str(found.filter(record_id=record_id)["cluster_id"].item())

    without, found = model_links(statements).clusters, model_links(statements, contacts=contacts).clusters
    pair = ("shop.customers:0000", "till.customers:new")
    assert len({cluster_of(without, record) for record in pair}) == 2
    assert len({cluster_of(found, record) for record in pair}) == 1
    others = ~pl.col("record_id").is_in(pair)
    assert_frame_equal(found.filter(others), without.filter(others))


def test_a_contact_that_comes_later_gives_what_it_gives_from_the_start(tmp_path: Path) -> None:
    statements = people(300).with_columns(customer_ref=pl.format("{}:{}", "source", "record_id"))
    rows = [(f"shop:shop.customers:{n:04d}", "email", f"other{n % 7}@z.example", on(4)) for n in range(0, 60, 3)]
    contacts = pl.DataFrame(rows, schema=CONTACT_SCHEMA, orient="row")
    first = model_links(statements, tmp_path / "later", contacts.clear())
    later = model_links(statements, tmp_path / "later", contacts)
    assert first.number_matched == statements.height
    assert later.number_matched == len(rows)
    assert_frame_equal(later.clusters, model_links(statements, tmp_path / "start", contacts).clusters)
