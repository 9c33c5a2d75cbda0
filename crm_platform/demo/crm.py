"""The call centre's customer and subscription system.

One field for the whole name, agents who abbreviate, companies beside people.

The system's customers and permission events belong here; its campaigns stand in `campaign_files`, its cases and surveys
in `service`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.bad_rows import DUPLICATED, TORN, Fault
from crm_platform.demo.dice import chance, choose, dice
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.mistakes import left_out, misspell_titles, mistype, some
from crm_platform.demo.permissions import permission_events
from crm_platform.demo.records import versions
from crm_platform.demo.settings import Chunk
from crm_platform.demo.truth import organisation_id
from crm_platform.demo.web import write_form_events
from crm_platform.demo.writers import TextForm

FORM = TextForm()
PACKED = TextForm(is_gzip=True)
CUSTOMER_FAULTS = (
    Fault("email", "Email", "@@"),
    Fault("date_in_future", "BirthDate", "2088-08-08"),
    Fault("date_before_1900", "BirthDate", "1799-12-31"),
    Fault("impossible_title", "Salutation", "Qwerty"),
    Fault("missing_key", "CustomerRef"),
    DUPLICATED,
    TORN,
)
EVENT_FAULTS = (Fault("missing_key", "EventRef", rate=0.0005), DUPLICATED)
ABBREVIATIONS = {
    "Street": "St.",
    "Road": "Rd",
    "Avenue": "Ave",
    "straat": "str.",
    "gatan": "g.",
    "Piazza": "P.zza",
    "Viale": "V.le",
    "veien": "vn.",
}


def customer_ref(number: str = "record") -> pl.Expr:
    """The call centre's number of a person."""
    return pl.format("C{}", pl.col(number).cast(pl.String).str.zfill(8))


def company_ref(organisation: str) -> pl.Expr:
    """The call centre's number of a company, null where there is none."""
    return pl.when(pl.col(organisation).is_not_null()).then(
        pl.format("B{}", pl.col(organisation).cast(pl.String).str.zfill(8))
    )


