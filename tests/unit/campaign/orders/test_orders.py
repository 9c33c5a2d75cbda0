"""Which campaign an order came of: what counts as evidence, what gives way, and what is taken back."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from crm_platform.campaign.orders.build import publish_campaign_orders
from crm_platform.campaign.orders.contracts import FACT_CAMPAIGN_ORDER
from crm_platform.campaign.settings import OrderRules
from crm_platform.sources.sales.exchange_rates import ExchangeRates
from tests.unit.campaign.events.site import LINKS, SENT, click, delivery, members
from tests.unit.campaign.facts.world import AS_OF, CELLS, PLAN, FactSite, lay

RATES = ExchangeRates(currency="EUR")
ORDER_HEAD = "order_id,customer_id,order_dt,promotion_code,currency,total_amount\n"
LINE_HEAD = "order_id,line_number,product_id,line_type,quantity,unit_price_amount,currency,order_dt,customer_id\n"


@pytest.fixture
def site(tmp_path: Path) -> FactSite:
    """M1 clicked what C1 sent on the first of May; C2 has a promotion code, and sent M1 a text on the third."""
    site = FactSite(tmp_path / "home")
    head = "campaign_id,cell_id,member_id,customer_id,phone,selected_dt,sent_dt\n"
    text = f"C2,A,S1,M1-customer,+447700900001,2026-05-02T00:00:00Z,{(SENT + timedelta(days=2)).isoformat()}\n"
    lay(
        site,
        {"campaigns.csv": PLAN, "campaign_cells.csv": CELLS, "links.csv": LINKS, "members1.csv": members("M1", "M2")},
    )
    site.land("members2.csv", head + text)
    site.land("events.jsonl", [delivery("M1"), delivery("M2")])
    site.land("hits.log", [click("M1", "a", SENT + timedelta(hours=2))])
    site.number({"crm:M1-customer": 1, "crm:M2-customer": 2})
    site.facts()
    return site


def order(number: int, customer: str = "M1-customer", days: float = 3, code: str = "") -> tuple[str, str]:
    """An order of two of a product at 50, so many days after the sending."""
    moment = (SENT + timedelta(days=days)).isoformat()
    head = f"O{number},{customer},{moment},{code},EUR,100\n"
    return head, f"O{number},1,P1,sale,2,50,EUR,{moment},{customer}\n"


def attributed(site: FactSite, orders: list[tuple[str, str]], rules: OrderRules, **more: str) -> pl.DataFrame:
    """The fact of these orders."""
    site.land("orders.csv", ORDER_HEAD + "".join(head for head, _ in orders))
    site.land("order_lines.csv", LINE_HEAD + "".join(line for _, line in orders))
    for name, content in more.items():
        site.land(f"{name}.csv", content)
    site.load()
    publish_campaign_orders(site.engine, site.feeds, rules, RATES, AS_OF)
    return site.table(FACT_CAMPAIGN_ORDER)


def test_a_code_goes_before_a_click_and_what_gave_way_is_kept(site: FactSite) -> None:
    found = attributed(site, [order(1, code="iv002 "), order(2)], OrderRules())
    rows = found.select(
        "order_id", "campaign_id", "evidence", "is_disputed", "disputed_campaign_id", "value_amount"
    ).rows()
    assert [(*row[:5], float(row[5])) for row in rows] == [
        ("O1", "C2", "promotion_code", 1, "C1", 100.0),
        ("O2", "C1", "click", 0, None, 100.0),
    ]


def test_the_order_of_evidence_is_a_setting(site: FactSite) -> None:
    [row] = attributed(site, [order(1, code="IV002")], OrderRules(evidence=("click",))).iter_rows(named=True)
    assert (row["campaign_id"], row["evidence"], row["is_disputed"]) == ("C1", "click", 0)


def test_what_is_ordered_before_the_click_or_after_the_window_came_of_nothing(site: FactSite) -> None:
    """C1 has a window of 14 days."""
    orders = [order(1, days=0.01), order(2, days=13), order(3, days=15), order(4, customer="M2-customer")]
    assert attributed(site, orders, OrderRules())["order_id"].to_list() == ["O2"]


def test_an_analytics_export_counts_until_it_is_corrected(site: FactSite) -> None:
    head = "conversion_id,campaign_id,link_id,order_id,value_amount,currency,event_dt\n"
    told = [f"A{n},C1,a,O{n},100,EUR,2026-05-05T00:00:00Z\n" for n in (1, 2)]
    taken_back = "A3,C1,a,O2,-100,EUR,2026-05-06T00:00:00Z\n"
    orders = [order(1, customer="M2-customer"), order(2, customer="M2-customer")]
    found = attributed(site, orders, OrderRules(), analytics_conversions=head + "".join(told) + taken_back)
    assert found.select("order_id", "evidence").rows() == [("O1", "analytics")]


def test_what_is_cancelled_or_comes_back_is_taken_off(site: FactSite) -> None:
    events = "order_id,status,event_dt\nO1,cancelled,2026-05-06T00:00:00Z\n"
    returns = "return_id,order_id,product_id,quantity,returned_dt,refund_amount,currency\n"
    returned = "R1,O2,P1,1,2026-05-20T00:00:00Z,50,EUR\n"
    found = attributed(site, [order(1), order(2)], OrderRules(), order_events=events, returns=returns + returned)
    kept = found.group_by("order_id").agg(pl.col("value_amount").sum().cast(pl.Float64), pl.col("quantity").sum())
    assert sorted(kept.rows()) == [("O1", 0.0, 0), ("O2", 50.0, 1)]
