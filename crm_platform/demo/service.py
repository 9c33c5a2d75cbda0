"""Support cases and surveys: what customers ask and how content they say they are.

Cases and surveys of the call centre's system belong here; the orders they are about do not.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crm_platform.demo.bad_rows import DUPLICATED, Fault
from crm_platform.demo.crm import FORM, customer_ref, moment
from crm_platform.demo.dice import SECONDS_A_DAY, chance, choose, dice, span_of
from crm_platform.demo.feeds import DELIVERED, Landing, told_on
from crm_platform.demo.settings import Chunk
from crm_platform.demo.shop import order_id
from crm_platform.demo.troubles import BAD_ANSWER, UNSOLVED_CASES

SUBJECTS = {
    "delivery": "Where is my order?",
    "return": "How do I send this back?",
    "payment": "Charged twice",
    "product": "It does not switch on",
    "account": "Change of address",
}
PRAISE = ["Quick and friendly.", "Would buy again", 'Good price, "really" good', "The agent helped, thank you"]
BLAME = ["Late again!", "Poor packaging; the box was damaged", "Nobody answers, never again"]
CASE_FAULTS = (Fault("missing_key", "CaseRef"), Fault("email", "Email", "unknown"), DUPLICATED)
# An unsolved case is opened again and again.
CALLS = 3
NEVER = 3_650
SURVEY_FAULTS = (Fault("value_out_of_range", "Score", "99"), DUPLICATED)


def _asked_about(rng: np.random.Generator, customers: pl.DataFrame, orders: pl.DataFrame, share: float) -> pl.DataFrame:
    """A share of the orders, late ones four times as often, of customers whom the call centre knows."""
    is_late = (orders["delivered_dt"].cast(pl.Date) > orders["promised_date"]).fill_null(False).to_numpy()
    picked = orders.filter(pl.Series(chance(rng, orders.height, np.where(is_late, 4 * share, share))))
    return _of_known(customers, picked)


def _of_known(customers: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    known = customers.unique("person", keep="first", maintain_order=True)
    return orders.join(known.select("person", "number", "email", "mobile_phone"), on="person", maintain_order="left")


def write_cases(landing: Landing, customers: pl.DataFrame, orders: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write the cases opened about orders; a case closed later is told again on that day."""
    drawn = pl.concat([_ordinary_cases(customers, orders, chunk, seed), _unsolved_cases(customers, orders)])
    told = drawn.with_columns(told_on("opened_dt", landing.period))
    landing.deliver(
        "crm/support_cases", _cases(_told_twice(told)), FORM, CASE_FAULTS, dice(seed, chunk.index, "crm bad cases")
    )


def _ordinary_cases(customers: pl.DataFrame, orders: pl.DataFrame, chunk: Chunk, seed: int) -> pl.DataFrame:
    rng = dice(seed, chunk.index, "support cases")
    cases = _asked_about(rng, customers, orders, 0.06)
    count = cases.height
    category = choose(rng, list(SUBJECTS), count, [0.35, 0.2, 0.15, 0.2, 0.1])
    opened = pl.col("order_dt") + span_of((1 + rng.exponential(5.0, count)) * SECONDS_A_DAY)
    closed = opened + span_of(3_600 + rng.exponential(2.0, count) * SECONDS_A_DAY)
    return cases.with_columns(
        case_ref=pl.format("CS{}", "order_number"),
        opened_dt=opened,
        closed_dt=closed,
        category=category,
        subject=category.replace_strict(SUBJECTS, return_dtype=pl.String),
        case_channel=choose(rng, ["telephone", "email", "web"], count, [0.5, 0.35, 0.15]),
        priority=choose(rng, ["low", "normal", "high"], count, [0.25, 0.6, 0.15]),
    )


