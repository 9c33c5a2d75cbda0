"""Versions of members by the days in which they are due: each once, and none of another day."""

from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.campaign.facts.member_version import MEMBER_FEED, member_versions
from crm_platform.sources.declaration import SourceDeclaration
from crm_platform.sources.staging import staged_feeds
from crm_platform.warehouse.contract import contracts_by_name
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake

FIRST = datetime(2026, 5, 1, tzinfo=UTC)
[FEED] = staged_feeds(
    [
        SourceDeclaration.model_validate(
            {
                "source": "crm",
                "description": "The campaign system.",
                "feeds": {MEMBER_FEED: {"files": "members*.csv", "form": {"kind": "csv", "delimiter": ","}}},
            }
        )
    ]
)
MOMENTS = st.none() | st.integers(0, 4 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    return Engine(duckdb.connect(), lake, contracts_by_name([FEED.contract]))


def _lay(engine: Engine, moments: list[tuple[datetime | None, datetime]]) -> None:
    path = engine.lake.data_file(FEED.contract, "2026-06-01")
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = FEED.contract.empty().clear(len(moments)).with_columns(
        member_id=pl.Series([f"M{number}" for number in range(len(moments))]),
        sent_dt=pl.Series([sent for sent, _ in moments], dtype=FEED.contract.polars_schema["sent_dt"]),
        selected_dt=pl.Series([selected for _, selected in moments], dtype=FEED.contract.polars_schema["selected_dt"]),
    )  # fmt: skip
    rows.write_parquet(path)
    engine.refresh_view(FEED.contract)


@settings(max_examples=40)
@given(
    moments=st.lists(st.tuples(MOMENTS, MOMENTS.filter(lambda moment: moment is not None)), max_size=8),
    days=st.lists(st.sampled_from(["2026-05-01", "2026-05-02", "2026-05-03"]), unique=True).map(sorted),
)
def test_days_name_the_versions_due_from_the_first_to_the_last(
    engine: Engine, moments: list[tuple[datetime | None, datetime]], days: list[str]
) -> None:
    _lay(engine, moments)
    due = {f"M{number}": (sent or selected).date().isoformat() for number, (sent, selected) in enumerate(moments)}
    expected = sorted(name for name, day in due.items() if days and days[0] <= day <= days[-1])
    found = engine.query(f"SELECT member_id, due_day FROM ({member_versions([FEED], days)}) AS told")
    assert found["member_id"].sort().to_list() == expected
    assert all(due[member] == day for member, day in found.iter_rows())
    assert engine.scalar(f"SELECT count(*) FROM ({member_versions([FEED])}) AS told") == len(moments)
