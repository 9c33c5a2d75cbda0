"""Publishing what is made anew: only partitions that changed are replaced, and what is gone is gone."""

from pathlib import Path

import polars as pl
import pytest

from crm_platform.warehouse.changed import publish_changed, publish_part
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.publish import ContractViolation
from tests.unit.warehouse.conftest import DAILY, day_key, visits


def published(engine: Engine, *rows: pl.DataFrame) -> tuple[str, ...]:
    """Publish these rows as the whole table; gives the partitions that were written."""
    with engine.registered(made=pl.concat(rows) if rows else visits()):
        return publish_changed(engine, DAILY, "made").partition_keys


def files(engine: Engine) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in engine.lake.data_files(DAILY)}


def test_only_days_whose_rows_are_others_are_written(engine: Engine) -> None:
    assert published(engine, visits(1, 2), visits(3, day=1)) == (day_key(0), day_key(1))
    assert published(engine, visits(3, day=1), visits(2, 1)) == ()
    assert published(engine, visits(1, 2), visits(3, day=1, email="c@d.example"), visits(4, day=2)) == (
        day_key(1), day_key(2),
    )  # fmt: skip
    assert engine.scalar("SELECT email FROM demo.daily_visits WHERE visit_id = 3") == "c@d.example"


def test_a_day_of_which_nothing_is_left_becomes_empty(engine: Engine) -> None:
    published(engine, visits(1), visits(2, day=1))
    assert published(engine, visits(2, day=1)) == (day_key(0),)
    assert engine.query("SELECT visit_id FROM demo.daily_visits").rows() == [(2,)]
    assert published(engine) == (day_key(1),)
    assert engine.query("SELECT visit_id FROM demo.daily_visits").is_empty()


def test_a_row_that_breaks_the_contract_leaves_every_day_as_it_was(engine: Engine) -> None:
    published(engine, visits(1))
    before = files(engine)
    with pytest.raises(ContractViolation):
        published(engine, visits(5), visits(6, day=1, email="no address"))
    assert files(engine) == before


def test_rows_of_some_members_take_the_place_of_theirs_and_all_others_stay(engine: Engine) -> None:
    published(engine, visits(1, 2), visits(3, day=1), visits(4, day=2))
    with engine.registered(
        made=pl.concat([visits(2, email="b@c.example"), visits(4, day=2)]), member=pl.DataFrame({"visit_id": [2, 3, 4]})
    ):
        written = publish_part(engine, DAILY, "made", "member", "visit_id").partition_keys
    assert written == (day_key(0), day_key(1))
    told = engine.query("SELECT visit_id, email FROM demo.daily_visits ORDER BY visit_id").rows()
    assert told == [(1, visits(1)["email"].item()), (2, "b@c.example"), (4, visits(4)["email"].item())]
