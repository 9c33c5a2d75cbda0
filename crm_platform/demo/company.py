"""The demo company as a whole: writes every file of every system into the landing zone, chunk by chunk.

The order in which things are made belongs here; each thing is made in the module of its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from crm_platform.demo import (
    back_office,
    campaign_files,
    crm,
    loyalty_club,
    mails,
    sales_sheet,
    service,
    shop,
    till,
    web,
    web_logs,
)
from crm_platform.demo.behaviour import add_behaviour
from crm_platform.demo.campaign_members import make_members
from crm_platform.demo.campaign_orders import clicked_before, give_codes, make_campaign_orders, make_conversions
from crm_platform.demo.campaigns import Campaign, plan_campaigns
from crm_platform.demo.catalogue import Catalogue, make_catalogue, write_stock
from crm_platform.demo.feeds import Landing
from crm_platform.demo.life_events import add_life_events
from crm_platform.demo.log_files import LogSpool, remove_spool
from crm_platform.demo.mail_logs import pixel_lines, redirect_lines
from crm_platform.demo.order_life_cycle import add_life_cycle, make_returns, make_shipments
from crm_platform.demo.order_lines import make_order_lines, make_replenishments, with_totals
from crm_platform.demo.orders import make_orders, with_payers
from crm_platform.demo.organisations import Organisations, make_organisations
from crm_platform.demo.people import make_people
from crm_platform.demo.permissions import make_permissions
from crm_platform.demo.records import make_records
from crm_platform.demo.responses import make_responses, persuade
from crm_platform.demo.settings import COMPANY_FILE, Chunk, CompanySettings, Period, chunks, load_company
from crm_platform.demo.troubles import add_troubles, consents_taken_back
from crm_platform.demo.truth import Truth, add_people

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CompanySummary:
    """What was written: files below the landing zone, rows by feed (`<source>/<feed>`), rows by table of the truth."""

    files: list[str]
    rows: dict[str, int]
    truth: dict[str, int]


@dataclass(frozen=True)
class Company:
    """What every chunk needs."""

    settings: CompanySettings
    period: Period
    catalogue: Catalogue
    landing: Landing
    truth: Truth
    campaigns: list[Campaign]
    pixel: LogSpool
    redirect: LogSpool
    amber_log: LogSpool
    mailbox: mails.Mailbox
    leads: sales_sheet.Leads
    seed: int


@dataclass(frozen=True)
class Population:
    """A chunk: companies and people as they are made, people with their troubles, records by system, consents, orders
    of people's own will with their lines."""

    organisations: Organisations
    people: pl.DataFrame
    records: dict[str, pl.DataFrame]
    permissions: pl.DataFrame
    orders: pl.DataFrame
    lines: pl.DataFrame


def write_company(
    landing: Path,
    customers: int,
    seed: int,
    as_of: date,
    on_progress: Progress | None = None,
    declaration: Path = COMPANY_FILE,
) -> CompanySummary:
    """Write the demo company with about `customers` people, two years of history up to `as_of` inclusive.

    The same arguments give the same bytes. on_progress is told (stage, done, of) in people. Memory is bounded by the
    size of a chunk.
    """
    settings, period = load_company(declaration), Period(as_of)
    truth = Truth(landing)
    zone = Landing(landing, period, truth)
    company = Company(
        settings,
        period,
        make_catalogue(settings, period, seed),
        zone,
        truth,
        plan_campaigns(period),
        LogSpool(zone, "mail/pixel_hits", "mail/pixel/pixel"),
        LogSpool(zone, "mail/redirect_hits", "mail/redirect/redirect"),
        LogSpool(zone, "web/amber_hits", "web/access"),
        mails.Mailbox(zone, customers),
        sales_sheet.Leads(zone, seed),
        seed,
    )
    write_stock(zone, company.catalogue, settings)
    campaign_files.write_plan(zone, company.campaigns)
    for chunk in chunks(customers):
        write_chunk(company, chunk)
        if on_progress is not None:
            on_progress("people", chunk.first + chunk.size, customers)
    for log in (company.pixel, company.redirect, company.amber_log):
        log.close()
    company.mailbox.close()
    company.leads.close()
    remove_spool(zone)
    zone.close()
    zone.deliver_again("shop/customers", period.delivery_days[-2], shop.FORM)
    return CompanySummary(files=sorted(zone.files), rows=dict(sorted(zone.rows.items())), truth=truth.close())


def write_chunk(company: Company, chunk: Chunk) -> None:
    """Make the people of a chunk and write all that the systems know of them."""
    population = make_population(chunk, company.settings, company.catalogue, company.period, company.seed)
    people, records, permissions = population.people, population.records, population.permissions
    add_people(company.truth, people)
    shop.write_customers(company.landing, records["shop"], chunk, company.settings, company.seed)
    till.write_cards(company.landing, records["till"], chunk, company.settings, company.seed)
    web.write_registrations(company.landing, records["web"], chunk, company.seed)
    crm.write_customers(company.landing, records["crm"], population.organisations.companies, chunk, company.seed)
    crm.write_permission_events(company.landing, permissions, chunk, company.seed)
    own, own_lines = population.orders, population.lines
    orders, lines = _run_campaigns(company, chunk, people, records, permissions, own, own_lines)
    sold = _write_selling(company, chunk, people, records, with_totals(orders, lines), lines)
    _write_service(company, chunk, population.organisations, records, sold)


