"""A real file nobody here wrote goes through a declared source without code, every row accounted for.

The oracle is the bare file, counted by polars. Skips, saying so, where the evaluation data is missing.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from crm_platform.settings import REPOSITORY, Home
from crm_platform.sources.declaration import load_source
from crm_platform.sources.landing import landed_files
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import RECORDS
from crm_platform.sources.load import load_feed
from crm_platform.sources.readers.batch import ReadLimits
from crm_platform.sources.staging import staged_feeds
from crm_platform.warehouse.contract import contracts_by_name
from crm_platform.warehouse.engine import Engine, engine_settings
from crm_platform.warehouse.lake import Lake

EVALUATION_DATA = Path(os.environ.get("CRM_EVAL_DATA") or REPOSITORY.parent / "shared" / "data")
EXPORT = EVALUATION_DATA / "orders" / "online_retail_2009_2010.parquet"
DECLARATION = Path(__file__).with_name("online_retail.yaml")

pytestmark = pytest.mark.skipif(not EXPORT.exists(), reason="the evaluation data is not on this machine")


def test_a_real_export_is_taken_in_with_cancellations_and_duplicates_told_apart(tmp_path: Path) -> None:
    feed = staged_feeds([load_source(DECLARATION)])[0]
    home = Home(tmp_path)
    (home.zone.landing / "retail").mkdir(parents=True)
    shutil.copy(EXPORT, home.zone.landing / "retail" / "online_retail.parquet")
    contracts = contracts_by_name([feed.contract, *RECORDS])
    with duckdb.connect(config=engine_settings("1GB", 2, home.spill)) as connection:
        engine = Engine(connection, Lake(home.lake), contracts, [latest_view(feed)])
        now = datetime.now(UTC)
        load = load_feed(feed, landed_files(feed, home.zone), engine, home.zone, now, ReadLimits())
        by_type = dict(engine.query(f"SELECT line_type, count(*) FROM {feed.contract.name} GROUP BY ALL").iter_rows())
        worth = engine.scalar(f"SELECT sum(quantity * unit_price_amount) FROM {feed.contract.name}")

    raw = pl.read_parquet(EXPORT)
    distinct = raw.unique()
    prefix = distinct["Invoice"].str.slice(0, 1)
    assert load.total("rows_received") == raw.height
    assert load.total("rows_loaded") == distinct.height
    assert load.total("rows_known") == raw.height - distinct.height
    assert load.total("rows_quarantined") == 0
    assert by_type["cancellation"] == (prefix == "C").sum()
    assert by_type["adjustment"] == (prefix == "A").sum()
    assert by_type["sale"] == distinct.height - by_type["cancellation"] - by_type["adjustment"]
    assert float(worth) == pytest.approx((distinct["Quantity"] * distinct["Price"]).sum(), rel=1e-9)
