"""Feeds that say who somebody is: customers, registrations, leads, corrections and bought-in data.

Here: the person's columns and the feeds that carry them. Not here: what people agreed to (`permission.py`) and what
they did (the other modules).
"""

import polars as pl

from crm_platform.sources.feeds.codes import COUNTRY, CURRENCY, LANGUAGE
from crm_platform.sources.feeds.fields import (
    FeedModel,
    birth_date,
    code,
    event_time,
    flag,
    identifier,
    number,
    pattern,
    text,
)
from crm_platform.warehouse.contract import Amount, Timestamp


class Person(FeedModel):
    """What a source may know about a person or a company, as it was written there.

    A feed inherits from this and from a class of the columns that stand before it, in this order: pandera lays out
    the columns of the last base first, so that the natural key leads.
    """

    title: str = text("Title or salutation as the source writes it, such as Mrs or Dott.ssa.", rule="title")
    first_name: str = text("First given name.")
    middle_name: str = text("Further given names or initials, separated by spaces.")
    last_name: str = text("Family name, with its particles.")
    full_name: str = text("The whole name in one, where the source does not separate its parts.")
    sex: str = code(
        "Sex as the source states it; empty where it does not.", ("female", "male", "other"), unknown="warning"
    )
    birth_date: pl.Date = birth_date("Date of birth.")
    company_name: str = text("Name of the company: the customer itself or the employer of the person.")
    job_title: str = text("Job title as it stands on a business card.")
    job_function: str = text("Function within the company, such as purchasing.")
    email: str = text("E-mail address.", rule="email")
    phone: str = text("Telephone number, as written; a national number is read in the row's country.", rule="phone")
    mobile_phone: str = text("Mobile telephone number, written as `phone` is.", rule="phone")
    address_line: str = text("Street and house number, or post-office box.")
    address_line_2: str = text("Second line of the address: flat, floor, care of.")
    city: str = text("Town or city.")
    region: str = text("County, province or state.")
    postcode: str = text("Postcode, as written; checked against the shapes of the row's country.", rule="postcode")
    country: str = pattern("Country of the address, ISO 3166-1 alpha-2.", COUNTRY)
    language: str = pattern("Language the person wants to be addressed in, ISO 639-1.", LANGUAGE)
    preferred_channel: str = text("Code of the channel by which the person prefers to be reached.")
    national_id: str = text("Identifier given by a state, such as a personal number or codice fiscale.")
    interests: str = text("Declared interests, separated by commas.")


class _CustomerIdentity(FeedModel):
    customer_id: str = identifier("The source's own key of the customer.")
    customer_type: str = code("Whether the row stands for a person or for a company.", ("person", "company"))


class Customers(Person, _CustomerIdentity):
    """One row is a customer, person or company, as an order, till or call-centre system holds it."""

    tax_id: str = text("Tax or value-added-tax number of a company.")
    parent_customer_id: str = text("`customer_id` of the company that this company or contact belongs to.")
    relation_customer_id: str = text("`customer_id` of somebody declared to live in the same household.")
    brand: str = text("Code of the brand that the customer belongs to.")
    locale: str = text("Code of the locale that the customer belongs to.")
    lead_source: str = text("Where the customer came from, in the source's words.")
    created_dt: Timestamp = event_time("When the source created the customer, UTC.")
    updated_dt: Timestamp = event_time("When the source last changed the customer, UTC.")
    is_deleted: bool = flag("Whether the source has deleted the customer; empty counts as no.")

    class Config(FeedModel.Config):
        name = "feeds.customers"
        metadata = {
            "grain": "one row per customer of the source",
            "natural_key": ["customer_id"],
            "version": "updated_dt",
        }


class _RegistrationIdentity(FeedModel):
    registration_id: str = identifier("The source's own key of the registration.")
    customer_id: str = text("The source's key of the customer, where the registration is tied to one.")
    login: str = text("Name that the person logs in with.")
    visitor_id: str = text("Identifier in the site's cookie when the person registered.")


