"""The dimensions: keys that never change, members that never disappear, and the member that is not known."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from crm_platform.sources.all_sources import StagingRef
from crm_platform.sources.company import Company, PromotionSource, load_company
from crm_platform.sources.dimensions.build import DIMENSIONS, publish_dimension
from crm_platform.sources.feeds.registry import FEEDS
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import ContractViolation

IVORY = load_company(Path(__file__).parents[4] / "config" / "company.yaml")
KEYED = sorted(name for name, dimension in DIMENSIONS.items() if dimension.gives_keys)


def engine_on(root: Path) -> Engine:
    contracts = {dimension.contract.name: dimension.contract for dimension in DIMENSIONS.values()}
    return Engine(duckdb.connect(), Lake(root), contracts)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return engine_on(tmp_path)


def with_promotion_sources(codes: Sequence[str]) -> Company:
    members = tuple(PromotionSource(code=code, name=code.title()) for code in codes)
    return IVORY.model_copy(update={"promotion_sources": members})


def promotion_source_keys(engine: Engine) -> dict[str, int]:
    members = engine.query(
        "SELECT promotion_source_code, promotion_source_key FROM sources.dim_promotion_source "
        "WHERE promotion_source_key > 0"
    )
    return dict(members.iter_rows())


def stage(engine: Engine, source: str, feed: str, rows: list[dict[str, object]], received: int = 1) -> StagingRef:
    """Stand-in for the newest rows of a source's staging table, received on that day of January 2026."""
    staged = pl.DataFrame(
        [{**row, "content_hash": "", "file_dt": datetime(2026, 1, received, tzinfo=UTC)} for row in rows],
        schema={
            **{name: column.dtype.type for name, column in FEEDS[feed].to_schema().columns.items()},
            "content_hash": pl.String,
            "file_dt": pl.Datetime("us", "UTC"),
        },
    )
    view = f"stg_{source}_{feed}_latest"
    with engine.registered(staged_rows=staged):
        engine.execute("CREATE SCHEMA IF NOT EXISTS sources")
        engine.execute(f"CREATE OR REPLACE TABLE sources.{view} AS SELECT * FROM staged_rows")
    return StagingRef(source, f"sources.{view}", source)


def rows_of(engine: Engine, name: str) -> pl.DataFrame:
    return engine.query(f"SELECT * FROM sources.{name} ORDER BY 1")


@pytest.mark.parametrize("name", DIMENSIONS)
def test_every_dimension_is_published_from_the_declared_company_and_again_the_same(engine: Engine, name: str) -> None:
    for table in DIMENSIONS[name].tables:
        publish_dimension(engine, table.removeprefix("sources."), IVORY, {})
    publish_dimension(engine, name, IVORY, {})
    first = rows_of(engine, name)
    publish_dimension(engine, name, IVORY, {})
    assert_frame_equal(rows_of(engine, name), first)


@pytest.mark.parametrize("name", KEYED)
def test_key_0_is_the_unknown_member_and_joins_to_no_code(engine: Engine, name: str) -> None:
    publish_dimension(engine, name, IVORY, {})
    key, natural_key, display_name = DIMENSIONS[name].contract.column_names[:3]
    unknown = rows_of(engine, name).filter(pl.col(key) == 0)
    assert unknown.select(natural_key, display_name, "is_current").rows() == [(None, "Unknown", 1)]


def test_keys_do_not_change_when_members_are_added_or_change_places(engine: Engine) -> None:
    publish_dimension(engine, "dim_promotion_source", with_promotion_sources(["friend", "web_form"]), {})
    before = promotion_source_keys(engine)
    publish_dimension(
        engine, "dim_promotion_source", with_promotion_sources(["web_form", "zoo", "advert", "friend"]), {}
    )
    assert before == {"friend": 1, "web_form": 2}
    assert promotion_source_keys(engine) == before | {"advert": 3, "zoo": 4}


def test_a_member_that_its_source_has_no_more_stays_and_comes_back_under_its_key(engine: Engine) -> None:
    for codes, is_current in [(["friend", "zoo"], 1), (["zoo"], 0), (["advert", "friend", "zoo"], 1)]:
        publish_dimension(engine, "dim_promotion_source", with_promotion_sources(codes), {})
        friend = rows_of(engine, "dim_promotion_source").filter(pl.col("promotion_source_code") == "friend")
        assert friend.rows() == [(1, "friend", "Friend", is_current)]


