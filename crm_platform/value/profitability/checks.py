"""What must hold of the profitability, and what is worth a look.

Here: the counting. Not here: the tables (`build.py`).
"""

from crm_platform.warehouse.engine import Engine

LARGEST_DRIFT = 0.1
"""Share of the customers by which a band may grow or shrink from one snapshot to the next."""

_DRIFT = """
WITH snapshot AS (
    SELECT as_of_date, row_number() OVER (ORDER BY as_of_date DESC) AS place
    FROM (SELECT DISTINCT as_of_date FROM value.customer_profit) AS days
),
counted AS (
    SELECT customer_profit.band, snapshot.place, count(*) AS customers
    FROM value.customer_profit INNER JOIN snapshot ON customer_profit.as_of_date = snapshot.as_of_date
    WHERE snapshot.place <= 2
    GROUP BY customer_profit.band, snapshot.place
),
share AS (
    SELECT band, place, customers / CAST(sum(customers) OVER (PARTITION BY place) AS DOUBLE) AS share FROM counted
),
change AS (
    SELECT band, abs(sum(CASE WHEN place = 1 THEN share ELSE -share END)) AS change FROM share GROUP BY band
)
SELECT CASE WHEN (SELECT max(place) FROM share) = 2 THEN (SELECT max(change) FROM change) END"""


def differences(engine: Engine) -> int:
    """How many months and components differ from the sources' totals."""
    return int(engine.scalar("SELECT count(*) FROM value.profit_reconciliation WHERE difference_amount <> 0"))


def unconverted_currencies(engine: Engine) -> str:
    """The currencies without a rate, with commas between them."""
    found = engine.query(
        "SELECT DISTINCT unnest(string_split(unconverted, ', ')) AS currency FROM value.profit_reconciliation "
        "WHERE unconverted IS NOT NULL ORDER BY ALL"
    )
    return ", ".join(found["currency"])


def band_drift(engine: Engine) -> float:
    """The largest change of a band's share of the customers between the last two snapshots; 0 where there is one."""
    return float(engine.scalar(_DRIFT) or 0)