def _write_service(
    company: Company, chunk: Chunk, made: Organisations, records: dict[str, pl.DataFrame], orders: pl.DataFrame
) -> None:
    """Write what happens around the orders: finance, logistics, service, visits, bought-in data."""
    landing, seed = company.landing, company.seed
    back_office.write_finance(landing, orders)
    back_office.write_shipments(landing, make_shipments(orders, chunk, seed), chunk, seed)
    back_office.write_enrichments(landing, made.people, made.companies, records, chunk, seed)
    service.write_cases(landing, records["crm"], orders, chunk, seed)
    service.write_surveys(landing, records["crm"], orders, chunk, seed)
    loyalty_club.write_redemptions(landing, orders, chunk, seed)
    web_logs.write_page_views(landing, records["web"], company.catalogue.products, company.amber_log, chunk, seed)
    company.leads.add(made, chunk)


def make_population(
    chunk: Chunk, settings: CompanySettings, catalogue: Catalogue, period: Period, seed: int
) -> Population:
    """People of a chunk, what the systems know of them, what they agree to, and what they order of their own will."""
    people = add_life_events(make_people(chunk, settings, period, seed), chunk, period, seed)
    people = add_behaviour(people, chunk, period, seed)
    made = make_organisations(people, chunk, settings, period, seed)
    records = make_records(made.people, chunk, period, seed)
    orders, lines = _own_orders(made.people, records, chunk, settings, catalogue, period, seed)
    permissions = make_permissions(records, chunk, settings, period, seed)
    people = add_troubles(made.people, records, permissions, orders, chunk, period, seed)
    return Population(made, people, records, consents_taken_back(permissions, people), orders, lines)


def _own_orders(
    people: pl.DataFrame,
    records: dict[str, pl.DataFrame],
    chunk: Chunk,
    settings: CompanySettings,
    catalogue: Catalogue,
    period: Period,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The orders people make of their own will, and their lines."""
    orders = make_orders(people, records, catalogue.stores, chunk, period, seed)
    lines = make_order_lines(orders, catalogue, chunk, settings, seed, "own will")
    later, later_lines = make_replenishments(people, orders, lines, catalogue, chunk, settings, period, seed)
    return pl.concat([orders, later]), pl.concat([lines, later_lines])


def _run_campaigns(
    company: Company,
    chunk: Chunk,
    people: pl.DataFrame,
    records: dict[str, pl.DataFrame],
    permissions: pl.DataFrame,
    orders: pl.DataFrame,
    lines: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Run the campaigns on the chunk and write what came of them.

    Gives all orders and lines, those that came of a campaign among them.
    """
    period, seed = company.period, company.seed
    members = make_members(company.campaigns, permissions, records["crm"], people, chunk, seed)
    judged = persuade(company.campaigns, members, orders, chunk, period, seed)
    responses = make_responses(judged, chunk, period, seed)
    caused = make_campaign_orders(
        company.campaigns, judged, people, records, company.catalogue.stores, chunk, period, seed, orders.height
    )
    lines = pl.concat([lines, make_order_lines(caused, company.catalogue, chunk, company.settings, seed, "campaigns")])
    orders = pl.concat([orders, caused])
    clicked = clicked_before(orders, responses.human_clicks, members)
    campaign_files.write_members(company.landing, members, chunk, seed)
    mails.write_feedback(company.landing, members, company.mailbox, chunk, seed)
    campaign_files.write_conversions(company.landing, make_conversions(clicked, lines))
    campaign_files.write_response_truth(company.landing, judged, orders)
    company.pixel.add(pixel_lines(responses.opens))
    company.redirect.add(redirect_lines(responses.clicks))
    return give_codes(orders, clicked, company.campaigns), lines


def _write_selling(
    company: Company,
    chunk: Chunk,
    people: pl.DataFrame,
    records: dict[str, pl.DataFrame],
    orders: pl.DataFrame,
    lines: pl.DataFrame,
) -> pl.DataFrame:
    """Write orders and lines to the systems that took them; gives the web shop's with their life cycle."""
    by_system = {system: orders.filter(pl.col("system") == system) for system in ("shop", "till")}
    by_system["shop"] = with_payers(by_system["shop"], records["shop"])
    lived = add_life_cycle(by_system["shop"], people, chunk, company.period, company.seed)
    returns = make_returns(lived, lines, chunk, company.seed)
    shop.write_orders(company.landing, lived, lines.filter(pl.col("system") == "shop"), returns, chunk, company.seed)
    till.write_sales(company.landing, by_system["till"], lines.filter(pl.col("system") == "till"), chunk, company.seed)
    return lived
