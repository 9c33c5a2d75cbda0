"""Orders of a made-up shop whose customers have a rhythm of their own and leave one by one; no test of its own."""

from datetime import date, timedelta

import numpy as np
import polars as pl

FIRST = date(2024, 1, 1)
LAST = FIRST + timedelta(days=420)


def shop_lines(number_of_customers: int = 150, seed: int = 1) -> pl.DataFrame:
    """Lines as `value/order_lines.py` gives them; a customer buys every 5 to 60 days until leaving."""
    dice = np.random.default_rng(seed)
    rows = []
    for customer in range(number_of_customers):
        gap, day = dice.uniform(5, 60), dice.uniform(0, 200)
        leaves = day + dice.exponential(300)
        while day < min(leaves, 420):
            rows.append((f"C{customer:04}", FIRST + timedelta(days=int(day)), int(dice.integers(8, 20)),
                         round(float(dice.lognormal(3, 0.5)), 2)))  # fmt: skip
            day += max(1.0, dice.exponential(gap))
    schema = {"customer_id": pl.String, "purchase_date": pl.Date, "purchase_hour": pl.Int8, "amount": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sample(fraction=1.0, shuffle=True, seed=seed)
