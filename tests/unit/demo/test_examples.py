"""Every example that the domain gives finds somebody in a demo company of two thousand."""

from datetime import timedelta

import polars as pl

from tests.unit.demo.conftest import AS_OF, WrittenCompany


def _days_ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def _orders(company: WrittenCompany) -> pl.DataFrame:
    """Orders of the shop as they stand, with net (without VAT) and order_dt."""
    latest = company.shop("orders").drop_nulls("OrderNo").unique("OrderNo", keep="last", maintain_order=True)
    return latest.with_columns(
        net=pl.col("Net").str.replace(",", ".").cast(pl.Float64),
        order_dt=pl.col("OrderDate").str.to_datetime("%d/%m/%Y %H:%M"),
    )


def _lines(company: WrittenCompany) -> pl.DataFrame:
    products = company.csv("stock/products").select("SKU", "Line")
    return company.shop("order_lines").drop_nulls("OrderNo").join(products, on="SKU")


def test_somebody_subscribed_to_the_norwegian_weekly_in_the_last_three_months(company: WrittenCompany) -> None:
    events = company.csv("crm/permission_events")
    recent = events.filter(
        (pl.col("Communication") == "ivory_ukentlig")
        & (pl.col("Event") == "OPT_IN")
        & (pl.col("OccurredAt") >= _days_ago(91))
    )
    assert recent.height > 0
    assert set(recent["Language"]) == {"nb"}


def test_women_of_twenty_to_forty_live_in_milan(company: WrittenCompany) -> None:
    customers = company.csv("crm/customers").filter(
        (pl.col("Sex") == "female")
        & (pl.col("City") == "Milano")
        & pl.col("BirthDate").is_between(pl.lit("1986-11-20"), pl.lit("2006-11-20"))
    )
    assert customers.height > 0


def test_customers_bought_electronics_in_the_last_twelve_months(company: WrittenCompany) -> None:
    electronics = _lines(company).filter(pl.col("Line_right") == "electronics")["OrderNo"].unique()
    recent = _orders(company).filter(
        pl.col("OrderNo").is_in(electronics.implode()) & (pl.col("order_dt") > AS_OF - timedelta(days=365))
    )
    assert recent["CustNo"].n_unique() > 300


def test_somebody_had_more_than_three_hard_bounces_in_eight_weeks(company: WrittenCompany) -> None:
    sent = company.csv("crm/campaign_members").drop_nulls("MemberRef").unique("MemberRef")
    bounced = (
        company.truth("responses")
        .filter(pl.col("outcome") == "hard")
        .join(sent.select("MemberRef", "SentAt"), left_on="member_id", right_on="MemberRef")
    )
    recent = bounced.filter(pl.col("SentAt") >= _days_ago(56)).group_by("record_id").len()
    assert recent.filter(pl.col("len") > 3).height > 0


def test_people_opened_the_last_campaign(company: WrittenCompany) -> None:
    campaigns = company.csv("crm/campaigns").filter(pl.col("Channel") == "email").sort("Starts", "CampaignRef")
    last = campaigns["CampaignRef"].to_list()[-1]
    opens = company.truth("actors").filter(pl.col("file").str.starts_with("mail/pixel") & pl.col("is_caused_by_person"))
    assert opens.filter(pl.col("record").str.starts_with(f"M{last[2:]}-")).height > 0


def test_some_customers_earn_well_over_five_hundred_points_a_year(company: WrittenCompany) -> None:
    yearly = _orders(company).filter(pl.col("order_dt") > AS_OF - timedelta(days=365)).group_by("CustNo")
    assert yearly.agg(pl.col("net").sum()).filter(pl.col("net") > 500).height > 100


def test_some_customers_order_for_more_than_thirty_thousand_a_year(company: WrittenCompany) -> None:
    recent = _orders(company).filter(pl.col("order_dt") > AS_OF - timedelta(days=365))
    assert recent.group_by("CustNo").agg(pl.col("net").sum()).filter(pl.col("net") > 30_000).height > 0


def test_profitable_households_are_about_to_leave(company: WrittenCompany) -> None:
    leaving = company.truth("churn").filter(pl.col("leaves_date").is_between(AS_OF - timedelta(days=60), AS_OF))
    owners = company.truth("record_person").filter(pl.col("feed") == "customers")
    spent = _orders(company).join(owners, left_on="CustNo", right_on="record_id")
    by_person = spent.group_by("person_id").agg(pl.col("net").sum())
    assert by_person.join(leaving, on="person_id").filter(pl.col("net") > 1_000).height > 0


def test_some_buy_only_at_markdown(company: WrittenCompany) -> None:
    bargain_hunters = company.truth("people").filter(pl.col("buyer") == "markdown_only").select("person_id")
    owners = company.truth("record_person").filter(pl.col("source") == "shop").join(bargain_hunters, on="person_id")
    months = _orders(company).join(owners, left_on="CustNo", right_on="record_id")["order_dt"].dt.month()
    in_sales = months.is_in([1, 2, 7, 8]).mean()
    assert isinstance(in_sales, float) and in_sales > 0.8


def test_some_buy_on_about_the_same_day_of_every_month(company: WrittenCompany) -> None:
    people = company.truth("people").filter(pl.col("buyer") == "same_day_each_month").select("person_id")
    owners = company.truth("record_person").filter(pl.col("source") == "shop").join(people, on="person_id")
    orders = _orders(company).join(owners, left_on="CustNo", right_on="record_id")
    by_person = orders.group_by("person_id").agg(
        spread=(pl.col("order_dt").dt.day() - pl.col("order_dt").dt.day().median()).abs().median(), orders=pl.len()
    )
    steady = by_person.filter((pl.col("orders") >= 6) & (pl.col("spread") <= 1))
    assert steady.height > 3


def test_business_prospects_are_on_the_sheets_of_sales(company: WrittenCompany) -> None:
    leads = company.truth("lead_person").drop_nulls("organisation_id")
    companies = company.truth("organisations").filter(pl.col("industry_code").str.starts_with("6"))
    assert leads.join(companies, on="organisation_id").height > 0
    assert len(list(company.landing.glob("sales/leads_*.xlsx"))) == 3


def test_ink_follows_the_printer_by_some_three_months(company: WrittenCompany) -> None:
    lines = _lines(company).with_columns(day=pl.col("OrderDate").str.to_datetime("%d/%m/%Y %H:%M"))
    printers = lines.filter(pl.col("Description").str.starts_with("Inkjet")).select("CustNo", bought="day")
    ink = lines.filter(pl.col("Description") == "Ink cartridge black").select("CustNo", refilled="day")
    pauses = printers.join(ink, on="CustNo").select(days=(pl.col("refilled") - pl.col("bought")).dt.total_days())
    assert pauses.filter(pl.col("days").is_between(60, 120)).height > 20


def test_a_gift_is_bought_before_the_same_day_each_year(company: WrittenCompany) -> None:
    givers = company.truth("people").filter(pl.col("buyer") == "gift_giver").select("person_id")
    owners = company.truth("record_person").filter(pl.col("source") == "shop").join(givers, on="person_id")
    days = _orders(company).join(owners, left_on="CustNo", right_on="record_id").select("person_id", "order_dt")
    pairs = days.join(days, on="person_id").select(gap=(pl.col("order_dt_right") - pl.col("order_dt")).dt.total_days())
    assert pairs.filter(pl.col("gap").is_between(357, 373)).height > 0
