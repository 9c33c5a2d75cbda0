"""Where keys lead that were merged away: one step to the customer that survives, however many merges lie between.

Here: redirects out of the log of events. Not here: the events (`keys.py`).
"""

import polars as pl


def redirects(events: pl.DataFrame, xref: pl.DataFrame) -> pl.DataFrame:
    """customer_key, surviving_customer_key, merged_dt, sorted: of each key that nobody bears and that was merged.

    A merge's target is borne when it happens and can be merged away in a later run only, so the times along a chain
    rise and no chain can be a circle. A key whose chain ends at a retired one has no customer to lead to.

    Args:
        events: run_number, event_type, customer_key, other_customer_key, event_dt of all runs.
        xref: customer_key of every record: the keys that are borne.
    """
    borne = xref.select("customer_key").unique()
    last = (
        events.filter(event_type="merge")
        .join(borne, on="customer_key", how="anti")
        .sort("customer_key", "run_number")
        .unique("customer_key", keep="last", maintain_order=True)
    )
    leads = last.select("customer_key", target="other_customer_key", merged_dt="event_dt")
    steps = leads.select(customer_key="customer_key", further="target")
    while True:
        longer = leads.join(steps, left_on="target", right_on="customer_key", how="left")
        if longer["further"].null_count() == longer.height:
            break
        leads = longer.select("customer_key", target=pl.coalesce("further", "target"), merged_dt="merged_dt")
        steps = leads.select(customer_key="customer_key", further="target")
    found = leads.join(borne, left_on="target", right_on="customer_key", how="semi")
    return found.select("customer_key", surviving_customer_key="target", merged_dt="merged_dt").sort("customer_key")
