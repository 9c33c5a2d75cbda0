"""The newest version of each thing: by the version column where there is one, then by file and line."""

from collections.abc import Callable

from tests.unit.sources.site import CUSTOMERS, ORDERS, Site

HEADER = "id,at,name,mail,born\n"


def test_the_version_column_decides_whichever_file_came_last(site_of: Callable[..., Site]) -> None:
    site = site_of(CUSTOMERS)
    site.land("customers_1.csv", HEADER + "1,2026-01-03,New,,\n2,,Unversioned,,\n")
    site.load()
    site.land("customers_2.csv", HEADER + "1,2026-01-02,Late,,\n2,2026-01-01,Versioned,,\n")
    site.load()
    assert site.staged().height == 4
    assert sorted(site.latest()["last_name"]) == ["New", "Versioned"]


def test_without_a_version_the_later_file_and_in_it_the_later_line_decides(site: Site) -> None:
    site.land("orders_1.csv", "id,at,net,status\nA,2026-01-05,1,x\n")
    site.land("orders_2.csv", "id,at,net,status\nA,2025-12-05,2,y\nA,2025-12-05,3,z\n")
    site.load()
    assert site.latest().select("status").rows() == [("z",)]


def test_where_the_whole_row_is_the_key_every_row_is_its_newest(site_of: Callable[..., Site]) -> None:
    site = site_of(key=[], columns=ORDERS["columns"])
    site.land("orders_1.csv", "id,at,net,status\nA,2026-01-05,1,x\nA,2026-01-05,2,x\nA,2026-01-05,1,x\n")
    site.load()
    assert site.latest().height == 2


def test_the_view_describes_itself(site: Site) -> None:
    with site.engine() as engine:
        rows = engine.query("SELECT * FROM sources.stg_shop_orders_latest")
    assert dict(rows.schema) == site.feed.contract.polars_schema