def _unsolved_cases(customers: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Several about one order, the last on the day of the trouble, none of them ever closed."""
    troubled = _of_known(customers, orders.filter(pl.col("trouble") == UNSOLVED_CASES))
    calls = troubled.join(pl.DataFrame({"call": range(CALLS)}), how="cross", maintain_order="left")
    opened = pl.col("trouble_date").cast(pl.Datetime("us", "UTC")) + pl.duration(hours=9 - 26 * pl.col("call"))
    return calls.with_columns(
        case_ref=pl.format("CS{}-{}", "order_number", pl.col("call") + 1),
        opened_dt=opened,
        closed_dt=opened + pl.duration(days=NEVER),
        category=pl.lit("product"),
        subject=pl.lit(SUBJECTS["product"]),
        case_channel=pl.lit("telephone"),
        priority=pl.lit("high"),
    ).drop("call")


def _told_twice(cases: pl.DataFrame) -> pl.DataFrame:
    closed = pl.col("closed_dt").cast(pl.Date)
    later = cases.filter(closed > pl.col(DELIVERED)).with_columns(closed.alias(DELIVERED), status=pl.lit("closed"))
    is_open = closed > pl.col(DELIVERED)
    first = cases.with_columns(
        status=pl.when(is_open).then(pl.lit("open")).otherwise(pl.lit("closed")),
        closed_dt=pl.when(~is_open).then("closed_dt"),
    )
    return pl.concat([first, later])


def _cases(cases: pl.DataFrame) -> pl.DataFrame:
    return cases.select(
        DELIVERED,
        CaseRef="case_ref",
        CustomerRef=customer_ref("number"),
        Email="email",
        Phone="mobile_phone",
        Channel="case_channel",
        Category="category",
        Priority="priority",
        Status="status",
        OrderNo=order_id(),
        Subject="subject",
        OpenedAt=moment("opened_dt"),
        ClosedAt=moment("closed_dt"),
    )


def write_surveys(landing: Landing, customers: pl.DataFrame, orders: pl.DataFrame, chunk: Chunk, seed: int) -> None:
    """Write the answers to the survey after an order: 0 to 10 for nps, 1 to 5 for csat.

    Those who got it late are less content.
    """
    rng = dice(seed, chunk.index, "surveys")
    is_bad = (pl.col("trouble") == BAD_ANSWER).fill_null(False)
    asked = _asked_about(rng, customers, orders, 0.05).filter(~is_bad)
    answers = pl.concat([asked, _of_known(customers, orders.filter(is_bad))])
    count = answers.height
    is_late = (pl.col("delivered_dt").cast(pl.Date) > pl.col("promised_date")).fill_null(False)
    mood = pl.Series(rng.normal(8.2, 1.6, count)) - pl.when(is_bad).then(6.5).when(is_late).then(3.0).otherwise(0.0)
    is_nps = pl.Series(chance(rng, count, 0.6))
    answered = pl.col("order_dt") + span_of((9 + rng.exponential(3.0, count)) * SECONDS_A_DAY)
    rows = answers.with_columns(
        survey=pl.when(is_nps).then(pl.lit("nps")).otherwise(pl.lit("csat")),
        responded_dt=pl.when(is_bad)
        .then(pl.col("trouble_date").cast(pl.Datetime("us", "UTC")) + pl.duration(hours=19))
        .otherwise(answered),
        praise=choose(rng, PRAISE, count),
        blame=choose(rng, BLAME, count),
        comments=pl.Series(chance(rng, count, 0.3)),
        mood=mood,
        score=pl.when(is_nps)
        .then(mood.round().clip(0, 10))
        .otherwise((mood / 2).round().clip(1, 5))
        .cast(pl.Int64)
        .cast(pl.String),
    )
    written = rows.with_columns(told_on("responded_dt", landing.period)).select(
        DELIVERED,
        ResponseRef=pl.format("SV{}", "order_number"),
        CustomerRef=customer_ref("number"),
        Email="email",
        Survey="survey",
        Score="score",
        Comment=pl.when("comments").then(pl.when(pl.col("mood") < 6.5).then("blame").otherwise("praise")),
        OrderNo=order_id(),
        RespondedAt=moment("responded_dt"),
    )
    landing.deliver("crm/surveys", written, FORM, SURVEY_FAULTS, dice(seed, chunk.index, "crm bad surveys"))
