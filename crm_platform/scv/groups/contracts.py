"""The contracts of what customers belong to: households, and for business customers organisations.

Here: what the tables promise. Not here: how the groups are found (`households.py`, `organisations.py`).
"""

import pandera.polars as pa

from crm_platform.scv.identity.contracts import CAUSES, key
from crm_platform.sources.feeds.codes import COUNTRY
from crm_platform.sources.feeds.fields import code, identifier, number, pattern, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

_CHANGE = {"kind": "record", "partition": ("changed_dt", "day")}


class HouseholdChange(TableModel):
    """Every change of a customer's household: what the households' keys follow from."""

    run_number: int = number("Number of the run among those that made a change.", ge=1, nullable=False)
    customer_key: int = key("The customer.")
    from_household_key: int = key("The household before; empty: the customer is new.", nullable=True)
    to_household_key: int = key("The household since; empty: the customer is gone.", nullable=True)
    cause: str = code("Why: model.", CAUSES, nullable=False)
    changed_dt: Timestamp = pa.Field(description="The run's as-of time, UTC.")

    class Config(TableModel.Config):
        name = "scv.household_change"
        unique = ["run_number", "customer_key"]
        metadata = {"grain": "one row per customer and run that changed its household", **_CHANGE}


class HouseholdMember(TableModel):
    """Which household each person belongs to."""

    customer_key: int = key("The customer, a person.")
    household_key: int = key("The household.")

    class Config(TableModel.Config):
        name = "scv.household_member"
        unique = ["customer_key"]
        metadata = {"grain": "one row per person", "kind": "record"}


class DimHousehold(TableModel):
    """Households: people of one surname at one address, and those whom a source declares to live together."""

    household_key: int = key("The household, for ever the same.")
    household_name: str = text("The surname most of its members bear.")
    address_line: str = text("Street and house number.")
    city: str = text("Town or city.")
    region: str = text("County, province or state.")
    postcode: str = text("Postcode.")
    country: str = pattern("Country, ISO 3166-1 alpha-2.", COUNTRY)
    number_of_customers: int = number("People in it who are customers.", ge=1, nullable=False)
    income_band: str = text("Band of the household's income as bought.")
    first_seen_dt: Timestamp = pa.Field(description="When a source first knew of a member, UTC.")
    last_seen_dt: Timestamp = pa.Field(description="When a source last said anything of a member, UTC.")

    class Config(TableModel.Config):
        name = "scv.dim_household"
        unique = ["household_key"]
        metadata = {"grain": "one row per household", "kind": "dimension"}


class OrganisationChange(TableModel):
    """Every change of what belongs to an organisation: what the organisations' keys follow from."""

    run_number: int = number("Number of the run among those that made a change.", ge=1, nullable=False)
    member_id: str = identifier("A company customer (`customer:<key>`) or a company's name (`name:<hash>`).")
    from_organisation_key: int = key("The organisation before; empty: the member is new.", nullable=True)
    to_organisation_key: int = key("The organisation since; empty: the member is gone.", nullable=True)
    cause: str = code("Why: model.", CAUSES, nullable=False)
    changed_dt: Timestamp = pa.Field(description="The run's as-of time, UTC.")

    class Config(TableModel.Config):
        name = "scv.organisation_change"
        unique = ["run_number", "member_id"]
        metadata = {"grain": "one row per member and run that changed its organisation", **_CHANGE}


class DimOrganisation(TableModel):
    """Companies with their place in the hierarchy: those that are customers, and those that people name as theirs."""

    organisation_key: int = key("The organisation, for ever the same.")
    customer_key: int = key("The company as a customer; empty where only people name it.", nullable=True)
    organisation_name: str = text("Name of the company.")
    tax_id: str = text("Tax number.")
    industry_code: str = text("Industry code.")
    country: str = pattern("Country, ISO 3166-1 alpha-2.", COUNTRY)
    parent_organisation_key: int = key("The company that it belongs to.", nullable=True)
    top_organisation_key: int = key("The head of the whole group; itself where it has none above.")
    hierarchy_level: int = number("1 for a head, 2 for its daughters, and so on.", ge=1, nullable=False)
    number_of_contacts: int = number("Contact persons.", ge=0, nullable=False)
    number_of_subsidiaries: int = number("Companies directly below.", ge=0, nullable=False)

    class Config(TableModel.Config):
        name = "scv.dim_organisation"
        unique = ["organisation_key"]
        metadata = {"grain": "one row per company", "kind": "dimension"}


class OrganisationContact(TableModel):
    """The people whom the company knows at an organisation."""

    organisation_key: int = key("The organisation.")
    customer_key: int = key("The contact person.")
    job_title: str = text("Job title.")
    job_function: str = text("Function within the company.")
    named_by: str = code(
        "declared: a source names the company by its number; company_name: by its name.",
        ("declared", "company_name"),
        nullable=False,
    )

    class Config(TableModel.Config):
        name = "scv.organisation_contact"
        unique = ["organisation_key", "customer_key"]
        metadata = {"grain": "one row per contact person of a company", "kind": "record"}


HOUSEHOLD_CHANGE = contract_of(HouseholdChange)
HOUSEHOLD_MEMBER = contract_of(HouseholdMember)
DIM_HOUSEHOLD = contract_of(DimHousehold)
ORGANISATION_CHANGE = contract_of(OrganisationChange)
DIM_ORGANISATION = contract_of(DimOrganisation)
ORGANISATION_CONTACT = contract_of(OrganisationContact)
