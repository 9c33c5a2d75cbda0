"""The contract of the features: what was known of every customer at the end of a month, a column per figure.

Here: the columns in words, those of purchases one by one, those of other events by family. Not here: the figures
(`crm_platform/value/features.py`, `families.py`).
"""

import pandera.polars as pa
import polars as pl

from crm_platform.churn.families import FAMILIES, WINDOWS, WITH_AMOUNT
from crm_platform.warehouse.contract import Contract, contract_from_schema

_PURCHASES = {
    "number_of_purchases": "Days with a purchase; empty: none.",
    "recency_days": "Days since the last purchase.",
    "tenure_days": "Days since the first purchase.",
    "active_days": "Days from the first purchase to the last.",
    "gap_mean": "Mean days between purchases; empty: bought once.",
    "gap_deviation": "Standard deviation of the gaps.",
    "last_gap": "Days between the last two purchases.",
    "spend_total": "Spent in all, in the company's currency.",
    "spend_mean": "Spent per purchase.",
    "spend_max": "Spent at the largest purchase.",
    "spend_last": "Spent at the last purchase.",
    "spend_deviation": "Standard deviation of what was spent per purchase.",
    **{f"purchases_{days}d": f"Purchases in the last {days} days." for days in (30, 90, 180, 365)},
    **{f"spend_{days}d": f"Spent in the last {days} days." for days in (30, 90, 180, 365)},
    "purchases_90d_before": "Purchases in the 90 days before the last 90.",
    "spend_90d_before": "Spent in the 90 days before the last 90.",
    **{f"purchases_next_{days}d_last_year": f"Purchases in the {days} days after this one a year ago."
       for days in (30, 90)},
    **{f"spend_next_{days}d_last_year": f"Spent in the {days} days after this one a year ago." for days in (30, 90)},
    "lines_mean": "Lines per purchase.",
    "first_hour_mean": "Mean hour (UTC) at which purchases begin.",
    "weekend_share": "Share of purchases at weekends.",
    "units_mean": "Pieces per purchase.",
    "discount_share": "Discount by the full price of what was bought.",
    "returned_total": "Returned and cancelled in all.",
    "number_of_returns": "Days with a return.",
    "returned_90d": "Returned in the last 90 days.",
    "overdue": "Days since the last purchase by the mean gap.",
}  # fmt: skip
_SUBSCRIPTIONS = {
    "subscriptions": "Subscriptions that run; empty: none.",
    "subscription_days": "Days since the oldest of them began.",
    "newest_subscription_days": "Days since the newest of them began.",
    "subscriptions_ended": "Subscriptions that have ended.",
    "ended_days_since": "Days since the last of those ended.",
}
SUBSCRIPTION_COLUMNS = tuple(_SUBSCRIPTIONS)


def _described() -> dict[str, str]:
    described = {**_PURCHASES, **_SUBSCRIPTIONS}
    for name, title in FAMILIES.items():
        described |= {f"{name}_{window}d": f"{title.capitalize()} in the last {window} days." for window in WINDOWS}
        described[f"{name}_days_since"] = f"Days since the last of the {title}; empty: none."
        if name in WITH_AMOUNT:
            described |= {
                f"{name}_amount_{window}d": f"Sum over the {title} of the last {window} days: days or points."
                for window in WINDOWS
            }
    return described


def _contract() -> Contract:
    columns = {
        "as_of_date": pa.Column(pl.Date, description="Last day (UTC) of a month: nothing after it was looked at."),
        "customer_key": pa.Column(pl.Int64, pa.Check.ge(1), description="The customer: a purchaser or a subscriber."),
        **{name: pa.Column(pl.Float64, nullable=True, description=text) for name, text in _described().items()},
    }
    schema = pa.DataFrameSchema(
        columns, name="churn.churn_feature", strict=True, ordered=True, unique=["as_of_date", "customer_key"]
    )
    metadata = {
        "grain": "one row per month and customer who has bought or subscribed",
        "kind": "fact",
        "partition": ("as_of_date", "month"),
    }
    return contract_from_schema(
        schema,
        "What the models of churn see of every customer at the end of a month, one for all of them.",
        metadata,
    )


CHURN_FEATURE = _contract()
