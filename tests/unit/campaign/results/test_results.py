"""Results, lift and deliverability from facts: the worked example, and that every slice adds up."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from crm_platform.campaign.dimensions.build import publish_campaign_dimensions
from crm_platform.campaign.events.contracts import EVENT, EVENT_FILE
from crm_platform.campaign.facts.build import publish_delivery_facts
from crm_platform.campaign.facts.checks import reconciliation
from crm_platform.campaign.results.build import publish_results
from crm_platform.campaign.results.contracts import CAMPAIGN_RESULTS, DELIVERABILITY
from crm_platform.sources.ledger import FILE_LEDGER
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from crm_platform.warehouse.contract import Contract
from tests.unit.campaign.events.site import SENT
from tests.unit.campaign.facts.world import AS_OF, PLAN, FactSite

SELECTED, INVALID, DELIVERED = 100_000, 1_000, 96_000
LOADED = datetime(2026, 6, 1, tzinfo=UTC)
DOMAINS = ("gmail.com", "libero.it", "nobody-knows.example")
RATES = ExchangeRates(currency="EUR")


def _lay(site: FactSite, contract: Contract, rows: pl.DataFrame, key: str | None = None) -> None:
    """Lay rows into a table as they are, what is not said null."""
    path = site.engine.lake.data_file(contract, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.concat([contract.empty(), rows], how="diagonal_relaxed").select(
        pl.col(name).cast(dtype) for name, dtype in contract.polars_schema.items()
    ).write_parquet(path)
    site.engine.refresh_view(contract)


def _send_to_many(site: FactSite) -> None:
    """A campaign of the worked example: members as the staging table holds them, and what a provider told."""
    site.land("campaigns.csv", PLAN)
    site.refresh()
    [feed] = [feed for feed in site.feeds if feed.contract_name == "campaign_members"]
    number = pl.int_range(SELECTED, eager=True).alias("number")
    members = number.to_frame().select(
        campaign_id=pl.lit("C1"),
        cell_id=pl.lit("A"),
        member_id=pl.format("M{}", "number"),
        email=pl.format("m{}@{}", "number", pl.Series(DOMAINS).gather(number % len(DOMAINS))),
        selected_dt=pl.lit(SENT - timedelta(days=1)),
        sent_dt=pl.when(pl.col("number") >= INVALID).then(pl.lit(SENT)),
        not_sent_reason=pl.when(pl.col("number") < INVALID).then(pl.lit("invalid_address")),
        file_id=pl.lit("f1"),
        file_part=pl.lit(""),
        file_line=pl.col("number") + 1,
        content_hash=pl.format("h{}", "number"),
        file_dt=pl.lit(LOADED),
        loaded_dt=pl.lit(LOADED),
    )
    _lay(site, feed.contract, members, "2026-04")
    told = number.to_frame().filter(pl.col("number") >= INVALID)
    events = told.select(
        event_id=pl.format("e{}", "number"),
        event_type=pl.when(pl.col("number") < INVALID + DELIVERED)
        .then(pl.lit("delivered"))
        .otherwise(pl.lit("bounced")),
        bounce_kind=pl.when(pl.col("number") >= INVALID + DELIVERED).then(pl.lit("hard")),
        channel=pl.lit("email"),
        campaign_id=pl.lit("C1"),
        cell_id=pl.lit("A"),
        member_id=pl.format("M{}", "number"),
        sent_dt=pl.lit(SENT),
        event_dt=pl.lit(SENT + timedelta(minutes=1)),
        loaded_dt=pl.lit(LOADED),
        file_id=pl.lit("f2"),
    )
    _lay(site, EVENT, events, SENT.date().isoformat())
    files = pl.DataFrame({"feed_name": [feed.name, "mail.provider_events"], "file_id": ["f1", "f2"]})
    ledger = files.with_columns(status=pl.lit("loaded"), loaded_dt=LOADED, file_number=pl.Series([901, 902]))
    for partition in ledger.partition_by("feed_name"):
        name = partition["feed_name"][0]
        _lay(site, FILE_LEDGER, partition, name)
        _lay(site, EVENT_FILE, partition.with_columns(number_of_rows=1), name)


def test_the_worked_example_adds_up_as_a_whole_and_in_every_slice(tmp_path: Path) -> None:
    site = FactSite(tmp_path / "home")
    _send_to_many(site)
    publish_campaign_dimensions(site.engine, site.feeds)
    publish_delivery_facts(site.engine, site.feeds, site.settings.delivery, AS_OF)
    slices, broken = reconciliation(site.engine, site.feeds)
    assert slices == 2 and broken.is_empty()
    publish_results(site.engine, site.feeds, site.settings, RATES, AS_OF)
    [results] = site.table(CAMPAIGN_RESULTS).iter_rows(named=True)
    counts = ("selected", "not_sent", "sent", "delivered", "failed", "pending")
    assert [results[f"number_{name}"] for name in counts] == [100_000, 1_000, 99_000, 96_000, 3_000, 0]
    assert round(results["delivery_pct"], 4) == 96.9697 and round(results["bounce_pct"], 4) == 3.0303
    domains = site.table(DELIVERABILITY)
    assert (domains["number_selected"] == domains["number_not_sent"] + domains["number_sent"]).all()
    assert (
        domains["number_sent"] == domains["number_delivered"] + domains["number_failed"] + domains["number_pending"]
    ).all()
    assert domains["number_selected"].sum() == SELECTED
    assert set(domains["mailbox_provider"]) == {"Google", "Libero", "other"}