def moment(column: str) -> pl.Expr:
    """A moment as the system writes it, in UTC."""
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_customers(landing: Landing, records: pl.DataFrame, companies: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write people and companies, and whose the records are to the truth."""
    rng = dice(seed, chunk.index, "crm customers")
    rows = versions(_with_relations(rng, records), landing.period)
    landing.truth.add_records("crm", "customers", rows.with_columns(record=customer_ref("number")), "record")
    everybody = pl.concat([_people(rng, rows), _companies(companies, landing)], how="diagonal").sort(
        DELIVERED, maintain_order=True
    )
    landing.deliver("crm/customers", everybody, FORM, CUSTOMER_FAULTS, dice(seed, chunk.index, "crm bad customers"))


def _with_relations(rng: np.random.Generator, records: pl.DataFrame) -> pl.DataFrame:
    """Half of those who live with a customer have told so."""
    first = pl.col("number").first().over("household")
    is_told = (
        some(rng, records, 0.5) & (first != pl.col("number")) & ~pl.col("household_kind").is_in(["single", "flatmates"])
    )
    return records.with_columns(relation=pl.when(is_told).then(first))


def _people(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    rows = mistype(rng, misspell_titles(rng, rows, 0.01), ["first_name", "last_name"], 0.02)
    rows = left_out(
        rng,
        rows,
        {
            "birth_date": 0.3,
            "national_id": 0.8,
            "middle_name": 0.5,
            "email": 0.06,
            "address_line_2": 0.2,
            "job_title": 0.3,
        },
    )
    middle = pl.when(pl.col("middle_name").is_not_null()).then(" " + pl.col("middle_name")).otherwise(pl.lit(""))
    family_first = some(rng, rows, 0.25)
    name = (
        pl.when(family_first)
        .then(pl.format("{}, {}{}", "last_name", "first_name", middle))
        .otherwise(pl.format("{}{} {}", "first_name", middle, "last_name"))
    )
    street = (
        pl.when(some(rng, rows, 0.4))
        .then(pl.col("address_line").str.replace_many(ABBREVIATIONS))
        .otherwise("address_line")
    )
    return rows.select(
        DELIVERED,
        CustomerRef=customer_ref("number"),
        Type=pl.lit("P"),
        Salutation="title",
        Name=name,
        BirthDate=pl.col("birth_date").dt.strftime("%Y-%m-%d"),
        Sex="sex",
        Company="company_name",
        JobTitle="job_title",
        Function="job_function",
        Email="email",
        Phone=_spaced("phone"),
        Mobile=_spaced("mobile_phone"),
        Street=street,
        Street2="address_line_2",
        City="city",
        Region="region",
        Zip="postcode",
        Country="country",
        Language="language",
        Prefers="preferred_channel",
        NationalId="national_id",
        Interests="interests",
        ParentRef=company_ref("organisation"),
        RelationRef=pl.when(pl.col("relation").is_not_null()).then(customer_ref("relation")),
        Brand="brand",
        Locale="locale",
        Source=choose(rng, ["call", "web", "fair", "referral"], rows.height),
        CreatedAt=moment("created_dt"),
        ChangedAt=moment("updated_dt"),
    )


def _spaced(column: str) -> pl.Expr:
    number = pl.col(column)
    return number.str.slice(0, 3) + " " + number.str.slice(3, 4) + " " + number.str.slice(7)


def _companies(companies: pl.DataFrame, landing: Landing) -> pl.DataFrame:
    landing.truth.add(
        "organisations",
        companies.select(
            organisation_id=organisation_id("organisation"),
            parent_organisation_id=organisation_id("parent_organisation"),
            company_name="company_name",
            country="country",
            tax_id="tax_id",
            industry_code="industry_code",
            source=pl.lit("crm"),
            record_id=company_ref("organisation"),
        ),
    )
    joined = pl.col("joined_date").cast(pl.Datetime("us", "UTC"))
    return companies.with_columns(told_on("joined_date", landing.period), joined_dt=joined).select(
        DELIVERED,
        CustomerRef=company_ref("organisation"),
        Type=pl.lit("C"),
        Company="company_name",
        Email="email",
        Phone=_spaced("phone"),
        Street="address_line",
        Street2="address_line_2",
        City="city",
        Region="region",
        Zip="postcode",
        Country="country",
        TaxId="tax_id",
        ParentRef=company_ref("parent_organisation"),
        Brand=pl.lit("ivory"),
        Locale="locale",
        CreatedAt=moment("joined_dt"),
    )


def write_permission_events(landing: Landing, permissions: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write the events of the consents: those of the forms as the site tells them, the rest as the call centre does."""
    events = permission_events(permissions, landing.period)
    write_form_events(landing, events.filter(pl.col("system") == "web"))
    agents = dice(seed, chunk.index, "crm permission events")
    mine = events.filter(pl.col("system") == "crm").with_columns(told_on("received_dt", landing.period))
    no_email = pl.Series(chance(agents, mine.height, 0.1))
    written = mine.select(
        DELIVERED,
        EventRef=pl.format("E{}", "event_id"),
        Event=pl.col("event_type").str.to_uppercase(),
        CustomerRef=customer_ref(),
        Email=pl.when(~no_email).then("email"),
        Phone="mobile_phone",
        Kind="permission_kind",
        Communication="communication",
        CommType="communication_type",
        Channel="channel",
        Brand="brand",
        Locale="locale",
        Language="language",
        PromoSource="promotion_source",
        Period="subscription_period",
        PermissionRef="permission_id",
        Price="price",
        Currency="currency",
        Subscriptions="number_of_subscriptions",
        Wording="wording_version",
        Form="form",
        Method="request_method",
        ValidUntil="valid_until_date",
        OccurredAt=moment("event_dt"),
        ReceivedAt=moment("received_dt"),
    )
    landing.deliver("crm/permission_events", written, PACKED, EVENT_FAULTS, dice(seed, chunk.index, "crm bad events"))
