"""Why a customer may leave, in words: what adds most to the chance, against the average customer.

Here: which columns belong together, and the sentence of each topic with the customer's own figures. Not here: what each
column adds (`model.py`). A topic adds the sum of its columns, so that two columns that say one thing are one reason;
only what raises the chance is a reason, so a loyal customer may have none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from crm_platform.churn.families import WINDOWS, EventFamily
from crm_platform.churn.model import SILENCE, ChurnModel
from crm_platform.value.purchase_models.histories import Floats

REASONS = 3
LEAST = 0.02
"""Less log-odds than these are no reason."""

_CHUNK = 100_000


@dataclass(frozen=True)
class Topic:
    """Columns that say one thing, and the sentence about a customer."""

    columns: tuple[str, ...]
    sentence: pl.Expr


def _count(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int64).cast(pl.String)


def _number(column: str) -> pl.Expr:
    return pl.col(column).round(1).cast(pl.String)


def _percent(column: str) -> pl.Expr:
    return (pl.col(column) * 100).round(0).cast(pl.Int64).cast(pl.String)


_RHYTHM = pl.format("last purchase {} days ago", _count("recency_days")) + (
    pl.when(pl.col("gap_mean").is_null())
    .then(pl.lit(", and only that one"))
    .otherwise(pl.format(", usually every {} days", _number("gap_mean")))
)
_OFTEN = pl.format(
    "purchases in the last 90 days: {}, in the 90 before: {}, in all: {}",
    _count("purchases_90d"),
    _count("purchases_90d_before"),
    _count("number_of_purchases"),
)
_RETURNED = ("returned_total", "number_of_returns", "returned_90d")
_ALWAYS = (
    Topic(("recency_days", "overdue", "last_gap", "gap_mean", "gap_deviation", SILENCE), _RHYTHM),
    Topic(("number_of_purchases", *(f"{what}_{window}" for what in ("purchases", "spend")
                                    for window in ("30d", "90d", "90d_before", "180d", "365d"))),
          _OFTEN),
    Topic(("spend_total", "spend_mean", "spend_max", "spend_last", "spend_deviation"),
          pl.format("spent {} in all, {} a purchase", _number("spend_total"), _number("spend_mean"))),
    Topic(("tenure_days", "active_days"),
          pl.format("first purchase {} days ago, last one {} days after it", _count("tenure_days"),
                    _count("active_days"))),
    Topic(_RETURNED,
          pl.format("days with returns: {}, worth {}", _count("number_of_returns"), _number("returned_total"))),
    Topic(("lines_mean",), pl.format("lines a purchase: {}", _number("lines_mean"))),
    Topic(("weekend_share",), pl.format("purchases at weekends: {} %", _percent("weekend_share"))),
    Topic(("purchases_next_30d_last_year", "purchases_next_90d_last_year", "spend_next_30d_last_year",
           "spend_next_90d_last_year"),
          pl.format("purchases at this season a year ago: {}", _count("purchases_next_90d_last_year"))),
)  # fmt: skip
_WHERE_KNOWN = (
    Topic(("units_mean",), pl.format("pieces a purchase: {}", _number("units_mean"))),
    Topic(("first_hour_mean",), pl.format("usually buys at about {} o'clock", _count("first_hour_mean"))),
    Topic(("discount_share",), pl.format("off the price by markdowns: {} %", _percent("discount_share"))),
)

_ALSO = {"returns": _RETURNED}
"""Family -> columns of purchases that say the same."""

_SUBSCRIBED = (
    Topic(("subscription_days", "newest_subscription_days"),
          pl.format("subscribed for {} days, the newest for {}", _count("subscription_days"),
                    _count("newest_subscription_days"))),
    Topic(("subscriptions",), pl.format("subscriptions: {}", _count("subscriptions"))),
    Topic(("subscriptions_ended", "ended_days_since"),
          pl.format("subscriptions ended so far: {}", _count("subscriptions_ended"))),
)  # fmt: skip


def purchase_topics(families: Sequence[EventFamily] = ()) -> list[Topic]:
    """The topics of what is known from purchases, and one of each family of other events."""
    by_family = [_family_topic(family) for family in families]
    told = {column for topic in by_family for column in topic.columns}
    return [*(topic for topic in _ALWAYS if not told & set(topic.columns)), *_WHERE_KNOWN, *by_family]


def subscription_topics(families: Sequence[EventFamily] = ()) -> list[Topic]:
    """The topics of subscriptions, and those of purchases and other events where the subscriber has any."""
    nothing = pl.lit("no purchase so far")
    bought = [Topic(topic.columns, pl.coalesce(topic.sentence, nothing)) for topic in purchase_topics(families)]
    return [*_SUBSCRIBED, *bought]


def column_topics(rows: pl.DataFrame, names: Sequence[str]) -> list[Topic]:
    """Each column of a table of any kind is a topic: `Contract: Month-to-month`."""
    return [
        Topic((name,), pl.lit(f"{name}: ") + pl.col(name).cast(pl.String).fill_null("not known"))
        for name in names if name in rows.columns
    ]  # fmt: skip


def reasons_of(model: ChurnModel, rows: pl.DataFrame, topics: Sequence[Topic]) -> pl.DataFrame:
    """reason_1, reason_2, reason_3 of each row, the weightiest first, null where nothing more raises the chance."""
    if not topics:
        return pl.DataFrame({name: pl.repeat(None, rows.height, dtype=pl.String, eager=True) for name in _names()})
    parts = [_reasons_of_part(model, part, topics) for part in rows.iter_slices(_CHUNK)]
    empty = pl.DataFrame(schema=dict.fromkeys(_names(), pl.String))
    return pl.concat(parts) if parts else empty


def _reasons_of_part(model: ChurnModel, rows: pl.DataFrame, topics: Sequence[Topic]) -> pl.DataFrame:
    weights = _by_topic(model.contributions(rows), topics, rows.height)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :REASONS]
    is_reason = np.take_along_axis(weights, order, axis=1) >= LEAST
    place = np.where(is_reason, order, -1)
    used = np.unique(place[place >= 0]).tolist()
    sentences = rows.select(
        *(topics[topic].sentence.cast(pl.String).alias(f"topic_{topic}") for topic in used),
        *(pl.Series(f"place_{number}", place[:, number]) for number in range(place.shape[1])),
    )
    nothing = pl.lit(None, dtype=pl.String)
    told = {
        name: pl.coalesce(
            *(pl.when(pl.col(f"place_{number}") == topic).then(f"topic_{topic}") for topic in used), nothing
        )
        for number, name in enumerate(_names()[: place.shape[1]])
    }
    untold = dict.fromkeys(_names()[place.shape[1] :], nothing)
    return sentences.with_columns(**told, **untold).select(_names())


def _by_topic(contributions: Mapping[str, Floats], topics: Sequence[Topic], number_of_rows: int) -> Floats:
    """What each topic adds to the log-odds of each row: a row per customer, a column per topic."""
    weights = np.zeros((number_of_rows, len(topics)))
    for place, topic in enumerate(topics):
        for column in topic.columns:
            if column in contributions:
                weights[:, place] += contributions[column]
    return weights


def _family_topic(family: EventFamily) -> Topic:
    name = family.name
    since = f"{name}_days_since"
    return Topic(
        (since, *(f"{name}_{kind}{window}d" for kind in ("", "amount_") for window in WINDOWS), *_ALSO.get(name, ())),
        pl.when(pl.col(since).is_null())
        .then(pl.lit(f"no {family.title} so far"))
        .otherwise(
            pl.format(
                f"{family.title}: {{}} in the last 90 days, the last {{}} days ago",
                _count(f"{name}_90d"), _count(since),
            )
        ),
    )  # fmt: skip


def _names() -> list[str]:
    return [f"reason_{number}" for number in range(1, REASONS + 1)]
