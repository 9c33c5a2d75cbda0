"""What must hold of the profitability, and what is worth a look.

Here: the counting. Not here: the tables (`build.py`).
"""

from crm_platform.value.drift import largest_drift
from crm_platform.value.profitability.contracts import CUSTOMER_PROFIT
from crm_platform.warehouse.engine import Engine

LARGEST_DRIFT = 0.1
"""Share of the customers by which a band may grow or shrink from one snapshot to the next."""


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
    return largest_drift(engine, CUSTOMER_PROFIT, "band")
