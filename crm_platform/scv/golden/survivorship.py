"""Which of several values survives: the declared rules as SQL over everything that was stated of a customer.

Each statement gets a number per group of attributes by the group's rule; the lowest number's values survive, together.
Here: that SQL. Not here: the rules (`config/scv.yaml`) and the publishing (`build.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.scv.settings import Group, ScvSettings, Survivorship
from crm_platform.warehouse.engine import literal, quoted

# What a statement loses by, from the heaviest: its record is deleted, the value has ended, the source is a last
# resort, the value is but an initial. Below these stand the rule's own numbers.
_DELETED, _ENDED, _LAST_RESORT, _INITIAL, _RULE_STEP = 8 * 10**15, 4 * 10**15, 2 * 10**15, 10**15, 10**6


@dataclass(frozen=True)
class AttributeGroup:
    """Attributes that survive together, and the rule of `scv.yaml` that they go by.

    A statement has the group where one of `has` is not null. `ended` is the column with the time since when its value
    reaches nobody; `weak` says when the value is less than a whole one.
    """

    name: str
    rule: Group
    columns: tuple[str, ...]
    has: tuple[str, ...] = ()
    ended: str | None = None
    weak: str | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns of which one must be there."""
        return self.has or self.columns


_LIFE = ("credit_score", "life_style", "income_band", "household_size", "home_owner", "industry_code")
_POSTAL = ("address_line", "address_line_2", "city", "region", "postcode")
_ALONE: tuple[Group, ...] = (
    "language", "preferred_channel", "interests", "national_id", "tax_id", "brand", "locale", "lead_source",
)  # fmt: skip
GROUPS: tuple[AttributeGroup, ...] = (
    AttributeGroup("title", "title", ("title",)),
    AttributeGroup(
        "given_name",
        "given_name",
        ("first_name", "middle_name"),
        ("first_name",),
        weak="length(replace(first_name, '.', '')) < 2",
    ),
    AttributeGroup("family_name", "family_name", ("last_name",)),
    AttributeGroup("birth_date", "birth_date", ("birth_date",)),
    AttributeGroup("sex", "sex", ("sex",)),
    AttributeGroup("email", "email", ("email",), ended="email_ended_dt"),
    AttributeGroup("phone", "phone", ("phone",), ended="phone_ended_dt"),
    AttributeGroup("mobile_phone", "mobile_phone", ("mobile_phone",), ended="mobile_phone_ended_dt"),
    AttributeGroup("address", "address", _POSTAL, ("address_line", "postcode", "city"), ended="address_ended_dt"),
    # A correction of an address seldom names the country: it is asked for by itself.
    AttributeGroup("country", "address", ("country",)),
    AttributeGroup("company", "company", ("company_name",)),
    AttributeGroup("job", "job", ("job_title", "job_function")),
    *(
        AttributeGroup(name, name, (name,))
        for name in _ALONE
    ),
    AttributeGroup("life_style", "life_style", _LIFE),
)  # fmt: skip


def survivors_query(settings: ScvSettings) -> str:
    """SQL: customer_key, moment_dt, a struct per group of `GROUPS` (its columns, record_id, source, stated_dt,
    is_ended), and what is counted of the customer.

    Reads `customer_moment` (customer_key, moment_dt) and `customer_statement` (`scv.source_statement` with customer_key
    and <identifier>_ended_dt). At a moment hold the statements that were made by then and not superseded.
    """
    numbers = ",\n        ".join(_numbers(settings))
    structs = ",\n    ".join(_survivor(group, settings.rule_of(group.rule)) for group in GROUPS)
    return f"""
WITH held AS (
    SELECT
        statement.*,
        moment.moment_dt,
        CASE WHEN is_deleted THEN {_DELETED} ELSE 0 END AS deleted_number
    FROM customer_moment AS moment
    JOIN customer_statement AS statement
        ON statement.customer_key = moment.customer_key
        AND statement.stated_dt <= moment.moment_dt
        AND (statement.superseded_dt IS NULL OR statement.superseded_dt > moment.moment_dt)
),

numbered AS (
    SELECT
        *,
        {numbers}
    FROM held
)

SELECT
    customer_key,
    moment_dt,
    CASE WHEN bool_or(customer_type = 'company') THEN 'company' ELSE 'person' END AS customer_type,
    bool_and(is_deleted) AS is_deleted,
    count(*) AS number_of_records,
    count(DISTINCT source) AS number_of_sources,
    min(least(coalesce(created_dt, stated_dt), stated_dt)) AS first_seen_dt,
    max(stated_dt) AS last_seen_dt,
    {structs}
FROM numbered
GROUP BY customer_key, moment_dt
"""


