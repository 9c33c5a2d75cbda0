"""How far groups of customers have moved from one snapshot to the next.

Here: the counting. Not here: how far is too far (`checks.py` of the tables).
"""

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, quoted

_DRIFT = """
WITH snapshot AS (
    SELECT as_of_date, row_number() OVER (ORDER BY as_of_date DESC) AS place
    FROM (SELECT DISTINCT as_of_date FROM {table}) AS days
),
counted AS (
    SELECT customer.{column} AS member, snapshot.place, count(*) AS customers
    FROM {table} AS customer INNER JOIN snapshot ON customer.as_of_date = snapshot.as_of_date
    WHERE snapshot.place <= 2
    GROUP BY customer.{column}, snapshot.place
),
share AS (
    SELECT member, place, customers / CAST(sum(customers) OVER (PARTITION BY place) AS DOUBLE) AS share FROM counted
),
change AS (
    SELECT member, abs(sum(CASE WHEN place = 1 THEN share ELSE -share END)) AS change FROM share GROUP BY member
)
SELECT CASE WHEN (SELECT max(place) FROM share) = 2 THEN (SELECT max(change) FROM change) END"""


def largest_drift(engine: Engine, snapshots: Contract, column: str) -> float:
    """The largest change of a group's share of the customers between the last two snapshots; 0 where there is one.

    snapshots: a table with a row per customer and `as_of_date`; column: what a customer's group is.
    """
    return float(engine.scalar(_DRIFT.format(table=snapshots.name, column=quoted(column))) or 0)