def test_keys_hold_in_an_engine_that_was_there_before_the_first_publication(tmp_path: Path) -> None:
    """Its view was made when the table had no file; giving keys by that view would number everybody anew."""
    early, other = engine_on(tmp_path), engine_on(tmp_path)
    publish_dimension(other, "dim_promotion_source", with_promotion_sources(["friend"]), {})
    publish_dimension(early, "dim_promotion_source", with_promotion_sources(["advert", "friend"]), {})
    assert promotion_source_keys(early) == {"friend": 1, "advert": 2}


@settings(max_examples=20)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), min_size=1, max_size=5))
def test_whatever_comes_and_goes_a_key_stands_for_one_member_for_ever(history: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        engine = engine_on(Path(root))
        given_keys: dict[str, int] = {}
        for codes in history:
            publish_dimension(engine, "dim_promotion_source", with_promotion_sources(codes), {})
            keys = promotion_source_keys(engine)
            assert given_keys.items() <= keys.items()
            assert set(keys) == set(given_keys) | set(codes)
            assert sorted(keys.values()) == list(range(1, len(keys) + 1))
            given_keys = keys


def test_a_changed_name_overwrites_the_old_one(engine: Engine) -> None:
    publish_dimension(engine, "dim_promotion_source", with_promotion_sources(["friend"]), {})
    renamed = IVORY.model_copy(update={"promotion_sources": (PromotionSource(code="friend", name="A friend"),)})
    publish_dimension(engine, "dim_promotion_source", renamed, {})
    assert rows_of(engine, "dim_promotion_source").rows()[1] == (1, "friend", "A friend", 1)


def test_a_member_listed_twice_publishes_nothing(engine: Engine) -> None:
    publish_dimension(engine, "dim_promotion_source", with_promotion_sources(["friend"]), {})
    before = rows_of(engine, "dim_promotion_source")
    for codes in (["friend", "zoo", "zoo"], ["friend", "friend"]):
        with pytest.raises(ContractViolation):
            publish_dimension(engine, "dim_promotion_source", with_promotion_sources(codes), {})
        assert_frame_equal(rows_of(engine, "dim_promotion_source"), before)


def test_a_value_against_the_contract_publishes_nothing(engine: Engine) -> None:
    good = stage(engine, "stock", "stores", [{"store_id": "S1", "latitude": 59.9}])
    publish_dimension(engine, "dim_store", IVORY, {"stores": [good]})
    before = rows_of(engine, "dim_store")
    bad = stage(engine, "stock", "stores", [{"store_id": "S1", "latitude": 95.0}])
    with pytest.raises(ContractViolation):
        publish_dimension(engine, "dim_store", IVORY, {"stores": [bad]})
    assert_frame_equal(rows_of(engine, "dim_store"), before)


def test_a_locale_spans_its_countries(engine: Engine) -> None:
    publish_dimension(engine, "dim_locale", IVORY, {})
    publish_dimension(engine, "locale_country", IVORY, {})
    spanned = engine.query(
        "SELECT country, language_code FROM sources.locale_country "
        "INNER JOIN sources.dim_locale USING (locale_key) WHERE locale_code = 'benelux' ORDER BY country"
    )
    assert spanned.rows() == [("BE", "nl"), ("LU", "fr"), ("NL", "nl")]
    locales = rows_of(engine, "dim_locale")
    assert locales.filter(pl.col("locale_code") == "nordic")["number_of_countries"].to_list() == [4]


def test_a_country_that_leaves_its_locale_stays_on_the_bridge(engine: Engine) -> None:
    publish_dimension(engine, "dim_locale", IVORY, {})
    publish_dimension(engine, "locale_country", IVORY, {})
    without_finland = IVORY.model_copy(
        update={
            "locales": tuple(
                locale.model_copy(
                    update={"countries": tuple(country for country in locale.countries if country.code != "FI")}
                )
                for locale in IVORY.locales
            )
        }
    )
    publish_dimension(engine, "locale_country", without_finland, {})
    bridge = rows_of(engine, "locale_country")
    assert bridge.height == 10
    assert bridge.filter(pl.col("is_current") == 0)["country"].to_list() == ["FI"]


def test_the_bridge_refuses_a_locale_that_has_no_key_yet(engine: Engine) -> None:
    with pytest.raises(ContractViolation):
        publish_dimension(engine, "locale_country", IVORY, {})
    assert rows_of(engine, "locale_country").is_empty()


def test_a_communication_keeps_its_channels_and_locales(engine: Engine) -> None:
    publish_dimension(engine, "dim_communication", IVORY, {})
    weekly = rows_of(engine, "dim_communication").filter(pl.col("communication_code") == "ivory_ukentlig")
    assert weekly.select("language_code", "locale_codes", "channel_codes").rows() == [("nb", "nordic", "email")]


def test_products_of_all_sources_are_one_dimension_and_the_newest_telling_wins(engine: Engine) -> None:
    shop = stage(engine, "shop", "products", [{"product_id": "P1", "product_name": "Old lamp"}], received=1)
    stock = stage(
        engine,
        "stock",
        "products",
        [{"product_id": "P1", "product_name": "Lamp"}, {"product_id": "P2", "product_name": "Radio"}],
        received=2,
    )
    publish_dimension(engine, "dim_product", IVORY, {"products": [shop, stock]})
    products = rows_of(engine, "dim_product").select("product_key", "product_id", "product_name", "source")
    assert products.rows()[1:] == [(1, "P1", "Lamp", "stock"), (2, "P2", "Radio", "stock")]


def test_a_product_that_only_a_price_tells_of_has_a_key_and_keeps_it(engine: Engine) -> None:
    prices = stage(
        engine,
        "stock",
        "prices",
        [
            {"product_id": "P9", "locale": "uk", "valid_from_date": date(2026, 1, 1), "price_type": "full"},
            {"product_id": "P9", "locale": "uk", "valid_from_date": date(2026, 2, 1), "price_type": "markdown"},
        ],
    )
    publish_dimension(engine, "dim_product", IVORY, {"prices": [prices]})
    only_priced = rows_of(engine, "dim_product").filter(pl.col("product_id") == "P9")
    assert only_priced.select(
        "product_key",
        "product_name",
        "number_of_prices",
        "number_of_markdowns",
        "first_priced_date",
        "last_priced_date",
    ).rows() == [(1, None, 2, 1, date(2026, 1, 1), date(2026, 2, 1))]
    products = stage(engine, "stock", "products", [{"product_id": "P1"}, {"product_id": "P9", "product_name": "Lamp"}])
    publish_dimension(engine, "dim_product", IVORY, {"products": [products], "prices": [prices]})
    keys = rows_of(engine, "dim_product").select("product_id", "product_key", "product_name").rows()
    assert keys[1:] == [("P9", 1, "Lamp"), ("P1", 2, None)]


def test_the_calendar_has_every_day_once_and_knows_its_iso_weeks(engine: Engine) -> None:
    publication = publish_dimension(engine, "dim_date", IVORY, {})
    days = rows_of(engine, "dim_date")
    assert publication.number_of_rows == (date(2100, 12, 31) - date(1900, 1, 1)).days + 2
    assert days.row(0, named=True)["calendar_date"] is None
    by_key = {row["date_key"]: row for row in days.rows(named=True)}
    new_year = by_key[20210101]
    assert (new_year["iso_year"], new_year["iso_week"], new_year["year_week"]) == (2020, 53, "2020-W53")
    assert (new_year["weekday_name"], new_year["is_weekend"], new_year["month_name"]) == ("Friday", 0, "January")
    assert 19000229 not in by_key
    assert by_key[20000229]["is_last_day_of_month"] == 1


def test_the_calendar_agrees_with_python_on_every_day(engine: Engine) -> None:
    publish_dimension(engine, "dim_date", IVORY, {})
    days = rows_of(engine, "dim_date").filter(pl.col("date_key") > 0)
    python_days = [date.fromordinal(n) for n in range(date(1900, 1, 1).toordinal(), date(2101, 1, 1).toordinal())]
    assert days["calendar_date"].to_list() == python_days
    assert days.select("iso_year", "iso_week", "day_of_week").rows() == [
        tuple(day.isocalendar()) for day in python_days
    ]
    assert days["date_key"].to_list() == [day.year * 10_000 + day.month * 100 + day.day for day in python_days]


def test_no_relation_is_left_behind(engine: Engine) -> None:
    publish_dimension(engine, "dim_product", IVORY, {})
    publish_dimension(engine, "dim_brand", IVORY, {})
    left = engine.query(
        "SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'all_%' OR view_name LIKE 'company_%'"
    )
    assert left.is_empty()
