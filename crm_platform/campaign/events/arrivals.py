"""Rows of the staging tables as events: those of mail providers and of the logs of pixel and redirect.

Here: the step from a feed's rows to the columns of ARRIVED. Not here: other channels (`contact_event.sql`), and which
rows are new (`build.py`).
"""

from dataclasses import dataclass

import polars as pl

from crm_platform.campaign.access_logs.hits import FORGED_IDENTIFIER, tracked_hits
from crm_platform.campaign.actors.classify import networks_from
from crm_platform.campaign.events.contracts import EVENT
from crm_platform.campaign.events.settings import EventSettings
from crm_platform.campaign.providers.normalise import normalise
from crm_platform.campaign.tracking.signatures import Keyring, Purpose, hash_addresses, read_tokens
from crm_platform.sources.readers.json_texts import PLACE
from crm_platform.warehouse.digest import digests

LINEAGE = ("file_id", "file_part", "file_line", "loaded_dt")
FOUND_LATER = ("cell_id", "sent_dt", "actor_class", "actor_rule", "actor_evidence")
"""The columns of `campaign.event` that depend on more than the event itself."""
ARRIVED = {name: dtype for name, dtype in EVENT.polars_schema.items() if name not in FOUND_LATER}
REJECTED = {
    "provider": pl.String(),
    "provider_type": pl.String(),
    "reason": pl.String(),
    "event_dt": ARRIVED["event_dt"],
}
WEB_LOG = "web_log"
_IDENTIFIERS: tuple[Purpose, Purpose] = ("campaign", "member")
_TOKEN = r"^[a-z0-9]{1,16}\.[0-9a-f]+\.[0-9a-f]{24}$"


@dataclass(frozen=True)
class Arrived:
    """Events in the columns of ARRIVED; rejected: file_id, file_line and the columns of REJECTED."""

    events: pl.DataFrame
    rejected: pl.DataFrame


def provider_arrivals(rows: pl.DataFrame, source: str, keyring: Keyring, settings: EventSettings) -> Arrived:
    """Rows of a staging table of the feed provider_events.

    An event with an identifier that we did not sign stands, since the provider tells it, but names nobody by it: it is
    in both results.
    """
    told = normalise(rows)
    told = told.with_columns(
        rows.select("event_dt", "file_dt", *LINEAGE, "received_dt").select(pl.all().gather(told[PLACE]))
    )
    counts = told.filter(pl.col("rejected_reason").is_null())
    campaigns, members = (_unsigned(counts[name], name, keyring) for name in _IDENTIFIERS)
    events = counts.with_columns(
        channel=pl.lit("email"),
        source=pl.lit(source),
        campaign_id=campaigns,
        member_id=members,
        link_id="link",
        method=pl.lit(None, pl.String),
        customer_ref=pl.lit(None, pl.String),
        network=networks_from(counts["ip_address"], settings.actors),
        ip_hash=hash_addresses(counts["ip_address"], keyring),
        received_dt=pl.coalesce("received_dt", "file_dt"),
    )
    is_forged = (counts["campaign"].is_not_null() & campaigns.is_null()) | (
        counts["member"].is_not_null() & members.is_null()
    )
    rejected = told.filter(pl.col("rejected_reason").is_not_null()).with_columns(reason="rejected_reason")
    forged = counts.filter(is_forged).with_columns(reason=pl.lit(FORGED_IDENTIFIER))
    return _arrived(events, pl.concat([rejected, forged.select(rejected.columns)]))


def log_arrivals(rows: pl.DataFrame, source: str, keyring: Keyring, settings: EventSettings) -> Arrived:
    """Rows of a staging table of the feed web_hits; requests for other pages than pixel and redirect are no events."""
    hits = tracked_hits(rows, keyring, settings.tracking)
    told = hits.with_columns(provider=pl.lit(WEB_LOG), provider_type=pl.col("method"))
    counts = told.filter(pl.col("rejected_reason").is_null())
    named = pl.concat_str(pl.lit(f"{WEB_LOG}\x1f{source}"), pl.coalesce("request_id", "content_hash"), separator="\x1f")
    events = counts.with_columns(
        event_id=digests(counts.select(named).to_series()),
        channel=pl.lit("email"),
        source=pl.lit(source),
        address_invalid=pl.lit(False),
        is_proxy=pl.lit(False),
        network=networks_from(counts["address"], settings.actors),
        ip_hash=hash_addresses(counts["address"], keyring),
        received_dt="file_dt",
    ).drop("url", "status")  # the one holds the identifiers, the other is the server's, not RFC 3463's
    rejected = told.filter(pl.col("rejected_reason").is_not_null()).with_columns(reason="rejected_reason")
    return _arrived(events, rejected)


def _unsigned(values: pl.Series, purpose: Purpose, keyring: Keyring) -> pl.Series:
    """What a token stands for; a value that is no token is what the sender gave the provider, and stays."""
    is_token = values.str.contains(_TOKEN).fill_null(False)
    if not is_token.any():
        return values
    read = read_tokens(values, purpose, keyring)
    return pl.select(pl.when(is_token).then(read).otherwise(values)).to_series()


def _arrived(events: pl.DataFrame, rejected: pl.DataFrame) -> Arrived:
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in ARRIVED.items() if name not in events.columns]
    return Arrived(
        events.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in ARRIVED.items()),
        rejected.select("file_id", "file_line", *(pl.col(name).cast(dtype) for name, dtype in REJECTED.items())),
    )
