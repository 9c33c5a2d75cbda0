"""What a person may set about matching; the defaults serve every file that was measured.

Here: limits and thresholds. Not here: what the data decides by itself (fields, rules, weights).
"""

from dataclasses import dataclass, field

from crm_platform.scv.match.blocking import Blocking


@dataclass(frozen=True)
class MatchSettings:
    """Weights are base-2 logarithms of odds: 0 is as likely one person as two, 10 is a thousand to one.

    kept_weight: pairs above it are given back, for review; linked_weight: pairs above it hang records together, before
    a group is looked at as a whole; least_weight, greatest_weight: no pair counts for more than that in its group, so
    that one wrong field cannot outvote five right ones; missing_weight: what a pair counts that is not looked at;
    weighed_group: in larger groups pairs that blocking did not find are not looked at; largest_group: a larger group is
    cut at ever higher weights before it is looked at; memory_limit, threads: of the comparing engine;
    identifier_years: not yet confirmed for as long, an identifier is old.
    """

    kept_weight: float = -4.0
    linked_weight: float = 0.0
    least_weight: float = -8.0
    greatest_weight: float = 14.0
    missing_weight: float = -3.0
    weighed_group: int = 400
    largest_group: int = 1_000
    blocking: Blocking = field(default_factory=Blocking)
    memory_limit: str = "700MB"
    threads: int = 2
    largest_block_of_copies: int = 1


VETO = -100.0
"""The weight of a pair that must not be one person: no evidence outweighs it."""
