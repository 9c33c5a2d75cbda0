"""The declared schemes and rules as rows, in the form in which the ledger's SQL reads them.

Here: which rule holds from when to when. Not here: what is earned by it (`rule_step.sql`).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import polars as pl

from crm_platform.loyalty.settings import ANY_CODE, EarningRule, LoyaltySettings, Scheme

_MOMENT = pl.Datetime("us", "UTC")
_FOREVER = date(9999, 12, 31)
_SCHEME: dict[str, pl.DataType | type[pl.DataType]] = {
    "scheme_number": pl.Int64,
    "from_dt": _MOMENT,
    "until_dt": _MOMENT,
    "expires_after_months": pl.Int64,
    "smallest_points": pl.Int64,
    "step_points": pl.Int64,
    "lowest_balance": pl.Int64,
}
_RULE: dict[str, pl.DataType | type[pl.DataType]] = {
    "rule_number": pl.Int64,
    "scheme_number": pl.Int64,
    "rule": pl.String,
    "from_dt": _MOMENT,
    "until_dt": _MOMENT,
    "points_per_amount": pl.Decimal(18, 4),
    "points": pl.Int64,
    "smallest_amount": pl.Decimal(18, 4),
    "occasion": pl.String,
    "within_days": pl.Int64,
    "counts_for_tier": pl.Boolean,
    "is_by_product": pl.Boolean,
    **{
        name: pl.List(pl.String)
        for name in ("products", "product_lines", "categories", "brands", "channels", "locales", "promotion_codes")
    },
    "is_any_code": pl.Boolean,
}
_REVERSING = {"scheme_number": pl.Int64, "status": pl.String}


def rule_frames(settings: LoyaltySettings) -> dict[str, pl.DataFrame]:
    """`scheme`, one row per scheme; `earning_rule`, one per rule of it; `reversing_status`, statuses that take back
    what an order earned. Times are UTC, until_dt is exclusive; lists are null where a rule has no such condition.
    """
    spans = list(_spans(settings.schemes))
    schemes = [_scheme_row(number, *span) for number, span in enumerate(spans, start=1)]
    ruled = [(number, span, rule) for number, span in enumerate(spans, start=1) for rule in span[0].earning]
    rules = [_rule_row(place, number, *span, rule) for place, (number, span, rule) in enumerate(ruled, start=1)]
    reversing = [
        {"scheme_number": number, "status": status}
        for number, (scheme, _, _) in enumerate(spans, start=1)
        for status in scheme.reversed_by
    ]
    return {
        "scheme": pl.DataFrame(schemes, schema=_SCHEME),
        "earning_rule": pl.DataFrame(rules, schema=_RULE),
        "reversing_status": pl.DataFrame(reversing, schema=_REVERSING),
    }


def _spans(schemes: Sequence[Scheme]) -> list[tuple[Scheme, datetime, datetime]]:
    starts = [*(scheme.from_date for scheme in schemes), _FOREVER]
    return [
        (scheme, _midnight(start), _midnight(end))
        for scheme, (start, end) in zip(schemes, pairwise(starts), strict=True)
    ]


def _scheme_row(number: int, scheme: Scheme, start: datetime, end: datetime) -> dict[str, object]:
    return {
        "scheme_number": number,
        "from_dt": start,
        "until_dt": end,
        "expires_after_months": scheme.expires_after_months,
        "smallest_points": scheme.burning.smallest_points,
        "step_points": scheme.burning.step_points,
        "lowest_balance": scheme.lowest_balance,
    }


def _rule_row(
    rule_number: int, scheme_number: int, scheme: Scheme, start: datetime, end: datetime, rule: EarningRule
) -> dict[str, object]:
    conditions = ("products", "product_lines", "categories", "brands", "channels", "locales", "promotion_codes")
    copied = ("rule", "points_per_amount", "points", "smallest_amount", "occasion", "within_days", "counts_for_tier")
    return {
        "rule_number": rule_number,
        "scheme_number": scheme_number,
        "from_dt": max(start, _midnight(rule.from_date)) if rule.from_date else start,
        "until_dt": min(end, _midnight(rule.until_date + timedelta(days=1))) if rule.until_date else end,
        "is_by_product": rule.is_by_product,
        "is_any_code": ANY_CODE in rule.promotion_codes,
        **{name: getattr(rule, name) for name in copied},
        **{name: list(getattr(rule, name)) or None for name in conditions},
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
