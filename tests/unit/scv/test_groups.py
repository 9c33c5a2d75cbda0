"""Households by address and surname or declaration, organisations with hierarchy and contacts, and keys that last."""

from typing import Any

from tests.unit.scv.company import Company, on

MILL = {"address_line": "1 Mill Street", "city": "Leeds", "postcode": "LS1 1AA", "country": "GB"}


def person(number: str, **columns: Any) -> dict[str, Any]:
    return {"customer_id": number, "customer_type": "person", "created_dt": on(1), "updated_dt": on(2), **columns}


def firm(number: str, name: str, **columns: Any) -> dict[str, Any]:
    return {**person(number), "customer_type": "company", "company_name": name, "country": "GB", **columns}


def household_of(company: Company, number: str) -> int:
    return int(company.customer(f"crm.customers:{number}", "dim_customer")["household_key"])


def organisation(company: Company, name: str) -> dict[str, Any]:
    [row] = company.rows("dim_organisation").filter(organisation_name=name).iter_rows(named=True)
    return row


def test_one_surname_at_one_address_is_a_household_however_it_is_written(company: Company) -> None:
    company.state(
        "crm.customers",
        person("A", first_name="Ann", last_name="Bell", **MILL),
        person("B", first_name="Bob", last_name="BELL", **{**MILL, "address_line": "1 Mill St."}),
        person("C", first_name="Cy", last_name="Wood", **MILL),
        person("D", first_name="Di", last_name="Bell", **{**MILL, "address_line": "2 Mill Street"}),
    )
    company.run(on(20))
    assert household_of(company, "A") == household_of(company, "B")
    assert len({household_of(company, name) for name in "ACD"}) == 3
    [home] = company.rows("dim_household").filter(number_of_customers=2).iter_rows(named=True)
    assert (home["household_name"].lower(), home["postcode"]) == ("bell", "LS1 1AA")


def test_who_is_declared_to_live_together_is_a_household_and_keeps_its_key(company: Company) -> None:
    company.state(
        "crm.customers", person("A", last_name="Bell"), person("B", last_name="Wood", relation_customer_id="A")
    )
    company.run(on(20))
    key = household_of(company, "A")
    assert household_of(company, "B") == key
    company.state("crm.customers", person("C", last_name="Bell", relation_customer_id="B"))
    company.run(on(21))
    assert {household_of(company, name) for name in "ABC"} == {key}


def test_companies_stand_in_a_hierarchy_with_their_contacts(company: Company) -> None:
    company.state(
        "crm.customers",
        firm("H", "Holding plc"),
        firm("D", "Daughter Ltd", parent_customer_id="H"),
        firm("G", "Granddaughter Ltd", parent_customer_id="D"),
        person("A", last_name="Bell", parent_customer_id="G", job_title="Buyer"),
        person("B", last_name="Wood", company_name="DAUGHTER LIMITED", country="GB"),
        person("C", last_name="Reed", company_name="Nobody's Inc"),
    )
    company.run(on(20))
    head, daughter, grand = (
        organisation(company, name) for name in ("Holding plc", "Daughter Ltd", "Granddaughter Ltd")
    )
    assert [row["hierarchy_level"] for row in (head, daughter, grand)] == [1, 2, 3]
    assert {row["top_organisation_key"] for row in (head, daughter, grand)} == {head["organisation_key"]}
    assert grand["parent_organisation_key"] == daughter["organisation_key"]
    assert [row["number_of_contacts"] for row in (head, daughter, grand)] == [0, 1, 1]
    assert organisation(company, "Nobody's Inc")["customer_key"] is None
    contacts = company.rows("organisation_contact").select("organisation_key", "job_title", "named_by").rows()
    assert (grand["organisation_key"], "Buyer", "declared") in contacts
    assert (daughter["organisation_key"], None, "company_name") in contacts


def test_a_circle_of_parents_has_a_head(company: Company) -> None:
    company.state(
        "crm.customers",
        firm("A", "Aaa Ltd", parent_customer_id="B"),
        firm("B", "Bbb Ltd", parent_customer_id="A"),
        firm("C", "Ccc Ltd", parent_customer_id="B"),
    )
    company.run(on(20))
    rows = company.rows("dim_organisation", "organisation_key")
    assert rows.height == 3 and rows["top_organisation_key"].n_unique() == 1
    assert sorted(rows["hierarchy_level"]) == [1, 2, 3]


def test_an_organisation_keeps_its_key_when_the_company_becomes_a_customer(company: Company) -> None:
    company.state(
        "crm.customers", firm("A", "Aaa Ltd"), person("P", last_name="Bell", company_name="Aaa", country="GB")
    )
    company.run(on(20))
    key = organisation(company, "Aaa Ltd")["organisation_key"]
    company.run(on(21))
    assert organisation(company, "Aaa Ltd")["organisation_key"] == key
    assert company.customer("crm.customers:P", "dim_customer")["organisation_key"] == key
