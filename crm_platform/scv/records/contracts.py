"""The contracts of what sources say of their customers: every statement, and the record as it stands.

Here: what the two tables promise. Not here: how they are made (`build.py`, `source_statement.sql`).
"""

import pandera.polars as pa
import polars as pl

from crm_platform.sources.feeds.codes import COUNTRY, LANGUAGE
from crm_platform.sources.feeds.fields import code, flag, identifier, number, pattern, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

NAME_COLUMNS = ("title", "first_name", "middle_name", "last_name", "full_name")
ADDRESS_COLUMNS = ("address_line", "address_line_2", "city", "region", "postcode", "country")


class _Statement(TableModel):
    record_id: str = identifier(
        "`<source>.<feed>:<the feed's own key>`; of leads, which have no key, the content hash."
    )
    statement_number: int = number("Number of the statement among those of its record, from 1.", ge=1, nullable=False)
    source: str = identifier("The source that says so.")
    feed: str = identifier("The source's feed that it came by.")
    feed_kind: str = identifier("The canonical feed: customers, registrations, leads, enrichments, customer_updates.")
    customer_ref: str = text("`<source>:<customer_id>`: whom the record is about, where the source numbers customers.")
    customer_type: str = code("Whether it is a person or a company.", ("person", "company"), nullable=False)
    title: str = text("Title or salutation.")
    first_name: str = text("First given name; from the full name where the source does not separate them.")
    middle_name: str = text("Further given names or initials.")
    last_name: str = text("Family name, with its particles.")
    full_name: str = text("The whole name.")
    sex: str = code("Sex as stated.", ("female", "male", "other"))
    birth_date: pl.Date = pa.Field(nullable=True, description="Date of birth; a placeholder is emptied.")
    company_name: str = text("The company itself or the person's employer.")
    job_title: str = text("Job title.")
    job_function: str = text("Function within the company.")
    email: str = text("E-mail address; a placeholder is emptied.")
    phone: str = text("Telephone number, E.164 where it fits the country's plan; a placeholder is emptied.")
    mobile_phone: str = text("Mobile telephone number, as `phone`.")
    address_line: str = text("Street and house number.")
    address_line_2: str = text("Second line of the address.")
    city: str = text("Town or city.")
    region: str = text("County, province or state.")
    postcode: str = text("Postcode.")
    country: str = pattern("Country of the address, ISO 3166-1 alpha-2.", COUNTRY)
    language: str = pattern("Language to be addressed in, ISO 639-1.", LANGUAGE)
    preferred_channel: str = text("Channel by which the person prefers to be reached.")
    national_id: str = text("Identifier given by a state.")
    interests: str = text("Declared interests, separated by commas.")
    tax_id: str = text("Tax number of a company.")
    parent_ref: str = text("`customer_ref` of the company that this company or contact belongs to.")
    relation_ref: str = text("`customer_ref` of somebody declared to live in the same household.")
    brand: str = text("Code of the brand.")
    locale: str = text("Code of the locale.")
    lead_source: str = text("Where the customer came from, in the source's words.")
    credit_score: int = number("Credit score as bought, 0 to 1000.", ge=0, le=1000)
    life_style: str = text("Life-style group as bought.")
    income_band: str = text("Band of the household's income as bought.")
    household_size: int = number("People in the household as bought.", ge=1)
    home_owner: bool = flag("Whether the household owns its home, as bought.")
    industry_code: str = text("Industry code.")
    created_dt: Timestamp = pa.Field(nullable=True, description="When the source created the record, UTC.")
    updated_dt: Timestamp = pa.Field(nullable=True, description="When the source last changed the record, UTC.")
    stated_dt: Timestamp = pa.Field(
        description="The best known time of the statement: changed, created, given, else delivered, UTC."
    )
    superseded_dt: Timestamp = pa.Field(
        nullable=True, description="When the record's next statement took its place, UTC; empty: it stands."
    )
    is_deleted: bool = pa.Field(description="Whether the source has deleted the record.")


class SourceStatement(_Statement):
    """Everything a source ever said of a customer: a row per version of a record, as it is shown to people."""

    class Config(TableModel.Config):
        name = "scv.source_statement"
        unique = ["record_id", "statement_number"]
        metadata = {"grain": "one row per version of a source's record", "kind": "record"}


class SourceRecord(_Statement):
    """What each source says of its customers now: the newest statement of each record."""

    class Config(TableModel.Config):
        name = "scv.source_record"
        unique = ["record_id"]
        metadata = {"grain": "one row per record of a source", "kind": "record"}


SOURCE_STATEMENT = contract_of(SourceStatement)
SOURCE_RECORD = contract_of(SourceRecord)