def _numbers(settings: ScvSettings) -> list[str]:
    """The places of a statement among those of its customer, by recency and by each order of trust; and how often each
    group's value is stated, where a rule asks."""
    at_the_moment = "PARTITION BY customer_key, moment_dt"
    numbers = [
        f"row_number() OVER ({at_the_moment} ORDER BY stated_dt DESC, {_trust(settings.trust)}, source, feed, "
        "record_id) "
        "AS recent_place"
    ]
    for group in GROUPS:
        rule = settings.rule_of(group.rule)
        if rule.rule == "trusted":
            trust = rule.trust or settings.trust
            numbers.append(
                f"row_number() OVER ({at_the_moment} ORDER BY {_trust(trust)}, source, feed, stated_dt DESC, "
                "record_id) "
                f"AS {group.name}_place"
            )
        elif rule.rule == "most_frequent":
            value = ", ".join(f"lower(CAST({quoted(name)} AS VARCHAR))" for name in group.columns)
            numbers.append(f"count(*) OVER ({at_the_moment}, {value}) AS {group.name}_count")
    return numbers


def _survivor(group: AttributeGroup, rule: Survivorship) -> str:
    ended = f"coalesce({group.ended} <= moment_dt, FALSE)" if group.ended else "FALSE"
    fields = ", ".join(
        f"'{alias}': {value}"
        for alias, value in [
            *((name, quoted(name)) for name in group.columns),
            ("record_id", "record_id"),
            ("source", "source"),
            ("stated_dt", "stated_dt"),
            ("is_ended", ended),
        ]
    )
    losses = ["deleted_number"]
    if group.ended:
        losses.append(f"CASE WHEN {ended} THEN {_ENDED} ELSE 0 END")
    if rule.last_resort:
        losses.append(f"CASE WHEN {_is_of(rule.last_resort)} THEN {_LAST_RESORT} ELSE 0 END")
    if group.weak:
        losses.append(f"CASE WHEN {group.weak} THEN {_INITIAL} ELSE 0 END")
    is_there = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in group.needed)
    number = " + ".join([*losses, _rule_number(group, rule)])
    return f"min_by({{{fields}}}, {number}) FILTER (WHERE {is_there}) AS {group.name}"


def _rule_number(group: AttributeGroup, rule: Survivorship) -> str:
    match rule.rule:
        case "trusted":
            return f"{group.name}_place"
        case "most_recent":
            return "recent_place"
        case "most_complete":
            missing = " + ".join(f"CASE WHEN {quoted(name)} IS NULL THEN 1 ELSE 0 END" for name in group.columns)
            return f"({missing}) * {_RULE_STEP} + recent_place"
        case "most_frequent":
            return f"({_RULE_STEP} - least({group.name}_count, {_RULE_STEP})) * {_RULE_STEP} + recent_place"


def _trust(order: Sequence[str]) -> str:
    """The rank of a statement's source or feed; those not named come last."""
    ranks = " ".join(f"WHEN {_is_of((name,))} THEN {rank}" for rank, name in _feeds_first(order))
    return f"CASE {ranks} ELSE {len(order)} END" if ranks else "0"


def _feeds_first(order: Sequence[str]) -> list[tuple[int, str]]:
    # A feed that is named by itself goes by its own rank, wherever its source stands.
    return sorted(enumerate(order), key=lambda ranked: "." not in ranked[1])


def _is_of(names: Sequence[str]) -> str:
    sources = [name for name in names if "." not in name]
    feeds = [name for name in names if "." in name]
    parts = [f"source IN ({', '.join(map(literal, sources))})"] if sources else []
    parts += [f"concat(source, '.', feed) IN ({', '.join(map(literal, feeds))})"] if feeds else []
    return " OR ".join(parts)
