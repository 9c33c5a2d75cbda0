"""Made-up order lines for tests: customers who buy at their own rates, return some, and leave."""

from datetime import date, timedelta

import numpy as np
import polars as pl

FIRST_DAY = date(2023, 1, 1)


def order_lines_of(customers: int, days: int = 500, seed: int = 0) -> pl.DataFrame:
    """Lines with every optional column; about a tenth are returns."""
    draws = np.random.default_rng(seed)
    number = draws.poisson(draws.gamma(1.0, 8.0, customers)) + 1
    customer = np.repeat(np.arange(customers), number)
    start = np.repeat(draws.integers(0, days // 2, customers), number)
    length = np.repeat(draws.integers(1, days, customers), number)
    day = np.minimum(start + (draws.random(len(customer)) * length).astype(int), days)
    amount = np.round(draws.gamma(2.0, 15.0, len(customer)) + 0.01, 2) * np.where(
        draws.random(len(customer)) < 0.1, -1, 1
    )
    return pl.DataFrame(
        {
            "customer_id": [f"C{each:05d}" for each in customer],
            "purchase_date": [FIRST_DAY + timedelta(days=int(each)) for each in day],
            "purchase_hour": draws.integers(7, 22, len(customer)).astype(np.int8),
            "amount": amount,
            "order_id": [f"O{each}" for each in range(len(customer))],
            "product_id": [f"P{each}" for each in draws.integers(0, 20, len(customer))],
            "category": [f"K{each}" for each in draws.integers(0, 4, len(customer))],
            "quantity": draws.integers(1, 5, len(customer)).astype(float),
            "discount": np.where(draws.random(len(customer)) < 0.3, 2.0, 0.0),
        }
    )
