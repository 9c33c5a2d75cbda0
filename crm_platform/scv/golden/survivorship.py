"""Which of several values survives: the declared rules as SQL over everything that was stated of a customer.

Each statement gets a number per group of attributes by the group's rule; the lowest number's values survive, together.
Here: that SQL. Not here: the rules (`config/scv.yaml`) and the publishing (`build.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.scv.settings import Group, ScvSettings
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


def placed_query(settings: ScvSettings) -> str:
    """SQL: the statements of `customer_statement` with a number and their places among those of their customer: by
    recency, and by each order of trust that a rule asks for.

    A place says which of two statements goes first, whichever others hold at a moment: it is found once for all.
    """
    of_customer = "PARTITION BY customer_key"
    places = [
        f"row_number() OVER ({of_customer} ORDER BY stated_dt DESC, {_trust(settings.trust)}, source, feed, record_id, "
        "statement_number) AS recent_place"
    ]
    for order, name in _trust_places(settings).items():
        places.append(
            f"row_number() OVER ({of_customer} ORDER BY {_trust(order)}, source, feed, stated_dt DESC, record_id, "
            f"statement_number) AS {name}"
        )
    numbered = ",\n        ".join(places)
    return f"""
WITH places AS (
    SELECT
        record_id AS placed_record_id,
        statement_number AS placed_number,
        row_number() OVER () AS statement_key,
        {numbered}
    FROM customer_statement
)

SELECT customer_statement.*, places.* EXCLUDE (placed_record_id, placed_number)
FROM customer_statement
INNER JOIN places
    ON customer_statement.record_id = places.placed_record_id
    AND customer_statement.statement_number = places.placed_number
"""


def survivors_query(settings: ScvSettings) -> str:
    """SQL: customer_key, moment_dt, a struct per group of `GROUPS` (its columns, record_id, source, stated_dt,
    is_ended), and what is counted of the customer.

    Reads `customer_moment` (customer_key, moment_dt) and `placed_statement` (the rows of `placed_query`). At a moment
    hold the statements that were made by then and not superseded. Of the customers from $from_key to before
    $until_key: the values of all of them at once would not fit into memory.
    """
    counted = [group for group in GROUPS if settings.rule_of(group.rule).rule == "most_frequent"]
    values = "".join(f",\n        {_value(group)} AS {group.name}_value" for group in counted)
    # Narrow rows: a window function carries along all columns that it is given.
    counts = "".join(
        f",\n        count(*) OVER (PARTITION BY customer_key, moment_dt, {group.name}_value) AS {group.name}_count"
        for group in counted
    )
    structs = ",\n    ".join(_survivor(group, settings) for group in GROUPS)
    return f"""
WITH held AS (
    SELECT
        moment.customer_key,
        moment.moment_dt,
        statement.statement_key{values}
    FROM customer_moment AS moment
    INNER JOIN placed_statement AS statement
        ON moment.customer_key = statement.customer_key
        AND statement.stated_dt <= moment.moment_dt
        AND (statement.superseded_dt IS NULL OR statement.superseded_dt > moment.moment_dt)
    WHERE moment.customer_key >= $from_key AND moment.customer_key < $until_key
),

counted AS (
    SELECT
        moment_dt,
        statement_key AS held_key{counts}
    FROM held
),

numbered AS (
    SELECT
        placed_statement.*,
        counted.*,
        CASE WHEN placed_statement.is_deleted THEN {_DELETED} ELSE 0 END AS deleted_number
    FROM counted
    INNER JOIN placed_statement ON counted.held_key = placed_statement.statement_key
    WHERE placed_statement.customer_key >= $from_key AND placed_statement.customer_key < $until_key
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


def _trust_places(settings: ScvSettings) -> dict[tuple[str, ...], str]:
    """Each order of trust that a rule asks for, and the column of the places by it."""
    rules = (settings.rule_of(group.rule) for group in GROUPS)
    orders = dict.fromkeys(rule.trust or settings.trust for rule in rules if rule.rule == "trusted")
    return {order: f"trust_place_{number}" for number, order in enumerate(orders)}


def _value(group: AttributeGroup) -> str:
    return "concat_ws(chr(31), " + ", ".join(f"lower(CAST({quoted(name)} AS VARCHAR))" for name in group.columns) + ")"


def _survivor(group: AttributeGroup, settings: ScvSettings) -> str:
    rule = settings.rule_of(group.rule)
    ended = f"coalesce({group.ended} <= moment_dt, FALSE)" if group.ended else "FALSE"
    names = (*group.columns, "record_id", "source", "stated_dt")
    fields = ", ".join([*(f"'{name}': {quoted(name)}" for name in names), f"'is_ended': {ended}"])
    losses = ["deleted_number"]
    if group.ended:
        losses.append(f"CASE WHEN {ended} THEN {_ENDED} ELSE 0 END")
    if rule.last_resort:
        losses.append(f"CASE WHEN {_is_of(rule.last_resort)} THEN {_LAST_RESORT} ELSE 0 END")
    if group.weak:
        losses.append(f"CASE WHEN {group.weak} THEN {_INITIAL} ELSE 0 END")
    is_there = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in group.needed)
    number = " + ".join([*losses, _rule_number(group, settings)])
    return f"min_by({{{fields}}}, {number}) FILTER (WHERE {is_there}) AS {group.name}"


def _rule_number(group: AttributeGroup, settings: ScvSettings) -> str:
    rule = settings.rule_of(group.rule)
    match rule.rule:
        case "trusted":
            return _trust_places(settings)[rule.trust or settings.trust]
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
