"""The web site: JSON Lines of nested objects; people call themselves what they like and leave out what they may.

The site's registrations, updates and form events belong here; its page views stand in `web_logs`.
"""

from __future__ import annotations

import polars as pl

from crm_platform.demo.bad_rows import DUPLICATED, Fault
from crm_platform.demo.dice import SECONDS_A_DAY, chance, choose, dice, span_of
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.life_events import ADDRESS
from crm_platform.demo.mistakes import in_small_letters, left_out, mistype, swap_names, use_nicknames
from crm_platform.demo.permissions import home_addresses
from crm_platform.demo.records import versions
from crm_platform.demo.settings import Chunk
from crm_platform.demo.writers import TextForm

FORM = TextForm(kind="json_lines")
REGISTRATION_FAULTS = (
    Fault("missing_key", "id"),
    Fault("date_in_future", "registered_at", "2093-01-01T00:00:00+00:00"),
    DUPLICATED,
)


def user_id(number: str = "record") -> pl.Expr:
    """The site's number of a registered user."""
    return pl.format("U{}", pl.col(number).cast(pl.String).str.zfill(8))


def visitor_id(person: str = "person") -> pl.Expr:
    """The visitor's cookie: the same on every visit of a person, and telling nothing of who it is."""
    mixed = (pl.col(person).cast(pl.UInt64) * 2_654_435_761 + 97_531) % 4_294_967_296
    return pl.format("v{}", mixed.cast(pl.String).str.zfill(10))


def iso_time(column: str) -> pl.Expr:
    """A moment with its offset, as the site writes it."""
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def write_registrations(landing: Landing, records: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write the registrations, and whose they are to the truth."""
    rng = dice(seed, chunk.index, "web registrations")
    rows = use_nicknames(versions(records, landing.period))
    landing.truth.add_records("web", "registrations", rows.with_columns(record=user_id("number")), "record")
    rows = mistype(rng, swap_names(rng, rows, 0.02), ["first_name", "last_name", "address_line", "city"], 0.02)
    rows = in_small_letters(rng, rows, ["first_name", "last_name", "city", "address_line"], 0.18)
    rows = left_out(
        rng,
        rows,
        {
            "birth_date": 0.45,
            "mobile_phone": 0.3,
            "address_line": 0.25,
            "phone": 0.8,
            "sex": 0.3,
            "middle_name": 0.7,
            "interests": 0.3,
        },
    )
    count = rows.height
    drawn = rows.with_columns(
        ip=home_addresses(rng, count),
        has_consent=pl.Series(chance(rng, count, 0.62)),
        source=choose(rng, ["web_form", "checkout", "friend"], count),
    )
    landing.deliver(
        "web/registrations",
        _registrations(drawn),
        FORM,
        REGISTRATION_FAULTS,
        dice(seed, chunk.index, "web bad registrations"),
    )
    write_updates(landing, records, chunk, seed)


def _registrations(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        DELIVERED,
        id=user_id("number"),
        account=pl.struct(login=pl.col("email").str.to_lowercase(), visitor=visitor_id()),
        person=pl.struct(
            given_name="first_name",
            middle_name="middle_name",
            family_name="last_name",
            gender="sex",
            born=pl.col("birth_date").dt.strftime("%Y-%m-%d"),
            interests="interests",
            language="language",
        ),
        contact=pl.struct(email="email", phone="phone", mobile="mobile_phone", preferred="preferred_channel"),
        address=pl.struct(
            street="address_line",
            extra="address_line_2",
            city="city",
            region="region",
            postcode="postcode",
            country="country",
        ),
        consent=pl.struct(marketing="has_consent", wording=pl.lit("2025-1")),
        brand="brand",
        locale="locale",
        form=pl.lit("account"),
        source="source",
        ip="ip",
        registered_at=iso_time("created_dt"),
        updated_at=iso_time("updated_dt"),
    )


def write_updates(landing: Landing, records: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write what people corrected themselves.

    The preference centre, an agent or a survey tells what changed, and nothing else.
    """
    rng = dice(seed, chunk.index, "web updates")
    rows = records.filter(pl.col("updated_dt").is_not_null())
    changed = {
        event: (pl.col(f"{event}_date").cast(pl.Datetime("us", "UTC")) <= pl.col("updated_dt")).fill_null(False)
        for event in ("married", "moved", "email_changed")
    }
    lag = rng.exponential(0.4, rows.height) * SECONDS_A_DAY
    drawn = rows.with_columns(
        by=choose(rng, ["preference_centre", "agent", "survey"], rows.height, [0.7, 0.2, 0.1]),
        received_dt=pl.col("updated_dt") + span_of(lag),
    )
    written = drawn.with_columns(told_on("received_dt", landing.period)).select(
        DELIVERED,
        update=pl.format("UP{}", "number"),
        customer=user_id("number"),
        by="by",
        changes=pl.struct(
            family_name=pl.when(changed["married"]).then("married_last_name"),
            email=pl.when(changed["email_changed"]).then("changed_email"),
            address=pl.struct(pl.when(changed["moved"]).then(f"moved_{column}").alias(column) for column in ADDRESS),
            interests="interests",
            preferred="preferred_channel",
        ),
        at=iso_time("updated_dt"),
        received=iso_time("received_dt"),
    )
    landing.deliver("web/customer_updates", written, FORM)


def write_form_events(landing: Landing, events: pl.DataFrame) -> None:
    """Write the permission events of the site's forms."""
    told = events.with_columns(told_on("received_dt", landing.period))
    landing.deliver(
        "web/permission_events",
        told.select(
            DELIVERED,
            event_id=pl.format("W{}", "event_id"),
            event_type="event_type",
            customer=user_id(),
            email="email",
            permission=pl.struct(
                id="permission_id",
                kind="permission_kind",
                communication="communication",
                type="communication_type",
                channel="channel",
                period="subscription_period",
                valid_until=pl.col("valid_until_date").dt.strftime("%Y-%m-%d"),
                count="number_of_subscriptions",
            ),
            brand="brand",
            locale="locale",
            language="language",
            source="promotion_source",
            proof=pl.struct(wording="wording_version", form="form", method="request_method", ip="ip_address"),
            at=iso_time("event_dt"),
            received=iso_time("received_dt"),
        ),
        FORM,
    )