class Registrations(Person, _RegistrationIdentity):
    """One row is an account that somebody opened on a site."""

    brand: str = text("Code of the brand whose site it was.")
    locale: str = text("Code of the locale whose site it was.")
    form: str = text("Name of the form that was filled in.")
    wording_version: str = text("Version of the wording of consent that the form showed.")
    has_marketing_consent: bool = flag("Whether marketing was agreed to on the form; empty where it did not ask.")
    promotion_source: str = text("Code of the promotion source that led to the form.")
    ip_address: str = text("IP address the form was sent from, version 4 or 6.")
    registered_dt: Timestamp = event_time("When the account was opened, UTC.")
    updated_dt: Timestamp = event_time("When the account was last changed, UTC.")

    class Config(FeedModel.Config):
        name = "feeds.registrations"
        metadata = {
            "grain": "one row per registration of the source",
            "natural_key": ["registration_id"],
            "version": "updated_dt",
        }


class _LeadIdentity(FeedModel):
    lead_id: str = text("The lead's number, where the sheet has one.")


class Leads(Person, _LeadIdentity):
    """One row is a prospect that a sales person noted in a sheet."""

    lead_source: str = text("Where the lead came from, such as a trade fair.")
    promotion_source: str = text("Code of the promotion source that brought the lead.")
    sales_person: str = text("Who follows the lead up.")
    stage: str = text("Stage of the sale, in the sheet's words.")
    industry_code: str = text("Industry code of the prospect's company, as text: leading digits make the branch.")
    sales_year_1_amount: Amount = number("Sales of the prospect in the year before last, in `currency`.", ge=0)
    sales_year_2_amount: Amount = number("Sales of the prospect in the last year, in `currency`.", ge=0)
    currency: str = pattern("Currency of the sales figures, ISO 4217.", CURRENCY)
    noted_date: pl.Date = event_time("Day on which the lead was noted.")

    class Config(FeedModel.Config):
        name = "feeds.leads"
        metadata = {"grain": "one row per different row of the sheets", "natural_key": []}


class _CustomerUpdateIdentity(FeedModel):
    update_id: str = identifier("The source's own key of the update.")
    customer_id: str = text("The source's key of the customer whom the update is about.")
    collected_by: str = code("By what contact the update was collected.", ("preference_centre", "agent", "survey"))


class CustomerUpdates(Person, _CustomerUpdateIdentity):
    """One row is a correction or addition to a customer's record; a person's column that is empty is unchanged."""

    event_dt: Timestamp = event_time("When the customer gave the update, UTC.", nullable=False)
    received_dt: Timestamp = event_time("When the source received the update, UTC.")

    class Config(FeedModel.Config):
        name = "feeds.customer_updates"
        metadata = {
            "grain": "one row per update of a customer",
            "natural_key": ["update_id"],
            "version": "received_dt",
            "partition": ("event_dt", "month"),
        }


class _EnrichmentIdentity(FeedModel):
    provider: str = text("Who sold the data.")
    record_id: str = identifier("The provider's key of the record.")
    customer_id: str = text("Our key of the customer, where the provider gives back what it was sent.")


class Enrichments(Person, _EnrichmentIdentity):
    """One row is what a data provider says about a person or company."""

    credit_score: int = number("Credit score, 0 (worst) to 1000 (best).", ge=0, le=1000)
    life_style: str = text("Life-style group, in the provider's words.")
    income_band: str = text("Band of the household's income, in the provider's words.")
    household_size: int = number("Number of people in the household.", ge=1, le=100)
    home_owner: bool = flag("Whether the household owns its home.")
    industry_code: str = text("Industry code of the company, as text: leading digits make the branch.")
    as_of_date: pl.Date = event_time("Day for which the provider states this.")

    class Config(FeedModel.Config):
        name = "feeds.enrichments"
        metadata = {"grain": "one row per record of the provider", "natural_key": ["record_id"]}
