"""What tables were made of: that they stand while nothing of it has changed, and not a moment longer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.warehouse.basis import Basis, Surroundings, basis_of, settings_digest, still_holds
from crm_platform.warehouse.contract import Partition
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import publish_frame
from tests.unit.warehouse.conftest import DAILY, VISITS, day_key, visits

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
BY_FEED = replace(DAILY, table="by_feed", partition=Partition("feed_name", None))
Step = Callable[[], Basis]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of models beside the lake."""
    path = tmp_path / "models"
    path.mkdir()
    (path / "model.json").write_text("{}")
    return path


@pytest.fixture
def step(open_engine: Callable[..., Engine], folder: Path) -> Step:
    """Makes `demo.visits` of `demo.daily_visits`, and tells what of."""

    def made() -> Basis:
        publish_frame(open_engine(), DAILY, visits(1, 2), day_key(0))
        engine = open_engine()
        engine.lake.looked_at.clear()
        publish_frame(engine, VISITS, engine.query("SELECT * FROM demo.daily_visits"))
        return basis_of(engine, Surroundings("settings", folders=[folder]), NOW)

    return made


def holds(basis: Basis, engine: Engine, folder: Path, told: str = "settings", now: datetime = NOW) -> bool:
    return still_holds(engine, basis, Surroundings(told, folders=[folder]), now)


def test_tables_stand_until_the_day_is_over(step: Step, engine: Engine, folder: Path) -> None:
    basis = step()
    assert set(basis.files) == {"demo.daily_visits", "demo.visits", str(folder)}
    for later, expected in ((0, True), (14, True), (14.5, False), (-1, False)):
        assert holds(basis, engine, folder, now=NOW + timedelta(hours=later)) is expected


@pytest.mark.parametrize(
    "change",
    [
        lambda engine, _: publish_frame(engine, DAILY, visits(1), day_key(0)),
        lambda engine, _: publish_frame(engine, DAILY, visits(3, day=1), day_key(1)),
        lambda engine, _: publish_frame(engine, VISITS, visits(7)),
        lambda engine, _: engine.lake.data_file(VISITS).unlink(),
        lambda _, folder: (folder / "model.json").write_text("{ }"),
        lambda _, folder: (folder / "other.json").write_text("{}"),
    ],
    ids=["rows", "partition", "own_table", "table_gone", "model", "further_model"],
)
def test_a_change_of_what_was_read_or_written_ends_it(
    step: Step, engine: Engine, folder: Path, change: Callable[[Engine, Path], object]
) -> None:
    basis = step()
    assert holds(basis, engine, folder)
    change(engine, folder)
    assert not holds(basis, engine, folder)


def test_the_same_rows_published_again_change_nothing(step: Step, engine: Engine, folder: Path) -> None:
    basis = step()
    publish_frame(engine, DAILY, visits(1, 2), day_key(0))
    assert holds(basis, engine, folder)


def test_another_setting_or_a_table_that_is_no_more_ends_it(
    step: Step, engine: Engine, open_engine: Callable[..., Engine], folder: Path
) -> None:
    basis = step()
    assert not holds(basis, engine, folder, told="others")
    assert not holds(basis, open_engine(VISITS), folder)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.lists(st.integers(min_value=-2_000, max_value=3_000), max_size=6))
def test_a_moment_that_comes_to_pass_ends_it(open_engine: Callable[..., Engine], minutes: list[int]) -> None:
    """A row of the future counts once its moment has come: what was made without it does not stand any longer."""
    moments = [NOW + timedelta(minutes=minute) for minute in minutes]
    rows = visits(*range(1, len(moments) + 1)).with_columns(
        visited_dt=pl.Series(moments, dtype=pl.Datetime("us", "UTC"))
    )
    engine = open_engine()
    publish_frame(engine, VISITS, rows)

    until = basis_of(engine, Surroundings("settings"), NOW).holds_until

    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    assert until == min([moment for moment in moments if NOW < moment < midnight], default=midnight)


def test_configuration_and_secrets_are_in_the_digest_and_cannot_be_read_from_it(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    file = tmp_path / "sources" / "shop.yaml"
    file.write_text("source: shop")
    first = settings_digest(tmp_path, "a secret")
    assert first == settings_digest(tmp_path, "a secret") and "secret" not in first
    assert first != settings_digest(tmp_path, "another") != settings_digest(tmp_path)
    file.write_text("source: stop")
    assert first != settings_digest(tmp_path, "a secret")


def test_a_table_that_was_not_looked_at_does_not_matter(
    open_engine: Callable[..., Engine], lake: Lake, folder: Path
) -> None:
    engine = open_engine()
    lake.looked_at.clear()
    publish_frame(engine, VISITS, visits(1))
    basis = basis_of(engine, Surroundings("settings", folders=[folder]), NOW)
    publish_frame(open_engine(), DAILY, visits(1), day_key(0))
    assert holds(basis, engine, folder)


def test_of_a_record_that_is_cut_by_feed_a_foreign_one_does_not_matter_unless_its_table_was_looked_at(
    open_engine: Callable[..., Engine], lake: Lake
) -> None:
    around = Surroundings("settings", foreign={VISITS.name: "shop.visits", DAILY.name: "shop.daily_visits"})
    engine = open_engine(VISITS, BY_FEED)
    lake.looked_at.clear()
    for contract, key in ((VISITS, None), (BY_FEED, "shop.visits"), (BY_FEED, "shop.daily_visits")):
        publish_frame(engine, contract, visits(1), key)
    basis = basis_of(engine, around, NOW)
    publish_frame(engine, BY_FEED, visits(2), "shop.daily_visits")
    assert still_holds(engine, basis, around, NOW)

    for feed in ("shop.visits", "shop.returns"):
        basis = basis_of(engine, around, NOW)
        publish_frame(engine, BY_FEED, visits(3), feed)
        assert not still_holds(engine, basis, around, NOW)
