"""A refresh is killed at any moment, again and again: the next goes on, and the end is as if nothing had happened."""

import random
from pathlib import Path

import duckdb

from tests.end_to_end.killable import refreshes
from tests.end_to_end.tables import assert_equal_tables, half_written, table
from tests.orchestration.running import LOADING, refreshed
from tests.orchestration.small_company import SHOP, customers_csv, deliver, orders_csv, write_config

KILLS = 20
SHARE_GOING_ON = 0.3
"""How often a refresh goes to its end between two kills; else one that was killed is killed again."""
ROWS_PER_DELIVERY = 40


def _deliver_round(home: Path, number: int) -> None:
    """Deliveries that touch every month again, change accounts that are there, and hold a row for the quarantine."""
    numbers = range(number * ROWS_PER_DELIVERY, (number + 1) * ROWS_PER_DELIVERY)
    deliver(home, f"shop/orders_{number:02d}.csv", orders_csv(numbers) + "O-0;C0;no date;1.0;EUR\n")
    deliver(home, f"shop/customers_{number:02d}.csv", customers_csv(range(10, 20), first_name=f"Ann {number}"))


def test_twenty_kills_at_random_moments_leave_the_tables_of_an_undisturbed_home(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", shop=SHOP)
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    dice = random.Random(20)
    for home in (killed, undisturbed):
        _deliver_round(home, 0)
    with refreshes(killed, config) as refresh:
        seconds = min(refresh.to_its_end() for _ in range(2))
        deliveries, kills = 1, 0
        while kills < KILLS:
            for home in (killed, undisturbed):
                _deliver_round(home, deliveries)
            deliveries += 1
            kills += refresh.killed_after(dice.uniform(0.05, 0.9) * seconds)
            if dice.random() < SHARE_GOING_ON:
                seconds = min(seconds, refresh.to_its_end())
            assert deliveries <= 3 * KILLS, "the refreshes end before they can be killed"
        refresh.to_its_end()
    assert refreshed(undisturbed, config, LOADING).success

    assert_equal_tables(killed, undisturbed)
    assert table(killed, "sources.stg_shop_orders").height == deliveries * ROWS_PER_DELIVERY
    assert half_written(killed) == []
    assert [path for path in (killed / "landing").rglob("*") if path.is_file()] == []
    with duckdb.connect(str(killed / "serving" / "crm.duckdb"), read_only=True) as database:
        counted = database.execute("SELECT count(*) FROM sources.stg_shop_orders").fetchone()
    assert counted == (deliveries * ROWS_PER_DELIVERY,)
