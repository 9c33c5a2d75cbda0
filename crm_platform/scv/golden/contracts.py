"""The contracts of the golden record, its history and where each of its values came from.

Here: what the tables promise. Not here: which value survives (`survivorship.py`) and the roles (`roles/`).
"""

from typing import Any

import pandera.polars as pa
import polars as pl

from crm_platform.scv.identity.contracts import key
from crm_platform.sources.feeds.codes import COUNTRY, LANGUAGE
from crm_platform.sources.feeds.fields import code, flag, identifier, number, pattern, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of


def moment(description: str, nullable: bool = False) -> Any:
    """A UTC timestamp."""
    return pa.Field(nullable=nullable, description=description)


def certain(description: str) -> Any:
    """Yes or no, always known."""
    return pa.Field(description=description)


class Attributes(TableModel):
    """What the company knows of a customer: of each attribute the value that survives by its rule."""

    customer_type: str = code("Whether it is a person or a company.", ("person", "company"), nullable=False)
    title: str = text("Title or salutation.")
    first_name: str = text("First given name.")
    middle_name: str = text("Further given names or initials.")
    last_name: str = text("Family name, with its particles.")
    full_name: str = text("The whole name; of a company its name.")
    sex: str = code("Sex.", ("female", "male", "other"))
    birth_date: pl.Date = pa.Field(nullable=True, description="Date of birth.")
    email: str = text("E-mail address.")
    phone: str = text("Telephone number, E.164.")
    mobile_phone: str = text("Mobile telephone number, E.164.")
    address_line: str = text("Street and house number.")
    address_line_2: str = text("Second line of the address.")
    city: str = text("Town or city.")
    region: str = text("County, province or state.")
    postcode: str = text("Postcode.")
    country: str = pattern("Country, ISO 3166-1 alpha-2.", COUNTRY)
    company_name: str = text("The company itself or the person's employer.")
    job_title: str = text("Job title.")
    job_function: str = text("Function within the company.")
    language: str = pattern("Language to be addressed in, ISO 639-1.", LANGUAGE)
    preferred_channel: str = text("Channel by which the customer prefers to be reached.")
    interests: str = text("Declared interests, separated by commas.")
    national_id: str = text("Identifier given by a state.")
    tax_id: str = text("Tax number of a company.")
    brand: str = text("Code of the brand that the customer belongs to.")
    locale: str = text("Code of the locale that the customer belongs to.")
    lead_source: str = text("Where the customer came from, in the source's words.")
    credit_score: int = number("Credit score as bought, 0 to 1000.", ge=0, le=1000)
    life_style: str = text("Life-style group as bought.")
    income_band: str = text("Band of the household's income as bought.")
    household_size: int = number("People in the household as bought.", ge=1)
    home_owner: bool = flag("Whether the household owns its home, as bought.")
    industry_code: str = text("Industry code.")
    is_email_ended: bool = certain("Whether the e-mail address is known to reach the customer no more.")
    is_phone_ended: bool = certain("Whether the telephone number is known to reach the customer no more.")
    is_mobile_phone_ended: bool = certain("Whether the mobile number is known to reach the customer no more.")
    is_address_ended: bool = certain("Whether post to the address is known to come back.")
    is_deleted: bool = certain("Whether every source has deleted the customer.")


class _Customer(TableModel):
    customer_key: int = key("The customer, for ever the same.")


class _Seen(TableModel):
    number_of_records: int = number("Records of sources that are this customer.", ge=1, nullable=False)
    number_of_sources: int = number("Sources that know the customer.", ge=1, nullable=False)
    first_seen_dt: Timestamp = moment("When a source first knew of the customer, UTC.")
    last_seen_dt: Timestamp = moment("When a source last said anything of the customer, UTC.")


class GoldenRecord(_Seen, Attributes, _Customer):
    """Every customer once, with the values that survive; `dim_customer` adds roles, household and organisation."""

    class Config(TableModel.Config):
        name = "scv.golden_record"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer", "kind": "record"}


class CustomerProvenance(TableModel):
    """Where each attribute of the golden record came from, and when it was said."""

    customer_key: int = key("The customer.")
    attribute: str = identifier("The attribute, or the group of attributes that moves as one, such as address.")
    record_id: str = identifier("The record whose value survives.")
    source: str = identifier("Its source.")
    stated_dt: Timestamp = moment("When the source said so, UTC.")

    class Config(TableModel.Config):
        name = "scv.customer_provenance"
        unique = ["customer_key", "attribute"]
        metadata = {"grain": "one row per customer and attribute that has a value", "kind": "record"}


class _Version(TableModel):
    customer_key: int = key("The customer.")
    valid_from_dt: Timestamp = moment("Since when the customer stood so, UTC.")
    valid_until_dt: Timestamp = moment("Until when (not included), UTC; empty: still.", nullable=True)


class DimCustomerHistory(Attributes, _Version):
    """How every customer stood at any earlier time (type 2), by what the sources had stated until then.

    It is made from the statements and today's keys: when customers turn out to be one or two, it is put right.
    """

    class Config(TableModel.Config):
        name = "scv.dim_customer_history"
        unique = ["customer_key", "valid_from_dt"]
        metadata = {"grain": "one row per customer and span of time without a change", "kind": "dimension"}


class GoldenInput(TableModel):
    """What the golden record of each customer was made of, by digest: who rests on the same is carried over. Written
    last."""

    customer_key: int = key("The customer.")
    digest: str = identifier("Tells whether statements, ends and rules are the same.")

    class Config(TableModel.Config):
        name = "scv.golden_input"
        unique = ["customer_key"]
        metadata = {"grain": "one row per customer", "kind": "record"}


class EndedIdentifier(TableModel):
    """Addresses and numbers that are known to reach their customer no more."""

    kind: str = code("What has ended.", ("email", "phone", "address"), nullable=False)
    customer_ref: str = text("Whom it does not reach, as `<source>:<customer_id>`; empty: anybody.")
    value: str = identifier("The number (E.164), the e-mail address, or of a postal address the postcode.")
    ended_dt: Timestamp = moment("When that was last found out, UTC.")
    reason: str = identifier("How it was found out.")

    class Config(TableModel.Config):
        name = "scv.ended_identifier"
        unique = ["kind", "customer_ref", "value"]
        metadata = {"grain": "one row per customer number and identifier that has ended", "kind": "record"}


ATTRIBUTE_NAMES = tuple(Attributes.to_schema().columns)
GOLDEN_RECORD = contract_of(GoldenRecord)
CUSTOMER_PROVENANCE = contract_of(CustomerProvenance)
DIM_CUSTOMER_HISTORY = contract_of(DimCustomerHistory)
GOLDEN_INPUT = contract_of(GoldenInput)
ENDED_IDENTIFIER = contract_of(EndedIdentifier)
